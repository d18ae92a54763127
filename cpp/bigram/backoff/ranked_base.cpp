// The base of a model with backoff, sorted once for all rows: O(V log V). A guide of V entries
// (Chen and Asau 1974) leads from a place in its cumulative sums to the rank that holds it, in O(1)
// on average.
#include "bigram/backoff/ranked_base.hpp"

#include <algorithm>
#include <numeric>

namespace bigram {

using std::int64_t;
using std::uint32_t;

RankedBase::RankedBase(const double* base, int64_t vocab_size)
    : order(static_cast<std::size_t>(vocab_size)),
      rank(order.size()),
      weights(order.size()),
      sums(order.size() + 1, 0.0) {
    std::iota(order.begin(), order.end(), uint32_t{0});
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
        return base[a] > base[b] || (base[a] == base[b] && a < b);
    });
    for (std::size_t r = 0; r < order.size(); ++r) {
        rank[order[r]] = static_cast<uint32_t>(r);
        weights[r] = base[order[r]];
        sums[r + 1] = sums[r] + weights[r];
    }
    guide.resize(order.size());
    std::size_t rank_of_part = 0;
    for (std::size_t part = 0; part < guide.size(); ++part) {
        const double place =
            sums.back() * static_cast<double>(part) / static_cast<double>(guide.size());
        while (rank_of_part + 1 < order.size() && sums[rank_of_part + 1] <= place)
            ++rank_of_part;
        guide[part] = static_cast<uint32_t>(rank_of_part);
    }
}

std::size_t RankedBase::find(double place, std::size_t limit) const {
    const double part = place / sums.back() * static_cast<double>(guide.size());
    std::size_t found = guide[std::min(static_cast<std::size_t>(part), guide.size() - 1)];
    while (found > 0 && sums[found] > place)
        --found;
    while (found + 1 < limit && sums[found + 1] <= place)
        ++found;
    return std::min(found, limit - 1);
}

}  // namespace bigram
