#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/runtime/tokens.hpp"

namespace bigram {

// The log-probabilities of stored pairs by hash: an empty slot has key 0.
struct PairSlot {
    std::uint64_t key;  // context * 2^32 + next + 1
    double log_prob;
};

// A bigram model with backoff, as its natural logarithms (vocab_size,) and a table of slots.
struct BackoffScores {
    const PairSlot* slots;
    std::int64_t num_slots;
    const double* log_backoff;
    const double* log_base;
    std::int64_t vocab_size;
};

// Fills the slots, which must be zeroed and more than there are pairs.
// indptr (vocab_size + 1,), indices and log_probs (indptr[vocab_size],); indices in
// [0, vocab_size), no pair twice. Index: std::int32_t or std::int64_t.
template <class Index>
Result index_pairs(PairSlot* slots, std::int64_t num_slots, const std::int64_t* indptr,
                   const Index* indices, const double* log_probs, std::int64_t vocab_size,
                   const Run& run);

// out[k] = ln P(nexts[k] | contexts[k]), (size,); all ids in [0, vocab_size).
Result score_pairs(double* out, const std::int64_t* contexts, const std::int64_t* nexts,
                   std::int64_t size, const BackoffScores& model, const Run& run);

// out (num_sequences,) = the sums of ln P over the pairs of each sequence of tokens. The position
// of a bad value is that of the first token outside of [0, vocab_size).
template <class Token>
Result score_backoff_sequences(double* out, const Tokens<Token>& tokens, const Offsets& offsets,
                               const BackoffScores& model, const Run& run);

}  // namespace bigram
