#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// What is trained: arrays (V, V), row-major, changed in place. SGD without momentum has no moments,
// with momentum the first one, AdamW both.
struct TrainingState {
    float* weight;
    float* first;
    float* second;
    std::int64_t vocab_size;
};

enum class UpdateRule { sgd, momentum, adamw };

struct TrainingSteps {
    double* losses;                // (num_steps), out: of each step, before its update
    const double* learning_rates;  // (num_steps)
    std::int64_t num_steps;
    std::int64_t steps_before;  // AdamW corrects its moments by the number of steps
    UpdateRule rule;
    double momentum, beta1, beta2, eps, weight_decay;
    double l2;  // the penalty l2 * mean(weight^2)
};

constexpr std::int64_t kMaxFusedVocab = 256;

// Full batches: every step takes the counts (V, V) of all pairs. V is at most kMaxFusedVocab.
Result train_on_counts(const TrainingState& state, const std::int64_t* counts,
                       const TrainingSteps& steps, const Run& run);

// Minibatches: step s takes the pairs of the windows of block_size + 1 tokens that start at
// positions (num_steps, batch_size). The position of a bad value is the flat index into
// `positions` of a window that does not fit in the tokens or holds a token outside [0, V).
template <class Token>
Result train_on_windows(const TrainingState& state, const Token* tokens, std::int64_t num_tokens,
                        std::int64_t stride, const std::int64_t* positions, std::int64_t batch_size,
                        std::int64_t block_size, const TrainingSteps& steps, const Run& run);

}  // namespace bigram
