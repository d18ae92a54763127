// The parts of a softmax: exponentials of rows with their sums, scaling, logarithms.
//
//   e[r, j] = e^(x[r, j] - shift_r),  sum_r = sum_j e[r, j],  shift_r near max_j x[r, j]
//
// x, e (rows, cols); sums, shifts (rows) float64. About 16 operations an element: a pass for the
// maximum, one for the exponentials and one for scaling, over a row in cache. The shift is a
// multiple of ln 2 (vector_math.hpp), so subtracting it rounds nothing. Sums have a fixed order:
// kSumLanes partial sums of T over kChunk elements, then float64, so their rounding error stays
// near one ulp of T.
#include "bigram/cross_entropy/softmax_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bigram/numeric/lanes.hpp"
#include "bigram/numeric/vector_math.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int kSumLanes = 32;             // partial sums: two vectors of AVX-512, four of AVX2
constexpr int64_t kChunk = 512;           // elements summed in T before they are added in float64
constexpr int kRowsBeforeRetry = 16;      // rows that share one decision in avx512::exp_near_rows
constexpr double kLargestExact = 4096.0;  // the range of exp_shifted

// First each part as a plain loop. The inner loops over lanes have a constant length, so that the
// compiler turns them into vectors of any width without changing the order of an addition.

// The largest element. A nan may get lost here; it shows in the sum of the exponentials.
template <class T>
BIGRAM_INLINE T row_max_body(const T* x, int64_t size) {
    T lanes[kSumLanes];
    for (int k = 0; k < kSumLanes; ++k)
        lanes[k] = -std::numeric_limits<T>::infinity();
    int64_t j = 0;
    for (; j + kSumLanes <= size; j += kSumLanes) {
        for (int k = 0; k < kSumLanes; ++k)
            lanes[k] = lanes[k] > x[j + k] ? lanes[k] : x[j + k];
    }
    for (int k = 0; j + k < size; ++k)
        lanes[k] = lanes[k] > x[j + k] ? lanes[k] : x[j + k];
    T result = lanes[0];
    for (int k = 1; k < kSumLanes; ++k)
        result = result > lanes[k] ? result : lanes[k];
    return result;
}

// e[j] = e^(x[j] - base) / 2^shift; returns the sum. One of shift and base is 0.
template <bool Fused, class T>
BIGRAM_INLINE double exp_row_body(T* BIGRAM_RESTRICT e, const T* BIGRAM_RESTRICT x, int64_t size,
                                  T shift_exponent, T base) {
    const Shift<T> shift(shift_exponent);
    double totals[kSumLanes] = {};
    for (int64_t start = 0; start < size; start += kChunk) {
        const int64_t end = size - start < kChunk ? size : start + kChunk;
        T lanes[kSumLanes] = {};
        int64_t j = start;
        for (; j + kSumLanes <= end; j += kSumLanes) {
            for (int k = 0; k < kSumLanes; ++k) {
                e[j + k] = exp_shifted<Fused>(x[j + k] - base, shift);
                lanes[k] += e[j + k];
            }
        }
        const int rest = static_cast<int>(end - j);
        for (int k = 0; k < rest; ++k) {
            e[j + k] = exp_shifted<Fused>(x[j + k] - base, shift);
            lanes[k] += e[j + k];
        }
        for (int k = 0; k < kSumLanes; ++k)
            totals[k] += static_cast<double>(lanes[k]);
    }
    for (int width = kSumLanes / 2; width > 0; width /= 2) {
        for (int k = 0; k < width; ++k)
            totals[k] += totals[k + width];
    }
    return totals[0];
}

template <class T>
BIGRAM_INLINE void scale_row_body(T* out, const T* e, int64_t size, T scale) {
    for (int64_t j = 0; j < size; ++j)
        out[j] = e[j] * scale;
}

template <class T>
BIGRAM_INLINE double sum_row_body(const T* e, int64_t size) {
    return sum_in_lanes(size, [=](int64_t j) { return static_cast<double>(e[j]); });
}

template <bool Fused>
BIGRAM_INLINE void log_values_body(double* BIGRAM_RESTRICT logs,
                                   const double* BIGRAM_RESTRICT values, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        logs[i] = log_positive<Fused>(values[i]);
}

BIGRAM_CLONES(float, row_max, (const float* x, int64_t size), (x, size))
BIGRAM_CLONES(double, row_max, (const double* x, int64_t size), (x, size))
BIGRAM_CLONES_FMA(double, exp_row,
                  (float* e, const float* x, int64_t size, float shift, float base),
                  (e, x, size, shift, base))
BIGRAM_CLONES_FMA(double, exp_row,
                  (double* e, const double* x, int64_t size, double shift, double base),
                  (e, x, size, shift, base))
BIGRAM_CLONES(void, scale_row, (float* out, const float* e, int64_t size, float scale),
              (out, e, size, scale))
BIGRAM_CLONES(void, scale_row, (double* out, const double* e, int64_t size, double scale),
              (out, e, size, scale))
BIGRAM_CLONES(double, sum_row, (const float* e, int64_t size), (e, size))
BIGRAM_CLONES(double, sum_row, (const double* e, int64_t size), (e, size))
BIGRAM_CLONES_FMA(void, log_values, (double* logs, const double* values, int64_t size),
                  (logs, values, size))

// Then the choice of a faster version. With explicit AVX-512 instead of the plain loops, the
// gradient of (228146, 27) took 2.7 ms instead of 6.3, that of (4096, 4096) 5.5 instead of 6.9 (one
// thread at 3.6 GHz).
#if BIGRAM_X86
bool avx512_is_active() {
    return active_isa() == Isa::avx512;
}
float max_of(const float* x, int64_t size) {
    return avx512_is_active() ? avx512::row_max(x, size) : row_max(x, size);
}
double exp_of(float* e, const float* x, int64_t size, float shift, float base) {
    if (base == 0.0f && avx512_is_active()) return avx512::exp_row(e, x, size, shift);
    return exp_row(e, x, size, shift, base);
}
#else
float max_of(const float* x, int64_t size) {
    return row_max(x, size);
}
double exp_of(float* e, const float* x, int64_t size, float shift, float base) {
    return exp_row(e, x, size, shift, base);
}
#endif
double max_of(const double* x, int64_t size) {
    return row_max(x, size);
}
double exp_of(double* e, const double* x, int64_t size, double shift, double base) {
    return exp_row(e, x, size, shift, base);
}

// Any row: the maximum, then the exponentials.
template <class T>
void exp_one_row(T* e, double* sum, double* shift, const T* x, int64_t size) {
    const T max = max_of(x, size);
    if (std::abs(max) <= T(kLargestExact)) {
        // 2^exponent is near e^max, and e^x / 2^exponent is exact in the exponent of the result.
        const T exponent = std::nearbyint(max * T(1.4426950408889634));
        *sum = exp_of(e, x, size, exponent, T(0));
        *shift = static_cast<double>(exponent) * 0.6931471805599453;
    } else if (std::isfinite(max)) {
        // Subtracting the maximum rounds, but logits this far from zero are coarse themselves.
        *sum = exp_of(e, x, size, T(0), max);
        *shift = static_cast<double>(max);
    } else {  // +inf, or nothing but -inf and nan: there is no softmax
        *sum = std::numeric_limits<double>::quiet_NaN();
        *shift = 0.0;
    }
}

// Takes rows from the first one on as long as they need no maximum; returns how many it took.
int64_t exp_first_rows(float* e, double* sums, double* shifts, const float* x, int64_t rows,
                       int64_t cols, int64_t x_stride) {
#if BIGRAM_X86
    if (avx512_is_active()) {
        const int64_t done = avx512::exp_near_rows(e, sums, x, rows, cols, x_stride);
        std::fill_n(shifts, done, 0.0);
        return done;
    }
#endif
    (void)e, (void)sums, (void)shifts, (void)x, (void)rows, (void)cols, (void)x_stride;
    return 0;
}
int64_t exp_first_rows(double*, double*, double*, const double*, int64_t, int64_t, int64_t) {
    return 0;
}

bool scale_with_avx512(float* out, const float* e, const double* scale, int64_t rows, int64_t cols,
                       int64_t out_stride) {
#if BIGRAM_X86
    if (avx512_is_active()) {
        avx512::scale_rows(out, e, scale, rows, cols, out_stride);
        return true;
    }
#endif
    (void)out, (void)e, (void)scale, (void)rows, (void)cols, (void)out_stride;
    return false;
}
bool scale_with_avx512(double*, const double*, const double*, int64_t, int64_t, int64_t) {
    return false;
}

}  // namespace

template <class T>
void exp_rows(T* e, double* sums, double* shifts, const T* x, int64_t rows, int64_t cols,
              int64_t x_stride) {
    const int64_t e_stride = padded(cols);
    int64_t r = 0;
    while (r < rows) {
        r += exp_first_rows(e + r * e_stride, sums + r, shifts + r, x + r * x_stride, rows - r,
                            cols, x_stride);
        // Here a logit is large: this many rows with a maximum pass each, then another try.
        for (int k = 0; k < kRowsBeforeRetry && r < rows; ++k, ++r)
            exp_one_row(e + r * e_stride, sums + r, shifts + r, x + r * x_stride, cols);
    }
}

template <class T>
void scale_rows(T* out, const T* e, const double* scale, int64_t rows, int64_t cols,
                int64_t out_stride) {
    if (scale_with_avx512(out, e, scale, rows, cols, out_stride)) return;
    for (int64_t r = 0; r < rows; ++r)
        scale_row(out + r * out_stride, e + r * padded(cols), cols, static_cast<T>(scale[r]));
}

template <class T>
double sum_without(const T* e, int64_t size, int64_t skipped) {
    return sum_row(e, skipped) + sum_row(e + skipped + 1, size - skipped - 1);
}

template <class T>
int64_t dominant(const T* e, int64_t size, double sum) {
    const T max = max_of(e, size);
    return static_cast<double>(max) > 0.5 * sum ? std::find(e, e + size, max) - e : -1;
}

void log_all(double* logs, const double* values, int64_t size) {
    log_values(logs, values, size);
}

template void exp_rows(float*, double*, double*, const float*, int64_t, int64_t, int64_t);
template void exp_rows(double*, double*, double*, const double*, int64_t, int64_t, int64_t);
template void scale_rows(float*, const float*, const double*, int64_t, int64_t, int64_t);
template void scale_rows(double*, const double*, const double*, int64_t, int64_t, int64_t);
template double sum_without(const float*, int64_t, int64_t);
template double sum_without(const double*, int64_t, int64_t);
template int64_t dominant(const float*, int64_t, double);
template int64_t dominant(const double*, int64_t, double);

}  // namespace bigram
