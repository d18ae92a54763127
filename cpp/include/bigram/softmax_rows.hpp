// The pieces of a softmax that several kernels share, on rows that stay in cache. T: float, double.
#pragma once

#include <cmath>
#include <cstdint>
#include <new>

namespace bigram {

// log(sum_j e^x_j) = log(sum) + shift; sum is nan where the row holds a nan, +inf or nothing
// finite.
struct RowSum {
    double sum;
    double shift;
};

// e[r, j] = e^(x[r, j] - shift_r) for each row; e (rows, cols) contiguous and apart from x, whose
// rows are x_stride elements apart. Where a sum is nan its row of e is unspecified.
template <class T>
void exp_rows(T* e, RowSum* sums, const T* x, std::int64_t rows, std::int64_t cols,
              std::int64_t x_stride);

// out[r, j] = e[r, j] * scale[r]; nan where scale[r] is nan.
template <class T>
void scale_rows(T* out, const T* e, const double* scale, std::int64_t rows, std::int64_t cols,
                std::int64_t out_stride);

// sum_j e[j] without e[skipped]: exact to a few ulp where the sum is almost all e[skipped].
template <class T>
double sum_without(const T* e, std::int64_t size, std::int64_t skipped);

// One row after exp_rows, and what a target in it needs.
template <class T>
struct SoftmaxRow {
    const T* e;
    const T* x;
    std::int64_t size;
    RowSum sum;
    double log_sum;

    struct Target {
        double nll;   // logsumexp(x) - x[y]
        double rest;  // 1 - softmax(x)[y]
    };

    Target at(std::int64_t y) const {
        const double e_y = static_cast<double>(e[y]);
        double others = sum.sum - e_y;
        if (!(others < e_y)) {
            return {log_sum + (sum.shift - static_cast<double>(x[y])), others / sum.sum};
        }
        // A sure prediction: 1 - p and log p would cancel, so the others are summed apart.
        others = sum_without(e, size, y);
        return {std::log1p(others / e_y), others / (others + e_y)};
    }
};

// logs[i] = ln(values[i]); values positive or nan.
void log_all(double* logs, const double* values, std::int64_t size);

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

}  // namespace bigram
