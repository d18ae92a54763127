// Sorting of unsigned keys that fit in cache, by their low bits: least significant digit first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace bigram {

// Sorts keys (count) with spare (count) as the other half of the work; returns the one of the two
// that holds the result. Bits from `bits` on must be zero. count < 2**32.
template <class Key>
Key* radix_sort(Key* keys, Key* spare, std::int64_t count, int bits) {
    constexpr int kDigitBits = 12;
    constexpr int kMaxPasses = (8 * static_cast<int>(sizeof(Key)) + kDigitBits - 1) / kDigitBits;
    if (count < 512) {
        std::sort(keys, keys + count);
        return keys;
    }
    const int passes = (bits + kDigitBits - 1) / kDigitBits;
    const int digit_bits = (bits + passes - 1) / passes;
    const Key mask = (Key{1} << digit_bits) - 1;
    std::uint32_t starts[kMaxPasses][1 << kDigitBits];
    for (int pass = 0; pass < passes; ++pass)
        std::fill_n(starts[pass], std::int64_t{1} << digit_bits, 0u);
    for (std::int64_t k = 0; k < count; ++k) {
        for (int pass = 0; pass < passes; ++pass)
            ++starts[pass][keys[k] >> (pass * digit_bits) & mask];
    }
    for (int pass = 0; pass < passes; ++pass) {
        const int shift = pass * digit_bits;
        std::uint32_t sum = 0;
        for (std::int64_t d = 0; d <= static_cast<std::int64_t>(mask); ++d)
            sum += std::exchange(starts[pass][d], sum);
        for (std::int64_t k = 0; k < count; ++k)
            spare[starts[pass][keys[k] >> shift & mask]++] = keys[k];
        std::swap(keys, spare);
    }
    return keys;
}

}  // namespace bigram
