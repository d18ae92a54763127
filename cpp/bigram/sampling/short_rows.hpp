// Private to this room.
// Sixteen rows of up to 64 weights at a time, for multinomial: their cumulative sums, and draws
// that compare with all of them.
#pragma once

#include <cstdint>

namespace bigram {

constexpr int kShortRows = 16;
constexpr int kShortCols = 64;

struct ShortRows {
    alignas(64) std::uint64_t sums[kShortRows * kShortCols];  // (rows, width), cumulative
    std::uint64_t totals[kShortRows];
    int rows, width;  // the columns rounded up to 8; sums beyond the end are the total

    // weights (rows, cols) of integer_weights.hpp; false if one is bad or a row has no mass.
    template <class Real>
    bool load(const Real* weights, int rows, int cols);

    // out (rows, per_row): how many sums of the row are at most random (rows, per_row) scaled to
    // its total.
    void draw(std::int64_t* out, const std::uint64_t* random, std::int64_t per_row) const;
};

}  // namespace bigram
