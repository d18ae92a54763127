// Private to this room.
// One row of counts, dense or sparse, with one interface: what count_cross_entropy.cpp asks of it.
//
//   sum(&n)            n = sum_j c[j]; false if a count is negative or an index is out of range
//   counted(x, shift)  sum_j c[j] (shift - x[j])
//   subtract(g, u)     g[j] -= u c[j]
//   at(j)              c[j]
//   first_bad()        the position of the first bad count among those of the row
#pragma once

#include <algorithm>
#include <cstdint>

#include "bigram/cross_entropy/count_cross_entropy.hpp"
#include "bigram/numeric/lanes.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

using std::int64_t;

// Counts are added as unsigned, which may wrap without harm where one is negative. The bits of all
// counts are collected beside the sum: their sign bit is set if a count is negative. (Stopping at
// the first negative count would keep the loop from being vectorised.)
BIGRAM_INLINE bool sum_counts_body(const int64_t* counts, int64_t size, int64_t* total) {
    std::uint64_t sum = 0;
    int64_t bits = 0;
    for (int64_t j = 0; j < size; ++j) {
        sum += static_cast<std::uint64_t>(counts[j]);
        bits |= counts[j];
    }
    *total = static_cast<int64_t>(sum);
    return bits >= 0;
}

// A pair that was not counted adds nothing, even where its logit is infinite and 0 * inf is nan.
template <class T>
BIGRAM_INLINE double counted_sum_body(const int64_t* counts, const T* x, int64_t size,
                                      double shift) {
    return sum_in_lanes(size, [=](int64_t j) {
        const double term = static_cast<double>(counts[j]) * (shift - static_cast<double>(x[j]));
        return counts[j] == 0 ? 0.0 : term;
    });
}

template <class T>
BIGRAM_INLINE void subtract_counts_body(T* BIGRAM_RESTRICT grad,
                                        const int64_t* BIGRAM_RESTRICT counts, int64_t size,
                                        T factor) {
    for (int64_t j = 0; j < size; ++j)
        grad[j] -= factor * static_cast<T>(counts[j]);
}

BIGRAM_CLONES(bool, sum_counts, (const int64_t* counts, int64_t size, int64_t* total),
              (counts, size, total))
BIGRAM_CLONES(double, counted_sum,
              (const int64_t* counts, const float* x, int64_t size, double shift),
              (counts, x, size, shift))
BIGRAM_CLONES(double, counted_sum,
              (const int64_t* counts, const double* x, int64_t size, double shift),
              (counts, x, size, shift))
BIGRAM_CLONES(void, subtract_counts,
              (float* grad, const int64_t* counts, int64_t size, float factor),
              (grad, counts, size, factor))
BIGRAM_CLONES(void, subtract_counts,
              (double* grad, const int64_t* counts, int64_t size, double factor),
              (grad, counts, size, factor))

struct DenseRow {
    const int64_t* counts;
    int64_t cols;

    bool sum(int64_t* total) const { return sum_counts(counts, cols, total); }
    template <class T>
    double counted(const T* x, double shift) const {
        return counted_sum(counts, x, cols, shift);
    }
    template <class T>
    void subtract(T* grad, T factor) const {
        subtract_counts(grad, counts, cols, factor);
    }
    int64_t at(int64_t j) const { return counts[j]; }
    int64_t first_bad() const {
        return std::find_if(counts, counts + cols, [](int64_t c) { return c < 0; }) - counts;
    }
};

template <class Index>
struct CsrRow {
    const Index* indices;
    const int64_t* counts;
    int64_t size, cols;

    bool good_index(int64_t k) const { return indices[k] >= 0 && indices[k] < cols; }
    bool sum(int64_t* total) const {
        bool good = sum_counts(counts, size, total);
        for (int64_t k = 0; k < size; ++k)
            good &= good_index(k);
        return good;
    }
    template <class T>
    double counted(const T* x, double shift) const {
        double result = 0.0;
        for (int64_t k = 0; k < size; ++k) {
            if (counts[k] == 0) continue;
            result += static_cast<double>(counts[k]) * (shift - static_cast<double>(x[indices[k]]));
        }
        return result;
    }
    template <class T>
    void subtract(T* grad, T factor) const {
        for (int64_t k = 0; k < size; ++k)
            grad[indices[k]] -= factor * static_cast<T>(counts[k]);
    }
    // Indices need not be sorted, and equal ones add up.
    int64_t at(int64_t j) const {
        int64_t found = 0;
        for (int64_t k = 0; k < size; ++k)
            found += indices[k] == j ? counts[k] : 0;
        return found;
    }
    int64_t first_bad() const {
        int64_t k = 0;
        while (k < size && counts[k] >= 0 && good_index(k))
            ++k;
        return k;
    }
};

DenseRow row_of(const DenseCounts& counts, int64_t i, int64_t cols) {
    return {counts.data + i * cols, cols};
}
template <class Index>
CsrRow<Index> row_of(const CsrCounts<Index>& counts, int64_t i, int64_t cols) {
    const int64_t start = counts.indptr[i];
    return {counts.indices + start, counts.data + start, counts.indptr[i + 1] - start, cols};
}
int64_t row_start(const DenseCounts&, int64_t i, int64_t cols) {
    return i * cols;
}
template <class Index>
int64_t row_start(const CsrCounts<Index>& counts, int64_t i, int64_t) {
    return counts.indptr[i];
}

}  // namespace
}  // namespace bigram
