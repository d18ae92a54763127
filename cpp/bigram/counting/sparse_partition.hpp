// Private to this room.
// The first half of sparse counting: every pair goes, as one key, to the bucket of its context.
//
// Contexts are counted; neighbouring contexts make up buckets of about kBucketPairs pairs, so that
// a bucket is later sorted within L2, and a frequent one is a bucket alone; then all pairs are
// scattered. A share is what one thread scatters; it has its own part of every bucket. Two passes
// over the tokens, one key written a pair.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "bigram/counting/sparse_counting.hpp"
#include "bigram/runtime/memory.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

constexpr std::int64_t kBucketPairs = 40'000;  // few enough to be sorted within L2
constexpr std::int64_t kMaxBuckets = 4096;     // of that size; a long text has larger ones
constexpr std::int64_t kPollPairs = 1 << 16;   // between two polls
constexpr std::int64_t kExactBins = 1 << 12;   // contexts told apart at least
constexpr std::int64_t kDenseRow = 1 << 22;    // largest vocabulary whose rows are counted densely,
constexpr std::int64_t kDenseShare = 16;      // with at least one pair for this many cells of a row
constexpr int kBucketBits = 17;               // of a bucket's number
constexpr int kLocalBits = 32 - kBucketBits;  // of a context within its bucket
constexpr std::int64_t kScatterAhead = 16;    // keys: the end of a bucket is prefetched so far
                                              // ahead, without which stores wait: 2 times

template <class Token>
struct Pairs {
    Tokens<Token> tokens;
    Offsets offsets;
    std::int64_t begin;  // pairs start in [begin, end)
    std::int64_t end;

    std::uint32_t at(std::int64_t i) const { return static_cast<std::uint32_t>(tokens[i]); }

    // Calls f(from, to) for the pairs that start in [first, last) and cross no offset, run by run.
    template <class F>
    void for_each_run(std::int64_t first, std::int64_t last, const F& f) const {
        if (offsets.data == nullptr) return f(first, last);
        const std::int64_t* const stop = offsets.data + offsets.num_sequences + 1;
        const std::int64_t* next = std::upper_bound(offsets.data, stop, first);
        while (first < last) {
            while (next < stop && *next <= first)
                ++next;
            const std::int64_t crossing = next < stop ? *next - 1 : last;
            if (first < std::min(crossing, last)) f(first, std::min(crossing, last));
            first = crossing + 1;
        }
    }
};

// Cuts pairs into shares, and these into pieces between which it polls for an interruption.
template <class Token>
class Shares {
  public:
    Shares(const Pairs<Token>& pairs, int count, const Run& run)
        : pairs_(pairs), count_(count), run_(run) {}

    // body(share, for_each_run) for each share; false if interrupted.
    template <class Body>
    bool for_each(const Body& body) {
        return parallel_for(run_, count_,
                            [&](std::int64_t share, int thread) {
                                body(share, [&](const auto& f) {
                                    const std::int64_t size = pairs_.end - pairs_.begin;
                                    const std::int64_t last =
                                        pairs_.begin + size * (share + 1) / count_;
                                    std::int64_t at = pairs_.begin + size * share / count_;
                                    for (; at < last; at += kPollPairs) {
                                        if (thread == 0 && run_.poll()) stopped_.store(true);
                                        if (stopped_.load(std::memory_order_relaxed)) return;
                                        pairs_.for_each_run(at, std::min(at + kPollPairs, last), f);
                                    }
                                });
                            }) &&
               !stopped_.load();
    }

  private:
    const Pairs<Token>& pairs_;
    int count_;
    const Run& run_;
    std::atomic<bool> stopped_{false};
};

// Contexts are counted in bins: one each below `exact`, 2**shift together above. Vocabularies are
// mostly in order of frequency, so that a bin of several contexts holds rare ones.
struct Bins {
    std::int64_t exact;
    int shift = 0;
    std::int64_t count;

    Bins(std::int64_t used_ids, std::int64_t num_pairs) {
        const std::int64_t most = std::max(kExactBins, num_pairs / 16);
        exact = used_ids <= most ? used_ids : most / 2;
        while ((used_ids - exact) >> shift > most - exact)
            ++shift;
        count = of(used_ids - 1) + 1;
    }
    std::int64_t of(std::int64_t context) const {
        return context < exact ? context : exact + ((context - exact) >> shift);
    }
    std::int64_t first(std::int64_t bin) const {
        return bin < exact ? bin : exact + ((bin - exact) << shift);
    }
};

// Neighbouring bins make up a bucket until it has enough pairs, or contexts for its key; a context
// whose row is to be counted densely is a bucket alone.
inline std::vector<KeyBucket> make_buckets(const std::vector<std::int64_t>& totals,
                                           const Bins& bins, std::int64_t used_ids,
                                           std::int64_t most_contexts) {
    std::int64_t num_pairs = 0;
    for (const std::int64_t total : totals)
        num_pairs += total;
    const std::int64_t wanted = std::max(kBucketPairs, num_pairs / kMaxBuckets);
    const std::int64_t dense = std::max(wanted / 6, used_ids / kDenseShare);
    std::vector<KeyBucket> buckets;
    KeyBucket open{0, 0, 0};
    const auto close = [&] {
        if (open.end > open.first) buckets.push_back(open);
        open = {open.end, open.end, 0};
    };
    for (std::int64_t bin = 0; bin < bins.count; ++bin) {
        const std::int64_t total = totals[static_cast<std::size_t>(bin)];
        const std::int64_t end = std::min(used_ids, bins.first(bin + 1));
        const bool alone = bin < bins.exact && total >= dense;
        if (alone || open.num_keys + total > wanted || end - open.first > most_contexts) close();
        open.end = end;
        open.num_keys += total;
        if (!alone) continue;
        open.dense = used_ids <= kDenseRow && total < std::int64_t{1} << 32;
        close();
    }
    close();
    return buckets;
}

// Few pairs: all of them are one bucket.
template <class Key, class Token>
Result collect(KeyBuckets<Key>* out, const Pairs<Token>& pairs, std::int64_t used_ids, int bits) {
    out->keys = uninitialised<Key>(pairs.end - pairs.begin);
    Key* to = out->keys.get();
    pairs.for_each_run(pairs.begin, pairs.end, [&](std::int64_t from, std::int64_t end) {
        for (std::int64_t i = from; i < end; ++i)
            *to++ = static_cast<Key>(pairs.at(i)) << bits | pairs.at(i + 1);
    });
    out->buckets = {KeyBucket{0, used_ids, to - out->keys.get()}};
    return {};
}

// Where the pairs of each bin go: its bucket, and above that its first context within the bucket.
inline std::vector<std::uint32_t> make_places(const Bins& bins,
                                              const std::vector<KeyBucket>& buckets) {
    std::vector<std::uint32_t> places(static_cast<std::size_t>(bins.count));
    std::int64_t bin = 0;
    for (std::size_t b = 0; b < buckets.size(); ++b) {
        for (; bin < bins.count && bins.first(bin) < buckets[b].end; ++bin) {
            const std::int64_t local = bins.first(bin) - buckets[b].first;
            places[static_cast<std::size_t>(bin)] =
                static_cast<std::uint32_t>(local << kBucketBits | static_cast<std::int64_t>(b));
        }
    }
    return places;
}

// How often each bin is the context of a pair, (shares, bins). Neighbours are counted in twin
// cells, so that equal ones need not wait for each other.
template <class Token>
bool count_contexts(std::uint32_t* histograms, Shares<Token>& shares, const Pairs<Token>& pairs,
                    const Bins& bins) {
    return shares.for_each([&](std::int64_t share, const auto& for_each_run) {
        std::uint32_t* const histogram = histograms + 2 * bins.count * share;
        for_each_run([&](std::int64_t from, std::int64_t to) {
            const Pairs<Token> run = pairs;
            std::int64_t i = from;
            for (; bins.shift == 0 && i + 2 <= to; i += 2) {
                ++histogram[2 * std::size_t{run.at(i)}];
                ++histogram[2 * std::size_t{run.at(i + 1)} + 1];
            }
            for (; i < to; ++i)
                ++histogram[2 * bins.of(run.at(i)) + (i & 1)];
        });
        for (std::int64_t bin = 0; bin < bins.count; ++bin)  // twins become one
            histogram[bin] = histogram[2 * bin] + histogram[2 * bin + 1];
    });
}

// Writes the keys of a run of pairs to the ends of their buckets. All by value, or the compiler
// would read it again after each store.
template <class Key, class Token>
void scatter_run(Key* keys, std::int64_t* ends, const Pairs<Token> pairs, std::int64_t from,
                 std::int64_t to, const Bins bins, const std::uint32_t* places, int bits) {
    std::uint32_t context = pairs.at(from);
    for (std::int64_t i = from; i < to; ++i) {
        const std::uint32_t next = pairs.at(i + 1);
        const std::int64_t bin = bins.shift == 0 ? context : bins.of(context);
        const Key rest = bins.shift == 0 ? 0 : static_cast<Key>(context - bins.first(bin));
        const std::uint32_t place = places[bin];
        const std::int64_t slot = ends[place & ((1u << kBucketBits) - 1)]++;
        keys[slot] = ((place >> kBucketBits) + rest) << bits | next;
        prefetch_write(keys + slot + kScatterAhead);
        context = next;
    }
}

template <class Key, class Token>
Result partition(KeyBuckets<Key>* out, const Pairs<Token>& pairs, std::int64_t used_ids, int bits,
                 int num_shares, const Run& run) {
    const Bins bins(used_ids, pairs.end - pairs.begin);
    Shares<Token> shares(pairs, num_shares, run);
    const Buffer<std::uint32_t> histograms = zeroed<std::uint32_t>(2 * bins.count * num_shares);
    if (!count_contexts(histograms.get(), shares, pairs, bins)) return Result::interrupted();

    std::vector<std::int64_t> totals(static_cast<std::size_t>(bins.count), 0);
    for (std::int64_t share = 0; share < num_shares; ++share) {
        for (std::int64_t bin = 0; bin < bins.count; ++bin) {
            totals[static_cast<std::size_t>(bin)] += histograms[2 * bins.count * share + bin];
        }
    }
    const int local_bits = std::min(kLocalBits, 8 * static_cast<int>(sizeof(Key)) - bits);
    out->buckets = make_buckets(totals, bins, used_ids, std::int64_t{1} << local_bits);

    const auto num_buckets = static_cast<std::int64_t>(out->buckets.size());
    const Buffer<std::int64_t> ends = uninitialised<std::int64_t>(num_buckets * num_shares);
    std::int64_t at = 0;
    std::int64_t bin = 0;
    for (std::int64_t b = 0; b < num_buckets; ++b) {
        KeyBucket& bucket = out->buckets[static_cast<std::size_t>(b)];
        bucket.begin = at;
        const std::int64_t first_bin = bin;
        while (bin < bins.count && bins.first(bin) < bucket.end)
            ++bin;
        for (std::int64_t share = 0; share < num_shares; ++share) {
            ends[num_buckets * share + b] = at;
            for (std::int64_t k = first_bin; k < bin; ++k)
                at += histograms[2 * bins.count * share + k];
        }
    }
    out->keys = uninitialised<Key>(at);
    const std::vector<std::uint32_t> places = make_places(bins, out->buckets);
    const bool scattered = shares.for_each([&](std::int64_t share, const auto& for_each_run) {
        for_each_run([&](std::int64_t from, std::int64_t to) {
            scatter_run(out->keys.get(), ends.get() + num_buckets * share, pairs, from, to, bins,
                        places.data(), bits);
        });
    });
    return scattered ? Result{} : Result::interrupted();
}

}  // namespace bigram
