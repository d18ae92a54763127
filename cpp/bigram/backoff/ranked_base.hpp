// Private to this room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bigram {

// The base in descending order, ties from the lower id on: what a row needs beyond its pairs.
struct RankedBase {
    std::vector<std::uint32_t> order;  // the id of each rank
    std::vector<std::uint32_t> rank;   // the rank of each id
    std::vector<double> weights;       // by rank
    std::vector<double> sums;          // (vocab_size + 1): of those below a rank
    std::vector<std::uint32_t> guide;  // where to look for a sum: as many parts as ranks

    RankedBase() = default;
    RankedBase(const double* base, std::int64_t vocab_size);

    // The rank below `limit` whose share holds `place` in [0, sums[limit]). O(1) on the average.
    std::size_t find(double place, std::size_t limit) const;
};

}  // namespace bigram
