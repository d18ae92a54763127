#pragma once

#include <cstdint>
#include <vector>

#include "bigram/backoff/alias_cells.hpp"
#include "bigram/backoff/ranked_base.hpp"
#include "bigram/runtime/memory.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

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

// What was drawn of a block of neighbouring sequences.
struct SampledBlock {
    std::int64_t first_sequence = 0;
    std::int64_t num_sequences = 0;
    std::vector<std::uint32_t> tokens;
    struct Segment {
        std::int64_t sequence;
        std::int64_t length;  // of the next ones in `tokens`
    };
    std::vector<Segment> segments;  // those of one sequence in order
};

struct SampledSequences {
    std::vector<SampledBlock> blocks;
    std::uint32_t context_without_mass = 0;
};

// lengths (num_sequences,) and sampled: what follows starts[s], at most max_length tokens and not
// including the token `stop` (none where negative). Starts lie in [0, vocab_size). Without
// mass: the first sequence that reached such a context.
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
