// Private to this room.
// Single draws from a BackoffSampler: from an alias cell, from the base, and from what a context
// has not stored.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bigram/backoff/backoff_sampling.hpp"
#include "bigram/numeric/philox.hpp"

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int kRejections = 64;

template <class Index>
bool is_stored(const BackoffSampler<Index>& model, uint32_t context, uint32_t token) {
    const int64_t* row = model.indptr.data() + context;
    const Index* first = model.indices + row[0];
    const Index* last = model.indices + row[1];
    return std::binary_search(first, last, static_cast<Index>(token));
}

inline double to_unit(uint64_t random) {
    return static_cast<double>(random >> 11) * 0x1p-53;
}

// Without a branch, which would be a coin's toss.
inline uint32_t pick(const AliasCell& cell, uint64_t fraction) {
    const uint32_t take = 0 - static_cast<uint32_t>(fraction < cell.threshold);
    return (cell.own & take) | (cell.alias & ~take);
}

template <class Index>
uint32_t draw_base(const BackoffSampler<Index>& model, uint32_t context, uint64_t random) {
    if (model.base_cells.empty()) {  // the rank whose share of the sums holds the random place
        const std::size_t limit = static_cast<std::size_t>(model.limits[context]);
        return model.base.order[model.base.find(to_unit(random) * model.base.sums[limit], limit)];
    }
    const uint64_t size = model.base_cells.size();
    return pick(model.base_cells[scale_to_range(random, size)], random * size);
}

// The unseen tokens of a row by their weight; kNoMass if there is none of them.
template <class Index>
uint32_t enumerate_unseen(const BackoffSampler<Index>& model, uint32_t context, uint64_t random) {
    const auto limit = static_cast<std::size_t>(model.limits[context]);
    double wanted = 0.0;
    uint32_t last = kNoMass;
    for (int pass = 0; pass < 2; ++pass) {
        double sum = 0.0;
        for (std::size_t rank = 0; rank < limit; ++rank) {
            const uint32_t token = model.base.order[rank];
            if (is_stored(model, context, token)) continue;
            last = token;
            sum += model.base.weights[rank];
            if (pass == 1 && sum > wanted) return token;
        }
        wanted = to_unit(random) * sum;
    }
    return last;
}

template <class Index>
uint32_t draw_unseen(const BackoffSampler<Index>& model, uint32_t context, uint64_t random,
                     uint64_t seed, uint64_t step, uint64_t sequence) {
    PhiloxBlock block{};
    for (int rejections = 0; rejections <= kRejections; ++rejections) {
        if (rejections > 0) {
            block = philox(seed, step | static_cast<uint64_t>(rejections) << 32, sequence);
            random = block.wide(0);
        }
        const uint32_t token = draw_base(model, context, random);
        if (!is_stored(model, context, token)) return token;
    }
    return enumerate_unseen(model, context, block.wide(1));
}

}  // namespace bigram
