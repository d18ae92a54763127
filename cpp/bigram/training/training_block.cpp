// One step of training on a block of 16 rows: softmax, gradient and update fused.
//
//   g = (r_i softmax(W_i)_j - c_ij) / n + 2 l2 W_ij / V^2,   r_i = sum_j c_ij
//   loss = sum_i (r_i log sum_j e^(W_ij) - sum_j c_ij W_ij) / n + l2 sum_ij W_ij^2 / V^2
//
// then SGD or AdamW as in optimizers.cpp. W, c and the moments (V, 16) are the transposed rows, so
// that vectors have no remainders and no sums across them. 25 operations an element with SGD, 35
// with AdamW, whose square root and division are the bound; all in L1 up to V = 128. A column of 16
// rows takes 6.5 ns (benchmarks/README.md); 100 steps at V = 27 35 us, NumPy on the same counts 1.6
// ms.
#include "bigram/training/training_block.hpp"

#include <cmath>
#include <limits>

#include "bigram/numeric/vector_math.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

using std::int64_t;
using Block = TrainingBlock;
using Update = TrainingUpdate;

struct RowLosses {
    double entropy;
    double squares;
};

constexpr int64_t kChunk = 64;  // elements summed in float before they are added in float64

// The sum over the rows of a block, by halves: a fixed order of four steps.
BIGRAM_INLINE double sum_rows(double* values) {
    for (int half = kBlockRows / 2; half > 0; half /= 2) {
        for (int k = 0; k < half; ++k)
            values[k] += values[k + half];
    }
    return values[0];
}

// exps = e^(w - top), scale = r / (n sum exps). Returns the cross-entropy of the rows with mass,
// not yet divided by n, and the sum of all w^2. Every loop over k is one vector of AVX-512, two of
// AVX2; the loop over j is the serial one.
//
// top, the row's largest weight, keeps the exponentials at most 1. Each row is summed by itself
// from the first column to the last: in float within a chunk, which costs half of float64, and then
// in float64, so that the error does not grow with V.
template <bool Fused>
BIGRAM_INLINE RowLosses softmax_block_body(float* BIGRAM_RESTRICT scale,
                                           float* BIGRAM_RESTRICT exps,
                                           const float* BIGRAM_RESTRICT weight,
                                           const float* BIGRAM_RESTRICT counts,
                                           const float* BIGRAM_RESTRICT top, const double* mass,
                                           double n, int64_t size) {
    const Shift<float> none(0.0f);
    double sums[kBlockRows] = {}, dots[kBlockRows] = {}, squares[kBlockRows] = {};
    for (int64_t start = 0; start < size; start += kChunk) {
        const int64_t end = size - start < kChunk ? size : start + kChunk;
        float sum[kBlockRows] = {}, dot[kBlockRows] = {}, square[kBlockRows] = {};
        for (int64_t i = start * kBlockRows; i < end * kBlockRows; i += kBlockRows) {
            for (int k = 0; k < kBlockRows; ++k) {
                const float w = weight[i + k];
                const float x = w - top[k];
                const float e = exp_shifted<Fused>(x, none);
                exps[i + k] = e;
                sum[k] += e;
                const float count = counts[i + k];
                // x may be -inf where count is 0. A choice and not a branch, which stays a vector.
                dot[k] += count * (count > 0.0f ? x : 0.0f);
                square[k] += w * w;
            }
        }
        for (int k = 0; k < kBlockRows; ++k) {
            sums[k] += static_cast<double>(sum[k]);
            dots[k] += static_cast<double>(dot[k]);
            squares[k] += static_cast<double>(square[k]);
        }
    }
    // sum_j c_j (log sum exps - (w_j - top)) = r log sum exps - dot: top cancels.
    for (int k = 0; k < kBlockRows; ++k) {
        const double entropy = mass[k] * log_positive<Fused>(sums[k]) - dots[k];
        const double share = mass[k] / (n * sums[k]);
        // A row without mass may hold anything, even nan.
        dots[k] = mass[k] > 0.0 ? entropy : 0.0;
        scale[k] = static_cast<float>(mass[k] > 0.0 ? share : 0.0);
    }
    return {sum_rows(dots), sum_rows(squares)};
}

// Gradient and update of each element in one pass, so that no gradient is stored; finds the largest
// weight of each row for the next step on the way, which saves that step a pass.
template <UpdateRule Rule>
BIGRAM_INLINE void update_block_body(float* BIGRAM_RESTRICT largest, float* BIGRAM_RESTRICT weight,
                                     float* BIGRAM_RESTRICT first, float* BIGRAM_RESTRICT second,
                                     const float* BIGRAM_RESTRICT exps,
                                     const float* BIGRAM_RESTRICT counts, const Update& constants,
                                     int64_t size) {
    const Update u = constants;  // a copy, which the compiler need not read again after each store
    const float lowest = std::numeric_limits<float>::lowest();
    float top[kBlockRows];
    for (int k = 0; k < kBlockRows; ++k)
        top[k] = -std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < size * kBlockRows; i += kBlockRows) {
        for (int k = 0; k < kBlockRows; ++k) {
            float w = weight[i + k];
            // A pair that cannot occur has weight -inf; decay * -inf would be nan where decay is 0.
            const float finite = w > lowest ? w : lowest;
            float g = exps[i + k] * u.scale[k] - counts[i + k] * u.inverse_n + u.decay * finite;
            if constexpr (Rule == UpdateRule::adamw) {
                const float m = first[i + k] + (g - first[i + k]) * u.one_minus_beta1;
                const float v = u.beta2 * second[i + k] + u.one_minus_beta2 * (g * g);
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
    for (int k = 0; k < kBlockRows; ++k)
        largest[k] = top[k];
}

BIGRAM_CLONES_FMA(RowLosses, softmax_block,
                  (float* scale, float* exps, const float* weight, const float* counts,
                   const float* top, const double* mass, double n, int64_t size),
                  (scale, exps, weight, counts, top, mass, n, size))

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

}  // namespace

TrainingUpdate update_of(const TrainingSteps& steps, int64_t step, int64_t vocab_size, double n) {
    const double rate = steps.learning_rates[step];
    const double penalty = 2.0 * steps.l2 / static_cast<double>(vocab_size * vocab_size);
    const bool adamw = steps.rule == UpdateRule::adamw;
    Update u{};
    u.inverse_n = static_cast<float>(1.0 / n);
    u.decay = static_cast<float>(adamw ? penalty : penalty + steps.weight_decay);
    u.rate = static_cast<float>(rate);
    u.momentum = static_cast<float>(steps.momentum);
    if (!adamw) return u;
    const double t = static_cast<double>(steps.steps_before + step + 1);
    u.keep = static_cast<float>(1.0 - rate * steps.weight_decay);
    u.one_minus_beta1 = static_cast<float>(1.0 - steps.beta1);
    u.beta2 = static_cast<float>(steps.beta2);
    u.one_minus_beta2 = static_cast<float>(1.0 - steps.beta2);
    u.step_size = static_cast<float>(rate / (1.0 - std::pow(steps.beta1, t)));
    u.inverse_root = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(steps.beta2, t)));
    u.eps = static_cast<float>(steps.eps);
    return u;
}

double step_block(const Block& block, const double* mass, double n, Update u,
                  const TrainingSteps& steps, int64_t size) {
    const RowLosses losses =
        softmax_block(u.scale, block.exps, block.weight, block.counts, block.top, mass, n, size);
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
    const double cells = static_cast<double>(size * size);
    return losses.entropy / n + (steps.l2 > 0.0 ? steps.l2 * losses.squares / cells : 0.0);
}

}  // namespace bigram
