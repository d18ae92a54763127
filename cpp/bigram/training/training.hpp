#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// What is trained, all (V, V) and row-major, changed in place. SGD without momentum needs no
// moments, with momentum the first, AdamW both.
struct TrainingState {
    float* weight;
    float* first;
    float* second;
    std::int64_t vocab_size;
};

enum class UpdateRule { sgd, momentum, adamw };

// Some steps of training: their learning rates, and the loss of each before its update (out).
struct TrainingSteps {
    double* losses;
    const double* learning_rates;
    std::int64_t num_steps;
    std::int64_t steps_before;  // AdamW corrects its moments by the number of steps
    UpdateRule rule;
    double momentum, beta1, beta2, eps, weight_decay;
    double l2;  // the penalty l2 * mean(weight^2)
};

constexpr std::int64_t kMaxFusedVocab = 256;

// Full batches: counts (V, V) of all pairs, V at most kMaxFusedVocab.
Result train_on_counts(const TrainingState& state, const std::int64_t* counts,
                       const TrainingSteps& steps, const Run& run);

// Minibatches: step s takes the pairs of the windows of block_size + 1 tokens that start at
// positions (num_steps, batch_size). The position of a bad value is the flat index into
// `positions` of a window that leaves the tokens or holds a token that is no id.
template <class Token>
Result train_on_windows(const TrainingState& state, const Token* tokens, std::int64_t num_tokens,
                        std::int64_t stride, const std::int64_t* positions, std::int64_t batch_size,
                        std::int64_t block_size, const TrainingSteps& steps, const Run& run);

}  // namespace bigram
