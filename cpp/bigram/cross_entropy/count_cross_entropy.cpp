// Mean cross-entropy of a table of logits over counted pairs, and its gradient.
//
//   loss = sum_ij c[i, j] (logsumexp(W[i]) - W[i, j]) / N + l2 mean(W^2)
//   grad = (c[i] softmax(W[i])[j] - c[i, j]) / N + 2 l2 W[i, j] / size      c[i] = sum_j c[i, j]
//
// W, grad (rows, cols); c (rows, cols) dense or CSR, int64, the number of pairs (i, j); N their
// sum. The mean over all pairs needs their counts alone, because equal pairs have equal terms: 16
// operations and 24 bytes an element (32 where N is not known yet), however many pairs there are.
// (4096, 4096) takes 13 ms, NumPy on the same counts 292 (benchmarks/TABLE.md).
#include "bigram/cross_entropy/count_cross_entropy.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "bigram/cross_entropy/counted_row.hpp"
#include "bigram/cross_entropy/softmax_rows.hpp"
#include "bigram/numeric/lanes.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

constexpr int64_t kWeightsPerBlock = 2048;    // with their exponentials, in L1
constexpr int64_t kMaxBlockRows = 64;         // whose sums and logarithms are on the stack
constexpr int64_t kSerialElements = 1 << 15;  // fewer weights are not worth a team of threads

template <class T>
BIGRAM_INLINE double sum_squares_body(const T* x, int64_t size) {
    return sum_in_lanes(
        size, [=](int64_t j) { return static_cast<double>(x[j]) * static_cast<double>(x[j]); });
}

template <class T>
BIGRAM_INLINE void add_penalty_body(T* BIGRAM_RESTRICT grad, const T* BIGRAM_RESTRICT x,
                                    int64_t size, T factor) {
    for (int64_t j = 0; j < size; ++j)
        grad[j] += factor * x[j];
}

BIGRAM_CLONES(double, sum_squares, (const float* x, int64_t size), (x, size))
BIGRAM_CLONES(double, sum_squares, (const double* x, int64_t size), (x, size))
BIGRAM_CLONES(void, add_penalty, (float* grad, const float* x, int64_t size, float factor),
              (grad, x, size, factor))
BIGRAM_CLONES(void, add_penalty, (double* grad, const double* x, int64_t size, double factor),
              (grad, x, size, factor))

// The loss and gradient of blocks of rows. Sums over rows are kept row by row and added in order,
// so they have the same bits for any number of threads.
template <class T, class Counts>
class CountGradient {
  public:
    CountGradient(T* grad, const T* weight, const Counts& counts, int64_t rows, int64_t cols,
                  double l2)
        : grad_(grad),
          weight_(weight),
          counts_(counts),
          rows_(rows),
          cols_(cols),
          l2_(l2),
          size_(static_cast<double>(rows) * static_cast<double>(cols)),
          pairs_(static_cast<std::size_t>(rows)),
          losses_(static_cast<std::size_t>(rows)),
          squares_(static_cast<std::size_t>(rows)),
          bad_row_(rows) {}

    Result run(double* loss, int64_t total, const Run& asked) {
        Run run = asked;
        if (rows_ * cols_ < kSerialElements) run.num_threads = 1;
        const int64_t block_rows = std::clamp<int64_t>(
            kWeightsPerBlock / padded(std::max<int64_t>(cols_, 1)), 1, kMaxBlockRows);
        const auto for_blocks = [&](const auto& body) {
            return parallel_for(run, ceil_div(rows_, block_rows), [&](int64_t b, int thread) {
                body(b * block_rows, std::min(rows_, (b + 1) * block_rows), thread);
            });
        };
        // Where N is known, each block of counts is summed just before its gradient, while it is in
        // cache, and N is checked at the end: one pass over the counts instead of two.
        const bool known = total >= 0;
        if (!known) {
            if (!for_blocks([&](int64_t first, int64_t last, int) { sum_pairs(first, last); }))
                return Result::interrupted();
            if (bad_row_.load() < rows_) return bad();
            total = sum(pairs_);
        }
        unit_ = total > 0 ? 1.0 / static_cast<double>(total) : 0.0;
        const int64_t room = block_rows * padded(cols_);
        const Scratch<T> scratch(room * team_size(run, ceil_div(rows_, block_rows)));
        const auto gradient = [&](int64_t first, int64_t last, int thread) {
            if (known && !sum_pairs(first, last)) return;
            rows_gradient(first, last, scratch.data() + thread * room);
        };
        if (!for_blocks(gradient)) return Result::interrupted();
        if (bad_row_.load() < rows_) return bad();
        if (known && sum(pairs_) != total) return Result::bad_value(-1);
        *loss = sum(losses_) / static_cast<double>(total);
        if (l2_ != 0.0) *loss += l2_ * sum(squares_) / size_;
        return {};
    }

  private:
    template <class Value>
    static Value sum(const std::vector<Value>& values) {
        Value total = 0;
        for (const Value value : values)
            total += value;
        return total;
    }

    // Sets the number of pairs of each row. Where a count is bad, keeps the row and returns false.
    bool sum_pairs(int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
            if (row_of(counts_, i, cols_).sum(&pairs_[static_cast<std::size_t>(i)])) continue;
            lower_to(bad_row_, i);
            return false;
        }
        return true;
    }

    Result bad() const {
        const int64_t i = bad_row_.load();
        return Result::bad_value(row_start(counts_, i, cols_) +
                                 row_of(counts_, i, cols_).first_bad());
    }

    // e has room for the padded rows. The rows of a block share their calls of exp_rows and
    // log_all; a row without pairs takes part in them unless the whole block is empty.
    void rows_gradient(int64_t first, int64_t last, T* e) {
        const int64_t rows = last - first;
        const auto begin = pairs_.begin() + first;
        const bool empty = std::all_of(begin, begin + rows, [](int64_t p) { return p == 0; });
        double sums[kMaxBlockRows], shifts[kMaxBlockRows], logs[kMaxBlockRows];
        if (!empty) {
            exp_rows(e, sums, shifts, weight_ + first * cols_, rows, cols_, cols_);
            log_all(logs, sums, rows);
        }
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t i = first + r;
            const T* x = weight_ + i * cols_;
            T* to = grad_ + i * cols_;
            if (pairs_[static_cast<std::size_t>(i)] > 0) {
                row_gradient(i, {e + r * padded(cols_), x, cols_, sums[r], 1.0 / sums[r], shifts[r],
                                 logs[r]});
            } else {
                std::fill_n(to, cols_, T{0});
            }
            if (l2_ == 0.0) continue;
            squares_[static_cast<std::size_t>(i)] = sum_squares(x, cols_);
            add_penalty(to, x, cols_, static_cast<T>(2.0 * l2_ / size_));
        }
    }

    // The obvious row: sets the loss of row i, times N, and its gradient, both without the penalty.
    void row_gradient(int64_t i, const SoftmaxRow<T>& softmax) {
        const auto row = row_of(counts_, i, cols_);
        T* to = grad_ + i * cols_;
        const double n = static_cast<double>(pairs_[static_cast<std::size_t>(i)]);
        const double scale = n * unit_ * softmax.inverse;
        scale_rows(to, softmax.e, &scale, 1, cols_, cols_);
        row.subtract(to, static_cast<T>(unit_));
        double& loss = losses_[static_cast<std::size_t>(i)];
        loss = n * softmax.log_sum + row.counted(softmax.x, softmax.shift);
        const int64_t top = dominant(softmax.e, cols_, softmax.sum);
        if (top < 0) return;
        // The target that has more than half of the probability is computed anew: n p - c cancels
        // where p and c / n are near 1, as in a trained table, and so does log p.
        const typename SoftmaxRow<T>::Target target = softmax.at(top);
        const double pairs = static_cast<double>(row.at(top));
        to[top] = static_cast<T>(unit_ * ((n - pairs) - n * target.one_minus_p));
        const double plain =
            softmax.log_sum + (softmax.shift - static_cast<double>(softmax.x[top]));
        loss = pairs == n ? n * target.nll : loss + pairs * (target.nll - plain);
    }

    T* grad_;
    const T* weight_;
    const Counts& counts_;
    int64_t rows_, cols_;
    double l2_;
    double size_;        // of the weight
    double unit_ = 0.0;  // 1 / N
    std::vector<int64_t> pairs_;
    std::vector<double> losses_, squares_;  // of the rows
    std::atomic<int64_t> bad_row_;          // the first one
};

}  // namespace

template <class T, class Counts>
Result count_cross_entropy_grad(double* loss, T* grad, const T* weight, const Counts& counts,
                                int64_t rows, int64_t cols, int64_t total, double l2,
                                const Run& run) {
    return CountGradient<T, Counts>(grad, weight, counts, rows, cols, l2).run(loss, total, run);
}

#define BIGRAM_INSTANCE(T, Counts)                                                          \
    template Result count_cross_entropy_grad(double*, T*, const T*, const Counts&, int64_t, \
                                             int64_t, int64_t, double, const Run&);
BIGRAM_INSTANCE(float, DenseCounts)
BIGRAM_INSTANCE(double, DenseCounts)
BIGRAM_INSTANCE(float, CsrCounts<std::int32_t>)
BIGRAM_INSTANCE(double, CsrCounts<std::int32_t>)
BIGRAM_INSTANCE(float, CsrCounts<int64_t>)
BIGRAM_INSTANCE(double, CsrCounts<int64_t>)
#undef BIGRAM_INSTANCE

}  // namespace bigram
