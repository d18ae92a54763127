#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/runtime/tokens.hpp"

namespace bigram {

// counts (vocab_size, vocab_size) += the pairs of neighbours in each sequence.
// The position of a bad value is that of the first token outside [0, vocab_size). Then, and where a
// count would pass 2**63 - 1 (an overflow), counts are left as they were.
template <class Token>
Result count_bigrams(std::int64_t* counts, const Tokens<Token>& tokens, const Offsets& offsets,
                     std::int64_t vocab_size, const Run& run);

}  // namespace bigram
