#pragma once

#include <cstdint>
#include <vector>

#include "bigram/runtime/memory.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// A cell of an alias table: `own` where the fraction of the draw is below the threshold.
struct AliasCell {
    std::uint64_t threshold;
    std::uint32_t own;
    std::uint32_t alias;
};

constexpr std::uint32_t kDrawFromBase = 0xFFFFFFFF;  // in place of a token
constexpr std::uint32_t kNoMass = 0xFFFFFFFE;

// A model whose rows are weights: weights[e] of a stored pair, else backoff[i] base[j].
template <class Index>
struct BackoffWeights {
    const std::int64_t* indptr;  // (vocab_size + 1,)
    const Index* indices;        // (pairs,), ascending in a row
    const double* weights;       // (pairs,)
    const double* backoff;       // (vocab_size,)
    const double* base;          // (vocab_size,)
    std::int64_t vocab_size;
};

// The base in descending order, ties from the lower id on: what a row needs beyond its pairs.
struct RankedBase {
    std::vector<std::uint32_t> order;  // the id of each rank
    std::vector<std::uint32_t> rank;   // the rank of each id
    std::vector<double> weights;       // by rank
    std::vector<double> sums;          // (vocab_size + 1): of those below a rank

    std::vector<std::uint32_t> guide;  // where to look for a sum: as many parts as ranks

    RankedBase() = default;
    RankedBase(const double* base, std::int64_t vocab_size);

    // The rank below `limit` whose share holds `place` in [0, sums[limit]). O(1) on the average.
    std::size_t find(double place, std::size_t limit) const;
};

// What such a model is sampled from. Everything is its own but the indices.
template <class Index>
struct BackoffSampler {
    std::vector<std::int64_t> starts;   // (vocab_size + 1,): the cells of a context
    Buffer<AliasCell> cells;            // one a token, and one for the base in each row
    std::vector<AliasCell> base_cells;  // one a token; empty where the base is cut
    bool rejects = false;               // a stored pair is not drawn from the base
    std::vector<std::int64_t> indptr;   // these four only if it rejects: the stored pairs,
    const Index* indices = nullptr;
    RankedBase base;
    std::vector<std::int64_t> limits;  // and the ranks below which row i may draw from the base

    std::int64_t vocab_size() const { return static_cast<std::int64_t>(starts.size()) - 1; }
};

// Makes a sampler of rows that are cut to their top_k largest weights and then to the fewest that
// hold at least top_p of the mass (2^63 - 1 and 1 for all). Weights, backoff and base must be
// finite and not negative.
template <class Index>
Result prepare_backoff_sampler(BackoffSampler<Index>& sampler, const BackoffWeights<Index>& model,
                               std::int64_t top_k, double top_p, const Run& run);

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

// cells (size,) of one distribution over 0 .. size - 1.
void build_cells(AliasCell* cells, const double* weights, std::int64_t size);

// What was drawn of a block of neighbouring sequences.
struct SampledBlock {
    std::int64_t first_sequence = 0;
    std::int64_t num_sequences = 0;
    std::vector<std::uint32_t> tokens;
    struct Segment {
        std::int64_t sequence;
        std::int64_t length;  // the next so many of `tokens`
    };
    std::vector<Segment> segments;  // those of one sequence in order
};

struct SampledSequences {
    std::vector<SampledBlock> blocks;
    std::uint32_t context_without_mass = 0;
};

// lengths (num_sequences,) and sampled: what follows starts[s], at most max_length tokens and not
// including the token `stop` (none where negative). Starts lie in [0, vocab_size). The position of
// a bad value is the first sequence that reached a context without mass.
template <class Index>
Result sample_backoff_sequences(SampledSequences& sampled, std::int64_t* lengths,
                                const std::uint32_t* starts, std::int64_t num_sequences,
                                std::int64_t max_length, std::int64_t stop, std::uint64_t seed,
                                const BackoffSampler<Index>& model, const Run& run);

// out = the sampled tokens in order; sequence s from offsets[s] on.
template <class Token>
void write_sampled(Token* out, const std::int64_t* offsets, const SampledSequences& sampled,
                   const Run& run);

}  // namespace bigram
