// Private to this room.
// Sixteen rows of up to 64 weights at a time, for multinomial: their cumulative sums, and draws
// that compare a target with all of them instead of searching.
#pragma once

#include <cstdint>

namespace bigram {

constexpr int kShortRows = 16;
constexpr int kShortCols = 64;

struct ShortRows {
    alignas(64) std::uint64_t sums[kShortRows * kShortCols];  // (rows, width), cumulative
    std::uint64_t totals[kShortRows];
    int rows;
    int width;  // the columns rounded up to 8; sums beyond the last column are the total

    // Sums of weights (rows, cols), as cumulative_weights has them. False if a weight is bad or a
    // row has no mass.
    template <class Real>
    bool load(const Real* weights, int rows, int cols);

    // out (rows, per_row) from 64-bit draws, random (rows, per_row): the number of sums of the row
    // that are at most floor(random total / 2^64), which is the first column whose sum is above it.
    void draw(std::int64_t* out, const std::uint64_t* random, std::int64_t per_row) const;
};

}  // namespace bigram
