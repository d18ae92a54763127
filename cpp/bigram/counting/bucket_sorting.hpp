// Private to this room.
// The second half of sparse counting: every bucket of keys becomes its distinct keys in order.
#pragma once

#include <cstdint>

#include "bigram/counting/sparse_counting.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// The number of bits that hold `value`; 0 for 0.
inline int bit_width(std::uint64_t value) {
    int bits = 0;
    for (; value > 0; value >>= 1)
        ++bits;
    return bits;
}

// Sorts the keys of each bucket, and packs them where at most every second one is distinct. Ids
// have `bits` bits and are below used_ids.
template <class Key>
Result sort_buckets(KeyBuckets<Key>* parts, std::int64_t used_ids, int bits, const Run& run);

}  // namespace bigram
