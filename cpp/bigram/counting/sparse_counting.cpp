// Sparse bigram counting: the distinct pairs of neighbours and how often each occurs.
//
//   counts[k] = #{m : tokens[m] == i and tokens[m + 1] == indices[k]}
//   where indptr[i] <= k < indptr[i + 1]
//
// tokens (size,), indptr (vocab_size + 1), indices and counts (num_distinct). The plain way is to
// make a key of each pair, to sort the keys and to count equal ones: so are few pairs counted. Many
// are scattered to buckets by context first (sparse_partition.hpp), so that each is sorted within
// L2 (bucket_sorting.cpp). O(pairs) time; memory: one key a pair.
#include "bigram/counting/sparse_counting.hpp"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "bigram/counting/bucket_sorting.hpp"
#include "bigram/counting/sparse_partition.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

namespace {

constexpr int64_t kShareGrain = 1 << 15;           // pairs that are worth a thread
constexpr int64_t kSharePairs = int64_t{1} << 31;  // pairs that a share can count in 32 bits
constexpr int64_t kBlockTokens = 1 << 18;          // tokens that are checked at a time
constexpr int64_t kBlockRows = 1 << 20;            // empty rows that are written at a time

template <class Id>
BIGRAM_INLINE Id largest_of_body(const Id* ids, int64_t count) {
    Id largest = 0;
    for (int64_t k = 0; k < count; ++k)
        largest = std::max(largest, ids[k]);
    return largest;
}

#define BIGRAM_LARGEST_OF(Id) \
    BIGRAM_CLONES(Id, largest_of, (const Id* ids, int64_t count), (ids, count))
BIGRAM_LARGEST_OF(std::uint8_t)
BIGRAM_LARGEST_OF(std::uint16_t)
BIGRAM_LARGEST_OF(uint32_t)
BIGRAM_LARGEST_OF(uint64_t)
#undef BIGRAM_LARGEST_OF

// The largest token of [begin, end), or where the first one stands that is not below vocab_size.
template <class Token>
Result find_largest(uint64_t* largest, const Tokens<Token>& tokens, int64_t begin, int64_t end,
                    int64_t vocab_size, const Run& run) {
    using Id = std::make_unsigned_t<Token>;
    const Id* const ids = reinterpret_cast<const Id*>(tokens.data);
    const int64_t stride = tokens.stride;
    std::atomic<uint64_t> found{0};
    std::atomic<int64_t> first_bad{end};
    const auto body = [&](int64_t block, int) {
        const int64_t start = begin + block * kBlockTokens;
        const int64_t stop = std::min(end, start + kBlockTokens);
        Id most = 0;
        if (stride == 1) {
            most = largest_of(ids + start, stop - start);
        } else {
            for (int64_t i = start; i < stop; ++i)
                most = std::max(most, ids[i * stride]);
        }
        uint64_t seen = found.load();
        while (most > seen && !found.compare_exchange_weak(seen, most)) {
        }
        if (most < static_cast<uint64_t>(vocab_size)) return;
        int64_t bad = start;
        while (ids[bad * stride] < static_cast<uint64_t>(vocab_size))
            ++bad;
        lower_to(first_bad, bad);
    };
    if (!parallel_for(run, ceil_div(end - begin, kBlockTokens), body)) return Result::interrupted();
    *largest = found.load();
    return first_bad.load() < end ? Result::bad_value(first_bad.load()) : Result{};
}

}  // namespace

template <class Key>
template <class Token>
Result SparseCounter<Key>::count(const Tokens<Token>& tokens, const Offsets& offsets,
                                 int64_t vocab_size, const Run& run) {
    vocab_size_ = vocab_size;
    const int64_t begin = offsets.begin();
    const int64_t end = offsets.end(tokens.size);
    if (begin == end) return {};
    uint64_t largest = 0;
    Result result = find_largest(&largest, tokens, begin, end, vocab_size, run);
    if (!result.ok()) return result;
    used_ids_ = static_cast<int64_t>(largest) + 1;
    bits_ = std::max(1, bit_width(largest));

    const Pairs<Token> pairs{tokens, offsets, begin, end - 1};
    const int64_t num_pairs = end - 1 - begin;
    if (num_pairs <= kFewPairs && 2 * bits_ <= 8 * static_cast<int>(sizeof(Key))) {
        result = collect(&parts_, pairs, used_ids_, bits_);
    } else {
        const int num_shares = std::max(team_size(run, num_pairs / kShareGrain),
                                        static_cast<int>(ceil_div(num_pairs, kSharePairs)));
        result = partition(&parts_, pairs, used_ids_, bits_, num_shares, run);
    }
    if (result.ok()) result = sort_buckets(&parts_, used_ids_, bits_, run);
    for (const KeyBucket& bucket : parts_.buckets)
        num_distinct_ += bucket.num_distinct;
    return result;
}

namespace {

// Writes the rows of one bucket from `at` on, and the ends of its rows.
template <class Key, class Index>
void write_bucket(Index* indptr, Index* indices, int64_t* counts, const KeyBucket& bucket,
                  const Key* keys, int bits, int64_t at) {
    const Key mask = (Key{1} << bits) - 1;
    int64_t row = bucket.first;
    const auto place = [&](Key key, int64_t where) {
        for (; row < bucket.first + static_cast<int64_t>(key >> bits); ++row)
            indptr[row + 1] = static_cast<Index>(where);
        indices[where] = static_cast<Index>(key & mask);
    };
    if (bucket.packed) {
        for (int64_t k = 0; k < bucket.num_distinct; ++k) {
            place(keys[k], at + k);
            counts[at + k] = static_cast<int64_t>(keys[bucket.num_distinct + k]);
        }
    } else if (bucket.num_keys > 0) {
        // The end of each run, overwritten while it lasts, then differences: no branch to
        // mispredict.
        int64_t where = at;
        for (int64_t k = 0; k < bucket.num_keys; ++k) {
            where += k > 0 && keys[k] != keys[k - 1];
            place(keys[k], where);
            counts[where] = k + 1;
        }
        for (; where > at; --where)
            counts[where] -= counts[where - 1];
    }
    for (; row < bucket.end; ++row)
        indptr[row + 1] = static_cast<Index>(at + bucket.num_distinct);
}

}  // namespace

template <class Key>
template <class Index>
Result SparseCounter<Key>::write(Index* indptr, Index* indices, int64_t* counts,
                                 const Run& run) const {
    const auto num_buckets = static_cast<int64_t>(parts_.buckets.size());
    std::vector<int64_t> begins(parts_.buckets.size() + 1, 0);
    for (std::size_t b = 0; b < parts_.buckets.size(); ++b)
        begins[b + 1] = begins[b] + parts_.buckets[b].num_distinct;
    indptr[0] = 0;
    const auto body = [&](int64_t b, int) {
        const KeyBucket& bucket = parts_.buckets[static_cast<std::size_t>(b)];
        write_bucket(indptr, indices, counts, bucket, parts_.keys.get() + bucket.begin, bits_,
                     begins[static_cast<std::size_t>(b)]);
    };
    if (!parallel_for(run, num_buckets, body)) return Result::interrupted();
    // The ids that do not occur.
    const int64_t rest = vocab_size_ - used_ids_;
    const auto fill = [&](int64_t block, int) {
        const int64_t first = used_ids_ + block * kBlockRows;
        std::fill(indptr + first + 1, indptr + std::min(vocab_size_, first + kBlockRows) + 1,
                  static_cast<Index>(num_distinct_));
    };
    return parallel_for(run, ceil_div(rest, kBlockRows), fill) ? Result{} : Result::interrupted();
}

#define BIGRAM_INSTANTIATE(Key, Token)                                                       \
    template Result SparseCounter<Key>::count(const Tokens<Token>&, const Offsets&, int64_t, \
                                              const Run&);
#define BIGRAM_INSTANTIATE_ALL(Key)                                                               \
    template class SparseCounter<Key>;                                                            \
    BIGRAM_INSTANTIATE(Key, std::uint8_t)                                                         \
    BIGRAM_INSTANTIATE(Key, std::uint16_t)                                                        \
    BIGRAM_INSTANTIATE(Key, std::uint32_t)                                                        \
    BIGRAM_INSTANTIATE(Key, std::int32_t)                                                         \
    BIGRAM_INSTANTIATE(Key, std::int64_t)                                                         \
    template Result SparseCounter<Key>::write(std::int32_t*, std::int32_t*, int64_t*, const Run&) \
        const;                                                                                    \
    template Result SparseCounter<Key>::write(int64_t*, int64_t*, int64_t*, const Run&) const;
BIGRAM_INSTANTIATE_ALL(uint32_t)
BIGRAM_INSTANTIATE_ALL(uint64_t)
#undef BIGRAM_INSTANTIATE_ALL
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
