// Weights to integers, q_j = round(w_j 2^k); see the header.
//
// weights (size) float32 or float64, q (size) uint64. Two passes over a row that stays in cache:
// the largest weight, then scaling and rounding. 8 operations an element, 4 or 8 bytes read, 8
// written.
#include "bigram/sampling/integer_weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

// The largest weight; -1 if one is negative or nan. In eight lanes, which the compiler turns into
// vectors; a maximum is the same in any order.
template <class Real>
BIGRAM_INLINE Real largest_body(const Real* weights, std::int64_t size) {
    Real lanes[8] = {};
    bool good = true;
    const std::int64_t whole = size - size % 8;
    for (std::int64_t j = 0; j < whole; j += 8) {
        for (int k = 0; k < 8; ++k) {
            lanes[k] = weights[j + k] > lanes[k] ? weights[j + k] : lanes[k];
            good &= weights[j + k] >= Real{0};  // false for nan
        }
    }
    for (std::int64_t j = whole; j < size; ++j) {
        lanes[0] = weights[j] > lanes[0] ? weights[j] : lanes[0];
        good &= weights[j] >= Real{0};
    }
    return good ? *std::max_element(lanes, lanes + 8) : Real{-1};
}

// q_j = round(w_j lift scale), to even in ties; returns their sum. Adding 2^52 rounds, and leaves
// the integer in the low bits: no conversion of 64-bit integers, which only AVX-512 has.
template <class Real>
BIGRAM_INLINE std::uint64_t round_scaled_body(std::uint64_t* BIGRAM_RESTRICT q,
                                              const Real* BIGRAM_RESTRICT weights,
                                              std::int64_t size, double lift, double scale) {
    std::uint64_t total = 0;
    for (std::int64_t j = 0; j < size; ++j) {
        const double rounded = static_cast<double>(weights[j]) * lift * scale + kRounder;
        std::uint64_t bits;
        std::memcpy(&bits, &rounded, sizeof bits);
        q[j] = bits - kRounderBits;
        total += q[j];
    }
    return total;
}

using std::int64_t;
using std::uint64_t;
BIGRAM_CLONES(float, largest, (const float* weights, int64_t size), (weights, size))
BIGRAM_CLONES(double, largest, (const double* weights, int64_t size), (weights, size))
BIGRAM_CLONES(uint64_t, round_scaled,
              (uint64_t* q, const float* weights, int64_t size, double lift, double scale),
              (q, weights, size, lift, scale))
BIGRAM_CLONES(uint64_t, round_scaled,
              (uint64_t* q, const double* weights, int64_t size, double lift, double scale),
              (q, weights, size, lift, scale))

// 2^k as a product of two powers of two, lift and scale, since 2^k itself may be beyond the largest
// double. Both products are exact, so the result is rounded once.
struct Scaling {
    double lift = 1.0, scale = 1.0;

    Scaling(double top, int bits) {
        uint64_t pattern;
        std::memcpy(&pattern, &top, sizeof pattern);
        int exponent = static_cast<int>(pattern >> 52) - 1022;  // top = m 2^exponent, m in [0.5, 1)
        if (exponent < -900) {  // tiny or subnormal, where the pattern above has no exponent
            std::frexp(top, &exponent);
            lift = std::ldexp(1.0, 200);
            exponent += 200;
        }
        const uint64_t power = static_cast<uint64_t>(bits - exponent + 1023) << 52;
        std::memcpy(&scale, &power, sizeof scale);
    }
};

bool is_weight(double top) {
    return top >= 0.0 && top <= std::numeric_limits<double>::max();
}

}  // namespace

int integer_weight_bits(int64_t size) {
    int log2 = 0;
    while (log2 < 62 && (int64_t{1} << log2) < size)
        ++log2;
    return std::min(51, 63 - log2);
}

template <class Real>
bool integer_weights(uint64_t* q, uint64_t* total, const Real* weights, int64_t size) {
    const double top = static_cast<double>(largest(weights, size));
    if (!is_weight(top)) return false;
    const Scaling scaling(top, integer_weight_bits(size));
    *total = round_scaled(q, weights, size, scaling.lift, scaling.scale);
    return true;
}

template <class Real>
bool cumulative_weights(uint64_t* sums, uint64_t* total, const Real* weights, int64_t size) {
    if (!integer_weights(sums, total, weights, size)) return false;
    for (int64_t j = 1; j < size; ++j)
        sums[j] += sums[j - 1];
    for (int64_t j = size; j % 8 != 0; ++j)
        sums[j] = *total;
    return true;
}

template <class Real>
int64_t first_bad_weight(const Real* weights, int64_t size) {
    constexpr int64_t kChunk = 4096;
    for (int64_t begin = 0; begin < size; begin += kChunk) {
        const int64_t length = std::min(kChunk, size - begin);
        const Real top = largest(weights + begin, length);
        if (top >= Real{0} && top <= std::numeric_limits<Real>::max()) continue;
        for (int64_t j = begin; j < begin + length; ++j) {
            if (!(weights[j] >= Real{0} && std::isfinite(weights[j]))) return j;
        }
    }
    return size;
}

template bool integer_weights(uint64_t*, uint64_t*, const float*, int64_t);
template bool integer_weights(uint64_t*, uint64_t*, const double*, int64_t);
template bool cumulative_weights(uint64_t*, uint64_t*, const float*, int64_t);
template bool cumulative_weights(uint64_t*, uint64_t*, const double*, int64_t);
template int64_t first_bad_weight(const float*, int64_t);
template int64_t first_bad_weight(const double*, int64_t);

}  // namespace bigram
