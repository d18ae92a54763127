#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// A bigram model with backoff as natural logarithms: log_probs[e] of a stored pair, else
// log_backoff[i] + log_base[j].
template <class Index>
struct BackoffLogs {
    const std::int64_t* indptr;      // (vocab_size + 1,)
    const Index* indices;            // (pairs,), ascending in a row
    const double* log_probs;         // (pairs,)
    const double* log_backoff;       // (vocab_size,)
    const double* log_base;          // (vocab_size,)
    const std::int64_t* base_order;  // (vocab_size,): ids by descending base, ties by id
    std::int64_t vocab_size;
};

// out (num_rows, vocab_size): the rows of contexts (num_rows,), which lie in [0, vocab_size).
// base_order is not used. Bad value: the first row whose indices leave the vocabulary.
template <class Index>
Result backoff_rows(double* out, const std::int64_t* contexts, std::int64_t num_rows,
                    const BackoffLogs<Index>& model, const Run& run);

// ids and log_probs (num_rows, k): the k largest of each row, descending, ties from the lower id
// on; k <= vocab_size. Bad value: the first row for which indices or base_order are not what they
// should be.
template <class Index>
Result backoff_top_k(std::int64_t* ids, double* log_probs, std::int64_t k,
                     const std::int64_t* contexts, std::int64_t num_rows,
                     const BackoffLogs<Index>& model, const Run& run);

}  // namespace bigram
