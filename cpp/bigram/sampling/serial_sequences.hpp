// Private to this room.
// Sequences drawn one after the other: what sample_sequences does, as a plain loop.
#pragma once

#include <cstdint>

#include "bigram/sampling/alias.hpp"
#include "bigram/sampling/sample_sequences.hpp"

namespace bigram {

// Draws the sequences and builds the rows of the table that they reach. Results as of
// SequenceSampler::sample, but offsets[s + 1] is the length of sequence s.
template <class Token, class Cell, class Real>
Result draw_serially(DrawnTokens& result, std::int64_t* offsets, AliasTable<Cell>& table,
                     const Real* weights, const SequenceRequest& request, const Run& run);

}  // namespace bigram
