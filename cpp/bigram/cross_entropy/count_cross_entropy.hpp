#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// Counts (rows, cols) in CSR; indptr (rows + 1) ascending from 0. Index: std::int32_t or int64_t.
template <class Index>
struct CsrCounts {
    const Index* indptr;
    const Index* indices;
    const std::int64_t* data;
};

struct DenseCounts {
    const std::int64_t* data;
};

// weight, grad (rows, cols) apart from each other; total: the sum of all counts where it is known,
// else -1. The position of a bad value is that of a count in its data (negative, or its index
// outside [0, cols)); a total that is not the sum is Status::bad_value at -1.
// T: float or double. Counts: DenseCounts or CsrCounts.
template <class T, class Counts>
Result count_cross_entropy_grad(double* loss, T* grad, const T* weight, const Counts& counts,
                                std::int64_t rows, std::int64_t cols, std::int64_t total, double l2,
                                const Run& run);

}  // namespace bigram
