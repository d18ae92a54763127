// Philox 4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as
// easy as 1, 2, 3"). A number is a function of its place alone, so any thread can draw any part.
//
// Word layout, fixed for good:
//   key     = (seed low 32 bits, seed high 32 bits)
//   counter = (block low, block high, sequence low, sequence high), each half 32 bits
// A sequence (a sampled one, a row) draws the words block 0: 0 1 2 3, block 1: 0 1 2 3, and so on,
// in this order. A 64-bit draw takes two words, the first as its low half.
#pragma once

#include <cstdint>

namespace bigram {

struct PhiloxBlock {
    std::uint32_t word[4];

    std::uint64_t wide(int half) const {  // the 64-bit draw 0 or 1 of this block
        return word[2 * half] | static_cast<std::uint64_t>(word[2 * half + 1]) << 32;
    }
};

constexpr std::uint64_t kPhiloxMultiplier[2] = {0xD2511F53, 0xCD9E8D57};
constexpr std::uint32_t kPhiloxWeyl[2] = {0x9E3779B9, 0xBB67AE85};
constexpr int kPhiloxRounds = 10;

inline PhiloxBlock philox(std::uint64_t seed, std::uint64_t block, std::uint64_t sequence) {
    std::uint32_t key0 = static_cast<std::uint32_t>(seed);
    std::uint32_t key1 = static_cast<std::uint32_t>(seed >> 32);
    std::uint32_t c0 = static_cast<std::uint32_t>(block);
    std::uint32_t c1 = static_cast<std::uint32_t>(block >> 32);
    std::uint32_t c2 = static_cast<std::uint32_t>(sequence);
    std::uint32_t c3 = static_cast<std::uint32_t>(sequence >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round) {
        const std::uint64_t p0 = kPhiloxMultiplier[0] * c0;
        const std::uint64_t p1 = kPhiloxMultiplier[1] * c2;
        c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ key0;
        c1 = static_cast<std::uint32_t>(p1);
        c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ key1;
        c3 = static_cast<std::uint32_t>(p0);
        key0 += kPhiloxWeyl[0];
        key1 += kPhiloxWeyl[1];
    }
    return {{c0, c1, c2, c3}};
}

// One block for each of kLanes places at once, which vector units do several times faster.
constexpr int kLanes = 64;

struct PhiloxTile {
    alignas(64) std::uint64_t block[kLanes];     // in
    alignas(64) std::uint64_t sequence[kLanes];  // in
    alignas(64) std::uint32_t word[4][kLanes];   // out: word w of lane l is word[w][l]

    std::uint64_t wide(int half, int lane) const {
        return word[2 * half][lane] | static_cast<std::uint64_t>(word[2 * half + 1][lane]) << 32;
    }
};

// The first `lanes` lanes at least (of 8 or 64 at a time).
void philox_tile(PhiloxTile& tile, std::uint64_t seed, int lanes = kLanes);

// floor(random * range / 2^64): a draw from [0, range) whose bias is below range / 2^64.
inline std::uint64_t scale_to_range(std::uint64_t random, std::uint64_t range) {
#if defined(__SIZEOF_INT128__)
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>(static_cast<Wide>(random) * range >> 64);
#else
    const std::uint64_t mask = 0xFFFFFFFF;
    const std::uint64_t low = (random & mask) * (range & mask);
    const std::uint64_t middle = (random >> 32) * (range & mask) + (low >> 32);
    const std::uint64_t other = (random & mask) * (range >> 32) + (middle & mask);
    return (random >> 32) * (range >> 32) + (middle >> 32) + (other >> 32);
#endif
}

}  // namespace bigram
