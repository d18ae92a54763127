#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// counts (vocab_size, vocab_size) += the pairs of neighbours in each sequence.
// Token: uint8, uint16, uint32, int32 or int64, `size` of them, `stride` elements apart.
// offsets (num_sequences + 1), ascending within [0, size]; null: all tokens are one sequence.
// The position of a bad value is that of the first token outside [0, vocab_size). Then, and where a
// count would pass 2**63 - 1 (an overflow), counts are left as they were.
template <class Token>
Result count_bigrams(std::int64_t* counts, const Token* tokens, std::int64_t size,
                     std::int64_t stride, const std::int64_t* offsets, std::int64_t num_sequences,
                     std::int64_t vocab_size, const Run& run);

}  // namespace bigram
