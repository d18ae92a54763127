// Four draws for each of 256 sequences; for t = 0 .. 3
//
//   token[t + 1, c] = alias_draw(cells + (token[t, c] << bits), word t of sequence c)
//
// state (256) is token[0], token (4, 256) the others; words (4, 256), cells (V, 2^bits). A draw
// waits for the cell that the draw before it led to: 6 ns in L2, about 190 ns in memory. 256
// sequences side by side hide that. A dozen operations and one cell of 4 or 8 bytes a draw.
#include "bigram/sampling/draw_tile.hpp"

#include <algorithm>

#include "bigram/runtime/intrinsics.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/sampling/alias.hpp"

namespace bigram {
namespace {

using std::uint32_t;
using std::uint64_t;

// The words of draw t from sequence c on, up to the end of a Philox tile of 64.
inline const uint32_t* words_of(const DrawTile& tile, int t, int c) {
    return tile.random[c / kLanes].word[t] + c % kLanes;
}

// All four words of a block are drawn together, which is why there are four draws in a round.
void refill(DrawTile& tile, uint64_t seed, uint64_t block, int sequences) {
    for (int begin = 0; begin < sequences; begin += kLanes) {
        PhiloxTile& random = tile.random[begin / kLanes];
        std::fill_n(random.block, kLanes, block);
        philox_tile(random, seed, std::min(kLanes, sequences - begin));
    }
}

// The obvious loop. Draws go outside and sequences inside, so that the loads of neighbours overlap.
void draws_baseline(DrawTile& tile, const uint32_t* cells, int bits, int sequences) {
    const uint32_t* state = tile.state;
    for (int t = 0; t < 4; ++t) {
        for (int c = 0; c < sequences; ++c) {
            const uint32_t* row = cells + (uint64_t{state[c]} << bits);
            tile.token[t][c] = alias_draw(row, bits, *words_of(tile, t, c));
        }
        state = tile.token[t];
    }
}

#if BIGRAM_X86
// The same in vectors of 16 or 8 sequences, in two passes a draw: the places of the cells, which go
// through memory, then the cells. Five times the plain loop where the cells are in L1.
//
// Cells are taken from their places by single loads and inserts: half the time of the gather
// instruction on AMD's Zen 5, and not slower elsewhere. Places have 32 bits: V * 2^bits <= 2^24.
BIGRAM_TARGET_AVX2 inline __m128i gather4(const uint32_t* cells, const uint32_t* place) {
    __m128i v = _mm_cvtsi32_si128(static_cast<int>(cells[place[0]]));
    v = _mm_insert_epi32(v, static_cast<int>(cells[place[1]]), 1);
    v = _mm_insert_epi32(v, static_cast<int>(cells[place[2]]), 2);
    return _mm_insert_epi32(v, static_cast<int>(cells[place[3]]), 3);
}

BIGRAM_TARGET_AVX2 inline __m256i gather8(const uint32_t* cells, const uint32_t* place) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(gather4(cells, place)),
                                   gather4(cells, place + 4), 1);
}

BIGRAM_TARGET_AVX512 inline __m512i gather16(const uint32_t* cells, const uint32_t* place) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(gather8(cells, place)),
                              gather8(cells, place + 8), 1);
}

BIGRAM_TARGET_AVX512 void draws_avx512(DrawTile& tile, const uint32_t* cells, int bits,
                                       int sequences) {
    const __m128i up = _mm_cvtsi32_si128(bits);
    const __m128i down = _mm_cvtsi32_si128(32 - bits);
    const __m512i mask = _mm512_set1_epi32((1 << bits) - 1);
    alignas(64) uint32_t place[kTileSequences];
    const uint32_t* state = tile.state;
    for (int t = 0; t < 4; ++t) {
        for (int c = 0; c < sequences; c += 16) {
            const __m512i column = _mm512_srl_epi32(_mm512_load_si512(words_of(tile, t, c)), down);
            const __m512i row = _mm512_sll_epi32(_mm512_load_si512(state + c), up);
            _mm512_store_si512(place + c, _mm512_add_epi32(row, column));
        }
        for (int c = 0; c < sequences; c += 16) {
            const __m512i random = _mm512_load_si512(words_of(tile, t, c));
            const __m512i cell = gather16(cells, place + c);
            const __m512i rest = _mm512_or_si512(_mm512_sll_epi32(random, up), mask);
            const __m512i alias = _mm512_and_si512(cell, mask);
            // Where `keep` is set, the cell's number random >> down; elsewhere the alias.
            const __mmask16 keep = _mm512_cmplt_epu32_mask(rest, cell);
            _mm512_store_si512(tile.token[t] + c, _mm512_mask_srl_epi32(alias, keep, random, down));
        }
        state = tile.token[t];
    }
}

BIGRAM_TARGET_AVX2 inline __m256i load8(const uint32_t* from) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
}

BIGRAM_TARGET_AVX2 inline void store8(uint32_t* to, __m256i values) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), values);
}

BIGRAM_TARGET_AVX2 void draws_avx2(DrawTile& tile, const uint32_t* cells, int bits, int sequences) {
    const __m128i up = _mm_cvtsi32_si128(bits);
    const __m128i down = _mm_cvtsi32_si128(32 - bits);
    const __m256i mask = _mm256_set1_epi32((1 << bits) - 1);
    alignas(64) uint32_t place[kTileSequences];
    const uint32_t* state = tile.state;
    for (int t = 0; t < 4; ++t) {
        for (int c = 0; c < sequences; c += 8) {
            const __m256i column = _mm256_srl_epi32(load8(words_of(tile, t, c)), down);
            const __m256i row = _mm256_sll_epi32(load8(state + c), up);
            store8(place + c, _mm256_add_epi32(row, column));
        }
        for (int c = 0; c < sequences; c += 8) {
            const __m256i random = load8(words_of(tile, t, c));
            const __m256i cell = gather8(cells, place + c);
            const __m256i rest = _mm256_or_si256(_mm256_sll_epi32(random, up), mask);
            // AVX2 has no unsigned comparison: rest >= cell exactly if the larger of both is rest.
            const __m256i refuse = _mm256_cmpeq_epi32(_mm256_max_epu32(rest, cell), rest);
            store8(tile.token[t] + c, _mm256_blendv_epi8(_mm256_srl_epi32(random, down),
                                                         _mm256_and_si256(cell, mask), refuse));
        }
        state = tile.token[t];
    }
}
#endif

}  // namespace

void draw_tile(DrawTile& tile, const uint32_t* cells, int bits, uint64_t seed, std::int64_t round,
               int sequences) {
    const int rounded = (sequences + 15) / 16 * 16;  // whole vectors
    refill(tile, seed, static_cast<uint64_t>(round), rounded);
#if BIGRAM_X86
    switch (active_isa()) {
        case Isa::avx512:
            return draws_avx512(tile, cells, bits, rounded);
        case Isa::avx2:
            return draws_avx2(tile, cells, bits, rounded);
        default:
            break;
    }
#endif
    draws_baseline(tile, cells, bits, rounded);
}

// Wide cells lie in memory and not in cache: V > 4096 makes 268 MB and more. What counts there is
// that many of them are asked for at once, which the processor does for a loop without branches.
void draw_tile(DrawTile& tile, const uint64_t* cells, int bits, uint64_t seed, std::int64_t round,
               int sequences) {
    const uint32_t* state = tile.state;
    for (int t = 0; t < 4; ++t) {
        // A 64-bit draw takes two words, so a block serves two draws.
        if (t % 2 == 0) refill(tile, seed, static_cast<uint64_t>(2 * round + t / 2), sequences);
        for (int c = 0; c < sequences; ++c) {
            const uint64_t* row = cells + (uint64_t{state[c]} << bits);
            const uint64_t random = tile.random[c / kLanes].wide(t % 2, c % kLanes);
            tile.token[t][c] = alias_draw(row, bits, random);
        }
        state = tile.token[t];
    }
}

}  // namespace bigram
