// Private to this room.
// One step of training on 16 rows of the weight, side by side: what training.cpp makes its steps
// of.
#pragma once

#include <cstdint>

#include "bigram/training/training.hpp"

namespace bigram {

constexpr int kBlockRows = 16;

// Arrays of V vectors of 16 lanes, lane k of vector j is element (row + k, j); and the largest
// weight of each row. The moments are for the rules that have them, exps is scratch.
struct TrainingBlock {
    float* weight;
    float* first;
    float* second;
    float* counts;
    float* exps;
    float* top;
};

// The constants of one step's update.
struct TrainingUpdate {
    float scale[kBlockRows];  // r / (n sum exps) by lane, filled in by step_block
    float inverse_n;
    float pull;  // of the gradient toward weight 0: 2 l2 / V^2, with SGD the weight decay too
    float rate, momentum;
    float keep, gain1, keep2, gain2, step_size, inverse_root, eps;  // AdamW
};

TrainingUpdate update_of(const TrainingSteps& steps, std::int64_t step, std::int64_t vocab_size,
                         double n);

// mass[k] is the sum of row k's counts, n that of the whole batch. Returns the block's share of the
// loss before the update.
double step_block(const TrainingBlock& block, const double* mass, double n, TrainingUpdate update,
                  const TrainingSteps& steps, std::int64_t vocab_size);

}  // namespace bigram
