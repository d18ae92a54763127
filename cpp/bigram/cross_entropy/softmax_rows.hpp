// Private to this room.
// The parts of a softmax that the kernels of this room share, for rows that stay in cache.
// T: float or double.
#pragma once

#include <cmath>
#include <cstdint>
#include <new>

#include "bigram/runtime/isa.hpp"

namespace bigram {

// Exponentials are kept in rows that begin at a cache line.
inline std::int64_t padded(std::int64_t cols) {
    return (cols + 15) / 16 * 16;
}

// e[r, j] = e^(x[r, j] - shift_r), so that log(sum_j e^x[r, j]) = log(sums[r]) + shifts[r].
// e (rows, cols) with rows padded(cols) apart; those of x are x_stride apart. A sum is nan where
// its row of x holds a nan or +inf, or nothing finite; its row of e is unspecified then.
template <class T>
void exp_rows(T* e, double* sums, double* shifts, const T* x, std::int64_t rows, std::int64_t cols,
              std::int64_t x_stride);

// out[r, j] = e[r, j] * scale[r]; nan where scale[r] is nan.
template <class T>
void scale_rows(T* out, const T* e, const double* scale, std::int64_t rows, std::int64_t cols,
                std::int64_t out_stride);

// The sum of all e[j] but e[skipped]. (sum - e[skipped] would lose it where e[skipped] is almost
// all of the sum.)
template <class T>
double sum_without(const T* e, std::int64_t size, std::int64_t skipped);

// The j for which e[j] > sum / 2, or -1 if there is none.
template <class T>
std::int64_t dominant(const T* e, std::int64_t size, double sum);

// logs[i] = ln(values[i]); values positive or nan.
void log_all(double* logs, const double* values, std::int64_t size);

// One row after exp_rows, and what the loss of a target in it needs.
template <class T>
struct SoftmaxRow {
    const T* e;
    const T* x;
    std::int64_t size;
    double sum;
    double inverse;  // of the sum
    double shift;
    double log_sum;

    struct Target {
        double nll;          // logsumexp(x) - x[y]
        double one_minus_p;  // 1 - softmax(x)[y]
    };

    Target at(std::int64_t y) const {
        const double e_y = static_cast<double>(e[y]);
        const double others = sum - e_y;
        if (others < e_y) return near_certain(y, e_y);
        return {log_sum + (shift - static_cast<double>(x[y])), others * inverse};
    }

  private:
    // p[y] > 1/2: 1 - p[y] and log p[y] would cancel, so the other exponentials are summed again,
    // without e[y]. A second pass over the row, which a trained model takes often; it is in cache.
    Target near_certain(std::int64_t y, double e_y) const {
        const double others = sum_without(e, size, y);
        return {std::log1p(others / e_y), others * inverse};
    }
};

// The softmax of one row; e has room for padded(size).
template <class T>
SoftmaxRow<T> softmax_row(T* e, const T* x, std::int64_t size) {
    SoftmaxRow<T> row{e, x, size, 0.0, 0.0, 0.0, 0.0};
    exp_rows(e, &row.sum, &row.shift, x, 1, size, size);
    row.inverse = 1.0 / row.sum;
    log_all(&row.log_sum, &row.sum, 1);
    return row;
}

// Uninitialised memory aligned to a cache line.
template <class T>
class Scratch {
  public:
    explicit Scratch(std::int64_t size)
        : data_(static_cast<T*>(
              ::operator new(static_cast<std::size_t>(size) * sizeof(T), std::align_val_t{64}))) {}
    ~Scratch() { ::operator delete(data_, std::align_val_t{64}); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    T* data() const { return data_; }

  private:
    T* data_;
};

#if BIGRAM_X86
// Explicit AVX-512 for float, which exp_rows and scale_rows call where that level is active.
namespace avx512 {

// For logits of at most 24 in absolute value, which need no shift: all shifts are 0. Returns the
// number of rows done. It stops before the first group of 16 rows (before the first row, if rows
// are longer than 64) with a larger logit.
std::int64_t exp_near_rows(float* e, double* sums, const float* x, std::int64_t rows,
                           std::int64_t cols, std::int64_t x_stride);
double exp_row(float* e, const float* x, std::int64_t size, float shift);
float row_max(const float* x, std::int64_t size);
void scale_rows(float* out, const float* e, const double* scale, std::int64_t rows,
                std::int64_t cols, std::int64_t out_stride);

}  // namespace avx512
#endif

}  // namespace bigram
