// Dense bigram counting: how often does token j follow token i?
//
//   counts[i, j] += #{k : tokens[k] == i and tokens[k + 1] == j, both of one sequence}
//
// tokens (size,), offsets (num_sequences + 1,), counts (vocab_size, vocab_size) int64.
// All tokens are counted as one chain; the pairs that cross from a sequence to the next are taken
// off again. One load, one check and one increment a token; bound by the one store a cycle where
// the table is cached, by misses elsewhere. Bytes take fewer stores: see counting_grams.cpp.
#include "bigram/counting/counting.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <type_traits>

#include "bigram/counting/counting_grams.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

constexpr int64_t kStep = 1024;           // pairs whose cells are found before they are counted
constexpr int64_t kBlock = 3 << 16;       // pairs a thread takes at a time
constexpr int64_t kLeastBlock = 1 << 16;  // some 50 us of work: less is not worth waking a thread
constexpr int64_t kLeastByteBlock = 84 * 3 * kStep;
constexpr int64_t kRound = int64_t{1} << 31;  // pairs before 32-bit tables are emptied
constexpr int64_t kAhead = 48;                // cells by which a table outside of the caches is
                                              // prefetched: 1.4 times at V = 4096
constexpr int64_t kCachedCells = 1 << 22;
constexpr int64_t kTwinCells = 1 << 17;    // below, neighbours go to two tables, so that a repeated
                                           // pair need not wait for its last increment: 1.2 times
constexpr int64_t kSharedCells = 1 << 24;  // above, a table a thread is too much memory

template <class Token>
struct Chain {
    const Token* tokens;
    int64_t stride;
    int64_t size;
    const int64_t* offsets;
    int64_t num_sequences;
    int64_t vocab_size;

    uint64_t at(int64_t i) const { return static_cast<uint64_t>(tokens[i * stride]); }
    bool good(int64_t i) const { return at(i) < static_cast<uint64_t>(vocab_size); }
};

// cell (i, j) is even[i * stride + j] or odd[i * stride + j].
template <class Cell>
struct Table {
    Cell* even;
    Cell* odd;
    int64_t stride;
    int64_t* signs = nullptr;  // negative once a cell of 64 bits has been
};

// Unsigned, so that an overflow is no undefined behaviour, and an undone one leaves no trace.
inline int64_t wrapping_sum(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

template <class Cell>
BIGRAM_INLINE void add_to(Cell& cell, Cell amount, int64_t& signs) {
    if constexpr (std::is_same_v<Cell, int64_t>) {
        cell = wrapping_sum(cell, amount);
        signs |= cell;
    } else {
        cell += amount;
    }
}

// cells[k] of the pair tokens[k], tokens[k + 1]; returns the largest token seen.
template <class Token>
BIGRAM_INLINE Token find_cells_body(uint32_t* BIGRAM_RESTRICT cells, const Token* tokens,
                                    int64_t count, uint32_t stride) {
    Token largest = 0;
    for (int64_t k = 0; k < count; ++k) {
        const Token first = tokens[k];
        const Token second = tokens[k + 1];
        largest = std::max(largest, std::max(first, second));
        cells[k] = static_cast<uint32_t>(first) * stride + static_cast<uint32_t>(second);
    }
    return largest;
}

#define BIGRAM_FIND_CELLS(Token)                                                          \
    BIGRAM_CLONES(Token, find_cells,                                                      \
                  (uint32_t* cells, const Token* tokens, int64_t count, uint32_t stride), \
                  (cells, tokens, count, stride))
BIGRAM_FIND_CELLS(uint8_t)
BIGRAM_FIND_CELLS(uint16_t)
BIGRAM_FIND_CELLS(uint32_t)
BIGRAM_FIND_CELLS(uint64_t)
#undef BIGRAM_FIND_CELLS

// One pair at a time: for chains too short to be worth more, and for tables beyond 32-bit cells.
// Returns as add_chain.
template <class Cell, class Token>
int64_t add_plainly(const Table<Cell>& table, const Chain<Token>& chain, int64_t begin, int64_t end,
                    Cell amount) {
    if (!chain.good(begin)) return begin;
    uint64_t first = chain.at(begin);
    int64_t signs = 0;
    for (int64_t i = begin; i < end; ++i) {
        const uint64_t second = chain.at(i + 1);
        if (second >= static_cast<uint64_t>(chain.vocab_size)) {
            add_plainly(table, chain, begin, i, static_cast<Cell>(-amount));
            return i + 1;
        }
        const uint64_t cell = first * static_cast<uint64_t>(table.stride) + second;
        add_to(table.even[cell], amount, signs);
        first = second;
    }
    if (table.signs != nullptr) *table.signs |= signs;
    return -1;
}

// Adds `amount` to the cell of each pair that starts in [begin, end). Returns the position of the
// first bad token of [begin, end], in which case nothing is added, else -1.
template <class Cell, class Token>
int64_t add_chain(const Table<Cell>& table, const Chain<Token>& chain, int64_t begin, int64_t end,
                  Cell amount) {
    using Id = std::make_unsigned_t<Token>;
    if (end - begin < 64 || chain.vocab_size >= 1 << 16) {
        return add_plainly(table, chain, begin, end, amount);
    }
    alignas(64) uint32_t cells[kStep + kAhead] = {};
    Id gathered[kStep + 1];
    const bool prefetch = chain.vocab_size * table.stride > kCachedCells;
    int64_t signs = 0;
    for (int64_t start = begin; start < end;) {
        const int64_t count = std::min(kStep, end - start);
        const Id* ids = reinterpret_cast<const Id*>(chain.tokens + start * chain.stride);
        if (chain.stride == 1) {
            prefetch_stream(ids, count * static_cast<int64_t>(sizeof(Token)));
        } else {
            for (int64_t k = 0; k <= count; ++k)
                gathered[k] = static_cast<Id>(chain.at(start + k));
            ids = gathered;
        }
        if (find_cells(cells, ids, count, static_cast<uint32_t>(table.stride)) >=
            static_cast<uint64_t>(chain.vocab_size)) {
            add_chain(table, chain, begin, start, static_cast<Cell>(-amount));
            while (start < end && chain.good(start))
                ++start;
            return start;
        }
        int64_t k = 0;
        if (prefetch) {
            for (; k < count; ++k) {
                prefetch_write(table.even + cells[k + kAhead]);
                add_to(table.even[cells[k]], amount, signs);
            }
        }
        BIGRAM_UNROLL_8
        for (; k + 2 <= count; k += 2) {
            add_to(table.even[cells[k]], amount, signs);
            add_to(table.odd[cells[k + 1]], amount, signs);
        }
        if (k < count) add_to(table.even[cells[k]], amount, signs);
        start += count;
    }
    if (table.signs != nullptr) *table.signs |= signs;
    return -1;
}

// Takes `amount` off the cell of each pair that starts in [begin, end) and crosses an offset.
template <class Cell, class Token>
void remove_crossings(const Table<Cell>& table, const Chain<Token>& chain, int64_t begin,
                      int64_t end, Cell amount) {
    if (chain.offsets == nullptr) return;
    const int64_t* const last = chain.offsets + chain.num_sequences + 1;
    const int64_t* next = std::upper_bound(chain.offsets, last, begin);
    for (int64_t previous = begin; next < last && *next <= end; previous = *next++) {
        if (*next == previous || !chain.good(*next - 1) || !chain.good(*next)) continue;
        const uint64_t cell =
            chain.at(*next - 1) * static_cast<uint64_t>(table.stride) + chain.at(*next);
        int64_t signs = 0;
        add_to(table.even[cell], static_cast<Cell>(-amount), signs);
    }
}

// Whether a pair that starts in [begin, end) was counted past the largest number, and not only for
// a while, before a pair that crosses an offset was taken off again.
template <class Token>
bool any_wrapped(const int64_t* counts, const Chain<Token>& chain, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
        const uint64_t row = chain.at(i) * static_cast<uint64_t>(chain.vocab_size);
        if (counts[row + chain.at(i + 1)] < std::numeric_limits<int64_t>::min() + kBlock) {
            return true;
        }
    }
    return false;
}

// Straight into `counts`, by one thread: for few pairs, which touch little of a large table.
template <class Token>
Result count_direct(int64_t* counts, const Chain<Token>& chain, int64_t begin, int64_t end,
                    const Run& run) {
    int64_t signs = 0;
    const Table<int64_t> table{counts, counts, chain.vocab_size, &signs};
    const auto add = [&](int64_t from, int64_t to, int64_t amount) {
        const int64_t bad = add_chain<int64_t>(table, chain, from, to, amount);
        if (bad < 0) remove_crossings<int64_t>(table, chain, from, to, amount);
        return bad;
    };
    int64_t bad = -1;
    bool full = false;
    const auto body = [&](int64_t block, int) {
        if (bad >= 0 || full) return;
        const int64_t start = begin + block * kBlock;
        const int64_t stop = std::min(end, start + kBlock);
        bad = add(start, stop, 1);
        if (bad >= 0 && block > 0) add(begin, start, -1);
        full = bad < 0 && signs < 0 && any_wrapped(counts, chain, start, stop);
        if (full) add(begin, stop, -1);
        signs = 0;
    };
    const Run serial{1, run.interrupted, run.context};
    const int64_t num_blocks = std::max<int64_t>(1, ceil_div(end - begin, kBlock));
    if (!parallel_for(serial, num_blocks, body)) return Result::interrupted();
    if (full) return Result::overflow();
    return bad < 0 ? Result{} : Result::bad_value(bad);
}

// Rows of a thread's table. Where a row is a multiple of a page, cells of hot columns agree in the
// low bits of their addresses: they evict each other, and loads wait for stores to other cells.
// An odd number of cache lines, not near a page, is up to 10 times faster on text at V = 1024.
int64_t padded_stride(int64_t vocab_size) {
    constexpr int64_t kLine = 16;
    if (vocab_size < 4 * kLine) return vocab_size;
    int64_t lines = ceil_div(vocab_size, kLine) | 1;
    while (lines % 64 < 5 || lines % 64 > 59)
        lines += 2;
    return lines * kLine;
}

// What the threads count into: for each a table of pairs (twice, while it is small) and of n-grams.
struct Tables {
    int64_t vocab_size;
    int64_t stride;
    int64_t twins;
    int num_threads;
    GramPlan plan;
    Buffer<uint32_t> pairs;
    Buffer<uint16_t> grams;
    Buffer<uint32_t> sums;  // working memory to fold them

    int64_t cells() const { return vocab_size * stride; }
    uint32_t* pairs_of(int thread, int64_t twin = 0) const {
        return pairs.get() + (thread * twins + twin) * cells();
    }
    uint16_t* grams_of(int thread) const { return grams.get() + thread * plan.cells(); }
    Table<uint32_t> table_of(int thread) const {
        return {pairs_of(thread), pairs_of(thread, twins - 1), stride};
    }
};

template <class Token>
int64_t add_block(const Tables& tables, int thread, const Chain<Token>& chain, int64_t begin,
                  int64_t end) {
    const Table<uint32_t> table = tables.table_of(thread);
    int64_t start = begin;
    if constexpr (std::is_same_v<Token, uint8_t>) {
        while (tables.plan.order > 0 && start < end) {
            start = add_grams(tables.grams_of(thread), table.even, table.stride, chain.tokens,
                              start, end, chain.size, tables.plan);
            const int64_t stop = std::min(end, start + 4 * kStep);  // a rest, or larger bytes
            const int64_t bad = add_chain<uint32_t>(table, chain, start, stop, 1);
            if (bad >= 0) return bad;
            start = stop;
        }
    }
    if (start < end || begin == end) {
        const int64_t bad = add_chain<uint32_t>(table, chain, start, end, 1);
        if (bad >= 0) return bad;
    }
    remove_crossings<uint32_t>(table, chain, begin, end, 1);
    return -1;
}

// out (count) += sign * (even + odd). In 32 bits the sum may wrap on the way, where a crossing was
// taken off the other twin. Most rows of a large table of few tokens are empty. Returns whether a
// count passed the largest number.
BIGRAM_INLINE bool add_row_body(int64_t* BIGRAM_RESTRICT out, const uint32_t* even,
                                const uint32_t* odd, int64_t count, int64_t sign) {
    uint32_t any = 0;
    for (int64_t j = 0; j < count; ++j)
        any |= even[j] | odd[j];
    if (any == 0) return false;
    const uint32_t odd_mask = even == odd ? 0 : ~uint32_t{0};
    int64_t wrapped = 0;
    for (int64_t j = 0; j < count; ++j) {
        const uint32_t sum = even[j] + (odd[j] & odd_mask);
        const int64_t old = out[j];
        out[j] = wrapping_sum(old, sign * static_cast<int64_t>(sum));
        wrapped |= ~old & out[j];
    }
    return sign > 0 && wrapped < 0;
}

BIGRAM_CLONES(bool, add_row,
              (int64_t* out, const uint32_t* even, const uint32_t* odd, int64_t count,
               int64_t sign),
              (out, even, odd, count, sign))

// What was counted by n-grams, added to the tables of pairs.
bool fold(const Tables& tables, const Run& run) {
    if (tables.plan.order == 0) return true;
    return parallel_for(run, tables.num_threads, [&](int64_t number, int) {
        const int thread = static_cast<int>(number);
        fold_grams(tables.pairs_of(thread), tables.stride,
                   tables.sums.get() + thread * tables.plan.sums(), tables.grams_of(thread),
                   tables.plan);
    });
}

// counts += sign * the sum of the tables of pairs. Where a count would pass the largest number,
// they are left as they were.
Result add_tables(int64_t* counts, const Tables& tables, int64_t sign, const Run& run) {
    const int64_t rows = ceil_div(1 << 18, tables.vocab_size);
    std::atomic<bool> wrapped{false};
    const auto body = [&](int64_t block, int) {
        const int64_t end = std::min(tables.vocab_size, (block + 1) * rows);
        for (int64_t i = block * rows; i < end; ++i) {
            for (int t = 0; t < tables.num_threads; ++t) {
                if (add_row(counts + i * tables.vocab_size, tables.pairs_of(t) + i * tables.stride,
                            tables.pairs_of(t, tables.twins - 1) + i * tables.stride,
                            tables.vocab_size, sign)) {
                    wrapped.store(true, std::memory_order_relaxed);
                }
            }
        }
    };
    if (!parallel_for(run, ceil_div(tables.vocab_size, rows), body)) return Result::interrupted();
    if (!wrapped.load()) return {};
    add_tables(counts, tables, -sign, run);
    return Result::overflow();
}

// Into tables of every thread, added to `counts` once all tokens of a round are known to be good.
template <class Token>
Result count_private(int64_t* counts, const Chain<Token>& chain, int64_t begin, int64_t end,
                     int64_t sign, const Run& run) {
    Tables tables;
    tables.vocab_size = chain.vocab_size;
    tables.stride = padded_stride(chain.vocab_size);
    tables.twins = tables.cells() <= std::min(kTwinCells, (end - begin) / 16) ? 2 : 1;
    // As many blocks for each thread, of much the same size.
    const int64_t share = ceil_div(end - begin, std::max(1, run.num_threads));
    const int64_t steps = ceil_div(ceil_div(share, ceil_div(share, kBlock)), 3 * kStep);
    const int64_t least = sizeof(Token) == 1 ? kLeastByteBlock : kLeastBlock;
    const int64_t block_pairs = std::max(least, steps * 3 * kStep);
    tables.num_threads = team_size(run, ceil_div(std::min(end - begin, kRound), block_pairs));
    if constexpr (std::is_same_v<Token, uint8_t>) {
        if (chain.stride == 1) {
            tables.plan = plan_grams(chain.tokens + begin, end + 1 - begin, chain.vocab_size,
                                     (end - begin) / tables.num_threads);
        }
    }
    for (int64_t round = begin; round < end; round += kRound) {
        tables.pairs = zeroed<uint32_t>(tables.cells() * tables.twins * tables.num_threads);
        tables.grams = zeroed<uint16_t>(tables.plan.cells() * tables.num_threads);
        tables.sums = zeroed<uint32_t>(tables.plan.sums() * tables.num_threads);
        const int64_t round_end = std::min(end, round + kRound);
        std::atomic<int64_t> first_bad{std::numeric_limits<int64_t>::max()};
        const auto body = [&](int64_t block, int thread) {
            const int64_t start = round + block * block_pairs;
            if (start > first_bad.load(std::memory_order_relaxed)) return;
            const int64_t stop = std::min(round_end, start + block_pairs);
            const int64_t bad = add_block(tables, thread, chain, start, stop);
            if (bad >= 0) lower_to(first_bad, bad);
        };
        if (!parallel_for(run, ceil_div(round_end - round, block_pairs), body)) {
            return Result::interrupted();
        }
        if (first_bad.load() <= round_end) {
            if (round > begin) count_private(counts, chain, begin, round, -sign, run);
            return Result::bad_value(first_bad.load());
        }
        if (!fold(tables, run)) return Result::interrupted();
        const Result added = add_tables(counts, tables, sign, run);
        if (added.status == Status::overflow && round > begin) {
            count_private(counts, chain, begin, round, -sign, run);
        }
        if (!added.ok()) return added;
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
    const Chain<Token> chain{tokens, stride, size, offsets, num_sequences, vocab_size};
    const int64_t cells = vocab_size * vocab_size;
    const int64_t num_pairs = end - 1 - begin;
    // A table of our own has to be made and added, but its rows do not all compete for the same few
    // lines of the cache, as those of a power of two do: worth it from a quarter of its cells on.
    const bool large = cells > kSharedCells;
    if (num_pairs < kStep || num_pairs < (large ? cells : cells / 4)) {
        return count_direct(counts, chain, begin, end - 1, run);
    }
    // Large tables: together at most about twice as large as counts. Cached ones: a thread that
    // counts less than it has cells costs more than it saves.
    const int64_t most = large ? 4 : cells <= kCachedCells ? num_pairs / cells : run.num_threads;
    Run capped = run;
    capped.num_threads =
        static_cast<int>(std::min<int64_t>(run.num_threads, std::max<int64_t>(most, 1)));
    return count_private(counts, chain, begin, end - 1, 1, capped);
}

#define BIGRAM_INSTANTIATE(Token)                                                           \
    template Result count_bigrams(int64_t*, const Token*, int64_t, int64_t, const int64_t*, \
                                  int64_t, int64_t, const Run&);
BIGRAM_INSTANTIATE(uint8_t)
BIGRAM_INSTANTIATE(uint16_t)
BIGRAM_INSTANTIATE(uint32_t)
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
