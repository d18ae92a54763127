// Many steps of training in one call, for small vocabularies: gradient and update fused.
//
//   g = (r_i softmax(W_i)_j - c_ij) / n + 2 l2 W_ij / V^2,   r_i = sum_j c_ij,   n = sum_i r_i
//   loss = sum_i (r_i log sum_j e^(W_ij) - sum_j c_ij W_ij) / n + l2 mean(W^2)
//
// c (V, V): how often each pair is in the batch, which is all that its loss depends on. A row's
// update needs nothing of the other rows, so a block of 16 rows goes through all the steps by
// itself, out of the first-level cache, its rows side by side: lane l of vector j is W[i + l, j].
// 16-wide arithmetic has no remainders and no sums across lanes. About 25 operations an element
// and step with SGD, 35 with AdamW, which is bound by its square root and division.
#include "bigram/training.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "bigram/isa.hpp"
#include "bigram/vector_math.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int kLanes = 16;
constexpr int64_t kChunk = 64;  // elements summed in float before they go to double

// A block's arrays, each V vectors of 16 lanes, and the largest weight of each row.
struct Block {
    float* weight;
    float* first;
    float* second;
    float* counts;
    float* exps;
    float* top;
};

// By lane, of one step.
struct RowSums {
    double exps[kLanes];     // sum_j e^(w - max)
    double dots[kLanes];     // sum_j c (w - max)
    double squares[kLanes];  // sum_j w^2
};

// The constants of one step's update.
struct Update {
    float scale[kLanes];  // r / (n sum exps), by lane
    float inverse_n;
    float pull;  // of the gradient toward weight 0: 2 l2 / V^2, with SGD the weight decay too
    float rate, momentum;
    float keep, gain1, keep2, gain2, step_size, inverse_root, eps;  // AdamW
};

template <bool Fused>
BIGRAM_INLINE void softmax_block_body(RowSums* sums, float* BIGRAM_RESTRICT exps,
                                      const float* BIGRAM_RESTRICT weight,
                                      const float* BIGRAM_RESTRICT counts,
                                      const float* BIGRAM_RESTRICT top, int64_t size) {
    const Shift<float> none(0.0f);
    *sums = RowSums{};
    for (int64_t start = 0; start < size; start += kChunk) {
        const int64_t end = size - start < kChunk ? size : start + kChunk;
        float sum[kLanes] = {}, dot[kLanes] = {}, square[kLanes] = {};
        for (int64_t i = start * kLanes; i < end * kLanes; i += kLanes) {
            for (int k = 0; k < kLanes; ++k) {
                const float w = weight[i + k];
                const float x = w - top[k];
                const float e = exp_shifted<Fused>(x, none);
                exps[i + k] = e;
                sum[k] += e;
                const float count = counts[i + k];
                dot[k] += count * (count > 0.0f ? x : 0.0f);  // x may be -inf where count is 0
                square[k] += w * w;
            }
        }
        for (int k = 0; k < kLanes; ++k) {
            sums->exps[k] += static_cast<double>(sum[k]);
            sums->dots[k] += static_cast<double>(dot[k]);
            sums->squares[k] += static_cast<double>(square[k]);
        }
    }
}

// Finds the largest weights for the next step on the way.
template <UpdateRule Rule>
BIGRAM_INLINE void update_block_body(float* BIGRAM_RESTRICT largest, float* BIGRAM_RESTRICT weight,
                                     float* BIGRAM_RESTRICT first, float* BIGRAM_RESTRICT second,
                                     const float* BIGRAM_RESTRICT exps,
                                     const float* BIGRAM_RESTRICT counts, const Update& constants,
                                     int64_t size) {
    const Update u = constants;
    const float lowest = std::numeric_limits<float>::lowest();
    float top[kLanes];
    for (int k = 0; k < kLanes; ++k)
        top[k] = -std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < size * kLanes; i += kLanes) {
        for (int k = 0; k < kLanes; ++k) {
            float w = weight[i + k];
            const float finite = w > lowest ? w : lowest;  // 0 * -inf would be nan
            float g = exps[i + k] * u.scale[k] - counts[i + k] * u.inverse_n + u.pull * finite;
            if constexpr (Rule == UpdateRule::adamw) {
                const float m = first[i + k] + (g - first[i + k]) * u.gain1;
                const float v = u.keep2 * second[i + k] + u.gain2 * (g * g);
                first[i + k] = m;
                second[i + k] = v;
                w = w * u.keep - u.step_size * m / (std::sqrt(v) * u.inverse_root + u.eps);
            } else {
                if constexpr (Rule == UpdateRule::momentum) {
                    g += u.momentum * first[i + k];
                    first[i + k] = g;
                }
                w -= u.rate * g;
            }
            weight[i + k] = w;
            top[k] = top[k] > w ? top[k] : w;
        }
    }
    for (int k = 0; k < kLanes; ++k)
        largest[k] = top[k];
}

BIGRAM_CLONES_FMA(void, softmax_block,
                  (RowSums * sums, float* exps, const float* weight, const float* counts,
                   const float* top, int64_t size),
                  (sums, exps, weight, counts, top, size))

#define BIGRAM_UPDATE(rule)                                                                       \
    BIGRAM_INLINE void update_##rule##_body(const Block& b, const Update& u, int64_t size) {      \
        update_block_body<UpdateRule::rule>(b.top, b.weight, b.first, b.second, b.exps, b.counts, \
                                            u, size);                                             \
    }                                                                                             \
    BIGRAM_CLONES(void, update_##rule, (const Block& b, const Update& u, int64_t size),           \
                  (b, u, size))
BIGRAM_UPDATE(sgd)
BIGRAM_UPDATE(momentum)
BIGRAM_UPDATE(adamw)
#undef BIGRAM_UPDATE

Update constants_of(const TrainingSteps& steps, int64_t step, int64_t vocab_size, double n) {
    const double rate = steps.learning_rates[step];
    const double made = static_cast<double>(steps.steps_before + step + 1);
    const double cells = static_cast<double>(vocab_size * vocab_size);
    Update u{};
    u.inverse_n = static_cast<float>(1.0 / n);
    const double decay = steps.rule == UpdateRule::adamw ? 0.0 : steps.weight_decay;
    u.pull = static_cast<float>(2.0 * steps.l2 / cells + decay);
    u.rate = static_cast<float>(rate);
    u.momentum = static_cast<float>(steps.momentum);
    u.keep = static_cast<float>(1.0 - rate * steps.weight_decay);
    u.gain1 = static_cast<float>(1.0 - steps.beta1);
    u.keep2 = static_cast<float>(steps.beta2);
    u.gain2 = static_cast<float>(1.0 - steps.beta2);
    u.step_size = static_cast<float>(rate / (1.0 - std::pow(steps.beta1, made)));
    u.inverse_root = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(steps.beta2, made)));
    u.eps = static_cast<float>(steps.eps);
    return u;
}

std::vector<Update> all_constants(const TrainingSteps& steps, int64_t vocab_size, double n) {
    std::vector<Update> updates(static_cast<std::size_t>(steps.num_steps));
    for (int64_t s = 0; s < steps.num_steps; ++s)
        updates[static_cast<std::size_t>(s)] = constants_of(steps, s, vocab_size, n);
    return updates;
}

// One step of one block; mass[l] is r of its rows, n the pairs of the whole batch. Returns the
// block's share of the loss.
double step_block(const Block& block, const double* mass, double n, Update u,
                  const TrainingSteps& steps, int64_t size) {
    RowSums sums;
    softmax_block(&sums, block.exps, block.weight, block.counts, block.top, size);
    double loss = 0.0;
    double squares = 0.0;
    for (int k = 0; k < kLanes; ++k) {
        const bool used = mass[k] > 0.0;
        u.scale[k] = used ? static_cast<float>(mass[k] / (n * sums.exps[k])) : 0.0f;
        loss += used ? mass[k] * std::log(sums.exps[k]) - sums.dots[k] : 0.0;
        squares += sums.squares[k];
    }
    switch (steps.rule) {
        case UpdateRule::adamw:
            update_adamw(block, u, size);
            break;
        case UpdateRule::momentum:
            update_momentum(block, u, size);
            break;
        case UpdateRule::sgd:
            update_sgd(block, u, size);
            break;
    }
    const double penalty =
        steps.l2 > 0.0 ? steps.l2 * squares / static_cast<double>(size * size) : 0.0;
    return loss / n + penalty;
}

// Rows [row, row + 16) of a matrix, side by side; rows past the end are zero.
template <class T>
void take_rows(float* block, const T* matrix, int64_t row, int64_t size) {
    for (int64_t k = 0; k < kLanes; ++k) {
        for (int64_t j = 0; j < size; ++j) {
            const bool inside = row + k < size;
            block[j * kLanes + k] =
                inside ? static_cast<float>(matrix[(row + k) * size + j]) : 0.0f;
        }
    }
}

void put_rows(float* matrix, const float* block, int64_t row, int64_t size) {
    for (int64_t k = 0; k < kLanes && row + k < size; ++k) {
        for (int64_t j = 0; j < size; ++j)
            matrix[(row + k) * size + j] = block[j * kLanes + k];
    }
}

// Takes each block of rows through all the steps: advance(block number, Block) -> false adds its
// losses to block_losses and makes the updates.
template <class Advance>
Result for_each_block(const TrainingState& state, const TrainingSteps& steps, const Run& run,
                      const Advance& advance) {
    const int64_t size = state.vocab_size;
    const int64_t num_blocks = ceil_div(size, kLanes);
    const int64_t cells = size * kLanes;
    std::vector<double> losses(static_cast<std::size_t>(num_blocks * steps.num_steps));
    std::vector<float> memory(static_cast<std::size_t>(num_blocks * 5 * cells));
    const bool finished = parallel_for(run, num_blocks, [&](int64_t b, int) {
        float* at = memory.data() + b * 5 * cells;
        float top[kLanes];
        const Block block{at, at + cells, at + 2 * cells, at + 3 * cells, at + 4 * cells, top};
        const int64_t row = b * kLanes;
        take_rows(block.weight, state.weight, row, size);
        for (int64_t k = 0; k < kLanes; ++k) {
            top[k] = block.weight[k];
            for (int64_t j = 1; j < size; ++j)
                top[k] = std::max(top[k], block.weight[j * kLanes + k]);
        }
        if (steps.rule != UpdateRule::sgd) take_rows(block.first, state.first, row, size);
        if (steps.rule == UpdateRule::adamw) take_rows(block.second, state.second, row, size);
        advance(b, block, losses.data() + b * steps.num_steps);
        put_rows(state.weight, block.weight, row, size);
        if (steps.rule != UpdateRule::sgd) put_rows(state.first, block.first, row, size);
        if (steps.rule == UpdateRule::adamw) put_rows(state.second, block.second, row, size);
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
    const std::vector<Update> updates = all_constants(steps, size, n);
    return for_each_block(state, steps, run, [&](int64_t b, const Block& block, double* losses) {
        take_rows(block.counts, counts, b * kLanes, size);
        double mass[kLanes] = {};
        for (int64_t k = 0; k < kLanes && b * kLanes + k < size; ++k) {
            for (int64_t j = 0; j < size; ++j)
                mass[k] += static_cast<double>(counts[(b * kLanes + k) * size + j]);
        }
        for (int64_t s = 0; s < steps.num_steps; ++s)
            losses[s] =
                step_block(block, mass, n, updates[static_cast<std::size_t>(s)], steps, size);
    });
}

namespace {

struct Pair {
    std::uint16_t context;
    std::uint16_t target;
};

// Fills pairs (num_steps, batch_size, block_size); returns the first bad window or -1.
template <class Token>
int64_t gather_pairs(Pair* pairs, const Token* tokens, int64_t num_tokens, int64_t stride,
                     const int64_t* positions, int64_t num_windows, int64_t block_size,
                     int64_t vocab_size) {
    const auto limit = static_cast<std::uint64_t>(vocab_size);
    for (int64_t w = 0; w < num_windows; ++w) {
        const int64_t start = positions[w];
        if (start < 0 || start > num_tokens - 1 - block_size) return w;
        const Token* at = tokens + start * stride;
        auto context = static_cast<std::uint64_t>(*at);
        std::uint64_t largest = context;
        for (int64_t t = 1; t <= block_size; ++t) {
            const auto target = static_cast<std::uint64_t>(at[t * stride]);
            largest = largest > target ? largest : target;
            *pairs++ = {static_cast<std::uint16_t>(context), static_cast<std::uint16_t>(target)};
            context = target;
        }
        if (largest >= limit) return w;
    }
    return -1;
}

// The pairs of all steps, sorted by the block of their context, then by step. Within block b
// those of step s are cells[ends[b * steps + s - 1]] up to cells[ends[b * steps + s]], each the
// place of its count in the block.
struct SortedPairs {
    std::vector<std::uint16_t> cells;
    std::vector<int64_t> ends;

    SortedPairs(const std::vector<Pair>& pairs, int64_t num_blocks, int64_t num_steps)
        : cells(pairs.size()), ends(static_cast<std::size_t>(num_blocks * num_steps + 1)) {
        const int64_t per_step = static_cast<int64_t>(pairs.size()) / num_steps;
        const Pair* end = pairs.data() + pairs.size();
        // ends[0] stays 0 and the rest is shifted by one: counts, then starts, then ends.
        int64_t* counts = ends.data() + 1;
        const auto visit = [&](const auto& take) {
            const Pair* pair = pairs.data();
            for (int64_t s = 0; pair < end; ++s) {
                for (int64_t i = 0; i < per_step; ++i, ++pair)
                    take(counts[pair->context / kLanes * num_steps + s], *pair);
            }
        };
        visit([](int64_t& count, const Pair&) { ++count; });
        int64_t total = 0;
        for (int64_t i = 0; i < num_blocks * num_steps; ++i) {
            const int64_t count = counts[i];
            counts[i] = total;
            total += count;
        }
        visit([&](int64_t& next, const Pair& pair) {
            const int cell = pair.context % kLanes + kLanes * pair.target;
            cells[static_cast<std::size_t>(next++)] = static_cast<std::uint16_t>(cell);
        });
    }
};

}  // namespace

template <class Token>
Result train_on_windows(const TrainingState& state, const Token* tokens, int64_t num_tokens,
                        int64_t stride, const int64_t* positions, int64_t batch_size,
                        int64_t block_size, const TrainingSteps& steps, const Run& run) {
    const int64_t size = state.vocab_size;
    const int64_t num_steps = steps.num_steps;
    const int64_t num_windows = num_steps * batch_size;
    if (num_windows == 0) return {};
    // a window longer than the tokens is refused before its pairs are given memory
    if (block_size >= num_tokens) return Result::bad_value(0);
    std::vector<Pair> pairs(static_cast<std::size_t>(num_windows * block_size));
    const int64_t bad = gather_pairs(pairs.data(), tokens, num_tokens, stride, positions,
                                     num_windows, block_size, size);
    if (bad >= 0) return Result::bad_value(bad);
    const SortedPairs sorted(pairs, ceil_div(size, kLanes), num_steps);
    const double n = static_cast<double>(batch_size * block_size);
    const std::vector<Update> updates = all_constants(steps, size, n);
    return for_each_block(state, steps, run, [&](int64_t b, const Block& block, double* losses) {
        const std::uint16_t* cells = sorted.cells.data();
        for (int64_t s = 0; s < num_steps; ++s) {
            const int64_t* ends = sorted.ends.data() + b * num_steps + s;
            double mass[kLanes] = {};
            for (int64_t p = ends[0]; p < ends[1]; ++p) {
                block.counts[cells[p]] += 1.0f;
                mass[cells[p] % kLanes] += 1.0;
            }
            losses[s] =
                step_block(block, mass, n, updates[static_cast<std::size_t>(s)], steps, size);
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
