// Private to this room.
// A table of counts, and how the pairs of a stretch of tokens are added to it.
#pragma once

#include <cstdint>

#include "bigram/runtime/tokens.hpp"

namespace bigram {

constexpr std::int64_t kStepPairs = 1024;  // pairs whose cells are found before they are counted
constexpr std::int64_t kCachedCells = 1 << 22;  // a larger table is mostly outside of the caches

// All tokens as one stream, whatever the sequences: position i begins the pair of i and i + 1.
template <class Token>
struct TokenStream {
    Tokens<Token> tokens;
    Offsets offsets;
    std::int64_t vocab_size;

    std::uint64_t at(std::int64_t i) const { return tokens[i]; }
    bool good(std::int64_t i) const { return at(i) < static_cast<std::uint64_t>(vocab_size); }
};

// Cell (i, j) is even[i * stride + j] or odd[i * stride + j]: neighbouring pairs go to two tables,
// which may be the same one. Cell: int64 for the counts themselves, uint32 for a thread's table.
template <class Cell>
struct PairTable {
    Cell* even;
    Cell* odd;
    std::int64_t stride;
    std::int64_t* signs = nullptr;  // negative once a cell of 64 bits has been
};

// Unsigned, so that an overflow is defined, and undoing one leaves no trace.
inline std::int64_t wrapping_sum(std::int64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// Adds `amount` to the cell of each pair that starts in [begin, end), those that cross from one
// sequence to the next included. Returns the position of the first bad token of [begin, end], in
// which case nothing is added, else -1.
template <class Cell, class Token>
std::int64_t add_pairs(const PairTable<Cell>& table, const TokenStream<Token>& stream,
                       std::int64_t begin, std::int64_t end, Cell amount);

// Takes `amount` off the cell of each pair that starts in [begin, end) and crosses an offset.
template <class Cell, class Token>
void remove_crossings(const PairTable<Cell>& table, const TokenStream<Token>& stream,
                      std::int64_t begin, std::int64_t end, Cell amount);

}  // namespace bigram
