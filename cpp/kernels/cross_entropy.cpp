// Softmax cross-entropy and its gradient, fused; torch.nn.functional.cross_entropy's semantics.
//
//   nll[j] = logsumexp(x) - x[j]                                  x a row of logits, y its target
//   loss_r = (1 - eps) w[y] nll[y] + (eps / C) sum_j w[j] nll[j]   0 where y is ignored
//   loss   = sum_r loss_r / sum_r w[y_r] (mean), their sum, or each
//   grad_j = s (p[j] K - (eps / C) w[j] - (1 - eps) w[y] [j = y])  p = softmax(x), s = d loss/d
//   loss_r K      = (1 - eps) w[y] + (eps / C) sum_j w[j]
//
// logits, grad (rows, classes), targets (rows), weight (classes). A block of rows stays in L1 from
// the maximum to the gradient, so memory is read once and written once.
#include "bigram/cross_entropy.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "bigram/isa.hpp"
#include "bigram/softmax_rows.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kBlockElements = 4096;      // of logits: with the exponentials, inside L1
constexpr int64_t kMaxRows = 256;             // of a block
constexpr int64_t kTargetBlock = 1 << 16;     // targets checked at a time
constexpr int64_t kSerialElements = 1 << 14;  // less is not worth a team of threads

// sum_j weight[j] (shift - x[j]), what label smoothing adds; in eight fixed lanes.
template <class T>
BIGRAM_INLINE double smoothing_sum_body(const T* x, const double* weight, int64_t size,
                                        double shift) {
    double lanes[8] = {};
    int64_t j = 0;
    for (; j + 8 <= size; j += 8) {
        for (int k = 0; k < 8; ++k) {
            const double term = shift - static_cast<double>(x[j + k]);
            lanes[k] += weight != nullptr ? weight[j + k] * term : term;
        }
    }
    for (int k = 0; j + k < size; ++k) {
        const double term = shift - static_cast<double>(x[j + k]);
        lanes[k] += weight != nullptr ? weight[j + k] * term : term;
    }
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

template <class T>
BIGRAM_INLINE void smoothed_row_body(T* out, const T* e, const double* weight, int64_t size,
                                     double scale, double share) {
    for (int64_t j = 0; j < size; ++j) {
        const double w = weight != nullptr ? weight[j] : 1.0;
        out[j] = static_cast<T>(static_cast<double>(e[j]) * scale - share * w);
    }
}

BIGRAM_CLONES(double, smoothing_sum,
              (const float* x, const double* weight, int64_t size, double shift),
              (x, weight, size, shift))
BIGRAM_CLONES(double, smoothing_sum,
              (const double* x, const double* weight, int64_t size, double shift),
              (x, weight, size, shift))
BIGRAM_CLONES(void, smoothed_row,
              (float* out, const float* e, const double* weight, int64_t size, double scale,
               double share),
              (out, e, weight, size, scale, share))
BIGRAM_CLONES(void, smoothed_row,
              (double* out, const double* e, const double* weight, int64_t size, double scale,
               double share),
              (out, e, weight, size, scale, share))

struct TargetStats {
    int64_t first_bad = -1;
    int64_t counted = 0;
    double mass = 0.0;  // sum of weight[y]
};

template <class Target>
TargetStats check_targets(Strided<Target> targets, int64_t first, int64_t last, int64_t classes,
                          const CrossEntropyOptions& options) {
    TargetStats stats;
    for (int64_t i = first; i < last; ++i) {
        const int64_t y = targets[i];
        if (y == options.ignore_index) continue;
        if (y < 0 || y >= classes) {
            stats.first_bad = i;
            return stats;
        }
        ++stats.counted;
        if (options.weight != nullptr) stats.mass += options.weight[y];
    }
    if (options.weight == nullptr) stats.mass = static_cast<double>(stats.counted);
    return stats;
}

// One block of rows: exponentials, losses, gradient.
template <class T, class Target>
class Block {
  public:
    Block(Rows<T> grad, Rows<const T> logits, Strided<Target> targets, int64_t classes,
          const CrossEntropyOptions& options, double unit, double total_weight)
        : grad_(grad),
          logits_(logits),
          targets_(targets),
          classes_(classes),
          options_(options),
          unit_(unit),
          share_(classes > 0 ? options.label_smoothing / static_cast<double>(classes) : 0.0),
          total_weight_(total_weight) {}

    // Returns the sum of the losses of rows [first, last); each goes to loss unless null.
    double run(int64_t first, int64_t last, T* e, double* loss) const {
        const int64_t rows = last - first;
        const T* x = logits_.data + first * logits_.row_stride;
        RowSum sums[kMaxRows];
        double values[kMaxRows], logs[kMaxRows], scale[kMaxRows], at_target[kMaxRows];
        exp_rows(e, sums, x, rows, classes_, logits_.row_stride);
        for (int64_t r = 0; r < rows; ++r)
            values[r] = sums[r].sum;
        log_all(logs, values, rows);
        double total = 0.0;
        for (int64_t r = 0; r < rows; ++r) {
            const double row_loss =
                row(targets_[first + r], e + r * classes_, x + r * logits_.row_stride, sums[r],
                    logs[r], &scale[r], &at_target[r]);
            if (loss != nullptr) loss[first + r] = row_loss;
            total += row_loss;
        }
        if (grad_.data != nullptr) write(first, rows, e, scale, at_target);
        return total;
    }

  private:
    // The loss of one row; its gradient is e * scale (- share * weight), but for the target's.
    double row(int64_t y, const T* e, const T* x, const RowSum& sum, double log_sum, double* scale,
               double* at_target) const {
        *at_target = 0.0;
        if (y == options_.ignore_index) {
            *scale = std::isnan(sum.sum) ? sum.sum : 0.0;  // as torch: a nan shows even here
            return 0.0;
        }
        const SoftmaxRow<T> softmax{e, x, classes_, sum, log_sum};
        const typename SoftmaxRow<T>::Target target = softmax.at(y);
        const double w = options_.weight != nullptr ? options_.weight[y] : 1.0;
        const double own = (1.0 - options_.label_smoothing) * w;
        const double mass = own + share_ * total_weight_;
        *scale = unit_ * mass / sum.sum;
        *at_target = unit_ * (share_ * (total_weight_ - w) - target.rest * mass);
        if (share_ == 0.0) return own * target.nll;
        const double all = smoothing_sum(x, options_.weight, classes_, sum.shift);
        return own * target.nll + share_ * (log_sum * total_weight_ + all);
    }

    void write(int64_t first, int64_t rows, const T* e, const double* scale,
               const double* at_target) const {
        T* out = grad_.data + first * grad_.row_stride;
        if (share_ == 0.0) {
            scale_rows(out, e, scale, rows, classes_, grad_.row_stride);
        }
        for (int64_t r = 0; r < rows; ++r, out += grad_.row_stride, e += classes_) {
            const int64_t y = targets_[first + r];
            if (share_ != 0.0) {
                const bool ignored = y == options_.ignore_index;
                smoothed_row(out, e, options_.weight, classes_, scale[r],
                             ignored ? 0.0 : unit_ * share_);
            }
            if (y != options_.ignore_index) out[y] = static_cast<T>(at_target[r]);
        }
    }

    Rows<T> grad_;
    Rows<const T> logits_;
    Strided<Target> targets_;
    int64_t classes_;
    const CrossEntropyOptions& options_;
    double unit_;          // d loss / d loss_r
    double share_;         // label_smoothing / classes
    double total_weight_;  // of all classes
};

}  // namespace

template <class T, class Target>
Result softmax_cross_entropy(double* loss, Rows<T> grad, Rows<const T> logits,
                             Strided<Target> targets, int64_t rows, int64_t classes,
                             const CrossEntropyOptions& options, const Run& run) {
    Run serial_if_small = run;
    if (rows * classes < kSerialElements) serial_if_small.num_threads = 1;

    const int64_t target_blocks = ceil_div(rows, kTargetBlock);
    std::vector<TargetStats> stats(static_cast<std::size_t>(target_blocks));
    const auto check = [&](int64_t b, int) {
        stats[static_cast<std::size_t>(b)] = check_targets(
            targets, b * kTargetBlock, std::min(rows, (b + 1) * kTargetBlock), classes, options);
    };
    if (!parallel_for(serial_if_small, target_blocks, check)) return Result::interrupted();
    double mass = 0.0;
    for (const TargetStats& s : stats) {
        if (s.first_bad >= 0) return Result::bad_value(s.first_bad);
        mass += s.mass;
    }

    double total_weight = static_cast<double>(classes);
    if (options.weight != nullptr) {
        total_weight = 0.0;
        for (int64_t j = 0; j < classes; ++j)
            total_weight += options.weight[j];
    }
    const bool mean = options.reduction == Reduction::mean;
    // A mean over no mass is no number, and torch's gradient is none either.
    const double mean_unit = mass == 0.0 ? std::numeric_limits<double>::quiet_NaN() : 1.0 / mass;
    const Block<T, Target> block(grad, logits, targets, classes, options, mean ? mean_unit : 1.0,
                                 total_weight);
    const int64_t width = std::max<int64_t>(classes, 1);
    const int64_t block_rows = std::clamp<int64_t>(kBlockElements / width, 1, kMaxRows);
    const int64_t blocks = ceil_div(rows, block_rows);
    const int team = team_size(serial_if_small, blocks);
    const int64_t block_elements = (block_rows * width + 63) / 64 * 64;
    const Scratch<T> scratch(block_elements * team);
    std::vector<double> partial(static_cast<std::size_t>(blocks));
    double* each = options.reduction == Reduction::none ? loss : nullptr;
    const auto body = [&](int64_t b, int thread) {
        partial[static_cast<std::size_t>(b)] =
            block.run(b * block_rows, std::min(rows, (b + 1) * block_rows),
                      scratch.data() + thread * block_elements, each);
    };
    if (!parallel_for(serial_if_small, blocks, body)) return Result::interrupted();
    if (each == nullptr) {
        double total = 0.0;
        for (const double value : partial)
            total += value;
        *loss = mean ? total / mass : total;
        // As torch, whose two terms are divided each by itself: 0 / 0 for the targets' own.
        if (mean && mass == 0.0 && options.label_smoothing > 0.0) {
            *loss = std::numeric_limits<double>::quiet_NaN();
        }
    }
    return {};
}

#define BIGRAM_INSTANCE(T, Target)                                                          \
    template Result softmax_cross_entropy(double*, Rows<T>, Rows<const T>, Strided<Target>, \
                                          int64_t, int64_t, const CrossEntropyOptions&,     \
                                          const Run&);
BIGRAM_INSTANCE(float, std::int32_t)
BIGRAM_INSTANCE(float, std::int64_t)
BIGRAM_INSTANCE(double, std::int32_t)
BIGRAM_INSTANCE(double, std::int64_t)
#undef BIGRAM_INSTANCE

}  // namespace bigram
