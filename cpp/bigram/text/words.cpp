// Words, split, counted and numbered by first occurrence, with a hash table that grows.
//
//   text (size,) uint8 -> number and count of each distinct word
//
// Words are taken by batches: first split and hashed, eight bytes at a time, with their slots
// prefetched; then looked up. One load a byte and one slot of 16 bytes a word; bound by cache
// misses once the table outgrows the second-level cache.
#include "bigram/text/words.hpp"

#include <algorithm>
#include <new>

#include "bigram/text/word_splitting.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::size_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

constexpr int kBatch = 32;               // words that are hashed before the first is looked up
constexpr int64_t kPollWords = 1 << 15;  // between two polls

Result count_all(WordTable& table, const uint8_t* text, int64_t size, const Run& run) {
    Word batch[kBatch];
    int64_t at = 0;
    int64_t num_words = 0;
    while (at < size) {
        table.reserve(table.size() + kBatch);
        int filled = 0;
        while (filled < kBatch) {
            while (at < size && is_space(text[at]))
                ++at;
            if (at >= size) break;
            batch[filled] = word_at(text, at, size);
            table.prefetch_slot(batch[filled]);
            at += batch[filled++].bytes;
        }
        for (int k = 0; k < filled; ++k) {
            if (is_reserved(batch[k])) return Result::bad_value(batch[k].begin);
            const size_t slot = table.find(text, batch[k]);
            const uint32_t number = table.slots[slot].number;
            if (number != 0) {
                ++table.counts[number - 1];
            } else {
                table.insert(slot, text, batch[k]);
            }
        }
        num_words += filled;
        if (num_words >= kPollWords) {
            num_words = 0;
            if (run.poll()) return Result::interrupted();
        }
    }
    return {};
}

uint64_t big_endian_start(const uint8_t* begin, const uint8_t* end) {
    uint64_t start = 0;
    for (int shift = 56; begin < end && shift >= 0; shift -= 8)
        start |= static_cast<uint64_t>(*begin++) << shift;
    return start;
}

}  // namespace

Result count_words(WordTable& table, const uint8_t* text, int64_t size, const Run& run) {
    try {
        return count_all(table, text, size, run);
    } catch (const std::bad_alloc&) {
        table.repair();
        throw;
    }
}

Result rank_words(int64_t* order, const WordTable& table) {
    struct Entry {
        int64_t count;
        uint64_t start;
        size_t number;
    };
    std::vector<Entry> entries(table.counts.size());
    for (size_t i = 0; i < entries.size(); ++i)
        entries[i] = {table.counts[i], big_endian_start(table.begin_of(i), table.end_of(i)), i};
    std::sort(entries.begin(), entries.end(), [&table](const Entry& a, const Entry& b) {
        if (a.count != b.count) return a.count > b.count;
        if (a.start != b.start) return a.start < b.start;
        return std::lexicographical_compare(table.begin_of(a.number), table.end_of(a.number),
                                            table.begin_of(b.number), table.end_of(b.number));
    });
    for (size_t i = 0; i < entries.size(); ++i)
        order[i] = static_cast<int64_t>(entries[i].number);
    return {};
}

}  // namespace bigram
