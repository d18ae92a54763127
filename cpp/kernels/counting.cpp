// Dense bigram counting: how often does token j follow token i?
//
//   counts[i, j] += #{k : tokens[k] == i and tokens[k + 1] == j, both of one sequence}
//
// tokens (size,), offsets (num_sequences + 1,), counts (vocab_size, vocab_size) int64.
// All tokens are counted as one chain; the pairs that cross from a sequence to the next are taken
// off again. One load, one check and one increment a token; bound by the increments where the table
// fits in cache, by its misses elsewhere.
#include "bigram/counting.hpp"

#include <algorithm>
#include <atomic>
#include <limits>

#include "bigram/isa.hpp"
#include "bigram/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kStep = 1024;               // tokens checked before they are counted
constexpr int64_t kBlock = 1 << 18;           // pairs a thread takes at a time
constexpr int64_t kRound = int64_t{1} << 31;  // pairs before 32-bit tables are emptied
constexpr int64_t kSmallTable = 1 << 24;      // cells of which every thread may have its own

template <class Token>
struct Chain {
    const Token* tokens;
    int64_t stride;
    const int64_t* offsets;
    int64_t num_sequences;
    int64_t vocab_size;

    uint64_t at(int64_t i) const { return static_cast<uint64_t>(tokens[i * stride]); }
    bool good(int64_t i) const { return at(i) < static_cast<uint64_t>(vocab_size); }
};

// ids[k] = tokens[begin + k]; false if one of them is outside the vocabulary.
template <class Token>
bool load_ids(uint32_t* ids, const Chain<Token>& chain, int64_t begin, int64_t count) {
    bool good = true;
    for (int64_t k = 0; k < count; ++k) {
        good &= chain.good(begin + k);
        ids[k] = static_cast<uint32_t>(chain.at(begin + k));
    }
    return good;
}

// Adds `amount` to the cell of each pair that starts in [begin, end). Returns the position of the
// first bad token of [begin, end], in which case nothing is added, else -1.
template <class Cell, class Token>
int64_t add_chain(Cell* table, const Chain<Token>& chain, int64_t begin, int64_t end, Cell amount) {
    uint32_t ids[kStep + 1];
    int64_t start = begin;
    do {
        const int64_t count = std::min(kStep, end - start);
        if (!load_ids(ids, chain, start, count + 1)) {
            if (start > begin) add_chain(table, chain, begin, start, static_cast<Cell>(-amount));
            while (chain.good(start))
                ++start;
            return start;
        }
        for (int64_t k = 0; k < count; ++k) {
            table[static_cast<int64_t>(ids[k]) * chain.vocab_size + ids[k + 1]] += amount;
        }
        start += count;
    } while (start < end);
    return -1;
}

// Takes `amount` off the cell of each pair that starts in [begin, end) and crosses an offset.
template <class Cell, class Token>
void remove_crossings(Cell* table, const Chain<Token>& chain, int64_t begin, int64_t end,
                      Cell amount) {
    const int64_t* const last = chain.offsets + chain.num_sequences + 1;
    const int64_t* next = std::upper_bound(chain.offsets, last, begin);
    for (int64_t previous = begin; next < last && *next <= end; previous = *next++) {
        if (*next == previous) continue;  // an empty sequence
        const int64_t cell = static_cast<int64_t>(chain.at(*next - 1)) * chain.vocab_size +
                             static_cast<int64_t>(chain.at(*next));
        table[cell] -= amount;
    }
}

template <class Cell, class Token>
int64_t add_pairs(Cell* table, const Chain<Token>& chain, int64_t begin, int64_t end, Cell amount) {
    const int64_t bad = add_chain(table, chain, begin, end, amount);
    if (bad < 0 && chain.offsets != nullptr) remove_crossings(table, chain, begin, end, amount);
    return bad;
}

// Straight into `counts`, by one thread: for few pairs, which touch little of a large table.
template <class Token>
Result count_direct(int64_t* counts, const Chain<Token>& chain, int64_t begin, int64_t end,
                    const Run& run) {
    int64_t bad = -1;
    int64_t done = begin;
    const auto body = [&](int64_t block, int) {
        const int64_t start = begin + block * kBlock;
        if (bad >= 0) return;
        bad = add_pairs<int64_t>(counts, chain, start, std::min(end, start + kBlock), 1);
        if (bad < 0) done = start;
    };
    const Run serial{1, run.interrupted, run.context};
    const int64_t num_blocks = std::max<int64_t>(1, ceil_div(end - begin, kBlock));
    if (!parallel_for(serial, num_blocks, body)) return Result::interrupted();
    if (bad < 0) return {};
    if (done > begin) add_pairs<int64_t>(counts, chain, begin, done, -1);
    return Result::bad_value(bad);
}

// counts += sign * the sum of the threads' tables, which are zeroed.
bool fold_tables(int64_t* counts, uint32_t* tables, int64_t cells, int num_tables, int64_t sign,
                 const Run& run) {
    constexpr int64_t kCells = 1 << 16;
    return parallel_for(run, ceil_div(cells, kCells), [&](int64_t block, int) {
        const int64_t begin = block * kCells;
        const int64_t end = std::min(cells, begin + kCells);
        for (int t = 0; t < num_tables; ++t) {
            uint32_t* const table = tables + t * cells;
            for (int64_t c = begin; c < end; ++c) {
                counts[c] += sign * static_cast<int64_t>(table[c]);
                table[c] = 0;
            }
        }
    });
}

// Into one table of 32 bits a thread, folded into `counts` once all tokens of a round are known to
// be good.
template <class Token>
Result count_private(int64_t* counts, const Chain<Token>& chain, int64_t begin, int64_t end,
                     int64_t sign, const Run& run) {
    const int64_t cells = chain.vocab_size * chain.vocab_size;
    const int num_tables = team_size(run, ceil_div(std::min(end - begin, kRound), kBlock));
    const Buffer<uint32_t> tables = zeroed<uint32_t>(cells * num_tables);
    if (!tables) return Result::out_of_memory();
    for (int64_t round = begin; round < end; round += kRound) {
        const int64_t round_end = std::min(end, round + kRound);
        std::atomic<int64_t> first_bad{std::numeric_limits<int64_t>::max()};
        const auto body = [&](int64_t block, int thread) {
            const int64_t start = round + block * kBlock;
            if (start > first_bad.load(std::memory_order_relaxed)) return;
            const int64_t bad = add_pairs<uint32_t>(tables.get() + thread * cells, chain, start,
                                                    std::min(round_end, start + kBlock), 1);
            if (bad < 0) return;
            int64_t seen = first_bad.load();
            while (bad < seen && !first_bad.compare_exchange_weak(seen, bad)) {
            }
        };
        if (!parallel_for(run, ceil_div(round_end - round, kBlock), body)) {
            return Result::interrupted();
        }
        if (first_bad.load() <= round_end) {
            if (round > begin) count_private(counts, chain, begin, round, -sign, run);
            return Result::bad_value(first_bad.load());
        }
        if (!fold_tables(counts, tables.get(), cells, num_tables, sign, run)) {
            return Result::interrupted();
        }
    }
    return {};
}

}  // namespace

template <class Token>
Result count_bigrams(int64_t* counts, const Token* tokens, int64_t size, int64_t stride,
                     const int64_t* offsets, int64_t num_sequences, int64_t vocab_size,
                     const Run& run) {
    const int64_t begin = offsets == nullptr ? 0 : offsets[0];
    const int64_t end = offsets == nullptr ? size : offsets[num_sequences];
    if (begin == end) return {};
    const Chain<Token> chain{tokens, stride, offsets, num_sequences, vocab_size};
    const int64_t cells = vocab_size * vocab_size;
    const int64_t num_pairs = end - 1 - begin;
    if (num_pairs < kStep || num_pairs < 2 * cells) {
        return count_direct(counts, chain, begin, end - 1, run);
    }
    Run capped = run;  // large tables: together at most twice as large as counts
    if (cells > kSmallTable) capped.num_threads = std::min(run.num_threads, 4);
    return count_private(counts, chain, begin, end - 1, 1, capped);
}

#define BIGRAM_INSTANTIATE(Token)                                                           \
    template Result count_bigrams(int64_t*, const Token*, int64_t, int64_t, const int64_t*, \
                                  int64_t, int64_t, const Run&);
BIGRAM_INSTANTIATE(std::uint8_t)
BIGRAM_INSTANTIATE(std::uint16_t)
BIGRAM_INSTANTIATE(std::uint32_t)
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(std::int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
