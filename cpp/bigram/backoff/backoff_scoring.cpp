// Log-probabilities under a bigram model with backoff, of pairs and of sequences.
//
//   ln P(j | i) = log_probs[i, j] where the pair is stored, else log_backoff[i] + log_base[j]
//
// Stored pairs are found by hash: open addressing, linear probing, one slot of 16 bytes a pair, so
// that a look-up is one cache miss, which is prefetched kAhead pairs before it is needed.
// index_pairs: O(pairs). score_*: O(pairs scored), about one miss each. Sequences are summed from
// left to right; long ones by pieces: see pair_sums.hpp.
#include "bigram/backoff/backoff_scoring.hpp"

#include <algorithm>

#include "bigram/numeric/pair_sums.hpp"
#include "bigram/numeric/philox.hpp"
#include "bigram/numeric/probing.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint64_t;

constexpr int64_t kAhead = 256;         // pairs whose slots are fetched before the first is read
constexpr int64_t kInterval = 1 << 20;  // pairs indexed between two polls

uint64_t pair_key(uint64_t context, uint64_t next) {
    return (context << 32 | next) + 1;
}

uint64_t first_slot(uint64_t key, int64_t num_slots) {
    return scale_to_range(key * kHashMultiplier, static_cast<uint64_t>(num_slots));
}

double find(const BackoffScores& model, uint64_t key, uint64_t slot) {
    const PairSlot& found =
        model.slots[probe(model.slots, static_cast<std::size_t>(model.num_slots), slot,
                          [key](const PairSlot& one) { return one.key == key || one.key == 0; })];
    if (found.key == key) return found.log_prob;
    const uint64_t pair = key - 1;
    return model.log_backoff[pair >> 32] + model.log_base[pair & 0xFFFFFFFF];
}

// out[k] for count <= kAhead pairs: first all slots are asked for, then they are read.
template <class Key>
void score_block(double* out, int64_t count, const BackoffScores& model, const Key& key_of) {
    uint64_t keys[kAhead];
    uint64_t slots[kAhead];
    for (int64_t k = 0; k < count; ++k) {
        keys[k] = key_of(k);
        slots[k] = first_slot(keys[k], model.num_slots);
        prefetch(model.slots + slots[k]);
    }
    for (int64_t k = 0; k < count; ++k)
        out[k] = find(model, keys[k], slots[k]);
}

// Adds the pairs that start in [begin, end) to out, from left to right; token `end` is read too.
template <class Token>
void add_piece(double* out, const Tokens<Token>& tokens, int64_t begin, int64_t end,
               const BackoffScores& model) {
    double scores[kAhead];
    double sum = *out;
    for (int64_t start = begin; start < end; start += kAhead) {
        const int64_t count = std::min(kAhead, end - start);
        score_block(scores, count, model,
                    [&](int64_t k) { return pair_key(tokens[start + k], tokens[start + k + 1]); });
        for (int64_t k = 0; k < count; ++k)
            sum += scores[k];
    }
    *out = sum;
}

// out[s] for the sequences [first, last), all short: their pairs are looked up as one stream, the
// pairs between two sequences with them, so that short sequences share their prefetching.
template <class Token>
void score_short(double* out, const Tokens<Token>& tokens, const int64_t* offsets, int64_t first,
                 int64_t last, const BackoffScores& model) {
    double scores[kAhead];
    const int64_t end = offsets[last] - 1;
    int64_t sequence = first;
    out[sequence] = 0.0;
    for (int64_t start = offsets[first]; start < end; start += kAhead) {
        const int64_t count = std::min(kAhead, end - start);
        score_block(scores, count, model,
                    [&](int64_t k) { return pair_key(tokens[start + k], tokens[start + k + 1]); });
        int64_t k = 0;
        while (k < count) {
            while (offsets[sequence + 1] <= start + k)  // on to the sequence that holds the token
                out[++sequence] = 0.0;
            const int64_t stop = std::min(count, offsets[sequence + 1] - 1 - start);
            double sum = out[sequence];
            if (k >= stop) ++k;  // its last token: the pair lies between two sequences
            for (; k < stop; ++k)
                sum += scores[k];
            out[sequence] = sum;
        }
    }
    while (++sequence < last)
        out[sequence] = 0.0;
}

// The position of the first bad token of [begin, end), or -1.
template <class Token>
int64_t first_bad(const Tokens<Token>& tokens, int64_t begin, int64_t end, uint64_t vocab_size) {
    bool good = true;
    for (int64_t i = begin; i < end; ++i)
        good &= tokens[i] < vocab_size;
    if (good) return -1;
    for (int64_t i = begin;; ++i)
        if (tokens[i] >= vocab_size) return i;
}

}  // namespace

template <class Index>
Result index_pairs(PairSlot* slots, int64_t num_slots, const int64_t* indptr, const Index* indices,
                   const double* log_probs, int64_t vocab_size, const Run& run) {
    constexpr int64_t kWindow = 16;
    uint64_t keys[kWindow];
    uint64_t places[kWindow];
    double values[kWindow];
    int64_t waiting = 0;
    const auto insert = [&] {
        for (int64_t k = 0; k < waiting; ++k) {
            const uint64_t slot = probe(slots, static_cast<std::size_t>(num_slots), places[k],
                                        [](const PairSlot& one) { return one.key == 0; });
            slots[slot] = {keys[k], values[k]};
        }
        waiting = 0;
    };
    for (int64_t i = 0; i < vocab_size; ++i) {
        for (int64_t at = indptr[i]; at < indptr[i + 1]; ++at) {
            keys[waiting] = pair_key(static_cast<uint64_t>(i), static_cast<uint64_t>(indices[at]));
            places[waiting] = first_slot(keys[waiting], num_slots);
            values[waiting] = log_probs[at];
            prefetch(slots + places[waiting]);
            if (++waiting == kWindow) insert();
            if (at % kInterval == 0 && run.poll()) return Result::interrupted();
        }
    }
    insert();
    return {};
}

Result score_pairs(double* out, const int64_t* contexts, const int64_t* nexts, int64_t size,
                   const BackoffScores& model, const Run& run) {
    const auto body = [&](int64_t block, int) {
        const int64_t end = std::min(size, (block + 1) * kPiecePairs);
        for (int64_t start = block * kPiecePairs; start < end; start += kAhead) {
            score_block(out + start, std::min(kAhead, end - start), model, [&](int64_t k) {
                return pair_key(static_cast<uint64_t>(contexts[start + k]),
                                static_cast<uint64_t>(nexts[start + k]));
            });
        }
    };
    return parallel_for(run, ceil_div(size, kPiecePairs), body) ? Result{} : Result::interrupted();
}

template <class Token>
Result score_backoff_sequences(double* out, const Tokens<Token>& tokens, const Offsets& offsets,
                               const BackoffScores& model, const Run& run) {
    int64_t whole[2];
    const Offsets sequences = explicit_offsets(offsets, tokens.size, whole);
    const auto vocab_size = static_cast<uint64_t>(model.vocab_size);
    const auto add_short = [&](int64_t first, int64_t last) {
        const int64_t begin = sequences.data[first];
        const int64_t bad = first_bad(tokens, begin, sequences.data[last], vocab_size);
        if (bad < 0) score_short(out, tokens, sequences.data, first, last, model);
        return bad;
    };
    const auto add_to_sum = [&](double* sum, int64_t begin, int64_t end) {
        const int64_t bad = first_bad(tokens, begin, end + 1, vocab_size);
        if (bad < 0) add_piece(sum, tokens, begin, end, model);
        return bad;
    };
    return sum_pairs(out, tokens.size, sequences, run, add_short, add_to_sum);
}

template Result index_pairs(PairSlot*, int64_t, const int64_t*, const std::int32_t*, const double*,
                            int64_t, const Run&);
template Result index_pairs(PairSlot*, int64_t, const int64_t*, const int64_t*, const double*,
                            int64_t, const Run&);

#define BIGRAM_INSTANTIATE(Token)                                                          \
    template Result score_backoff_sequences(double*, const Tokens<Token>&, const Offsets&, \
                                            const BackoffScores&, const Run&);
BIGRAM_INSTANTIATE(std::uint8_t)
BIGRAM_INSTANTIATE(std::uint16_t)
BIGRAM_INSTANTIATE(std::uint32_t)
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(std::int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
