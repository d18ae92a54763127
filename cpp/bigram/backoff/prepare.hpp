// Private to this room.
// The two steps that make a sampler: the rows are cut, then dealt out to cells.
#pragma once

#include <cstdint>
#include <vector>

#include "bigram/backoff/backoff_sampling.hpp"

namespace bigram {

// What a row is drawn from: stored pairs, listed tokens of the base, and the rest of the base.
struct RowParts {
    std::vector<double> kept;          // (pairs,): the weights of stored pairs, 0 if cut off
    std::vector<double> rest;          // (vocab_size,): what is drawn from the base
    std::vector<std::int64_t> limits;  // (vocab_size,): unseen tokens of lower rank stay
    std::vector<std::int64_t> listed;  // (vocab_size,): how many of them get cells, all or none
};

// Cuts the rows of a model; parts has its sizes.
template <class Index>
Result cut_backoff_rows(RowParts& parts, const BackoffWeights<Index>& model, const RankedBase& base,
                        std::int64_t top_k, double top_p, const Run& run);

// Fills starts and cells. Pairs without weight get none; a row without mass leads to kNoMass.
template <class Index>
Result build_backoff_cells(BackoffSampler<Index>& sampler, const BackoffWeights<Index>& model,
                           const RowParts& parts, const Run& run);

}  // namespace bigram
