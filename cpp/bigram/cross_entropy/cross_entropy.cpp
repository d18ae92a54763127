// Softmax cross-entropy and its gradient, fused; torch.nn.functional.cross_entropy's semantics.
//
//   nll[j] = logsumexp(x) - x[j]                                  x a row of logits, y its target
//   loss_r = (1 - eps) w[y] nll[y] + (eps / C) sum_j w[j] nll[j]   0 where y is ignored
//   loss   = sum_r loss_r / sum_r w[y_r] (mean), their sum, or each
//   grad_j = s (p[j] K - (eps / C) w[j] - (1 - eps) w[y] [j = y])  p = softmax(x)
//   K      = (1 - eps) w[y] + (eps / C) sum_j w[j]                 s = d loss / d loss_r
//
// logits, grad (rows, classes), targets (rows), weight (classes). 16 operations an element; 4 or 8
// bytes read and as many written, each once, because a tile of rows stays in L1 from the maximum to
// the gradient: 4.6 to 9 times torch.compile, near the speed of a copy (benchmarks/README.md).
#include "bigram/cross_entropy/cross_entropy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bigram/cross_entropy/softmax_rows.hpp"
#include "bigram/cross_entropy/targets.hpp"
#include "bigram/numeric/lanes.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kTileElements = 2048;       // logits of a tile: with their exponentials, in L1
constexpr int64_t kMaxTileRows = 128;         // whose sums, logarithms and factors are on the stack
constexpr int64_t kMaxTilesPerBlock = 8;      // of one thread, which fetches the next tile's rows
constexpr int64_t kSerialElements = 1 << 15;  // fewer logits are not worth a team of threads
constexpr int64_t kStreamBytes = 1 << 24;     // a gradient of this size fits in no cache

// sum_j weight[j] (shift - x[j]), what label smoothing adds to the loss.
template <class T>
BIGRAM_INLINE double smoothing_sum_body(const T* x, const double* weight, int64_t size,
                                        double shift) {
    return sum_in_lanes(size, [=](int64_t j) {
        const double term = shift - static_cast<double>(x[j]);
        return weight != nullptr ? weight[j] * term : term;
    });
}

// out[j] = e[j] scale - share weight[j], a row of the gradient under label smoothing.
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

// The loss of a row, and what its gradient is made of: grad[y] = at_target, and at any other j
// grad[j] = e[j] scale - s share weight[j].
struct RowTerms {
    double loss;
    double scale;
    double at_target;
};

// What the formulas share between rows, and a row of them as they are written above.
class RowFormula {
  public:
    RowFormula(int64_t classes, const CrossEntropyOptions& options, double unit)
        : classes_(classes),
          weight_(options.weight),
          smoothing_(options.label_smoothing),
          unit_(unit),
          share_(classes > 0 ? options.label_smoothing / static_cast<double>(classes) : 0.0),
          total_weight_(static_cast<double>(classes)) {
        if (weight_ == nullptr) return;
        total_weight_ = 0.0;
        for (int64_t j = 0; j < classes; ++j)
            total_weight_ += weight_[j];
    }

    double unit() const { return unit_; }
    double share() const { return share_; }
    bool plain() const { return share_ == 0.0 && weight_ == nullptr; }

    // Any row whose target is not ignored. p[y] K - own - share w[y] would cancel where p[y] is
    // near 1, so it is written with 1 - p[y], which SoftmaxRow::at knows to full precision.
    template <class T>
    RowTerms row(const SoftmaxRow<T>& softmax, int64_t y) const {
        const typename SoftmaxRow<T>::Target target = softmax.at(y);
        const double w = weight_ != nullptr ? weight_[y] : 1.0;
        const double own = (1.0 - smoothing_) * w;
        const double mass = own + share_ * total_weight_;  // K
        RowTerms terms{own * target.nll, unit_ * softmax.inverse * mass,
                       unit_ * (share_ * (total_weight_ - w) - target.one_minus_p * mass)};
        if (share_ != 0.0) {
            const double all = smoothing_sum(softmax.x, weight_, classes_, softmax.shift);
            terms.loss += share_ * (softmax.log_sum * total_weight_ + all);
        }
        return terms;
    }

    // The same without class weights and smoothing, where w = K = 1.
    template <class T>
    RowTerms plain_row(const SoftmaxRow<T>& softmax, int64_t y) const {
        const typename SoftmaxRow<T>::Target target = softmax.at(y);
        return {target.nll, unit_ * softmax.inverse, -unit_ * target.one_minus_p};
    }

    // A row whose target is ignored: no loss and no gradient, but nan where its logits hold one, as
    // torch has it.
    template <class T>
    RowTerms ignored_row(const SoftmaxRow<T>& softmax) const {
        const double zero = std::isnan(softmax.sum) ? softmax.sum : 0.0;
        return {0.0, zero, zero};
    }

  private:
    int64_t classes_;
    const double* weight_;
    double smoothing_;
    double unit_;          // d loss / d loss_r
    double share_;         // label_smoothing / classes
    double total_weight_;  // of all classes
};

// Tiles of rows: the formula above for as many rows as stay in L1 with their exponentials.
template <class T, class Target>
class Tiles {
  public:
    Tiles(Rows<T> grad, Rows<const T> logits, Strided<Target> targets, int64_t rows,
          int64_t classes, const CrossEntropyOptions& options, double unit)
        : grad_(grad),
          logits_(logits),
          targets_(targets),
          classes_(classes),
          ignore_index_(options.ignore_index),
          weight_(options.weight),
          formula_(classes, options, unit),
          stream_(grad.data != logits.data && grad.row_stride == classes &&
                  rows * classes >= kStreamBytes / static_cast<int64_t>(sizeof(T))) {}

    bool stream() const { return stream_; }

    // Exponentials, losses and gradient of rows [first, last), at most kMaxTileRows. Returns the
    // sum of the losses; each goes to loss unless that is null. e has room for the padded rows,
    // twice where the gradient is streamed.
    double run(int64_t first, int64_t last, T* e, double* loss) const {
        const int64_t rows = last - first;
        const T* x = logits_.data + first * logits_.row_stride;
        double sums[kMaxTileRows], shifts[kMaxTileRows], logs[kMaxTileRows];
        double inverses[kMaxTileRows], scale[kMaxTileRows], at_target[kMaxTileRows];
        exp_rows(e, sums, shifts, x, rows, classes_, logits_.row_stride);
        log_all(logs, sums, rows);
        for (int64_t r = 0; r < rows; ++r)  // apart from the loop below: here divisions are vectors
            inverses[r] = 1.0 / sums[r];
        // Copies on the stack, which the compiler need not read again after each store.
        const Strided<Target> targets{targets_.data + first * targets_.stride, targets_.stride};
        const int64_t classes = classes_, x_stride = logits_.row_stride, e_stride = padded(classes);
        const int64_t ignore_index = ignore_index_;
        const RowFormula formula = formula_;
        const bool plain = formula.plain();
        double total = 0.0;
        for (int64_t r = 0; r < rows; ++r) {
            const SoftmaxRow<T> softmax{e + r * e_stride, x + r * x_stride, classes, sums[r],
                                        inverses[r],      shifts[r],        logs[r]};
            const int64_t y = targets[r];
            const RowTerms terms = y == ignore_index ? formula.ignored_row(softmax)
                                   : plain           ? formula.plain_row(softmax, y)
                                                     : formula.row(softmax, y);
            scale[r] = terms.scale;
            at_target[r] = terms.at_target;
            if (loss != nullptr) loss[first + r] = terms.loss;
            total += terms.loss;
        }
        if (grad_.data != nullptr) write(first, rows, e, scale, at_target);
        return total;
    }

  private:
    // A large gradient is made in cache and copied past it as a whole, so that the processor need
    // not read the lines that it replaces: 1.4 times at (4096, 4096), as memory is the bound.
    void write(int64_t first, int64_t rows, T* e, const double* scale,
               const double* at_target) const {
        T* const place = grad_.data + first * grad_.row_stride;
        T* const out = stream_ ? e + rows * padded(classes_) : place;
        if (formula_.share() == 0.0) {
            scale_rows(out, e, scale, rows, classes_, grad_.row_stride);
        } else {
            const double share = formula_.unit() * formula_.share();
            for (int64_t r = 0; r < rows; ++r) {
                const bool ignored = targets_[first + r] == ignore_index_;
                smoothed_row(out + r * grad_.row_stride, e + r * padded(classes_), weight_,
                             classes_, scale[r], ignored ? 0.0 : share);
            }
        }
        for (int64_t r = 0; r < rows; ++r) {
            const int64_t y = targets_[first + r];
            if (y != ignore_index_) out[r * grad_.row_stride + y] = static_cast<T>(at_target[r]);
        }
        if (!stream_) return;
        stream_copy(place, out, rows * classes_ * static_cast<int64_t>(sizeof(T)));
        stream_fence();
    }

    Rows<T> grad_;
    Rows<const T> logits_;
    Strided<Target> targets_;
    int64_t classes_;
    int64_t ignore_index_;
    const double* weight_;
    RowFormula formula_;
    bool stream_;
};

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

    // The mean of no rows is 0 / 0, and so is its gradient, in torch too.
    const bool mean = options.reduction == Reduction::mean;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const double unit = !mean ? 1.0 : mass == 0.0 ? nan : 1.0 / mass;
    const Tiles<T, Target> tiles(grad, logits, targets, rows, classes, options, unit);
    const int64_t width = std::max<int64_t>(padded(classes), 1);
    const int64_t tile_rows = std::clamp<int64_t>(kTileElements / width, 1, kMaxTileRows);
    // The blocks depend on the shape alone, so the sum of their losses has the same bits for any
    // number of threads; 16 blocks at least share out small batches.
    const int64_t tiles_per_block =
        std::clamp<int64_t>(rows / tile_rows / 16, 1, kMaxTilesPerBlock);
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
    // As torch, which divides each of the two terms by the mass: 0 / 0 in the targets' own.
    if (mean && mass == 0.0 && options.label_smoothing > 0.0) *loss = nan;
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
