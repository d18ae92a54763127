// Private to this room.
// Single draws from a BackoffSampler: from an alias cell, from the base, from what a context has
// not stored; and from a context as a whole.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bigram/backoff/backoff_sampling.hpp"
#include "bigram/numeric/philox.hpp"

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int kRejections = 64;  // stored tokens drawn from the base before all are enumerated

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

// Without a branch, which no processor could predict.
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

// The token after `context` that sequence `sequence` draws at `step`, plainly; kNoMass where the
// context has no mass. SequenceBatch draws the same tokens.
template <class Index>
uint32_t draw_token(const BackoffSampler<Index>& model, uint32_t context, uint64_t seed,
                    uint64_t step, uint64_t sequence) {
    const PhiloxBlock random = philox(seed, step, sequence);
    const int64_t* row = model.starts.data() + context;
    const auto size = static_cast<uint64_t>(row[1] - row[0]);
    const uint64_t word = random.wide(0);
    const uint64_t cell = static_cast<uint64_t>(row[0]) + scale_to_range(word, size);
    const uint32_t token = pick(model.cells[cell], word * size);
    if (token != kDrawFromBase) return token;
    if (!model.rejects) return draw_base(model, context, random.wide(1));
    return draw_unseen(model, context, random.wide(1), seed, step, sequence);
}

}  // namespace bigram
