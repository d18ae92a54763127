// Private to this room.
// Where words begin and end, and the keys that they are found by.
#pragma once

#include <cstdint>
#include <cstring>

#include "bigram/numeric/probing.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {

// KenLM's rule: NUL, tab, newline, carriage return and space, and nothing else.
BIGRAM_INLINE bool is_space(std::uint8_t c) {
    return c <= 32 && ((std::uint64_t{1} << c) & 0x100002601u) != 0;
}

struct Word {
    std::uint64_t key;
    std::uint64_t hash;
    std::int64_t begin;
    std::uint32_t length;  // 0 for a word of up to 8 bytes, as in WordTable::Slot
    std::uint32_t bytes;   // 0 for the end of a line
};

BIGRAM_INLINE std::uint64_t mix(std::uint64_t a) {
    a *= kHashMultiplier;
    return a ^ (a >> 32);
}

// Eight bytes of text, little-endian, zeros beyond its end.
BIGRAM_INLINE std::uint64_t load8(const std::uint8_t* text, std::int64_t at, std::int64_t size) {
    std::uint64_t x = 0;
    if (at + 8 <= size) {
        std::memcpy(&x, text + at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        x = __builtin_bswap64(x);
#endif
        return x;
    }
    for (std::int64_t k = at; k < size; ++k)
        x |= static_cast<std::uint64_t>(text[k]) << (8 * (k - at));
    return x;
}

BIGRAM_INLINE int trailing_bytes(std::uint64_t flags) {
#if defined(__GNUC__) || defined(__clang__)
    return __builtin_ctzll(flags) >> 3;
#else
    int count = 0;
    for (; (flags & 0xFF) == 0; flags >>= 8)
        ++count;
    return count;
#endif
}

// Bytes of x before the first space, 8 if there is none.
BIGRAM_INLINE int bytes_before_space(std::uint64_t x) {
    // Flags bytes below 33. A borrow may flag a byte above a flagged one, never below it.
    std::uint64_t flags = (x - 0x2121212121212121u) & ~x & 0x8080808080808080u;
    while (flags != 0) {
        const int place = trailing_bytes(flags);
        if (is_space(static_cast<std::uint8_t>(x >> (8 * place)))) return place;
        flags &= flags - 1;
    }
    return 8;
}

// The word that begins at `begin`, where there is not a space.
BIGRAM_INLINE Word word_at(const std::uint8_t* text, std::int64_t begin, std::int64_t size) {
    std::uint64_t x = load8(text, begin, size);
    int count = bytes_before_space(x);
    if (count < 8) {
        x &= (std::uint64_t{1} << (8 * count)) - 1;
        return {x, mix(x), begin, 0, static_cast<std::uint32_t>(count)};
    }
    std::uint64_t hash = mix(x);
    std::int64_t at = begin + 8;
    for (;;) {
        const std::uint64_t next = load8(text, at, size);
        count = bytes_before_space(next);
        if (count < 8) {
            if (count == 0 && at == begin + 8) return {x, mix(x), begin, 0, 8};
            const std::uint64_t last = next & ((std::uint64_t{1} << (8 * count)) - 1);
            hash = mix(hash ^ last);
            const auto length = static_cast<std::uint32_t>(at + count - begin);
            return {hash, mix(hash), begin, length, length};
        }
        hash = mix(hash ^ next);
        at += 8;
    }
}

// Whether a word is <s> or </s>, which stand for the ends of a line and cannot be inside it.
BIGRAM_INLINE bool is_reserved(const Word& word) {
    return word.length == 0 && (word.key == 0x3E733Cu || word.key == 0x3E732F3Cu);
}

}  // namespace bigram
