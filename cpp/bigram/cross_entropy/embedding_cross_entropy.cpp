// Mean cross-entropy of logits = weight[contexts], which are never built, and its gradient.
// (group_examples.cpp puts the examples in order.)
//
//   loss = sum_n (logsumexp(W[x_n]) - W[x_n, y_n]) / n
//   grad[i, j] = (k_i softmax(W[i])[j] - c[i, j]) / n
//
// contexts x, targets y (n); W (vocab, classes); k_i examples have context i, c[i, j] of them the
// target j. Equal contexts share one softmax: O(n + distinct contexts * classes), 16 operations and
// 8 or 16 bytes an element. 256 examples of 65 symbols take 9 us, torch 86 (benchmarks/TABLE.md).
#include "bigram/cross_entropy/embedding_cross_entropy.hpp"

#include <algorithm>

#include "bigram/cross_entropy/softmax_rows.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kSerialElements = 1 << 15;  // fewer weights are not worth a team of threads

// The loss of a group, times n, and its row of the gradient. e has room for the padded row. hits
// (classes) are zero before and after the call: only the places of targets are visited, so a group
// costs nothing for the classes that it does not have.
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
        if (hits[y] == 0) continue;  // an earlier example had the same target
        const double c = static_cast<double>(hits[y]);
        hits[y] = 0;
        const typename SoftmaxRow<T>::Target target = softmax.at(y);
        loss += c * target.nll;
        grad[y] = static_cast<T>(unit * ((k - c) - k * target.one_minus_p));  // k p - c
    }
    return loss;
}

}  // namespace

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
    // Group g also clears the rows of the dense gradient between the group before it and itself, so
    // that each row is written by one thread; one more group clears those after the last.
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

}  // namespace bigram
