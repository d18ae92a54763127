#pragma once

#include <cstdint>

#include "bigram/runtime/result.hpp"

namespace bigram {

// How far encode_characters came: bytes read, characters written.
struct Characters {
    std::int64_t num_bytes;
    std::int64_t num_characters;
};

// ids (capacity) = table[code point] of the characters of UTF-8 text (size bytes); code points
// beyond the table (table_size, at least 1) take its last entry. Stops before a character whose
// entry is `missing` (negative: none is), before bytes that are not UTF-8, and where ids is full.
// Lone surrogates in their three-byte form are characters like others.
// Id: uint8, uint16 or uint32.
template <class Id>
Characters encode_characters(Id* ids, std::int64_t capacity, const std::uint8_t* text,
                             std::int64_t size, const Id* table, std::int64_t table_size,
                             std::int64_t missing);

}  // namespace bigram
