#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/text/word_table.hpp"

namespace bigram {

// The powers of ten that a double holds exactly.
constexpr int kMostExponent = 22;
constexpr double kPowersOfTen[kMostExponent + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// Symbols in one piece of memory: symbol k is text[offsets[k]:offsets[k + 1]].
struct SymbolText {
    const char* text;
    const std::int64_t* offsets;
};

// The lines of n-grams, in pieces that follow each other: `log10 [context ]next[\tbackoff]\n`.
// contexts and backoffs may be null. All arrays (count,); ids must lie in their symbols.
Result format_ngrams(std::vector<std::string>& pieces, std::int64_t count, const double* log10,
                     const std::int64_t* contexts, const std::int64_t* nexts,
                     const double* backoffs, const SymbolText& context_symbols,
                     const SymbolText& next_symbols, const Run& run);

enum class ArpaError {
    none,
    ends_early,  // a blank line, another section or the end of the file
    bad_number,
    positive,         // a log-probability above zero
    fields,           // too few or too many of them
    unknown_word,     // not among the unigrams
    repeated_word,    // a unigram given twice
    nonzero_backoff,  // of a bigram, which has none
};

// What is wrong with a section and the byte where its line starts; or where the section ends.
struct ArpaSection {
    ArpaError error = ArpaError::none;
    std::int64_t position = 0;
};

// Reads `count` lines from text[begin] on. log10 and backoffs (count,); no backoff reads as 0.
// words, empty before, gets the word of line k as number k.
ArpaSection parse_unigrams(double* log10, double* backoffs, WordTable& words, const char* text,
                           std::int64_t size, std::int64_t begin, std::int64_t count);

// The same for lines of two words, whose numbers go to contexts and nexts (count,).
Result parse_bigrams(ArpaSection& section, double* log10, std::int64_t* contexts,
                     std::int64_t* nexts, const WordTable& words, const char* text,
                     std::int64_t size, std::int64_t begin, std::int64_t count, const Run& run);

}  // namespace bigram
