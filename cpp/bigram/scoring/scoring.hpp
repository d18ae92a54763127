#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// out (num_sequences): the sum of log_probs (vocab_size, vocab_size) over the pairs of each
// sequence, 0 where it has none.
// Prob: float or double. Token: uint8, uint16, uint32, int32 or int64, `size` of them, `stride`
// elements apart. offsets (num_sequences + 1), ascending within [0, size]; null: one sequence.
// The position of a bad value is that of the first token outside [0, vocab_size).
template <class Prob, class Token>
Result score_sequences(double* out, const Prob* log_probs, const Token* tokens, std::int64_t size,
                       std::int64_t stride, const std::int64_t* offsets, std::int64_t num_sequences,
                       std::int64_t vocab_size, const Run& run);

}  // namespace bigram
