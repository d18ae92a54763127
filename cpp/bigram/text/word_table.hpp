// Private to this room.
// A hash table of words: one slot of 16 bytes for each, and their bytes one after the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bigram/numeric/probing.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/memory.hpp"
#include "bigram/text/word_splitting.hpp"

namespace bigram {

// The distinct words of a text, numbered from 0 by first occurrence.
struct WordTable {
    // A word of up to 8 bytes is its own key (a word holds no NUL, so padding loses nothing), so
    // that most look-ups compare one integer; of a longer one the key is a hash, `length` is set,
    // and the bytes are compared too.
    struct Slot {
        std::uint64_t key;
        std::uint32_t length;  // 0 for a word of up to 8 bytes
        std::uint32_t number;  // plus one; 0 where the slot is free
    };
    std::vector<Slot> slots = std::vector<Slot>(std::size_t{1} << 12);
    std::vector<std::uint8_t> bytes;     // of all words, each with a newline after it
    std::vector<std::int64_t> ends{-1};  // in bytes; the first entry stands before word 0
    std::vector<std::int64_t> counts;

    std::int64_t size() const { return static_cast<std::int64_t>(counts.size()); }
    const std::uint8_t* begin_of(std::size_t number) const {
        return bytes.data() + ends[number] + 1;
    }
    const std::uint8_t* end_of(std::size_t number) const { return bytes.data() + ends[number + 1]; }

    // Makes room for num_words words in all, so that adding them moves no slot.
    void reserve(std::int64_t num_words) {
        while (slots.size() < 2 * static_cast<std::size_t>(num_words))
            grow();
    }

    // The slot of a word, or the free one where it belongs.
    BIGRAM_INLINE std::size_t find(const std::uint8_t* text, const Word& word) const {
        return probe(slots.data(), slots.size(), first_slot(word), [&](const Slot& slot) {
            if (slot.number == 0) return true;
            if (slot.key != word.key || slot.length != word.length) return false;
            return word.length == 0 ||
                   std::memcmp(begin_of(slot.number - 1), text + word.begin, word.length) == 0;
        });
    }

    // Fills the free slot where the word belongs; at least one other slot must be free.
    void insert(std::size_t slot, const std::uint8_t* text, const Word& word) {
        bytes.insert(bytes.end(), text + word.begin, text + word.begin + word.bytes);
        bytes.push_back('\n');
        ends.push_back(static_cast<std::int64_t>(bytes.size()) - 1);
        counts.push_back(1);
        slots[slot] = {word.key, word.length, static_cast<std::uint32_t>(counts.size())};
    }

    // Takes back an insertion that ran out of memory half-way.
    void repair() {
        ends.resize(counts.size() + 1);
        bytes.resize(static_cast<std::size_t>(ends.back() + 1));
    }

    BIGRAM_INLINE void prefetch_slot(const Word& word) const { prefetch(&slots[first_slot(word)]); }

  private:
    // The number of slots is a power of two.
    std::size_t first_slot(const Word& word) const {
        return static_cast<std::size_t>(word.hash) & (slots.size() - 1);
    }

    void grow() {
        std::vector<Slot> old(2 * slots.size());
        old.swap(slots);
        for (const Slot& slot : old) {
            if (slot.number == 0) continue;
            const std::size_t start = static_cast<std::size_t>(mix(slot.key)) & (slots.size() - 1);
            slots[probe(slots.data(), slots.size(), start,
                        [](const Slot& one) { return one.number == 0; })] = slot;
        }
    }
};

}  // namespace bigram
