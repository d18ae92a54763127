#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "bigram/runtime/memory.hpp"
#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/sampling/alias.hpp"

namespace bigram {

struct SequenceRequest {
    std::int64_t vocab_size;
    std::int64_t num_sequences;
    const std::uint32_t* starts;  // (num_sequences), below vocab_size
    std::int64_t max_length;
    std::int64_t stop;  // -1: none, and every sequence has max_length tokens
    std::uint64_t seed;
};

// The first sequence that reached a token whose row has no mass.
struct Stuck {
    std::int64_t sequence = -1;
    std::int64_t token = -1;
};

struct HeldTokens {
    Buffer<std::uint8_t> data;
    std::int64_t size = 0;  // tokens
};

// The tokens drawn. Where a stop token ends sequences, their lengths are known only at the end, so
// the tokens are held until the caller has made room for them. Otherwise they go straight to `out`.
struct DrawnTokens {
    void* out = nullptr;           // (num_sequences, max_length) where there is no stop token
    int out_bytes = 1;             // of a token there: 1, 2, 4 or 8
    int held_bytes = 1;            // of a token here
    std::vector<HeldTokens> held;  // in the order of the sequences
    std::int64_t block_size = 1;   // sequences in each of them
    std::int64_t num_tokens = 0;
    Stuck stuck;
};

// Draws sequences from the rows of weights (V, V), which must not change during its life. The alias
// table is built row by row as rows are reached, or as a whole, and serves later calls. Threads may
// share a sampler: while one of them is building, the others build tables of their own.
template <class Real>
class SequenceSampler {
  public:
    SequenceSampler(const Real* weights, std::int64_t vocab_size)
        : weights_(weights), vocab_size_(vocab_size) {}

    // Bad value: the flat index of a weight that is negative, nan or infinite.
    Result check(const Run& run);

    // offsets (num_sequences + 1) and tokens after each start. Bad value: as of check. Without
    // mass: the first sequence that got stuck, of which tokens.stuck tells where.
    Result sample(DrawnTokens& tokens, std::int64_t* offsets, const SequenceRequest& request,
                  const Run& run);

    // Whether all rows are built: then the weights are not looked at again.
    bool complete() const { return complete_.load(std::memory_order_acquire); }

  private:
    Result dispatch(DrawnTokens& tokens, std::int64_t* offsets, const SequenceRequest& request,
                    const Run& run);
    template <class Token, class Cell>
    Result draw(std::unique_ptr<AliasTable<Cell>>& table, DrawnTokens& tokens,
                std::int64_t* offsets, const SequenceRequest& request, const Run& run);

    const Real* weights_;
    std::int64_t vocab_size_;
    std::unique_ptr<AliasTable<std::uint32_t>> narrow_;  // one of them
    std::unique_ptr<AliasTable<std::uint64_t>> wide_;
    std::atomic<bool> building_{false};
    std::atomic<bool> complete_{false};
    bool checked_ = false;
};

// Writes what is held to out (num_tokens), each token of `bytes` bytes.
Result copy_tokens(void* out, int bytes, const DrawnTokens& tokens, const Run& run);

}  // namespace bigram
