// Adding pairs to a table: one pair at a time, and by steps of 1,024.
//
//   table[tokens[i], tokens[i + 1]] += amount     for i in [begin, end)
//
// add_plainly is the definition. add_pairs first finds the cells of a step, in a loop without a
// store to the table, which vector units run and which checks all ids at once; then it counts: 1.5
// times as fast at V = 256, and 2.6 times at V = 4096, where it knows what to prefetch. One load,
// one check and one increment a token: bound by the one store a cycle where the table is cached, by
// misses elsewhere.
#include "bigram/counting/pair_table.hpp"

#include <algorithm>
#include <type_traits>

#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint16_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

constexpr int64_t kPlainPairs = 64;  // fewer are not worth a step
constexpr int64_t kAhead = 48;       // cells by which a table outside of the caches is prefetched:
                                     // 1.4 times at V = 4096

template <class Cell>
BIGRAM_INLINE void add_to(Cell& cell, Cell amount, int64_t& signs) {
    if constexpr (std::is_same_v<Cell, int64_t>) {
        cell = wrapping_sum(cell, amount);
        signs |= cell;
    } else {
        cell += amount;
    }
}

// One pair at a time: for streams too short to be worth more, and for tables beyond 32-bit cells.
// Returns as add_pairs.
template <class Cell, class Token>
int64_t add_plainly(const PairTable<Cell>& table, const TokenStream<Token>& stream, int64_t begin,
                    int64_t end, Cell amount) {
    if (!stream.good(begin)) return begin;
    uint64_t first = stream.at(begin);
    int64_t signs = 0;
    for (int64_t i = begin; i < end; ++i) {
        const uint64_t second = stream.at(i + 1);
        if (second >= static_cast<uint64_t>(stream.vocab_size)) {
            add_plainly(table, stream, begin, i, static_cast<Cell>(-amount));
            return i + 1;
        }
        const uint64_t cell = first * static_cast<uint64_t>(table.stride) + second;
        add_to(table.even[cell], amount, signs);
        first = second;
    }
    if (table.signs != nullptr) *table.signs |= signs;
    return -1;
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

}  // namespace

template <class Cell, class Token>
int64_t add_pairs(const PairTable<Cell>& table, const TokenStream<Token>& stream, int64_t begin,
                  int64_t end, Cell amount) {
    using Id = std::make_unsigned_t<Token>;
    if (end - begin < kPlainPairs || stream.vocab_size >= 1 << 16) {
        return add_plainly(table, stream, begin, end, amount);
    }
    alignas(64) uint32_t cells[kStepPairs + kAhead] = {};
    Id gathered[kStepPairs + 1];
    const bool prefetch = stream.vocab_size * table.stride > kCachedCells;
    int64_t signs = 0;
    for (int64_t start = begin; start < end;) {
        const int64_t count = std::min(kStepPairs, end - start);
        const Id* ids =
            reinterpret_cast<const Id*>(stream.tokens.data + start * stream.tokens.stride);
        if (stream.tokens.stride == 1) {
            prefetch_stream(ids, count * static_cast<int64_t>(sizeof(Token)));
        } else {
            for (int64_t k = 0; k <= count; ++k)
                gathered[k] = static_cast<Id>(stream.at(start + k));
            ids = gathered;
        }
        if (find_cells(cells, ids, count, static_cast<uint32_t>(table.stride)) >=
            static_cast<uint64_t>(stream.vocab_size)) {
            add_pairs(table, stream, begin, start, static_cast<Cell>(-amount));
            while (start < end && stream.good(start))
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

template <class Cell, class Token>
void remove_crossings(const PairTable<Cell>& table, const TokenStream<Token>& stream, int64_t begin,
                      int64_t end, Cell amount) {
    if (stream.offsets.data == nullptr) return;
    const int64_t* const last = stream.offsets.data + stream.offsets.num_sequences + 1;
    const int64_t* next = std::upper_bound(stream.offsets.data, last, begin);
    for (int64_t previous = begin; next < last && *next <= end; previous = *next++) {
        if (*next == previous || !stream.good(*next - 1) || !stream.good(*next)) continue;
        const uint64_t cell =
            stream.at(*next - 1) * static_cast<uint64_t>(table.stride) + stream.at(*next);
        int64_t signs = 0;
        add_to(table.even[cell], static_cast<Cell>(-amount), signs);
    }
}

#define BIGRAM_INSTANTIATE(Cell, Token)                                                        \
    template int64_t add_pairs(const PairTable<Cell>&, const TokenStream<Token>&, int64_t,     \
                               int64_t, Cell);                                                 \
    template void remove_crossings(const PairTable<Cell>&, const TokenStream<Token>&, int64_t, \
                                   int64_t, Cell);
#define BIGRAM_INSTANTIATE_BOTH(Token) \
    BIGRAM_INSTANTIATE(int64_t, Token) \
    BIGRAM_INSTANTIATE(uint32_t, Token)
BIGRAM_INSTANTIATE_BOTH(uint8_t)
BIGRAM_INSTANTIATE_BOTH(uint16_t)
BIGRAM_INSTANTIATE_BOTH(uint32_t)
BIGRAM_INSTANTIATE_BOTH(std::int32_t)
BIGRAM_INSTANTIATE_BOTH(int64_t)
#undef BIGRAM_INSTANTIATE_BOTH
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
