#pragma once

#include <cstdint>
#include <vector>

#include "bigram/parallel.hpp"
#include "bigram/result.hpp"

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

    RankedBase() = default;
    RankedBase(const double* base, std::int64_t vocab_size);
};

// What such a model is sampled from. Everything is its own but the indices.
template <class Index>
struct BackoffSampler {
    std::vector<std::int64_t> indptr;
    const Index* indices = nullptr;
    std::vector<AliasCell> cells;       // row i from indptr[i] + i: one a pair, one for the base
    std::vector<AliasCell> base_cells;  // one a token; empty where the base is cut
    bool rejects = false;               // a stored pair is not drawn from the base
    RankedBase base;                    // these two only if it rejects
    std::vector<std::int64_t> limits;   // the ranks below it are drawn in row i

    std::int64_t vocab_size() const { return static_cast<std::int64_t>(indptr.size()) - 1; }
};

// Makes a sampler of rows that are cut to their top_k largest weights and then to the fewest that
// hold at least top_p of the mass (2^63 - 1 and 1 for all). Weights, backoff and base must be
// finite and not negative. May throw std::bad_alloc.
template <class Index>
Result prepare_backoff_sampler(BackoffSampler<Index>& sampler, const BackoffWeights<Index>& model,
                               std::int64_t top_k, double top_p, const Run& run);

// kept[e] = weights[e], or 0 for a stored pair that is cut off; limits and rest (vocab_size,): the
// unseen tokens of lower rank stay, and weigh so much together.
template <class Index>
Result cut_backoff_rows(double* kept, std::int64_t* limits, double* rest,
                        const BackoffWeights<Index>& model, const RankedBase& base,
                        std::int64_t top_k, double top_p, const Run& run);

// cells (pairs + vocab_size,): in row i pair e is drawn with weights[e], the base with rest[i]. A
// row without mass leads to kNoMass.
template <class Index>
Result build_backoff_cells(AliasCell* cells, const std::int64_t* indptr, const Index* indices,
                           const double* weights, const double* rest, std::int64_t vocab_size,
                           const Run& run);

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
