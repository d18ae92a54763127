// What goes into a tile of draws and comes out of it.
//
//   sequence[c] = first + id[c],  fours[c, t] = token[t, c],
//   valid[c] = the first t for which token[t, c] is the stop token, else 4
//
// token (4, 256), fours (256, 4), id, valid (256). Plain loops over the sequences: a few operations
// for 16 of them where vectors are wide.
#include <cstring>

#include "bigram/runtime/isa.hpp"
#include "bigram/sampling/draw_tile.hpp"

namespace bigram {
namespace {

using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

template <class Token>
BIGRAM_INLINE void pack_body(Token* BIGRAM_RESTRICT fours, const DrawTile& tile) {
    for (int c = 0; c < kTileSequences; ++c) {
        for (int t = 0; t < 4; ++t)
            fours[4 * c + t] = static_cast<Token>(tile.token[t][c]);
    }
}

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
// Bytes by shifts and one store of 32 bits, which compilers turn into vectors; single bytes they do
// not. The first token must be the first byte in memory, so this is for little-endian machines.
BIGRAM_INLINE void pack_body(uint8_t* BIGRAM_RESTRICT fours, const DrawTile& tile) {
    uint32_t words[kTileSequences];
    for (int c = 0; c < kTileSequences; ++c) {
        words[c] = tile.token[0][c] | tile.token[1][c] << 8 | tile.token[2][c] << 16 |
                   tile.token[3][c] << 24;
    }
    std::memcpy(fours, words, sizeof words);
}
#endif

// Without a branch: each token counts if it and all before it are not the stop token.
BIGRAM_INLINE void valid_body(uint32_t* BIGRAM_RESTRICT valid, const DrawTile& tile,
                              uint32_t stop) {
    for (int c = 0; c < kTileSequences; ++c) {
        const uint32_t first = tile.token[0][c] != stop;
        const uint32_t second = first & (tile.token[1][c] != stop);
        const uint32_t third = second & (tile.token[2][c] != stop);
        const uint32_t fourth = third & (tile.token[3][c] != stop);
        valid[c] = first + second + third + fourth;
    }
}

BIGRAM_INLINE void number_body(DrawTile& tile, uint64_t first, const uint32_t* id) {
    for (int t = 0; t < kTileSequences / kLanes; ++t) {
        for (int c = 0; c < kLanes; ++c)
            tile.random[t].sequence[c] = first + id[t * kLanes + c];
    }
}

BIGRAM_CLONES(void, number, (DrawTile & tile, uint64_t first, const uint32_t* id),
              (tile, first, id))
BIGRAM_CLONES(void, pack, (uint8_t* fours, const DrawTile& tile), (fours, tile))
BIGRAM_CLONES(void, pack, (uint16_t* fours, const DrawTile& tile), (fours, tile))
BIGRAM_CLONES(void, pack, (uint32_t* fours, const DrawTile& tile), (fours, tile))
BIGRAM_CLONES(void, valid, (uint32_t* counts, const DrawTile& tile, uint32_t stop),
              (counts, tile, stop))

}  // namespace

void set_sequences(DrawTile& tile, std::int64_t first, const uint32_t* id) {
    if (id != nullptr) return number(tile, static_cast<uint64_t>(first), id);
    for (int c = 0; c < kTileSequences; ++c) {
        tile.random[c / kLanes].sequence[c % kLanes] =
            static_cast<uint64_t>(first) + static_cast<uint64_t>(c);
    }
}

void pack_fours(uint8_t* fours, const DrawTile& tile) {
    pack(fours, tile);
}
void pack_fours(uint16_t* fours, const DrawTile& tile) {
    pack(fours, tile);
}
void pack_fours(uint32_t* fours, const DrawTile& tile) {
    pack(fours, tile);
}

void count_valid(uint32_t* counts, const DrawTile& tile, uint32_t stop) {
    valid(counts, tile, stop);
}

}  // namespace bigram
