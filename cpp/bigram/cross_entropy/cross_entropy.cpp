// Softmax cross-entropy and its gradient, fused; torch.nn.functional.cross_entropy's semantics.
//
//   nll[j] = logsumexp(x) - x[j]                                  x a row of logits, y its target
//   loss_r = (1 - eps) w[y] nll[y] + (eps / C) sum_j w[j] nll[j]   0 where y is ignored
//   loss   = sum_r loss_r / sum_r w[y_r] (mean), their sum, or each
//   grad_j = s (p[j] K - (eps / C) w[j] - (1 - eps) w[y] [j = y])  p = softmax(x)
//   K      = (1 - eps) w[y] + (eps / C) sum_j w[j]                 s = d loss / d loss_r
//
// logits, grad (rows, classes), targets (rows), weight (classes). A block of rows stays in L1 from
// the maximum to the gradient, so memory is read once and written once.
#include "bigram/cross_entropy/cross_entropy.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "bigram/cross_entropy/softmax_rows.hpp"
#include "bigram/numeric/lanes.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kTileElements = 2048;    // of logits: with their exponentials, inside L1
constexpr int64_t kMaxRows = 128;          // of a tile
constexpr int64_t kMaxTiles = 8;           // of a block, so that a thread finds its next row near
constexpr int64_t kTargetBlock = 1 << 16;  // targets checked at a time
constexpr int64_t kSerialElements = 1 << 15;  // less is not worth a team of threads
constexpr int64_t kStreamBytes = 1 << 24;     // a gradient of this size finds no room in a cache

// sum_j weight[j] (shift - x[j]), what label smoothing adds.
template <class T>
BIGRAM_INLINE double smoothing_sum_body(const T* x, const double* weight, int64_t size,
                                        double shift) {
    return sum_in_lanes(size, [=](int64_t j) {
        const double term = shift - static_cast<double>(x[j]);
        return weight != nullptr ? weight[j] * term : term;
    });
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
    double mass = 0.0;  // sum of weight[y]
};

template <class Target>
BIGRAM_INLINE bool is_bad(Target target, int64_t classes, int64_t ignore_index) {
    const int64_t y = target;
    return (y != ignore_index) & ((y < 0) | (y >= classes));
}

// No branch in the loop that all targets go through. The stride is a constant where it is one.
template <class Target>
BIGRAM_INLINE bool any_bad_body(const Target* targets, int64_t stride, int64_t size,
                                int64_t classes, int64_t ignore_index, int64_t* counted) {
    int64_t count = 0;
    int64_t bad = 0;
    if (stride == 1) {
        for (int64_t i = 0; i < size; ++i) {
            count += targets[i] != ignore_index;
            bad |= is_bad(targets[i], classes, ignore_index);
        }
    } else {
        for (int64_t i = 0; i < size; ++i) {
            count += targets[i * stride] != ignore_index;
            bad |= is_bad(targets[i * stride], classes, ignore_index);
        }
    }
    *counted = count;
    return bad != 0;
}

BIGRAM_CLONES(bool, any_bad,
              (const std::int32_t* targets, int64_t stride, int64_t size, int64_t classes,
               int64_t ignore_index, int64_t* counted),
              (targets, stride, size, classes, ignore_index, counted))
BIGRAM_CLONES(bool, any_bad,
              (const int64_t* targets, int64_t stride, int64_t size, int64_t classes,
               int64_t ignore_index, int64_t* counted),
              (targets, stride, size, classes, ignore_index, counted))

template <class Target>
TargetStats check_targets(Strided<Target> targets, int64_t first, int64_t last, int64_t classes,
                          const CrossEntropyOptions& options) {
    int64_t counted = 0;
    TargetStats stats;
    if (any_bad(&targets.data[first * targets.stride], targets.stride, last - first, classes,
                options.ignore_index, &counted)) {
        stats.first_bad = first;
        while (!is_bad(targets[stats.first_bad], classes, options.ignore_index))
            ++stats.first_bad;
        return stats;
    }
    stats.mass = static_cast<double>(counted);
    if (options.weight != nullptr) {
        stats.mass = 0.0;
        for (int64_t i = first; i < last; ++i) {
            if (targets[i] != options.ignore_index) stats.mass += options.weight[targets[i]];
        }
    }
    return stats;
}

// What all tiles of rows share.
template <class T, class Target>
class Tiles {
  public:
    Tiles(Rows<T> grad, Rows<const T> logits, Strided<Target> targets, int64_t rows,
          int64_t classes, const CrossEntropyOptions& options, double unit)
        : grad_(grad),
          logits_(logits),
          targets_(targets),
          classes_(classes),
          options_(options),
          unit_(unit),
          share_(classes > 0 ? options.label_smoothing / static_cast<double>(classes) : 0.0),
          total_weight_(static_cast<double>(classes)),
          stream_(grad.data != logits.data && grad.row_stride == classes &&
                  rows * classes >= kStreamBytes / static_cast<int64_t>(sizeof(T))) {
        if (options.weight == nullptr) return;
        total_weight_ = 0.0;
        for (int64_t j = 0; j < classes; ++j)
            total_weight_ += options.weight[j];
    }

    bool stream() const { return stream_; }

    // Exponentials, losses and gradient of rows [first, last), at most kMaxRows. Returns the sum
    // of the losses; each goes to loss unless that is null. e has room for the padded rows, twice
    // where the gradient is streamed.
    double run(int64_t first, int64_t last, T* e, double* loss) const {
        const int64_t rows = last - first;
        const T* x = logits_.data + first * logits_.row_stride;
        double sums[kMaxRows], shifts[kMaxRows], logs[kMaxRows];
        double inverses[kMaxRows], scale[kMaxRows], at_target[kMaxRows];
        exp_rows(e, sums, shifts, x, rows, classes_, logits_.row_stride);
        log_all(logs, sums, rows);
        for (int64_t r = 0; r < rows; ++r) {
            inverses[r] = 1.0 / sums[r];
            scale[r] = unit_ * inverses[r];
        }
        // Copies, which the compiler need not read again after each store.
        const Strided<Target> targets{targets_.data + first * targets_.stride, targets_.stride};
        const int64_t classes = classes_, x_stride = logits_.row_stride, e_stride = padded(classes);
        const int64_t ignore_index = options_.ignore_index;
        const double unit = unit_;
        const bool plain = share_ == 0.0 && options_.weight == nullptr;
        double total = 0.0;
        for (int64_t r = 0; r < rows; ++r) {
            const SoftmaxRow<T> softmax{e + r * e_stride, x + r * x_stride, classes, sums[r],
                                        inverses[r],      shifts[r],        logs[r]};
            const int64_t y = targets[r];
            double row_loss = 0.0;
            if (y == ignore_index) {
                scale[r] = std::isnan(sums[r]) ? sums[r] : 0.0;  // as torch: nan shows even here
                at_target[r] = scale[r];
            } else if (plain) {
                const typename SoftmaxRow<T>::Target target = softmax.at(y);
                row_loss = target.nll;
                at_target[r] = -unit * target.rest;
            } else {
                row_loss = general_row(softmax, y, &scale[r], &at_target[r]);
            }
            if (loss != nullptr) loss[first + r] = row_loss;
            total += row_loss;
        }
        if (grad_.data != nullptr) write(first, rows, e, scale, at_target);
        return total;
    }

  private:
    // The loss of one row; its gradient is e * scale - unit * share * weight but for the target's.
    double general_row(const SoftmaxRow<T>& softmax, int64_t y, double* scale,
                       double* at_target) const {
        const typename SoftmaxRow<T>::Target target = softmax.at(y);
        const double w = options_.weight != nullptr ? options_.weight[y] : 1.0;
        const double own = (1.0 - options_.label_smoothing) * w;
        const double mass = own + share_ * total_weight_;
        *scale *= mass;
        *at_target = unit_ * (share_ * (total_weight_ - w) - target.rest * mass);
        if (share_ == 0.0) return own * target.nll;
        const double all = smoothing_sum(softmax.x, options_.weight, classes_, softmax.shift);
        return own * target.nll + share_ * (softmax.log_sum * total_weight_ + all);
    }

    // A large gradient is made in cache and goes past it as a whole: 1.4 times, as memory is what
    // it waits for.
    void write(int64_t first, int64_t rows, T* e, const double* scale,
               const double* at_target) const {
        T* const place = grad_.data + first * grad_.row_stride;
        T* const out = stream_ ? e + rows * padded(classes_) : place;
        if (share_ == 0.0) {
            scale_rows(out, e, scale, rows, classes_, grad_.row_stride);
        } else {
            for (int64_t r = 0; r < rows; ++r) {
                const bool ignored = targets_[first + r] == options_.ignore_index;
                smoothed_row(out + r * grad_.row_stride, e + r * padded(classes_), options_.weight,
                             classes_, scale[r], ignored ? 0.0 : unit_ * share_);
            }
        }
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t y = targets_[first + r];
            if (y != options_.ignore_index) {
                out[r * grad_.row_stride + y] = static_cast<T>(at_target[r]);
            }
        }
        if (!stream_) return;
        stream_copy(place, out, rows * classes_ * static_cast<int64_t>(sizeof(T)));
        stream_fence();
    }

    Rows<T> grad_;
    Rows<const T> logits_;
    Strided<Target> targets_;
    int64_t classes_;
    const CrossEntropyOptions& options_;
    double unit_;          // d loss / d loss_r
    double share_;         // label_smoothing / classes
    double total_weight_;  // of all classes
    bool stream_;
};

// The sum of weight[y] over the targets that are not ignored.
template <class Target>
Result sum_targets(double* mass, Strided<Target> targets, int64_t rows, int64_t classes,
                   const CrossEntropyOptions& options, const Run& run) {
    const int64_t blocks = ceil_div(rows, kTargetBlock);
    std::vector<TargetStats> stats(static_cast<std::size_t>(blocks));
    const auto check = [&](int64_t b, int) {
        stats[static_cast<std::size_t>(b)] = check_targets(
            targets, b * kTargetBlock, std::min(rows, (b + 1) * kTargetBlock), classes, options);
    };
    if (!parallel_for(run, blocks, check)) return Result::interrupted();
    *mass = 0.0;
    for (const TargetStats& s : stats) {
        if (s.first_bad >= 0) return Result::bad_value(s.first_bad);
        *mass += s.mass;
    }
    return {};
}

}  // namespace

template <class T, class Target>
Result softmax_cross_entropy(double* loss, Rows<T> grad, Rows<const T> logits,
                             Strided<Target> targets, int64_t rows, int64_t classes,
                             const CrossEntropyOptions& options, const Run& asked) {
    Run run = asked;
    if (rows * classes < kSerialElements) run.num_threads = 1;
    double mass = 0.0;
    const Result checked = sum_targets(&mass, targets, rows, classes, options, run);
    if (!checked.ok()) return checked;

    // A mean over no mass is no number, and torch's gradient is none either.
    const bool mean = options.reduction == Reduction::mean;
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    const double unit = !mean ? 1.0 : mass == 0.0 ? nothing : 1.0 / mass;
    const Tiles<T, Target> tiles(grad, logits, targets, rows, classes, options, unit);
    const int64_t width = std::max<int64_t>(padded(classes), 1);
    const int64_t tile_rows = std::clamp<int64_t>(kTileElements / width, 1, kMaxRows);
    const int64_t tiles_per_block = std::clamp<int64_t>(rows / tile_rows / 16, 1, kMaxTiles);
    const int64_t block_rows = tile_rows * tiles_per_block;
    const int64_t blocks = ceil_div(rows, block_rows);
    const int64_t tile_size = (tiles.stream() ? 2 : 1) * tile_rows * width;
    const Scratch<T> scratch(tile_size * team_size(run, blocks));
    std::vector<double> partial(static_cast<std::size_t>(blocks));
    double* each = options.reduction == Reduction::none ? loss : nullptr;
    const auto body = [&](int64_t b, int thread) {
        T* e = scratch.data() + thread * tile_size;
        const int64_t end = std::min(rows, (b + 1) * block_rows);
        double total = 0.0;
        for (int64_t first = b * block_rows; first < end; first += tile_rows)
            total += tiles.run(first, std::min(end, first + tile_rows), e, each);
        partial[static_cast<std::size_t>(b)] = total;
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    if (each != nullptr) return {};
    double total = 0.0;
    for (const double value : partial)
        total += value;
    *loss = mean ? total / mass : total;
    // As torch, whose two terms are divided each by itself: 0 / 0 for the targets' own.
    if (mean && mass == 0.0 && options.label_smoothing > 0.0) *loss = nothing;
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
