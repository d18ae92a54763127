// Private to this room.
// Alias tables (Walker 1977; Vose 1991) in integers: a draw is one random word and one cell.
//
// A row has K = 2^bits cells, K >= V; each cell holds the same probability, shared by two tokens:
// the one with the cell's number and its alias. A cell is one word, the alias in its low bits and
// the threshold between the two in its high ones. The top bits of a uniform word u choose the cell;
// where the rest of u is below the threshold, the token is the cell's number, else the alias.
//
// Probabilities are integers over 2^32 (32-bit cells, up to 4,096 tokens) or 2^51 (64-bit cells).
// That is their resolution; a token of weight zero has no part in any cell and is never drawn.
#pragma once

#include <cstdint>

#include "bigram/runtime/memory.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

constexpr std::int64_t kMaxNarrowVocab = 4096;  // beyond it, cells have 64 bits

// The bits of a cell's number for a vocabulary of this size, at least 1.
inline int alias_bits(std::int64_t vocab_size) {
    int bits = 1;
    while ((std::int64_t{1} << bits) < vocab_size)
        ++bits;
    return bits;
}

// Threshold and `rest` both lie in the high bits of their words, with the alias and with ones below
// them, so cell and rest are compared as whole words: no shift, no mask of the threshold. The
// select is arithmetic, as a branch would be mispredicted every other time.
template <class Cell>
inline std::uint32_t alias_draw(const Cell* row, int bits, Cell random) {
    constexpr int kWidth = 8 * sizeof(Cell);
    const Cell mask = static_cast<Cell>((Cell{1} << bits) - 1);
    const Cell column = random >> (kWidth - bits);
    const Cell rest = static_cast<Cell>(random << bits) | mask;  // never below a threshold of zero
    const Cell cell = row[column];
    const Cell take = Cell{0} - static_cast<Cell>(rest < cell);  // all ones or all zeros
    return static_cast<std::uint32_t>((column & take) | (cell & mask & ~take));
}

// Working memory for building rows of vocab_size tokens.
struct AliasScratch {
    Buffer<std::uint64_t> integers;  // (V)
    Buffer<std::uint64_t> units;     // (K)
    Buffer<std::uint32_t> order;  // (K): cells below capacity from the left, others from the right

    explicit AliasScratch(std::int64_t vocab_size);
};

enum class AliasRow : std::uint8_t { unbuilt = 0, ready, without_mass, bad };

// cells (2^bits) from weights (size). In a row without mass every cell leads to `self`.
template <class Cell, class Real>
AliasRow build_alias_row(Cell* cells, int bits, const Real* weights, std::int64_t size,
                         std::uint32_t self, AliasScratch& scratch);

// The rows of weights (V, V), built as a whole or one by one as they are reached.
template <class Cell>
struct AliasTable {
    int bits;
    std::int64_t vocab_size;
    Buffer<Cell> cells;      // (V, 2^bits)
    Buffer<AliasRow> state;  // (V)
    bool has_empty_row = false;

    explicit AliasTable(std::int64_t vocab_size);  // all rows unbuilt

    Cell* row(std::int64_t token) const { return cells.get() + (token << bits); }
    bool is_empty(std::uint32_t token) const { return state[token] == AliasRow::without_mass; }

    template <class Real>
    void build_row(std::int64_t token, const Real* weights, AliasScratch& scratch) {
        state[token] = build_alias_row(row(token), bits, weights + token * vocab_size, vocab_size,
                                       static_cast<std::uint32_t>(token), scratch);
    }

    // Builds the rows that are not built yet. Bad value: the flat index of a weight that is
    // negative, nan or infinite.
    template <class Real>
    Result build(const Real* weights, const Run& run);
    template <class Real>
    Result bad_value(std::int64_t token, const Real* weights) const;
};

}  // namespace bigram
