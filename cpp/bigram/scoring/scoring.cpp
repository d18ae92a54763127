// The log-likelihood of sequences under a dense bigram table.
//
//   out[s] = sum of log_probs[tokens[k], tokens[k + 1]] over the pairs of sequence s
//
// log_probs (V, V) float32 or float64, tokens (size), offsets (num_sequences + 1), out
// (num_sequences) float64. One look-up and one addition a pair, summed in float64 in the order of
// pair_sums.hpp. In long sequences the bound is the latency of the addition, since the order is
// fixed; in a large table it is cache misses. V = 65 runs at 1.8 Gtoken/s a thread, V = 4096 at 130
// M (benchmarks/TABLE.md).
#include "bigram/scoring/scoring.hpp"

#include "bigram/numeric/pair_sums.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint64_t;

template <class Prob, class Token>
struct Scorer {
    const Prob* log_probs;
    Tokens<Token> tokens;
    uint64_t vocab_size;

    // The obvious loop, and the only one: adds the pairs that start in [begin, end) to sum, from
    // left to right; token `end` is read too. Returns the position of the first bad token, or -1.
    // Ids are compared as unsigned, which also refuses negative ones.
    int64_t add(double* sum, int64_t begin, int64_t end) const {
        double total = *sum;
        uint64_t context = tokens[begin];
        if (context >= vocab_size) return begin;
        for (int64_t i = begin; i < end; ++i) {
            const uint64_t next = tokens[i + 1];
            if (next >= vocab_size) return i + 1;
            total += static_cast<double>(log_probs[context * vocab_size + next]);
            context = next;
        }
        *sum = total;
        return -1;
    }
};

}  // namespace

template <class Prob, class Token>
Result score_sequences(double* out, const Prob* log_probs, const Tokens<Token>& tokens,
                       const Offsets& offsets, int64_t vocab_size, const Run& run) {
    int64_t whole[2];
    const Offsets sequences = explicit_offsets(offsets, tokens.size, whole);
    const Scorer<Prob, Token> scorer{log_probs, tokens, static_cast<uint64_t>(vocab_size)};
    const auto add_short = [&](int64_t first, int64_t last) {
        for (int64_t s = first; s < last; ++s) {
            out[s] = 0.0;
            const int64_t begin = sequences.data[s];
            const int64_t end = sequences.data[s + 1];
            if (begin == end) continue;
            const int64_t bad = scorer.add(out + s, begin, end - 1);
            if (bad >= 0) return bad;
        }
        return int64_t{-1};
    };
    const auto add_piece = [&](double* sum, int64_t begin, int64_t end) {
        return scorer.add(sum, begin, end);
    };
    return sum_pairs(out, tokens.size, sequences, run, add_short, add_piece);
}

#define BIGRAM_INSTANTIATE(Prob, Token)                                                         \
    template Result score_sequences(double*, const Prob*, const Tokens<Token>&, const Offsets&, \
                                    int64_t, const Run&);
#define BIGRAM_INSTANTIATE_BOTH(Token) \
    BIGRAM_INSTANTIATE(float, Token)   \
    BIGRAM_INSTANTIATE(double, Token)
BIGRAM_INSTANTIATE_BOTH(std::uint8_t)
BIGRAM_INSTANTIATE_BOTH(std::uint16_t)
BIGRAM_INSTANTIATE_BOTH(std::uint32_t)
BIGRAM_INSTANTIATE_BOTH(std::int32_t)
BIGRAM_INSTANTIATE_BOTH(std::int64_t)
#undef BIGRAM_INSTANTIATE_BOTH
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
