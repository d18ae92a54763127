// Four draws for each of up to 64 chains at once: the inner loop of sample_sequences.
#pragma once

#include <cstdint>

#include "bigram/random.hpp"

namespace bigram {

struct DrawTile {
    PhiloxTile random;                           // in: block is overwritten
    alignas(64) std::uint32_t state[kLanes];     // in: the token each chain stands at
    alignas(64) std::uint32_t token[4][kLanes];  // out: the four tokens after it
};

// cells (V, 2^bits) of an alias table; state < V. round counts fours of draws. Lanes from `lanes`
// on are left alone or given anything; their state must be a token too.
void draw_tile(DrawTile& tile, const std::uint32_t* cells, int bits, std::uint64_t seed,
               std::int64_t round, int lanes);
void draw_tile(DrawTile& tile, const std::uint64_t* cells, int bits, std::uint64_t seed,
               std::int64_t round, int lanes);

}  // namespace bigram
