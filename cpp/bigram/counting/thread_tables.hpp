// Private to this room.
// Counting into tables that each thread has for itself, for texts that are long for their
// vocabulary.
#pragma once

#include <cstdint>

#include "bigram/counting/pair_table.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

constexpr std::int64_t kBlockPairs = 3 << 16;  // pairs that a thread takes at a time

// counts += sign * the pairs that start in [begin, end). Results as of count_bigrams.
template <class Token>
Result count_in_threads(std::int64_t* counts, const TokenStream<Token>& stream, std::int64_t begin,
                        std::int64_t end, std::int64_t sign, const Run& run);

}  // namespace bigram
