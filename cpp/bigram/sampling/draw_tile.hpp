// Private to this room.
// Four draws for each of up to 256 sequences at once: the inner loop of sample_sequences.
#pragma once

#include <cstdint>

#include "bigram/numeric/philox.hpp"

namespace bigram {

// So many sequences hide what a draw waits for; more would not stay in the first cache.
constexpr int kTileSequences = 256;

struct DrawTile {
    PhiloxTile random[kTileSequences / kLanes];       // in: the sequences; blocks are overwritten
    alignas(64) std::uint32_t state[kTileSequences];  // in: the token that each sequence stands at
    alignas(64) std::uint32_t token[4][kTileSequences];  // out: the four tokens after it
};

// cells (V, 2^bits) of an alias table; state < V. round counts fours of draws. Sequences from
// `sequences` on may be drawn for too, so their state must be a token.
void draw_tile(DrawTile& tile, const std::uint32_t* cells, int bits, std::uint64_t seed,
               std::int64_t round, int sequences);
void draw_tile(DrawTile& tile, const std::uint64_t* cells, int bits, std::uint64_t seed,
               std::int64_t round, int sequences);

// Chain c of the tile is number first + id[c], or first + c without ids.
void set_sequences(DrawTile& tile, std::int64_t first, const std::uint32_t* id);

// The four tokens of each sequence together: fours (sequences, 4).
void pack_fours(std::uint8_t* fours, const DrawTile& tile);
void pack_fours(std::uint16_t* fours, const DrawTile& tile);
void pack_fours(std::uint32_t* fours, const DrawTile& tile);

// valid[c]: how many of the four come before the first `stop`, 0 to 4.
void count_valid(std::uint32_t* valid, const DrawTile& tile, std::uint32_t stop);

}  // namespace bigram
