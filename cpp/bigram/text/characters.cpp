// UTF-8 text to the ids of its characters.
//
//   text (size,) uint8, table (table_size,) -> ids (n,), n the number of characters
//
// ids[k] = table[code point of character k]. Eight bytes of ASCII are looked up without a branch
// between them. One load a byte and one lookup a character.
#include "bigram/text/characters.hpp"

#include <algorithm>
#include <cstring>

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

// The length in bytes of the character at text[0], and its code point; 0 where it is no UTF-8.
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

}  // namespace

template <class Id>
Characters encode_characters(Id* ids, int64_t capacity, const uint8_t* text, int64_t size,
                             const Id* table, int64_t table_size, int64_t missing) {
    const int64_t last = table_size - 1;
    const bool stops = missing >= 0;
    const Id stop = static_cast<Id>(missing);
    int64_t at = 0;
    int64_t count = 0;
    while (at < size && count < capacity) {
        uint64_t eight = 0;
        if (last >= 0x7F && at + 8 <= size && count + 8 <= capacity) {
            std::memcpy(&eight, text + at, 8);
            if ((eight & 0x8080808080808080u) == 0) {
                bool whole = true;
                for (int k = 0; k < 8; ++k) {
                    const Id id = table[text[at + k]];
                    ids[count + k] = id;
                    whole &= !(stops && id == stop);
                }
                if (whole) {
                    at += 8;
                    count += 8;
                    continue;
                }
            }
        }
        uint32_t point = 0;
        const int length = decode(&point, text + at, size - at);
        if (length == 0) break;
        const Id id = table[std::min<int64_t>(point, last)];
        if (stops && id == stop) break;
        ids[count++] = id;
        at += length;
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
