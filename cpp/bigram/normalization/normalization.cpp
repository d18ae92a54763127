// Row normalisation with additive smoothing: counts to conditional probabilities.
//
//   out[i, j] = (counts[i, j] + alpha) / (sum_j counts[i, j] + alpha * cols)
//
// counts (rows, cols) int64 or float64, out (rows, cols) float32 or float64. A row whose
// denominator is zero is all zeros. Two passes over a row that stays in cache, 4 operations an
// element; 8 bytes read and 4 or 8 written. Bound by memory, and by page faults where out is fresh:
// (4096, 4096) to a warm float32 out takes 5.1 ms on two threads, 96 % of the speed of a copy,
// torch.compile 24.
#include "bigram/normalization/normalization.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "bigram/numeric/lanes.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kCountsPerBlock = 1 << 14;  // of whole rows: about 20 us

// The three loops over a row, for any instruction set.

// Integer sums are exact in any order, so the compiler may take them in any. The bits of all counts
// are collected beside the sum: the sign bit tells whether a count is negative, and no count is
// larger than all the bits together, so a row whose sum could wrap is found and summed in float64.
BIGRAM_INLINE bool row_sum_int_body(const int64_t* row, int64_t cols, double* total) {
    std::uint64_t sum = 0;
    int64_t bits = 0;
    for (int64_t j = 0; j < cols; ++j) {
        sum += static_cast<std::uint64_t>(row[j]);
        bits |= row[j];
    }
    *total = static_cast<double>(sum);
    if (bits > std::numeric_limits<int64_t>::max() / cols) {  // one comparison a row
        *total = 0.0;
        for (int64_t j = 0; j < cols; ++j)
            *total += static_cast<double>(row[j]);
    }
    return bits >= 0;
}

BIGRAM_INLINE bool row_sum_float_body(const double* row, int64_t cols, double* total) {
    bool good = true;
    const double sum = sum_in_lanes(cols, [&good, row](int64_t j) {
        good &= row[j] >= 0.0;  // false for nan
        return row[j];
    });
    *total = sum;
    return good && sum <= std::numeric_limits<double>::max();
}

// A division an element and not a product with 1 / denominator, which would round twice; memory is
// the bound either way.
template <class Count, class Out>
BIGRAM_INLINE void scale_row_body(Out* BIGRAM_RESTRICT out, const Count* BIGRAM_RESTRICT row,
                                  int64_t cols, double alpha, double denominator) {
    for (int64_t j = 0; j < cols; ++j) {
        out[j] = static_cast<Out>((static_cast<double>(row[j]) + alpha) / denominator);
    }
}

BIGRAM_CLONES(bool, row_sum_int, (const int64_t* row, int64_t cols, double* total),
              (row, cols, total))
BIGRAM_CLONES(bool, row_sum_float, (const double* row, int64_t cols, double* total),
              (row, cols, total))
BIGRAM_CLONES(void, scale_row,
              (float* out, const int64_t* row, int64_t cols, double alpha, double denominator),
              (out, row, cols, alpha, denominator))
BIGRAM_CLONES(void, scale_row,
              (double* out, const int64_t* row, int64_t cols, double alpha, double denominator),
              (out, row, cols, alpha, denominator))
BIGRAM_CLONES(void, scale_row,
              (float* out, const double* row, int64_t cols, double alpha, double denominator),
              (out, row, cols, alpha, denominator))
BIGRAM_CLONES(void, scale_row,
              (double* out, const double* row, int64_t cols, double alpha, double denominator),
              (out, row, cols, alpha, denominator))

bool row_sum(const int64_t* row, int64_t cols, double* total) {
    return row_sum_int(row, cols, total);
}
bool row_sum(const double* row, int64_t cols, double* total) {
    return row_sum_float(row, cols, total);
}

// As scale_row, where the denominator is beyond double: both sides are divided by 2^64 first.
template <class Count, class Out>
void scale_huge_row(Out* out, const Count* row, int64_t cols, double total, double alpha) {
    constexpr double kUnit = 0x1p-64;
    const double added = alpha * kUnit;
    const double denominator = total * kUnit + added * static_cast<double>(cols);
    for (int64_t j = 0; j < cols; ++j)
        out[j] = static_cast<Out>((static_cast<double>(row[j]) * kUnit + added) / denominator);
}

// One row as it is defined; false if a count is negative, nan or infinite.
template <class Count, class Out>
bool normalize_row(Out* out, const Count* row, int64_t cols, double alpha) {
    double total = 0.0;
    if (!row_sum(row, cols, &total)) return false;
    const double denominator = total + alpha * static_cast<double>(cols);
    if (denominator > std::numeric_limits<double>::max()) {
        scale_huge_row(out, row, cols, total, alpha);
    } else if (denominator > 0.0) {
        scale_row(out, row, cols, alpha, denominator);
    } else {
        std::fill_n(out, cols, Out{0});
    }
    return true;
}

template <class Count>
int64_t first_bad(const Count* counts, int64_t size) {
    for (int64_t i = 0; i < size; ++i) {
        const double value = static_cast<double>(counts[i]);
        if (!(value >= 0.0 && std::isfinite(value))) return i;
    }
    return size;  // every element is finite, but the sum is not
}

}  // namespace

template <class Count, class Out>
Result normalize_rows(Out* out, const Count* counts, int64_t rows, int64_t cols, double alpha,
                      const Run& run) {
    if (rows == 0 || cols == 0) return {};
    const int64_t rows_per_block = std::max<int64_t>(1, kCountsPerBlock / cols);
    std::atomic<int64_t> bad_row{rows};
    const auto body = [&](int64_t block, int) {
        const int64_t end = std::min(rows, (block + 1) * rows_per_block);
        for (int64_t i = block * rows_per_block; i < end; ++i) {
            if (normalize_row(out + i * cols, counts + i * cols, cols, alpha)) continue;
            lower_to(bad_row, i);
            return;
        }
    };
    if (!parallel_for(run, ceil_div(rows, rows_per_block), body)) return Result::interrupted();
    const int64_t bad = bad_row.load();
    if (bad < rows) return Result::bad_value(bad * cols + first_bad(counts + bad * cols, cols));
    return {};
}

template Result normalize_rows(float*, const int64_t*, int64_t, int64_t, double, const Run&);
template Result normalize_rows(double*, const int64_t*, int64_t, int64_t, double, const Run&);
template Result normalize_rows(float*, const double*, int64_t, int64_t, double, const Run&);
template Result normalize_rows(double*, const double*, int64_t, int64_t, double, const Run&);

}  // namespace bigram
