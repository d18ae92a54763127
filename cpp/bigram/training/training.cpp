// Many steps of training in one call, for small vocabularies; step by step they would be
//
//   loss[s], grad = count_cross_entropy_grad(W, counts of the pairs of step s, l2)
//   W, moments    = sgd_update or adamw_update(W, grad, moments, learning_rate[s])
//
// W, moments (V, V) float32. A batch matters through the counts of its pairs alone, and a row's
// update through nothing of the other rows. So the loop over steps moves inside: a block of 16 rows
// goes through all the steps by itself, in cache (training_block.cpp). V * V elements a step
// however large the batch, and a few ns for each pair of a minibatch: 3000 steps of AdamW at V = 65
// take 13 ms, the lecture's loop in torch 107 times as long (benchmarks/TABLE.md).
#include "bigram/training/training.hpp"

#include <vector>

#include "bigram/training/training_block.hpp"
#include "bigram/training/window_pairs.hpp"

namespace bigram {
namespace {

using std::int64_t;
using Block = TrainingBlock;

// Element updates below which a team of threads costs more than it brings: about 30 ms of work.
constexpr int64_t kSerialWork = 1 << 25;

std::vector<TrainingUpdate> all_updates(const TrainingSteps& steps, int64_t vocab_size, double n) {
    std::vector<TrainingUpdate> updates(static_cast<std::size_t>(steps.num_steps));
    for (int64_t s = 0; s < steps.num_steps; ++s)
        updates[static_cast<std::size_t>(s)] = update_of(steps, s, vocab_size, n);
    return updates;
}

// Transposes rows [row, row + 16) of a matrix to a block; rows past the end are zero.
template <class T>
void load_rows(float* block, const T* matrix, int64_t row, int64_t size) {
    for (int64_t k = 0; k < kBlockRows; ++k) {
        for (int64_t j = 0; j < size; ++j) {
            const bool inside = row + k < size;
            block[j * kBlockRows + k] =
                inside ? static_cast<float>(matrix[(row + k) * size + j]) : 0.0f;
        }
    }
}

// The way back, without the rows past the end.
void store_rows(float* matrix, const float* block, int64_t row, int64_t size) {
    for (int64_t k = 0; k < kBlockRows && row + k < size; ++k) {
        for (int64_t j = 0; j < size; ++j)
            matrix[(row + k) * size + j] = block[j * kBlockRows + k];
    }
}

// Takes each block of rows through all the steps: advance(number, block, losses) makes the updates
// and sets losses (num_steps) to the block's share of each step's loss. The shares are added in the
// order of the blocks, so the losses have the same bits for any number of threads.
template <class Advance>
Result for_each_block(const TrainingState& state, const TrainingSteps& steps, const Run& run,
                      const Advance& advance) {
    const int64_t size = state.vocab_size;
    const int64_t num_blocks = ceil_div(size, kBlockRows);
    const int64_t cells = size * kBlockRows;
    std::vector<double> losses(static_cast<std::size_t>(num_blocks * steps.num_steps));
    std::vector<float> memory(static_cast<std::size_t>(num_blocks * 5 * cells));
    Run team = run;
    if (size * size * steps.num_steps < kSerialWork) team.num_threads = 1;
    const bool finished = parallel_for(team, num_blocks, [&](int64_t b, int) {
        float* at = memory.data() + b * 5 * cells;
        float top[kBlockRows];
        const Block block{at, at + cells, at + 2 * cells, at + 3 * cells, at + 4 * cells, top};
        const int64_t row = b * kBlockRows;
        load_rows(block.weight, state.weight, row, size);
        for (int64_t k = 0; k < kBlockRows; ++k) {
            top[k] = block.weight[k];
            for (int64_t j = 1; j < size; ++j)
                top[k] = std::max(top[k], block.weight[j * kBlockRows + k]);
        }
        if (steps.rule != UpdateRule::sgd) load_rows(block.first, state.first, row, size);
        if (steps.rule == UpdateRule::adamw) load_rows(block.second, state.second, row, size);
        // Here all the steps are done, without a look at any other block.
        advance(b, block, losses.data() + b * steps.num_steps);
        store_rows(state.weight, block.weight, row, size);
        if (steps.rule != UpdateRule::sgd) store_rows(state.first, block.first, row, size);
        if (steps.rule == UpdateRule::adamw) store_rows(state.second, block.second, row, size);
    });
    if (!finished) return Result::interrupted();
    for (int64_t s = 0; s < steps.num_steps; ++s) {
        steps.losses[s] = 0.0;
        for (int64_t b = 0; b < num_blocks; ++b)
            steps.losses[s] += losses[static_cast<std::size_t>(b * steps.num_steps + s)];
    }
    return {};
}

}  // namespace

Result train_on_counts(const TrainingState& state, const int64_t* counts,
                       const TrainingSteps& steps, const Run& run) {
    const int64_t size = state.vocab_size;
    double n = 0.0;
    for (int64_t i = 0; i < size * size; ++i)
        n += static_cast<double>(counts[i]);
    const std::vector<TrainingUpdate> updates = all_updates(steps, size, n);
    return for_each_block(state, steps, run, [&](int64_t b, const Block& block, double* losses) {
        load_rows(block.counts, counts, b * kBlockRows, size);
        double mass[kBlockRows] = {};
        for (int64_t k = 0; k < kBlockRows && b * kBlockRows + k < size; ++k) {
            for (int64_t j = 0; j < size; ++j)
                mass[k] += static_cast<double>(counts[(b * kBlockRows + k) * size + j]);
        }
        for (int64_t s = 0; s < steps.num_steps; ++s)
            losses[s] =
                step_block(block, mass, n, updates[static_cast<std::size_t>(s)], steps, size);
    });
}

template <class Token>
Result train_on_windows(const TrainingState& state, const Token* tokens, int64_t num_tokens,
                        int64_t stride, const int64_t* positions, int64_t batch_size,
                        int64_t block_size, const TrainingSteps& steps, const Run& run) {
    const int64_t size = state.vocab_size;
    const int64_t num_steps = steps.num_steps;
    const int64_t num_windows = num_steps * batch_size;
    if (num_windows == 0) return {};
    // A block_size beyond the tokens is refused before memory for its pairs is asked for.
    if (block_size >= num_tokens) return Result::bad_value(0);
    std::vector<Pair> pairs(static_cast<std::size_t>(num_windows * block_size));
    const int64_t bad = gather_pairs(pairs.data(), tokens, num_tokens, stride, positions,
                                     num_windows, block_size, size);
    if (bad >= 0) return Result::bad_value(bad);
    const SortedPairs sorted(pairs, ceil_div(size, kBlockRows), num_steps);
    const double n = static_cast<double>(batch_size * block_size);
    const std::vector<TrainingUpdate> updates = all_updates(steps, size, n);
    return for_each_block(state, steps, run, [&](int64_t b, const Block& block, double* losses) {
        const std::uint16_t* cells = sorted.cells.data();
        for (int64_t s = 0; s < num_steps; ++s) {
            const int64_t* ends = sorted.ends.data() + b * num_steps + s;
            double mass[kBlockRows] = {};
            for (int64_t p = ends[0]; p < ends[1]; ++p) {
                block.counts[cells[p]] += 1.0f;
                mass[cells[p] % kBlockRows] += 1.0;
            }
            losses[s] =
                step_block(block, mass, n, updates[static_cast<std::size_t>(s)], steps, size);
            // Only the counts that were set are cleared: a batch has few pairs, a block 16 V
            // counts.
            for (int64_t p = ends[0]; p < ends[1]; ++p)
                block.counts[cells[p]] = 0.0f;
        }
    });
}

#define BIGRAM_INSTANTIATE(Token)                                                            \
    template Result train_on_windows(const TrainingState&, const Token*, int64_t, int64_t,   \
                                     const int64_t*, int64_t, int64_t, const TrainingSteps&, \
                                     const Run&);
BIGRAM_INSTANTIATE(std::uint8_t)
BIGRAM_INSTANTIATE(std::uint16_t)
BIGRAM_INSTANTIATE(std::uint32_t)
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(std::int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
