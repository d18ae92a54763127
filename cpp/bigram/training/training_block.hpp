// Private to this room.
// One step of training on a block of 16 rows of the weight: what training.cpp repeats.
#pragma once

#include <cstdint>

#include "bigram/training/training.hpp"

namespace bigram {

constexpr int kBlockRows = 16;

// The block's rows are transposed: arrays (V, 16), whose element (j, k) is element (row + k, j) of
// the matrix. A loop over k is then one operation on 16 rows, whatever V is.
struct TrainingBlock {
    float* weight;
    float* first;  // moments, for the rules that have them
    float* second;
    float* counts;
    float* exps;  // scratch
    float* top;   // (16): the largest weight of each row
};

// The constants of one step's update.
struct TrainingUpdate {
    float scale[kBlockRows];  // r / (n sum exps) of each row, filled in by step_block
    float inverse_n;
    float decay;  // gradient of the penalty over the weight: 2 l2 / V^2, with SGD the decay too
    float rate, momentum;
    // AdamW: 1 - rate * decay, 1 - beta1, beta2, 1 - beta2, rate / (1 - beta1^t),
    // 1 / sqrt(1 - beta2^t), eps.
    float keep, one_minus_beta1, beta2, one_minus_beta2, step_size, inverse_root, eps;
};

TrainingUpdate update_of(const TrainingSteps& steps, std::int64_t step, std::int64_t vocab_size,
                         double n);

// mass[k] is the sum of row k's counts, n that of the whole batch. Returns the block's share of the
// loss before the update.
double step_block(const TrainingBlock& block, const double* mass, double n, TrainingUpdate update,
                  const TrainingSteps& steps, std::int64_t vocab_size);

}  // namespace bigram
