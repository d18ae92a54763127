// Sparse bigram counting: the distinct pairs of neighbours and how often each occurs.
//
//   counts[k] = #{m : tokens[m] == i and tokens[m + 1] == indices[k]},  indptr[i] <= k <
//   indptr[i+1]
//
// tokens (size,), indptr (vocab_size + 1), indices and counts (num_distinct). Contexts are counted;
// neighbouring contexts make up buckets of about kBucketPairs pairs; every pair goes to its bucket
// as one key, through a cache line of its own; then each bucket is sorted within L2 and its runs
// are counted, or, where it is one frequent context, counted in a dense row. A lane is the share of
// a thread. O(pairs) time; memory: one key a pair.
#include "bigram/sparse_counting.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <type_traits>

#include "bigram/radix_sort.hpp"

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

namespace {

constexpr int64_t kBucketPairs = 30'000;    // sorted within L2
constexpr int64_t kMaxBuckets = 4096;       // as many cache lines being filled stay within L2
constexpr int64_t kPiece = 1 << 16;         // pairs between two polls
constexpr int64_t kLaneGrain = 1 << 15;     // pairs that are worth a thread
constexpr int64_t kExactBins = 1 << 16;     // contexts told apart at least
constexpr int64_t kDenseRow = 1 << 22;      // largest vocabulary whose rows are counted densely
constexpr int64_t kMaxRadixKeys = 1 << 23;  // more keys are sorted in place
constexpr int64_t kLine = 64;               // bytes

template <class Token>
struct Pairs {
    const Token* tokens;
    int64_t stride;
    const int64_t* offsets;
    int64_t num_sequences;
    int64_t begin;  // pairs start in [begin, end)
    int64_t end;

    uint32_t at(int64_t i) const { return static_cast<uint32_t>(tokens[i * stride]); }

    // Calls f(from, to) for the pairs that start in [first, last) and cross no offset, run by run.
    template <class F>
    void for_each_run(int64_t first, int64_t last, const F& f) const {
        if (offsets == nullptr) return f(first, last);
        const int64_t* const stop = offsets + num_sequences + 1;
        const int64_t* next = std::upper_bound(offsets, stop, first);
        while (first < last) {
            while (next < stop && *next <= first)
                ++next;
            const int64_t crossing = next < stop ? *next - 1 : last;
            if (first < std::min(crossing, last)) f(first, std::min(crossing, last));
            first = crossing + 1;
        }
    }
};

// Asks whether to stop, from within a lane.
struct Stopper {
    const Run& run;
    std::atomic<bool> stopped{false};

    bool operator()(int thread) {
        if (thread == 0 && run.poll()) stopped.store(true);
        return stopped.load(std::memory_order_relaxed);
    }
};

int bit_width(uint64_t value) {
    int bits = 0;
    for (; value > 0; value >>= 1)
        ++bits;
    return bits;
}

// The largest token of [begin, end), or where the first one stands that is not below vocab_size.
template <class Token>
Result find_largest(uint64_t* largest, const Token* tokens, int64_t stride, int64_t begin,
                    int64_t end, int64_t vocab_size, const Run& run) {
    constexpr int64_t kBlock = 1 << 18;
    using Id = std::make_unsigned_t<Token>;
    std::atomic<uint64_t> found{0};
    std::atomic<int64_t> first_bad{end};
    const auto body = [&](int64_t block, int) {
        const int64_t start = begin + block * kBlock;
        const int64_t stop = std::min(end, start + kBlock);
        Id most = 0;
        if (stride == 1) {
            for (int64_t i = start; i < stop; ++i)
                most = std::max(most, static_cast<Id>(tokens[i]));
        } else {
            for (int64_t i = start; i < stop; ++i)
                most = std::max(most, static_cast<Id>(tokens[i * stride]));
        }
        uint64_t seen = found.load();
        while (most > seen && !found.compare_exchange_weak(seen, most)) {
        }
        if (most < static_cast<uint64_t>(vocab_size)) return;
        int64_t bad = start;
        while (static_cast<uint64_t>(static_cast<Id>(tokens[bad * stride])) <
               static_cast<uint64_t>(vocab_size))
            ++bad;
        int64_t before = first_bad.load();
        while (bad < before && !first_bad.compare_exchange_weak(before, bad)) {
        }
    };
    if (!parallel_for(run, ceil_div(end - begin, kBlock), body)) return Result::interrupted();
    *largest = found.load();
    return first_bad.load() < end ? Result::bad_value(first_bad.load()) : Result{};
}

// Contexts are counted in bins: one each below `exact`, 2**shift together above. Vocabularies are
// mostly in order of frequency, so that a bin of several contexts holds rare ones.
struct Bins {
    int64_t exact;
    int shift;
    int64_t count;

    Bins(int64_t used_ids, int64_t num_pairs) {
        const int64_t most = std::max(kExactBins, num_pairs / 16);
        exact = used_ids <= most ? used_ids : most / 2;
        shift = 0;
        while (((used_ids - exact) >> shift) >= most - exact + 1)
            ++shift;
        count = of(used_ids - 1) + 1;
    }
    int64_t of(int64_t context) const {
        return context < exact ? context : exact + ((context - exact) >> shift);
    }
    int64_t first(int64_t bin) const {
        return bin < exact ? bin : exact + ((bin - exact) << shift);
    }
};

// Neighbouring bins make up a bucket until it has enough pairs, or contexts for its key.
std::vector<KeyBucket> make_buckets(const std::vector<int64_t>& totals, const Bins& bins,
                                    int64_t used_ids, int64_t most_contexts) {
    int64_t num_pairs = 0;
    for (const int64_t total : totals)
        num_pairs += total;
    const int64_t wanted = std::max(kBucketPairs, num_pairs / kMaxBuckets);
    std::vector<KeyBucket> buckets;
    KeyBucket open{0, 0, 0};
    for (int64_t bin = 0; bin < bins.count; ++bin) {
        const int64_t total = totals[static_cast<std::size_t>(bin)];
        const int64_t end = std::min(used_ids, bins.first(bin + 1));
        const bool full = open.num_keys + total > wanted || end - open.first > most_contexts;
        if (full && open.end > open.first) {
            buckets.push_back(open);
            open = {open.end, open.end, 0};
        }
        open.end = end;
        open.num_keys += total;
    }
    buckets.push_back(open);
    return buckets;
}

// Where the pairs of a context go.
struct Place {
    uint32_t bucket;
    uint32_t first;  // context of the bucket
};

}  // namespace

// What a thread sorts in.
template <class Key>
struct SparseCounter<Key>::Scratch {
    Buffer<Key> keys;
    Buffer<uint32_t> row;
    int64_t max_keys = 0;
};

// Few pairs: all of them are one bucket.
template <class Key>
template <class Pairs>
void SparseCounter<Key>::collect(const Pairs& pairs) {
    Key* to = keys_;
    pairs.for_each_run(pairs.begin, pairs.end, [&](int64_t from, int64_t end) {
        for (int64_t i = from; i < end; ++i)
            *to++ = static_cast<Key>(pairs.at(i)) << bits_ | pairs.at(i + 1);
    });
    lanes_ = 1;
    segments_ = {0, to - keys_};
    buckets_ = {KeyBucket{0, used_ids_, to - keys_}};
}

// Counts the contexts of each lane, then scatters its pairs to their buckets.
template <class Key>
template <class Pairs>
Result SparseCounter<Key>::partition(const Pairs& pairs, int lanes, const Run& run) {
    constexpr int64_t kLineKeys = kLine / static_cast<int64_t>(sizeof(Key));
    const int64_t num_pairs = pairs.end - pairs.begin;
    const Bins bins(used_ids_, num_pairs);
    Stopper stop{run};
    const auto for_each_lane = [&](const auto& body) {
        return parallel_for(run, lanes, body) && !stop.stopped.load();
    };
    const auto for_each_run = [&](int64_t lane, int thread, const auto& f) {
        const int64_t last = pairs.begin + num_pairs * (lane + 1) / lanes;
        for (int64_t at = pairs.begin + num_pairs * lane / lanes; at < last; at += kPiece) {
            if (stop(thread)) return;
            pairs.for_each_run(at, std::min(at + kPiece, last), f);
        }
    };

    // Neighbours are counted in twin cells, so that equal ones need not wait for each other.
    const Buffer<uint32_t> histograms = zeroed<uint32_t>(2 * bins.count * lanes);
    if (!histograms) return Result::out_of_memory();
    const auto histogram_of = [&](int64_t lane) {
        return histograms.get() + 2 * bins.count * lane;
    };
    const bool counted = for_each_lane([&](int64_t lane, int thread) {
        uint32_t* const histogram = histogram_of(lane);
        for_each_run(lane, thread, [&](int64_t from, int64_t to) {
            for (int64_t i = from; i < to; ++i)
                ++histogram[2 * bins.of(pairs.at(i)) + (i & 1)];
        });
    });
    if (!counted) return Result::interrupted();

    std::vector<int64_t> totals(static_cast<std::size_t>(bins.count), 0);
    for (int64_t lane = 0; lane < lanes; ++lane) {
        const uint32_t* const histogram = histogram_of(lane);
        for (int64_t bin = 0; bin < bins.count; ++bin) {
            totals[static_cast<std::size_t>(bin)] +=
                int64_t{histogram[2 * bin]} + int64_t{histogram[2 * bin + 1]};
        }
    }
    const int free_bits = std::min(32, 8 * static_cast<int>(sizeof(Key)) - bits_);
    buckets_ = make_buckets(totals, bins, used_ids_, int64_t{1} << free_bits);
    const auto num_buckets = static_cast<int64_t>(buckets_.size());

    // Every lane has a segment of every bucket, of whole cache lines.
    lanes_ = lanes;
    segments_.assign(static_cast<std::size_t>(2 * num_buckets * lanes), 0);
    std::vector<Place> places(static_cast<std::size_t>(bins.count));
    int64_t at = 0;
    int64_t bin = 0;
    for (int64_t b = 0; b < num_buckets; ++b) {
        KeyBucket& bucket = buckets_[static_cast<std::size_t>(b)];
        const int64_t first_bin = bin;
        for (; bin < bins.count && bins.first(bin) < bucket.end; ++bin) {
            places[static_cast<std::size_t>(bin)] = {static_cast<uint32_t>(b),
                                                     static_cast<uint32_t>(bucket.first)};
        }
        bucket.begin = at;
        for (int64_t lane = 0; lane < lanes; ++lane) {
            int64_t keys = 0;
            for (int64_t k = 2 * first_bin; k < 2 * bin; ++k)
                keys += histogram_of(lane)[k];
            int64_t* const segment = &segments_[static_cast<std::size_t>(2 * (b * lanes + lane))];
            segment[0] = segment[1] = at;
            at += ceil_div(keys, kLineKeys) * kLineKeys;
        }
    }
    memory_ = uninitialised<Key>(at + kLineKeys);
    const Buffer<Key> lines = uninitialised<Key>((num_buckets + 1) * lanes * kLineKeys);
    const Buffer<int64_t> cursors = uninitialised<int64_t>(num_buckets * lanes);
    if (!memory_ || !lines || !cursors) return Result::out_of_memory();
    const auto aligned = [](Key* pointer) {
        const auto address = reinterpret_cast<std::uintptr_t>(pointer);
        return reinterpret_cast<Key*>((address + kLine - 1) / kLine * kLine);
    };
    keys_ = aligned(memory_.get());

    // A bucket's keys are gathered in a cache line, which is written when it is full.
    const bool scattered = for_each_lane([&](int64_t lane, int thread) {
        Key* const waiting = aligned(lines.get()) + num_buckets * lane * kLineKeys;
        int64_t* const cursor = cursors.get() + num_buckets * lane;
        for (int64_t b = 0; b < num_buckets; ++b)
            cursor[b] = segments_[static_cast<std::size_t>(2 * (b * lanes + lane))];
        for_each_run(lane, thread, [&](int64_t from, int64_t to) {
            uint32_t context = pairs.at(from);
            for (int64_t i = from; i < to; ++i) {
                const uint32_t next = pairs.at(i + 1);
                const Place place = places[static_cast<std::size_t>(bins.of(context))];
                Key* const line = waiting + place.bucket * kLineKeys;
                const int64_t slot = cursor[place.bucket]++;
                line[slot % kLineKeys] = static_cast<Key>(context - place.first) << bits_ | next;
                if (slot % kLineKeys == kLineKeys - 1) {
                    std::memcpy(keys_ + slot + 1 - kLineKeys, line, kLine);
                }
                context = next;
            }
        });
        for (int64_t b = 0; b < num_buckets; ++b) {
            const int64_t rest = cursor[b] % kLineKeys;
            std::copy_n(waiting + b * kLineKeys, rest, keys_ + cursor[b] - rest);
            segments_[static_cast<std::size_t>(2 * (b * lanes + lane) + 1)] = cursor[b];
        }
    });
    return scattered ? Result{} : Result::interrupted();
}

template <class Key>
template <class F>
void SparseCounter<Key>::for_each_segment(int64_t number, const F& f) const {
    for (int64_t lane = 0; lane < lanes_; ++lane) {
        const int64_t* const segment =
            &segments_[static_cast<std::size_t>(2 * (number * lanes_ + lane))];
        f(keys_ + segment[0], segment[1] - segment[0]);
    }
}

template <class Key>
bool SparseCounter<Key>::is_dense(const KeyBucket& bucket) const {
    return bucket.end - bucket.first == 1 && bucket.num_keys >= kBucketPairs &&
           used_ids_ <= std::min(kDenseRow, 8 * bucket.num_keys);
}

// A bucket of one frequent context: its row, densely.
template <class Key>
void SparseCounter<Key>::count_row(int64_t number, const Scratch& scratch) {
    KeyBucket& bucket = buckets_[static_cast<std::size_t>(number)];
    uint32_t* const row = scratch.row.get();
    for_each_segment(number, [&](const Key* keys, int64_t count) {
        for (int64_t k = 0; k < count; ++k)
            ++row[keys[k]];
    });
    bucket.num_distinct = used_ids_ - std::count(row, row + used_ids_, 0u);
    bucket.packed = 2 * bucket.num_distinct <= bucket.num_keys;
    Key* keys = keys_ + bucket.begin;
    Key* counts = keys + bucket.num_distinct;
    for (int64_t j = 0; j < used_ids_; ++j) {
        if (row[j] == 0) continue;
        if (bucket.packed) {
            *keys++ = static_cast<Key>(j);
            *counts++ = row[j];
        } else {
            keys = std::fill_n(keys, row[j], static_cast<Key>(j));
        }
    }
    std::fill_n(row, used_ids_, 0u);
}

template <class Key>
void SparseCounter<Key>::sort_bucket(int64_t number, const Scratch& scratch) {
    KeyBucket& bucket = buckets_[static_cast<std::size_t>(number)];
    const int64_t count = bucket.num_keys;
    Key* const home = keys_ + bucket.begin;
    if (count == 0) return;
    if (is_dense(bucket)) return count_row(number, scratch);
    const bool in_place = count > scratch.max_keys;
    Key* const gathered = in_place ? home : scratch.keys.get();
    Key* to = gathered;
    for_each_segment(number, [&](const Key* keys, int64_t size) {
        std::memmove(to, keys, static_cast<std::size_t>(size) * sizeof(Key));
        to += size;
    });
    Key* sorted = gathered;
    if (in_place) {
        std::sort(sorted, sorted + count);
    } else {
        const int bits = bits_ + bit_width(static_cast<uint64_t>(bucket.end - bucket.first - 1));
        sorted = radix_sort(gathered, gathered + scratch.max_keys, count, bits);
    }
    int64_t distinct = 1;
    for (int64_t k = 1; k < count; ++k)
        distinct += sorted[k] != sorted[k - 1];
    bucket.num_distinct = distinct;
    bucket.packed = !in_place && 2 * distinct <= count;
    if (!bucket.packed) {
        if (!in_place) std::copy_n(sorted, count, home);
        return;
    }
    Key* keys = home;
    int64_t begin = 0;
    for (int64_t k = 1; k <= count; ++k) {
        if (k < count && sorted[k] == sorted[begin]) continue;
        keys[distinct] = static_cast<Key>(k - begin);
        *keys++ = sorted[begin];
        begin = k;
    }
}

template <class Key>
Result SparseCounter<Key>::sort_buckets(const Run& run) {
    const auto num_buckets = static_cast<int64_t>(buckets_.size());
    std::vector<Scratch> scratches(static_cast<std::size_t>(team_size(run, num_buckets)));
    int64_t max_keys = 0;
    bool any_dense = false;
    for (const KeyBucket& bucket : buckets_) {
        any_dense |= is_dense(bucket);
        if (!is_dense(bucket) && bucket.num_keys <= kMaxRadixKeys) {
            max_keys = std::max(max_keys, bucket.num_keys);
        }
    }
    for (Scratch& scratch : scratches) {
        scratch.max_keys = max_keys;
        scratch.keys = uninitialised<Key>(2 * max_keys);
        scratch.row = zeroed<uint32_t>(any_dense ? used_ids_ : 0);
        if (!scratch.keys || !scratch.row) return Result::out_of_memory();
    }
    const auto body = [&](int64_t number, int thread) {
        sort_bucket(number, scratches[static_cast<std::size_t>(thread)]);
    };
    if (!parallel_for(run, num_buckets, body)) return Result::interrupted();
    num_distinct_ = 0;
    for (const KeyBucket& bucket : buckets_)
        num_distinct_ += bucket.num_distinct;
    return {};
}

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
    const Result checked = find_largest(&largest, tokens, stride, begin, end, vocab_size, run);
    if (!checked.ok()) return checked;
    used_ids_ = static_cast<int64_t>(largest) + 1;
    bits_ = std::max(1, bit_width(largest));

    const Pairs<Token> pairs{tokens, stride, offsets, num_sequences, begin, end - 1};
    const int64_t num_pairs = end - 1 - begin;
    const bool one_bucket = 2 * bits_ <= 8 * static_cast<int>(sizeof(Key));
    if (num_pairs <= kBucketPairs && one_bucket) {
        memory_ = uninitialised<Key>(num_pairs);
        if (!memory_) return Result::out_of_memory();
        keys_ = memory_.get();
        collect(pairs);
    } else {
        const Result result = partition(pairs, team_size(run, num_pairs / kLaneGrain), run);
        if (!result.ok()) return result;
    }
    return sort_buckets(run);
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
    const auto num_buckets = static_cast<int64_t>(buckets_.size());
    std::vector<int64_t> begins(buckets_.size() + 1, 0);
    for (std::size_t b = 0; b < buckets_.size(); ++b)
        begins[b + 1] = begins[b] + buckets_[b].num_distinct;
    indptr[0] = 0;
    const auto body = [&](int64_t b, int) {
        const KeyBucket& bucket = buckets_[static_cast<std::size_t>(b)];
        write_bucket(indptr, indices, counts, bucket, keys_ + bucket.begin, bits_,
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
