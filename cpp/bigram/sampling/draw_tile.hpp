// Private to this room.
// Four draws for each of up to 256 sequences at once: the inner loop of sample_sequences.
#pragma once

#include <cstdint>

#include "bigram/numeric/philox.hpp"

namespace bigram {

// Enough sequences to hide what a draw waits for; the random words of more would not stay in L1.
constexpr int kTileSequences = 256;

struct DrawTile {
    PhiloxTile random[kTileSequences / kLanes];          // in: the sequences; the rest is scratch
    alignas(64) std::uint32_t state[kTileSequences];     // in: the last token of each sequence
    alignas(64) std::uint32_t token[4][kTileSequences];  // out: its next four tokens
};

// cells (V, 2^bits) of an alias table; states in [0, V). The draws are those of steps 4 * round to
// 4 * round + 3. Up to 15 sequences beyond the first `sequences` are drawn for too, so their states
// must be tokens as well.
void draw_tile(DrawTile& tile, const std::uint32_t* cells, int bits, std::uint64_t seed,
               std::int64_t round, int sequences);
void draw_tile(DrawTile& tile, const std::uint64_t* cells, int bits, std::uint64_t seed,
               std::int64_t round, int sequences);

// Sequence c of the tile is number first + id[c], or first + c where id is null.
void set_sequences(DrawTile& tile, std::int64_t first, const std::uint32_t* id);

// Transposes the tokens: fours (256, 4).
void pack_fours(std::uint8_t* fours, const DrawTile& tile);
void pack_fours(std::uint16_t* fours, const DrawTile& tile);
void pack_fours(std::uint32_t* fours, const DrawTile& tile);

// valid (256): how many of a sequence's four tokens come before the first `stop`, 0 to 4.
void count_valid(std::uint32_t* valid, const DrawTile& tile, std::uint32_t stop);

}  // namespace bigram
