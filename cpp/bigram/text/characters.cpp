// UTF-8 text to the ids of its characters.
//
//   text (size,) uint8, table (table_size,) -> ids (n,), n the number of characters
//
// ids[k] = table[code point of character k]. The plain way is one character after the other; eight
// bytes of ASCII are looked up at once. One load a byte and one look-up a character.
#include "bigram/text/characters.hpp"

#include <algorithm>
#include <cstring>

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

// The length in bytes of the character at text[0], and its code point; 0 where it is not UTF-8.
inline int decode(uint32_t* point, const uint8_t* text, int64_t size) {
    const uint8_t lead = text[0];
    if (lead < 0x80) {
        *point = lead;
        return 1;
    }
    const int length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || length > size) return 0;
    uint32_t value = lead & (0x7Fu >> length);
    for (int k = 1; k < length; ++k) {
        if ((text[k] & 0xC0) != 0x80) return 0;
        value = value << 6 | (text[k] & 0x3Fu);
    }
    *point = value;
    return length;
}

// What a character becomes.
template <class Id>
struct Lookup {
    const Id* table;
    int64_t last;  // entry of the table
    bool stops;    // at the id `stop`
    Id stop;

    Id at(uint32_t point) const { return table[std::min<int64_t>(point, last)]; }
    bool missing(Id id) const { return stops && id == stop; }
};

// One character. Returns its length in bytes; 0 where it is not UTF-8 or has no id.
template <class Id>
int encode_one(Id* id, const uint8_t* text, int64_t size, const Lookup<Id>& lookup) {
    uint32_t point = 0;
    const int length = decode(&point, text, size);
    if (length == 0) return 0;
    *id = lookup.at(point);
    return lookup.missing(*id) ? 0 : length;
}

// Eight characters of one byte each, with one test for all: 1.1 times as fast on English text.
// False where they are not all ASCII, or one has no id: then encode_one finds out which.
template <class Id>
bool encode_eight(Id* ids, const uint8_t* text, const Lookup<Id>& lookup) {
    uint64_t eight = 0;
    std::memcpy(&eight, text, 8);
    if ((eight & 0x8080808080808080u) != 0) return false;
    bool whole = true;
    for (int k = 0; k < 8; ++k) {
        ids[k] = lookup.table[text[k]];
        whole &= !lookup.missing(ids[k]);
    }
    return whole;
}

}  // namespace

template <class Id>
Characters encode_characters(Id* ids, int64_t capacity, const uint8_t* text, int64_t size,
                             const Id* table, int64_t table_size, int64_t missing) {
    const Lookup<Id> lookup{table, table_size - 1, missing >= 0, static_cast<Id>(missing)};
    const bool has_ascii = lookup.last >= 0x7F;
    int64_t at = 0;
    int64_t count = 0;
    while (at < size && count < capacity) {
        const bool room = at + 8 <= size && count + 8 <= capacity;
        if (has_ascii && room && encode_eight(ids + count, text + at, lookup)) {
            at += 8;
            count += 8;
            continue;
        }
        const int length = encode_one(ids + count, text + at, size - at, lookup);
        if (length == 0) break;
        at += length;
        ++count;
    }
    return {at, count};
}

#define BIGRAM_INSTANTIATE(Id)                                                              \
    template Characters encode_characters(Id*, int64_t, const uint8_t*, int64_t, const Id*, \
                                          int64_t, int64_t);
BIGRAM_INSTANTIATE(uint8_t)
BIGRAM_INSTANTIATE(std::uint16_t)
BIGRAM_INSTANTIATE(uint32_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
