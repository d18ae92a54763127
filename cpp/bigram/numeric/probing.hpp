// Hash tables with open addressing and linear probing: the one search that they all share.
//
// A table is an array of slots, some of them free, so that a search ends. A key is looked for from
// a slot that its hash gives, onward and around the end, until a slot holds it or is free.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bigram {

// The high bits of the product depend on every bit of the key (Fibonacci hashing).
constexpr std::uint64_t kHashMultiplier = 0x9E3779B97F4A7C15u;

// The first slot from `start` on for which ends(slot) holds: it is free, or it has the key.
template <class Slot, class Ends>
inline std::size_t probe(const Slot* slots, std::size_t num_slots, std::size_t start,
                         const Ends& ends) {
    while (!ends(slots[start]))
        if (++start == num_slots) start = 0;
    return start;
}

}  // namespace bigram
