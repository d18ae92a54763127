// Sparse bigram counting: the distinct pairs of neighbours and how often each occurs.
//
//   counts[k] = #{m : tokens[m] == i and tokens[m + 1] == indices[k]}
//   where indptr[i] <= k < indptr[i + 1]
//
// tokens (size,), indptr (vocab_size + 1), indices and counts (num_distinct). The pairs are
// scattered to buckets by context (sparse_partition.hpp); a bucket is sorted within L2 and its runs
// are counted or, where it is one frequent context, counted in a dense row. O(pairs) time; memory:
// one key a pair.
#include "bigram/counting/sparse_counting.hpp"

#include <algorithm>
#include <atomic>
#include <type_traits>

#include "bigram/counting/sparse_partition.hpp"
#include "bigram/numeric/radix_sort.hpp"
#include "bigram/runtime/intrinsics.hpp"
#include "bigram/runtime/isa.hpp"

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

namespace {

constexpr int64_t kLaneGrain = 1 << 15;           // pairs that are worth a thread
constexpr int64_t kLanePairs = int64_t{1} << 31;  // pairs that a lane can count in 32 bits
constexpr int64_t kMaxRadixKeys = 1 << 23;        // more keys are sorted in place

int bit_width(uint64_t value) {
    int bits = 0;
    for (; value > 0; value >>= 1)
        ++bits;
    return bits;
}

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
Result find_largest(uint64_t* largest, const Token* tokens, int64_t stride, int64_t begin,
                    int64_t end, int64_t vocab_size, const Run& run) {
    constexpr int64_t kBlock = 1 << 18;
    using Id = std::make_unsigned_t<Token>;
    const Id* const ids = reinterpret_cast<const Id*>(tokens);
    std::atomic<uint64_t> found{0};
    std::atomic<int64_t> first_bad{end};
    const auto body = [&](int64_t block, int) {
        const int64_t start = begin + block * kBlock;
        const int64_t stop = std::min(end, start + kBlock);
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
    if (!parallel_for(run, ceil_div(end - begin, kBlock), body)) return Result::interrupted();
    *largest = found.load();
    return first_bad.load() < end ? Result::bad_value(first_bad.load()) : Result{};
}

// ids (count of those that are not zero) and amounts: what is not zero in counts (size), which is
// zero afterwards. Both have room for size.
int64_t take_row(uint32_t* BIGRAM_RESTRICT ids, uint32_t* BIGRAM_RESTRICT amounts,
                 uint32_t* BIGRAM_RESTRICT counts, int64_t size) {
    int64_t taken = 0;
    for (int64_t j = 0; j < size; ++j) {  // written always, kept if not zero: no branch to guess
        ids[taken] = static_cast<uint32_t>(j);
        amounts[taken] = counts[j];
        taken += counts[j] != 0;
        counts[j] = 0;
    }
    return taken;
}

#if BIGRAM_X86
// The same, 16 cells at a time: 8 times.
BIGRAM_TARGET_AVX512 int64_t take_row_avx512(uint32_t* ids, uint32_t* amounts, uint32_t* counts,
                                             int64_t size) {
    int64_t taken = 0;
    __m512i numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (int64_t j = 0; j < size; j += 16) {
        const auto inside = static_cast<__mmask16>(size - j < 16 ? (1 << (size - j)) - 1 : 0xffff);
        const __m512i cells = _mm512_maskz_loadu_epi32(inside, counts + j);
        const __mmask16 any = _mm512_test_epi32_mask(cells, cells);
        if (any != 0) {
            const int number = __builtin_popcount(any);
            const auto first = static_cast<__mmask16>((1 << number) - 1);
            _mm512_mask_storeu_epi32(ids + taken, first, _mm512_maskz_compress_epi32(any, numbers));
            _mm512_mask_storeu_epi32(amounts + taken, first,
                                     _mm512_maskz_compress_epi32(any, cells));
            _mm512_mask_storeu_epi32(counts + j, inside, _mm512_setzero_si512());
            taken += number;
        }
        numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(16));
    }
    return taken;
}
#endif

// Turns a bucket of keys into a sorted one.
template <class Key>
struct Sorter {
    int bits;
    int64_t used_ids;
    int64_t max_keys;
    Buffer<Key> spare;              // (max_keys)
    Buffer<uint32_t> row;           // (used_ids) where a bucket is dense, zero between two uses
    Buffer<uint32_t> ids, amounts;  // (used_ids)

    void operator()(KeyBucket& bucket, Key* keys) const {
        if (bucket.dense) return count_row(bucket, keys);
        const int64_t count = bucket.num_keys;
        Key* sorted = keys;
        if (count > max_keys) {
            std::sort(keys, keys + count);
        } else {
            const int contexts = bit_width(static_cast<uint64_t>(bucket.end - bucket.first - 1));
            sorted = radix_sort(keys, spare.get(), count, bits + contexts);
        }
        bucket.num_distinct = count > 0;
        for (int64_t k = 1; k < count; ++k)
            bucket.num_distinct += sorted[k] != sorted[k - 1];
        bucket.packed = count <= max_keys && 2 * bucket.num_distinct <= count;
        if (bucket.packed && sorted == keys) sorted = std::copy_n(keys, count, spare.get()) - count;
        if (bucket.packed) {
            pack(keys, bucket.num_distinct, sorted, count);
        } else if (sorted != keys) {
            std::copy_n(sorted, count, keys);
        }
    }

    // Distinct keys, then their counts: the ends of the runs, overwritten while a run lasts, then
    // differences, so that there is no branch to guess.
    static void pack(Key* keys, int64_t num_distinct, const Key* sorted, int64_t count) {
        Key* const ends = keys + num_distinct;
        int64_t d = 0;
        for (int64_t k = 0; k < count; ++k) {
            d += k > 0 && sorted[k] != sorted[k - 1];
            keys[d] = sorted[k];
            ends[d] = static_cast<Key>(k + 1);
        }
        for (; d > 0; --d)
            ends[d] -= ends[d - 1];
    }

    // A bucket of one frequent context: its row, densely.
    void count_row(KeyBucket& bucket, Key* keys) const {
        uint32_t* const counts = row.get();
        for (int64_t k = 0; k < bucket.num_keys; ++k)
            ++counts[keys[k]];
        const int64_t distinct = take(ids.get(), amounts.get(), counts, used_ids);
        bucket.num_distinct = distinct;
        bucket.packed = 2 * distinct <= bucket.num_keys;
        if (bucket.packed) {
            std::copy_n(amounts.get(), distinct, std::copy_n(ids.get(), distinct, keys));
            return;
        }
        for (int64_t d = 0; d < distinct; ++d)
            keys = std::fill_n(keys, amounts[d], static_cast<Key>(ids[d]));
    }

    static int64_t take(uint32_t* ids, uint32_t* amounts, uint32_t* counts, int64_t size) {
#if BIGRAM_X86
        if (active_isa() >= Isa::avx512) return take_row_avx512(ids, amounts, counts, size);
#endif
        return take_row(ids, amounts, counts, size);
    }
};

template <class Key>
Result sort_buckets(KeyBuckets<Key>* parts, int64_t used_ids, int bits, const Run& run) {
    const auto num_buckets = static_cast<int64_t>(parts->buckets.size());
    int64_t max_keys = 0;
    int64_t row = 0;
    for (const KeyBucket& bucket : parts->buckets) {
        if (bucket.dense) {
            row = used_ids;
        } else if (bucket.num_keys <= kMaxRadixKeys) {
            max_keys = std::max(max_keys, bucket.num_keys);
        }
    }
    std::vector<Sorter<Key>> sorters;  // one a thread
    for (int t = 0; t < team_size(run, num_buckets); ++t) {
        sorters.push_back({bits, used_ids, max_keys, uninitialised<Key>(max_keys),
                           zeroed<uint32_t>(row), uninitialised<uint32_t>(row),
                           uninitialised<uint32_t>(row)});
    }
    const auto body = [&](int64_t number, int thread) {
        KeyBucket& bucket = parts->buckets[static_cast<std::size_t>(number)];
        sorters[static_cast<std::size_t>(thread)](bucket, parts->keys.get() + bucket.begin);
    };
    return parallel_for(run, num_buckets, body) ? Result{} : Result::interrupted();
}

}  // namespace

template <class Key>
template <class Token>
Result SparseCounter<Key>::count(const Token* tokens, int64_t size, int64_t stride,
                                 const int64_t* offsets, int64_t num_sequences, int64_t vocab_size,
                                 const Run& run) {
    vocab_size_ = vocab_size;
    const int64_t begin = offsets == nullptr ? 0 : offsets[0];
    const int64_t end = offsets == nullptr ? size : offsets[num_sequences];
    if (begin == end) return {};
    uint64_t largest = 0;
    Result result = find_largest(&largest, tokens, stride, begin, end, vocab_size, run);
    if (!result.ok()) return result;
    used_ids_ = static_cast<int64_t>(largest) + 1;
    bits_ = std::max(1, bit_width(largest));

    const Pairs<Token> pairs{tokens, stride, offsets, num_sequences, begin, end - 1};
    const int64_t num_pairs = end - 1 - begin;
    if (num_pairs <= kFewPairs && 2 * bits_ <= 8 * static_cast<int>(sizeof(Key))) {
        result = collect(&parts_, pairs, used_ids_, bits_);
    } else {
        const int num_lanes = std::max(team_size(run, num_pairs / kLaneGrain),
                                       static_cast<int>(ceil_div(num_pairs, kLanePairs)));
        result = partition(&parts_, pairs, used_ids_, bits_, num_lanes, run);
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
        // The end of each run, overwritten while it lasts, then differences: no branch to guess.
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
    constexpr int64_t kRows = 1 << 20;
    const int64_t rest = vocab_size_ - used_ids_;
    const auto fill = [&](int64_t block, int) {
        const int64_t first = used_ids_ + block * kRows;
        std::fill(indptr + first + 1, indptr + std::min(vocab_size_, first + kRows) + 1,
                  static_cast<Index>(num_distinct_));
    };
    return parallel_for(run, ceil_div(rest, kRows), fill) ? Result{} : Result::interrupted();
}

#define BIGRAM_INSTANTIATE(Key, Token)                                                        \
    template Result SparseCounter<Key>::count(const Token*, int64_t, int64_t, const int64_t*, \
                                              int64_t, int64_t, const Run&);
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
