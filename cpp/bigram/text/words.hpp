#pragma once

#include <cstdint>
#include <vector>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/text/word_table.hpp"

namespace bigram {

// Splits text (size bytes) at NUL, tab, newline, carriage return and space, and counts its words;
// new ones get the next numbers. The position of a bad value is that of a word <s> or </s>; the
// words before it are counted then.
Result count_words(WordTable& table, const std::uint8_t* text, std::int64_t size, const Run& run);

// order (table.size()): the numbers of words by descending count, ties by their bytes ascending.
Result rank_words(std::int64_t* order, const WordTable& table);

// How words become tokens. ids (table.size()) is the id of each word number; words that the table
// lacks become `unknown`, or are bad values where unknown < 0. Where lines is set, text consists of
// whole lines, each of which ends with a newline; they get `boundary` before and after, unless it
// is negative.
struct WordEncoding {
    const WordTable* table;
    const std::uint32_t* ids;
    std::int64_t unknown;
    std::int64_t boundary;
    bool lines;
};

// The blocks of a text that can be encoded apart: whole lines, or else one block. `tokens` and
// `num_lines` are what comes before the block, and a last entry tells what there is in all.
struct WordBlock {
    std::int64_t begin;
    std::int64_t tokens;
    std::int64_t num_lines;
};

Result plan_words(std::vector<WordBlock>& blocks, const WordEncoding& encoding,
                  const std::uint8_t* text, std::int64_t size, const Run& run);

// tokens (blocks.back().tokens), offsets (blocks.back().num_lines + 1). The position of a bad value
// is that of the first word <s>, </s>, or unknown where that is an error.
// Token: uint8, uint16 or uint32, wide enough for all ids.
template <class Token>
Result encode_words(Token* tokens, std::int64_t* offsets, const std::vector<WordBlock>& blocks,
                    const WordEncoding& encoding, const std::uint8_t* text, const Run& run);

}  // namespace bigram
