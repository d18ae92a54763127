#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/runtime/tokens.hpp"

namespace bigram {

// out (num_sequences): the sum of log_probs (vocab_size, vocab_size) over the pairs of each
// sequence, 0 where it has none.
// Prob: float or double.
// The position of a bad value is that of the first token outside [0, vocab_size).
template <class Prob, class Token>
Result score_sequences(double* out, const Prob* log_probs, const Tokens<Token>& tokens,
                       const Offsets& offsets, std::int64_t vocab_size, const Run& run);

}  // namespace bigram
