// token[s + 1] = alias_draw(cells + (token[s] << bits), word s) for 256 sequences and four draws.
//
// Each draw waits for the cell that the draw before it led to; 256 sequences side by side hide
// that. In vectors: five times the plain loop where the cells are in L1.
#include "bigram/sampling/draw_tile.hpp"

#include <algorithm>

#include "bigram/runtime/intrinsics.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/sampling/alias.hpp"

namespace bigram {
namespace {

using std::uint32_t;
using std::uint64_t;

inline const uint32_t* words_of(const DrawTile& tile, int s, int lane) {
    return tile.random[lane / kLanes].word[s] + lane % kLanes;
}

void refill(DrawTile& tile, uint64_t seed, uint64_t block, int lanes) {
    for (int begin = 0; begin < lanes; begin += kLanes) {
        PhiloxTile& random = tile.random[begin / kLanes];
        std::fill_n(random.block, kLanes, block);
        philox_tile(random, seed, std::min(kLanes, lanes - begin));
    }
}

void draws_baseline(DrawTile& tile, const uint32_t* cells, int bits, int lanes) {
    const uint32_t* state = tile.state;
    for (int s = 0; s < 4; ++s) {
        for (int lane = 0; lane < lanes; ++lane) {
            const uint32_t* row = cells + (uint64_t{state[lane]} << bits);
            tile.token[s][lane] = alias_draw(row, bits, *words_of(tile, s, lane));
        }
        state = tile.token[s];
    }
}

#if BIGRAM_X86
// Cells by their places, which lie in memory. Loads and inserts take half the time of the gather
// instruction on AMD's Zen 5, and are not slower elsewhere.
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

BIGRAM_TARGET_AVX512 void draws_avx512(DrawTile& tile, const uint32_t* cells, int bits, int lanes) {
    const __m128i up = _mm_cvtsi32_si128(bits);
    const __m128i down = _mm_cvtsi32_si128(32 - bits);
    const __m512i mask = _mm512_set1_epi32((1 << bits) - 1);
    alignas(64) uint32_t place[kTileSequences];
    const uint32_t* state = tile.state;
    for (int s = 0; s < 4; ++s) {
        for (int lane = 0; lane < lanes; lane += 16) {
            const __m512i column =
                _mm512_srl_epi32(_mm512_load_si512(words_of(tile, s, lane)), down);
            const __m512i row = _mm512_sll_epi32(_mm512_load_si512(state + lane), up);
            _mm512_store_si512(place + lane, _mm512_add_epi32(row, column));
        }
        for (int lane = 0; lane < lanes; lane += 16) {
            const __m512i random = _mm512_load_si512(words_of(tile, s, lane));
            const __m512i cell = gather16(cells, place + lane);
            const __m512i rest = _mm512_or_si512(_mm512_sll_epi32(random, up), mask);
            const __m512i alias = _mm512_and_si512(cell, mask);
            const __mmask16 keep = _mm512_cmplt_epu32_mask(rest, cell);
            _mm512_store_si512(tile.token[s] + lane,
                               _mm512_mask_srl_epi32(alias, keep, random, down));
        }
        state = tile.token[s];
    }
}

BIGRAM_TARGET_AVX2 inline __m256i load8(const uint32_t* from) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(from));
}

BIGRAM_TARGET_AVX2 inline void store8(uint32_t* to, __m256i values) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), values);
}

BIGRAM_TARGET_AVX2 void draws_avx2(DrawTile& tile, const uint32_t* cells, int bits, int lanes) {
    const __m128i up = _mm_cvtsi32_si128(bits);
    const __m128i down = _mm_cvtsi32_si128(32 - bits);
    const __m256i mask = _mm256_set1_epi32((1 << bits) - 1);
    alignas(64) uint32_t place[kTileSequences];
    const uint32_t* state = tile.state;
    for (int s = 0; s < 4; ++s) {
        for (int lane = 0; lane < lanes; lane += 8) {
            const __m256i column = _mm256_srl_epi32(load8(words_of(tile, s, lane)), down);
            const __m256i row = _mm256_sll_epi32(load8(state + lane), up);
            store8(place + lane, _mm256_add_epi32(row, column));
        }
        for (int lane = 0; lane < lanes; lane += 8) {
            const __m256i random = load8(words_of(tile, s, lane));
            const __m256i cell = gather8(cells, place + lane);
            const __m256i rest = _mm256_or_si256(_mm256_sll_epi32(random, up), mask);
            // No unsigned comparison here: the larger of both is `rest` unless it is below.
            const __m256i refuse = _mm256_cmpeq_epi32(_mm256_max_epu32(rest, cell), rest);
            store8(tile.token[s] + lane, _mm256_blendv_epi8(_mm256_srl_epi32(random, down),
                                                            _mm256_and_si256(cell, mask), refuse));
        }
        state = tile.token[s];
    }
}
#endif

}  // namespace

void draw_tile(DrawTile& tile, const uint32_t* cells, int bits, uint64_t seed, std::int64_t round,
               int sequences) {
    const int lanes = (sequences + 15) / 16 * 16;
    refill(tile, seed, static_cast<uint64_t>(round), lanes);
#if BIGRAM_X86
    switch (active_isa()) {
        case Isa::avx512:
            return draws_avx512(tile, cells, bits, lanes);
        case Isa::avx2:
            return draws_avx2(tile, cells, bits, lanes);
        default:
            break;
    }
#endif
    draws_baseline(tile, cells, bits, lanes);
}

// Wide cells lie in memory, not in cache: what counts is that many of them are asked for at once.
void draw_tile(DrawTile& tile, const uint64_t* cells, int bits, uint64_t seed, std::int64_t round,
               int sequences) {
    const uint32_t* state = tile.state;
    for (int s = 0; s < 4; ++s) {
        // A 64-bit draw takes two words, so a block serves two draws.
        if (s % 2 == 0) refill(tile, seed, static_cast<uint64_t>(2 * round + s / 2), sequences);
        for (int lane = 0; lane < sequences; ++lane) {
            const uint64_t* row = cells + (uint64_t{state[lane]} << bits);
            const uint64_t random = tile.random[lane / kLanes].wide(s % 2, lane % kLanes);
            tile.token[s][lane] = alias_draw(row, bits, random);
        }
        state = tile.token[s];
    }
}

}  // namespace bigram
