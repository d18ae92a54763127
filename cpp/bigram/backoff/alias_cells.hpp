// Private to this room.
#pragma once

#include <cstdint>

namespace bigram {

// A cell of an alias table: `own` where the fraction of the draw is below the threshold.
struct AliasCell {
    std::uint64_t threshold;
    std::uint32_t own;
    std::uint32_t alias;
};

constexpr std::uint32_t kDrawFromBase = 0xFFFFFFFF;  // in place of a token
constexpr std::uint32_t kNoMass = 0xFFFFFFFE;

// cells (size,) of one distribution over 0 .. size - 1.
void build_cells(AliasCell* cells, const double* weights, std::int64_t size);

}  // namespace bigram
