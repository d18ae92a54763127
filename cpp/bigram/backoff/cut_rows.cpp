// Top-k and nucleus sampling of a model with backoff, without building a row.
//
// A row in descending order merges two sorted lists: its stored pairs, sorted here, and the base,
// sorted once for all rows, of which the stored ids are skipped. The place of a stored pair in the
// merged row, and the mass before it, come from binary searches in the other list. A row costs
// O(pairs of the row x log V).
#include "bigram/backoff/prepare.hpp"

#include <algorithm>
#include <numeric>

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;

constexpr int64_t kBlockRows = 64;  // rows that a thread takes at a time
constexpr int64_t kListed = 64;     // unseen tokens that any row may list
constexpr double kAccepted = 0.9;   // of draws from the base: if more are, nothing is listed

template <class Index>
class Row {
  public:
    Row(const BackoffWeights<Index>& model, const RankedBase& base) : model_(model), base_(base) {}

    void load(int64_t context) {
        first_ = model_.indptr[context];
        size_ = model_.indptr[context + 1] - first_;
        backoff_ = model_.backoff[context];
        order_.resize(static_cast<std::size_t>(size_));
        std::iota(order_.begin(), order_.end(), int64_t{0});
        std::sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) {
            const double left = model_.weights[first_ + a], right = model_.weights[first_ + b];
            return left > right || (left == right && a < b);
        });
        sums_.assign(1, 0.0);
        for (const int64_t e : order_)
            sums_.push_back(sums_.back() + model_.weights[first_ + e]);
        ranks_.clear();
        for (int64_t e = 0; e < size_; ++e)
            ranks_.push_back(base_.rank[static_cast<std::size_t>(model_.indices[first_ + e])]);
        std::sort(ranks_.begin(), ranks_.end());
        stored_sums_.assign(1, 0.0);
        for (const uint32_t rank : ranks_)
            stored_sums_.push_back(stored_sums_.back() + base_.weights[rank]);
        positive_ = std::partition_point(base_.weights.begin(), base_.weights.end(),
                                         [&](double q) { return backoff_ * q > 0.0; }) -
                    base_.weights.begin();
    }

    // Cuts to the k largest and then to the mass p; returns the number of stored pairs kept. What
    // is kept is a prefix of each list: the `stored` largest pairs, and the unseen tokens below
    // rank *limit, whose mass is *rest. An element's place in the merged row, and the mass before
    // it, grow along its own list, so that the ends of both prefixes are found by bisection.
    int64_t cut(int64_t top_k, double top_p, int64_t* limit, double* rest) const {
        int64_t stored = size_;  // without pairs of weight zero, which are never kept
        while (stored > 0 && model_.weights[first_ + order_[index(stored - 1)]] <= 0.0)
            --stored;
        *limit = positive_;
        if (top_k < stored + unseen(positive_)) {
            stored =
                first_false(stored, [&](int64_t e) { return e + unseen(ranks_ahead(e)) < top_k; });
            *limit = rank_of_unseen(top_k - stored);
        }
        if (top_p < 1.0) {  // an element stays while the mass before it is too small
            const double wanted = top_p * (sums_[index(stored)] + mass(*limit));
            stored = first_false(
                stored, [&](int64_t e) { return sums_[index(e)] + mass(ranks_ahead(e)) < wanted; });
            *limit = first_false(*limit, [&](int64_t r) {
                return sums_[index(stored_ahead(r))] + mass(r) < wanted;
            });
        }
        *rest = mass(*limit);
        return stored;
    }

    // How many unseen tokens get cells of their own: all where they are few for the row's length,
    // and draws from the base would often be rejected; else none.
    int64_t worth_listing(int64_t limit, double rest) const {
        const int64_t count = unseen(limit);
        const bool few = count <= kListed + 2 * size_;
        return few && rest < kAccepted * backoff_ * base_.sums[index(limit)] ? count : 0;
    }

    int64_t pair(int64_t e) const { return first_ + order_[index(e)]; }

  private:
    static std::size_t index(int64_t i) { return static_cast<std::size_t>(i); }

    template <class Predicate>
    static int64_t first_false(int64_t size, const Predicate& holds) {
        int64_t low = 0;
        while (low < size) {
            const int64_t middle = low + (size - low) / 2;
            if (holds(middle))
                low = middle + 1;
            else
                size = middle;
        }
        return low;
    }

    // Whether the unseen token of rank r comes before the e-th largest stored pair.
    bool ahead(int64_t r, int64_t e) const {
        const double unseen_weight = backoff_ * base_.weights[index(r)];
        const double weight = model_.weights[pair(e)];
        if (unseen_weight != weight) return unseen_weight > weight;
        return base_.order[index(r)] < static_cast<uint32_t>(model_.indices[pair(e)]);
    }

    int64_t ranks_ahead(int64_t e) const {
        return first_false(positive_, [&](int64_t r) { return ahead(r, e); });
    }

    int64_t stored_ahead(int64_t r) const {
        return first_false(size_, [&](int64_t e) { return !ahead(r, e); });
    }

    int64_t stored_below(int64_t r) const {
        return std::lower_bound(ranks_.begin(), ranks_.end(), static_cast<uint32_t>(r)) -
               ranks_.begin();
    }

    int64_t unseen(int64_t r) const { return r - stored_below(r); }

    // Of the unseen tokens below rank r. Where the stored ones have almost all of it, the
    // difference would cancel.
    double mass(int64_t r) const {
        const int64_t below = stored_below(r);
        if (below == r) return 0.0;
        const double all = base_.sums[index(r)];
        const double others = all - stored_sums_[index(below)];
        return backoff_ * (others < 1e-6 * all ? sum_unseen(r) : others);
    }

    // In descending order, so it ends where the rest no longer counts.
    double sum_unseen(int64_t limit) const {
        double sum = 0.0;
        std::size_t next = 0;
        for (int64_t r = 0; r < limit; ++r) {
            const double weight = base_.weights[index(r)];
            if (weight * static_cast<double>(limit - r) < 1e-17 * sum) break;
            const bool stored = next < ranks_.size() && ranks_[next] == static_cast<uint32_t>(r);
            if (stored)
                ++next;
            else
                sum += weight;
        }
        return sum;
    }

    // The least rank below which there are `count` unseen tokens.
    int64_t rank_of_unseen(int64_t count) const {
        int64_t r = count;
        for (const uint32_t rank : ranks_) {
            if (static_cast<int64_t>(rank) >= r) break;
            ++r;
        }
        return r;
    }

    const BackoffWeights<Index>& model_;
    const RankedBase& base_;
    int64_t first_ = 0;
    int64_t size_ = 0;
    int64_t positive_ = 0;  // ranks whose unseen tokens weigh anything
    double backoff_ = 0.0;
    std::vector<int64_t> order_;       // stored pairs by descending weight
    std::vector<double> sums_;         // of the weights in this order, from zero on
    std::vector<uint32_t> ranks_;      // of the stored ids in the base, ascending
    std::vector<double> stored_sums_;  // of the base over these, from zero on
};

}  // namespace

template <class Index>
Result cut_backoff_rows(RowParts& parts, const BackoffWeights<Index>& model, const RankedBase& base,
                        int64_t top_k, double top_p, const Run& run) {
    const auto body = [&](int64_t block, int) {
        Row<Index> row(model, base);
        const int64_t last = std::min(model.vocab_size, (block + 1) * kBlockRows);
        for (int64_t i = block * kBlockRows; i < last; ++i) {
            const std::size_t number = static_cast<std::size_t>(i);
            row.load(i);
            const int64_t stored =
                row.cut(top_k, top_p, &parts.limits[number], &parts.rest[number]);
            parts.listed[number] = row.worth_listing(parts.limits[number], parts.rest[number]);
            for (int64_t e = 0; e < model.indptr[i + 1] - model.indptr[i]; ++e) {
                const int64_t pair = row.pair(e);
                parts.kept[static_cast<std::size_t>(pair)] = e < stored ? model.weights[pair] : 0.0;
            }
        }
    };
    return parallel_for(run, ceil_div(model.vocab_size, kBlockRows), body) ? Result{}
                                                                           : Result::interrupted();
}

#define BIGRAM_INSTANTIATE(Index)                                                                \
    template Result cut_backoff_rows(RowParts&, const BackoffWeights<Index>&, const RankedBase&, \
                                     int64_t, double, const Run&);
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
