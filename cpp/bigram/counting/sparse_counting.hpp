#pragma once

#include <cstdint>
#include <vector>

#include "bigram/runtime/memory.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/runtime/tokens.hpp"

namespace bigram {

// Up to this many pairs are sorted as they are, if a key holds both ids; more go to buckets first.
constexpr std::int64_t kFewPairs = 1 << 18;

// Whether keys of 32 bits are enough: in buckets, below 2^20 ids.
inline bool has_narrow_keys(std::int64_t num_tokens, std::int64_t vocab_size) {
    return vocab_size <= (num_tokens <= kFewPairs ? 1 << 16 : 1 << 20);
}

// The pairs whose contexts lie in [first, end), as keys: (context - first) << bits | next.
struct KeyBucket {
    std::int64_t first;
    std::int64_t end;
    std::int64_t num_keys;
    std::int64_t begin = 0;         // of its keys
    bool dense = false;             // one context, to be counted in a row of all ids
    std::int64_t num_distinct = 0;  // once sorted
    bool packed = false;            // distinct keys, then their counts; else all keys in order
};

template <class Key>
struct KeyBuckets {
    Buffer<Key> keys;
    std::vector<KeyBucket> buckets;
};

// Bigram counts in compressed sparse rows, in two steps: count(), then write() into arrays of the
// size that is known by then. Key: uint32 where has_narrow_keys, else uint64.
template <class Key>
class SparseCounter {
  public:
    // As count_bigrams; vocab_size < 2**31.
    template <class Token>
    Result count(const Tokens<Token>& tokens, const Offsets& offsets, std::int64_t vocab_size,
                 const Run& run);

    // Distinct pairs: the length of indices and counts.
    std::int64_t num_distinct() const { return num_distinct_; }

    // indptr (vocab_size + 1), indices and counts (num_distinct()); columns ascend in a row.
    template <class Index>
    Result write(Index* indptr, Index* indices, std::int64_t* counts, const Run& run) const;

  private:
    std::int64_t vocab_size_ = 0;
    std::int64_t used_ids_ = 0;  // the largest token + 1
    std::int64_t num_distinct_ = 0;
    int bits_ = 1;  // of an id
    KeyBuckets<Key> parts_;
};

}  // namespace bigram
