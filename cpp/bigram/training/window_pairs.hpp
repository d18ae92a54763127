// Private to this room.
// The pairs of token windows, sorted by the blocks of rows that training.cpp takes.
#pragma once

#include <cstdint>
#include <vector>

#include "bigram/training/training_block.hpp"

namespace bigram {

using std::int64_t;

struct Pair {
    std::uint16_t context;
    std::uint16_t target;
};

// Fills pairs (num_windows, block_size); returns the first bad window or -1. One comparison a
// window checks its tokens: the largest of them, as unsigned, which also refuses negative ones.
// What a bad window leaves in pairs is never used.
template <class Token>
int64_t gather_pairs(Pair* pairs, const Token* tokens, int64_t num_tokens, int64_t stride,
                     const int64_t* positions, int64_t num_windows, int64_t block_size,
                     int64_t vocab_size) {
    const auto limit = static_cast<std::uint64_t>(vocab_size);
    for (int64_t w = 0; w < num_windows; ++w) {
        const int64_t start = positions[w];
        if (start < 0 || start > num_tokens - 1 - block_size) return w;
        const Token* at = tokens + start * stride;
        auto context = static_cast<std::uint64_t>(*at);
        std::uint64_t largest = context;
        for (int64_t t = 1; t <= block_size; ++t) {
            const auto target = static_cast<std::uint64_t>(at[t * stride]);
            largest = largest > target ? largest : target;
            *pairs++ = {static_cast<std::uint16_t>(context), static_cast<std::uint16_t>(target)};
            context = target;
        }
        if (largest >= limit) return w;
    }
    return -1;
}

// The pairs of all steps, by a counting sort on the block of their context, then on the step. Those
// of block b and step s are cells[k] with ends[b * steps + s] <= k < ends[b * steps + s + 1]. A
// cell is the place of the pair's count in the block, target * 16 + context % 16, below 2^16 up to
// V = 4096.
struct SortedPairs {
    std::vector<std::uint16_t> cells;
    std::vector<int64_t> ends;

    SortedPairs(const std::vector<Pair>& pairs, int64_t num_blocks, int64_t num_steps)
        : cells(pairs.size()), ends(static_cast<std::size_t>(num_blocks * num_steps + 1)) {
        const int64_t per_step = static_cast<int64_t>(pairs.size()) / num_steps;
        const Pair* end = pairs.data() + pairs.size();
        // ends[0] stays 0; the others are counts at first, then starts, and at last ends.
        int64_t* counts = ends.data() + 1;
        const auto visit = [&](const auto& take) {
            const Pair* pair = pairs.data();
            for (int64_t s = 0; pair < end; ++s) {
                for (int64_t i = 0; i < per_step; ++i, ++pair)
                    take(counts[pair->context / kBlockRows * num_steps + s], *pair);
            }
        };
        visit([](int64_t& count, const Pair&) { ++count; });
        int64_t total = 0;
        for (int64_t i = 0; i < num_blocks * num_steps; ++i) {
            const int64_t count = counts[i];
            counts[i] = total;
            total += count;
        }
        visit([&](int64_t& next, const Pair& pair) {
            const int cell = pair.context % kBlockRows + kBlockRows * pair.target;
            cells[static_cast<std::size_t>(next++)] = static_cast<std::uint16_t>(cell);
        });
    }
};

}  // namespace bigram
