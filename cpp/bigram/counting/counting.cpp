// Dense bigram counting: how often does token j follow token i?
//
//   counts[i, j] += #{k : tokens[k] == i and tokens[k + 1] == j, both of one sequence}
//
// tokens (size,), offsets (num_sequences + 1,), counts (vocab_size, vocab_size) int64.
// All tokens are counted as one stream; then the pairs that cross from a sequence to the next are
// taken off again, which saves a test for each token. Few pairs go straight into counts
// (pair_table.cpp), many into a table for each thread (thread_tables.cpp), and bytes by n-grams
// (counting_grams.cpp). O(pairs) time, and O(V^2) memory for each thread that has a table.
#include "bigram/counting/counting.hpp"

#include <algorithm>
#include <limits>

#include "bigram/counting/pair_table.hpp"
#include "bigram/counting/thread_tables.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint64_t;

constexpr int64_t kSharedCells = 1 << 24;  // above, a table a thread is too much memory

// Whether a pair that starts in [begin, end) was counted past the largest number, and not only for
// a while, before a pair that crosses an offset was taken off again.
template <class Token>
bool any_wrapped(const int64_t* counts, const TokenStream<Token>& stream, int64_t begin,
                 int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
        const uint64_t row = stream.at(i) * static_cast<uint64_t>(stream.vocab_size);
        if (counts[row + stream.at(i + 1)] < std::numeric_limits<int64_t>::min() + kBlockPairs) {
            return true;
        }
    }
    return false;
}

// Straight into `counts`, by one thread: for few pairs, which touch little of a large table.
template <class Token>
Result count_direct(int64_t* counts, const TokenStream<Token>& stream, int64_t begin, int64_t end,
                    const Run& run) {
    int64_t signs = 0;
    const PairTable<int64_t> table{counts, counts, stream.vocab_size, &signs};
    const auto add = [&](int64_t from, int64_t to, int64_t amount) {
        const int64_t bad = add_pairs<int64_t>(table, stream, from, to, amount);
        if (bad < 0) remove_crossings<int64_t>(table, stream, from, to, amount);
        return bad;
    };
    int64_t bad = -1;
    bool full = false;
    const auto body = [&](int64_t block, int) {
        if (bad >= 0 || full) return;
        const int64_t start = begin + block * kBlockPairs;
        const int64_t stop = std::min(end, start + kBlockPairs);
        bad = add(start, stop, 1);
        if (bad >= 0 && block > 0) add(begin, start, -1);
        full = bad < 0 && signs < 0 && any_wrapped(counts, stream, start, stop);
        if (full) add(begin, stop, -1);
        signs = 0;
    };
    const Run serial{1, run.interrupted, run.context};
    const int64_t num_blocks = std::max<int64_t>(1, ceil_div(end - begin, kBlockPairs));
    if (!parallel_for(serial, num_blocks, body)) return Result::interrupted();
    if (full) return Result::overflow();
    return bad < 0 ? Result{} : Result::bad_value(bad);
}

}  // namespace

template <class Token>
Result count_bigrams(int64_t* counts, const Tokens<Token>& tokens, const Offsets& offsets,
                     int64_t vocab_size, const Run& run) {
    const int64_t begin = offsets.begin();
    const int64_t end = offsets.end(tokens.size);
    if (begin == end) return {};
    const TokenStream<Token> stream{tokens, offsets, vocab_size};
    const int64_t cells = vocab_size * vocab_size;
    const int64_t num_pairs = end - 1 - begin;
    // A thread's table has to be zeroed and added, but its rows do not all compete for the same few
    // cache lines, as those of a power of two do: it pays from a quarter of its cells on.
    const bool large = cells > kSharedCells;
    if (num_pairs < kStepPairs || num_pairs < (large ? cells : cells / 4)) {
        return count_direct(counts, stream, begin, end - 1, run);
    }
    // Large tables: together at most about twice as large as counts. Cached ones: a thread that
    // counts less than it has cells costs more than it saves.
    const int64_t most = large ? 4 : cells <= kCachedCells ? num_pairs / cells : run.num_threads;
    Run capped = run;
    capped.num_threads =
        static_cast<int>(std::min<int64_t>(run.num_threads, std::max<int64_t>(most, 1)));
    return count_in_threads(counts, stream, begin, end - 1, 1, capped);
}

#define BIGRAM_INSTANTIATE(Token)                                                          \
    template Result count_bigrams(int64_t*, const Tokens<Token>&, const Offsets&, int64_t, \
                                  const Run&);
BIGRAM_INSTANTIATE(std::uint8_t)
BIGRAM_INSTANTIATE(std::uint16_t)
BIGRAM_INSTANTIATE(std::uint32_t)
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
