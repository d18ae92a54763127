// Mean cross-entropy of logits = weight[contexts], which are never built, and its gradient.
//
//   loss = sum_n (logsumexp(W[x_n]) - W[x_n, y_n]) / n
//   grad[i, j] = (k_i softmax(W[i])[j] - c[i, j]) / n
//
// contexts x, targets y (n); W (vocab, classes); k_i examples have context i, c[i, j] of them the
// target j. Examples of equal contexts share one softmax: O(n + distinct contexts * classes).
#include "bigram/cross_entropy/embedding_cross_entropy.hpp"

#include <algorithm>

#include "bigram/cross_entropy/softmax_rows.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kSerialElements = 1 << 15;  // less is not worth a team of threads

// Counting sort: O(n + vocab).
template <class Context, class Target>
void group_by_counting(GroupedExamples* groups, const Context* contexts, int64_t context_stride,
                       const Target* targets, int64_t target_stride, int64_t n, int64_t vocab) {
    std::vector<int64_t> place(static_cast<std::size_t>(vocab));
    for (int64_t i = 0; i < n; ++i)
        ++place[static_cast<std::size_t>(contexts[i * context_stride])];
    int64_t start = 0;
    for (int64_t v = 0; v < vocab; ++v) {
        const int64_t count = place[static_cast<std::size_t>(v)];
        place[static_cast<std::size_t>(v)] = start;
        if (count == 0) continue;
        groups->rows.push_back(v);
        groups->starts.push_back(start);
        start += count;
    }
    for (int64_t i = 0; i < n; ++i) {
        int64_t& next = place[static_cast<std::size_t>(contexts[i * context_stride])];
        groups->targets[static_cast<std::size_t>(next++)] =
            static_cast<std::int32_t>(targets[i * target_stride]);
    }
}

// Few examples of a large vocabulary: sort (context, example), O(n log n). n < 2^32.
template <class Context, class Target>
void group_by_sorting(GroupedExamples* groups, const Context* contexts, int64_t context_stride,
                      const Target* targets, int64_t target_stride, int64_t n) {
    std::vector<std::uint64_t> keys(static_cast<std::size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
        keys[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(contexts[i * context_stride])
                                                << 32 |
                                            static_cast<std::uint64_t>(i);
    }
    std::sort(keys.begin(), keys.end());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const int64_t context = static_cast<int64_t>(keys[i] >> 32);
        const int64_t example = static_cast<int64_t>(keys[i] & 0xffffffffU);
        if (groups->rows.empty() || groups->rows.back() != context) {
            groups->rows.push_back(context);
            groups->starts.push_back(static_cast<int64_t>(i));
        }
        groups->targets[i] = static_cast<std::int32_t>(targets[example * target_stride]);
    }
}

template <class Token>
int64_t first_outside(const Token* tokens, int64_t stride, int64_t n, int64_t limit) {
    for (int64_t i = 0; i < n; ++i) {
        if (static_cast<std::uint64_t>(tokens[i * stride]) >= static_cast<std::uint64_t>(limit))
            return i;
    }
    return n;
}

// The loss of a group, times n, and its row of the gradient. hits (classes) are zero before and
// after.
template <class T>
double group_gradient(T* grad, T* e, std::int32_t* hits, const T* x, const std::int32_t* targets,
                      int64_t count, int64_t classes, double unit) {
    const SoftmaxRow<T> softmax = softmax_row(e, x, classes);
    const double k = static_cast<double>(count);
    const double scale = k * unit / softmax.sum;
    scale_rows(grad, e, &scale, 1, classes, classes);
    for (int64_t i = 0; i < count; ++i)
        ++hits[targets[i]];
    double loss = 0.0;
    for (int64_t i = 0; i < count; ++i) {
        const std::int32_t y = targets[i];
        if (hits[y] == 0) continue;  // done with its first example
        const double c = static_cast<double>(hits[y]);
        hits[y] = 0;
        const typename SoftmaxRow<T>::Target target = softmax.at(y);
        loss += c * target.nll;
        grad[y] = static_cast<T>(unit * ((k - c) - k * target.rest));  // k p - c
    }
    return loss;
}

}  // namespace

template <class Context, class Target>
Result group_examples(GroupedExamples* groups, const Context* contexts, int64_t context_stride,
                      const Target* targets, int64_t target_stride, int64_t n, int64_t vocab,
                      int64_t classes) {
    const int64_t bad_context = first_outside(contexts, context_stride, n, vocab);
    if (bad_context < n) return Result::bad_value(bad_context);
    const int64_t bad_target = first_outside(targets, target_stride, n, classes);
    if (bad_target < n) return Result::bad_value(n + bad_target);
    groups->targets.resize(static_cast<std::size_t>(n));
    const bool few = vocab / 8 > n + 1024;
    const int64_t most = std::min(n, vocab);
    groups->rows.reserve(static_cast<std::size_t>(most));
    groups->starts.reserve(static_cast<std::size_t>(most + 1));
    if (few) {
        group_by_sorting(groups, contexts, context_stride, targets, target_stride, n);
    } else {
        group_by_counting(groups, contexts, context_stride, targets, target_stride, n, vocab);
    }
    groups->starts.push_back(n);
    return {};
}

template <class T>
Result embedding_cross_entropy_grad(double* loss, T* grad, const T* weight,
                                    const GroupedExamples& groups, int64_t vocab, int64_t classes,
                                    bool sparse, const Run& run) {
    const int64_t num_groups = static_cast<int64_t>(groups.rows.size());
    const int64_t n = static_cast<int64_t>(groups.targets.size());
    Run serial_if_small = run;
    if ((sparse ? num_groups : vocab) * classes < kSerialElements) serial_if_small.num_threads = 1;
    const double unit = 1.0 / static_cast<double>(n);
    const int64_t stride = padded(classes);
    const int team = team_size(serial_if_small, num_groups + 1);
    const Scratch<T> scratch(stride * team);
    std::vector<std::int32_t> hits(static_cast<std::size_t>(stride * team));
    std::vector<double> losses(static_cast<std::size_t>(num_groups + 1));
    const auto body = [&](int64_t g, int thread) {
        const std::size_t at = static_cast<std::size_t>(g);
        const int64_t row = g < num_groups ? groups.rows[at] : vocab;
        if (!sparse) {
            const int64_t previous = g > 0 ? groups.rows[at - 1] : -1;
            std::fill(grad + (previous + 1) * classes, grad + row * classes, T{0});
        }
        if (g == num_groups) return;
        const int64_t start = groups.starts[at];
        losses[at] = group_gradient(grad + (sparse ? g : row) * classes,
                                    scratch.data() + thread * stride, hits.data() + thread * stride,
                                    weight + row * classes, groups.targets.data() + start,
                                    groups.starts[at + 1] - start, classes, unit);
    };
    if (!parallel_for(serial_if_small, num_groups + 1, body)) return Result::interrupted();
    double sum = 0.0;
    for (const double value : losses)
        sum += value;
    *loss = sum / static_cast<double>(n);
    return {};
}

template Result embedding_cross_entropy_grad(double*, float*, const float*, const GroupedExamples&,
                                             int64_t, int64_t, bool, const Run&);
template Result embedding_cross_entropy_grad(double*, double*, const double*,
                                             const GroupedExamples&, int64_t, int64_t, bool,
                                             const Run&);

#define BIGRAM_INSTANCE(Context, Target)                                                     \
    template Result group_examples(GroupedExamples*, const Context*, int64_t, const Target*, \
                                   int64_t, int64_t, int64_t, int64_t);
#define BIGRAM_INSTANCES(Context)           \
    BIGRAM_INSTANCE(Context, std::uint8_t)  \
    BIGRAM_INSTANCE(Context, std::uint16_t) \
    BIGRAM_INSTANCE(Context, std::uint32_t) \
    BIGRAM_INSTANCE(Context, std::int32_t)  \
    BIGRAM_INSTANCE(Context, std::int64_t)
BIGRAM_INSTANCES(std::uint8_t)
BIGRAM_INSTANCES(std::uint16_t)
BIGRAM_INSTANCES(std::uint32_t)
BIGRAM_INSTANCES(std::int32_t)
BIGRAM_INSTANCES(std::int64_t)
#undef BIGRAM_INSTANCES
#undef BIGRAM_INSTANCE

}  // namespace bigram
