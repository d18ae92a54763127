// The pieces of a softmax: exponentials of rows with their sums, scaling, logarithms.
//
//   e[r, j] = e^(x[r, j] - shift_r),  sum_r = sum_j e[r, j],  shift_r near max_j x[r, j]
//
// The shift is a multiple of ln 2 (vector_math.hpp), so subtracting it rounds nothing. float is
// summed in 32 lanes over 512 elements at a time, and those sums in double: the order is fixed,
// and the rounding error of a sum stays near one ulp of float for any number of columns.
// About 16 operations an element: max pass, exponential pass, scaling pass over a row in cache.
#include "bigram/softmax_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bigram/isa.hpp"
#include "bigram/vector_math.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int kLanes = 32;
constexpr int64_t kChunk = 512;           // elements summed in T before they go to double
constexpr double kLargestExact = 4096.0;  // exp_shifted's range

// A nan may get lost here; it shows in the sum.
template <class T>
BIGRAM_INLINE T row_max_body(const T* x, int64_t size) {
    T lanes[kLanes];
    for (int k = 0; k < kLanes; ++k)
        lanes[k] = -std::numeric_limits<T>::infinity();
    int64_t j = 0;
    for (; j + kLanes <= size; j += kLanes) {
        for (int k = 0; k < kLanes; ++k)
            lanes[k] = lanes[k] > x[j + k] ? lanes[k] : x[j + k];
    }
    for (int k = 0; j + k < size; ++k)
        lanes[k] = lanes[k] > x[j + k] ? lanes[k] : x[j + k];
    T result = lanes[0];
    for (int k = 1; k < kLanes; ++k)
        result = result > lanes[k] ? result : lanes[k];
    return result;
}

template <bool Fused, class T>
BIGRAM_INLINE double exp_row_body(T* BIGRAM_RESTRICT e, const T* BIGRAM_RESTRICT x, int64_t size,
                                  T shift_exponent) {
    const Shift<T> shift(shift_exponent);
    double totals[kLanes] = {};
    for (int64_t start = 0; start < size; start += kChunk) {
        const int64_t end = size - start < kChunk ? size : start + kChunk;
        T lanes[kLanes] = {};
        int64_t j = start;
        for (; j + kLanes <= end; j += kLanes) {
            for (int k = 0; k < kLanes; ++k) {
                e[j + k] = exp_shifted<Fused>(x[j + k], shift);
                lanes[k] += e[j + k];
            }
        }
        const int rest = static_cast<int>(end - j);
        for (int k = 0; k < rest; ++k) {
            e[j + k] = exp_shifted<Fused>(x[j + k], shift);
            lanes[k] += e[j + k];
        }
        for (int k = 0; k < kLanes; ++k)
            totals[k] += static_cast<double>(lanes[k]);
    }
    for (int width = kLanes / 2; width > 0; width /= 2) {
        for (int k = 0; k < width; ++k)
            totals[k] += totals[k + width];
    }
    return totals[0];
}

template <class T>
BIGRAM_INLINE void subtract_body(T* BIGRAM_RESTRICT out, const T* BIGRAM_RESTRICT x, int64_t size,
                                 T value) {
    for (int64_t j = 0; j < size; ++j)
        out[j] = x[j] - value;
}

template <class T>
BIGRAM_INLINE void scale_row_body(T* out, const T* e, int64_t size, T scale) {
    for (int64_t j = 0; j < size; ++j)
        out[j] = e[j] * scale;
}

template <class T>
BIGRAM_INLINE double sum_row_body(const T* e, int64_t size) {
    double lanes[8] = {};
    int64_t j = 0;
    for (; j + 8 <= size; j += 8) {
        for (int k = 0; k < 8; ++k)
            lanes[k] += static_cast<double>(e[j + k]);
    }
    for (int k = 0; j + k < size; ++k)
        lanes[k] += static_cast<double>(e[j + k]);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

template <bool Fused>
BIGRAM_INLINE void log_values_body(double* BIGRAM_RESTRICT logs,
                                   const double* BIGRAM_RESTRICT values, int64_t size) {
    for (int64_t i = 0; i < size; ++i)
        logs[i] = log_positive<Fused>(values[i]);
}

BIGRAM_CLONES(float, row_max, (const float* x, int64_t size), (x, size))
BIGRAM_CLONES(double, row_max, (const double* x, int64_t size), (x, size))
BIGRAM_CLONES_FMA(double, exp_row, (float* e, const float* x, int64_t size, float shift),
                  (e, x, size, shift))
BIGRAM_CLONES_FMA(double, exp_row, (double* e, const double* x, int64_t size, double shift),
                  (e, x, size, shift))
BIGRAM_CLONES(void, subtract, (float* out, const float* x, int64_t size, float value),
              (out, x, size, value))
BIGRAM_CLONES(void, subtract, (double* out, const double* x, int64_t size, double value),
              (out, x, size, value))
BIGRAM_CLONES(void, scale_row, (float* out, const float* e, int64_t size, float scale),
              (out, e, size, scale))
BIGRAM_CLONES(void, scale_row, (double* out, const double* e, int64_t size, double scale),
              (out, e, size, scale))
BIGRAM_CLONES(double, sum_row, (const float* e, int64_t size), (e, size))
BIGRAM_CLONES(double, sum_row, (const double* e, int64_t size), (e, size))
BIGRAM_CLONES_FMA(void, log_values, (double* logs, const double* values, int64_t size),
                  (logs, values, size))

template <class T>
RowSum exp_one_row(T* e, const T* x, int64_t size) {
    const T max = row_max(x, size);
    if (std::abs(max) <= T(kLargestExact)) {
        const T shift = std::nearbyint(max * T(1.4426950408889634));
        return {exp_row(e, x, size, shift), static_cast<double>(shift) * 0.6931471805599453};
    }
    if (!std::isfinite(max)) return {std::numeric_limits<double>::quiet_NaN(), 0.0};
    // Far from zero, where logits are coarse: subtract as everybody does.
    Scratch<T> moved(size);
    subtract(moved.data(), x, size, max);
    return {exp_row(e, moved.data(), size, T(0)), static_cast<double>(max)};
}

}  // namespace

template <class T>
void exp_rows(T* e, RowSum* sums, const T* x, int64_t rows, int64_t cols, int64_t x_stride) {
    for (int64_t r = 0; r < rows; ++r)
        sums[r] = exp_one_row(e + r * cols, x + r * x_stride, cols);
}

template <class T>
void scale_rows(T* out, const T* e, const double* scale, int64_t rows, int64_t cols,
                int64_t out_stride) {
    for (int64_t r = 0; r < rows; ++r) {
        T* to = out + r * out_stride;
        if (std::isnan(scale[r])) {
            std::fill_n(to, cols, std::numeric_limits<T>::quiet_NaN());
        } else {
            scale_row(to, e + r * cols, cols, static_cast<T>(scale[r]));
        }
    }
}

template <class T>
double sum_without(const T* e, int64_t size, int64_t skipped) {
    return sum_row(e, skipped) + sum_row(e + skipped + 1, size - skipped - 1);
}

void log_all(double* logs, const double* values, int64_t size) {
    log_values(logs, values, size);
}

template void exp_rows(float*, RowSum*, const float*, int64_t, int64_t, int64_t);
template void exp_rows(double*, RowSum*, const double*, int64_t, int64_t, int64_t);
template void scale_rows(float*, const float*, const double*, int64_t, int64_t, int64_t);
template void scale_rows(double*, const double*, const double*, int64_t, int64_t, int64_t);
template double sum_without(const float*, int64_t, int64_t);
template double sum_without(const double*, int64_t, int64_t);

}  // namespace bigram
