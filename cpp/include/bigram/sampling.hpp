#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "bigram/alias.hpp"
#include "bigram/memory.hpp"
#include "bigram/parallel.hpp"
#include "bigram/result.hpp"

namespace bigram {

// out (rows, num_samples), drawn with replacement from each row of weights (rows, cols).
// Bad value: the flat index of a weight that is negative, nan or infinite; where a row has no
// mass, rows * cols + that row.
template <class Real>
Result multinomial(std::int64_t* out, const Real* weights, std::int64_t rows, std::int64_t cols,
                   std::int64_t num_samples, std::uint64_t seed, const Run& run);

struct ChainRequest {
    std::int64_t vocab_size;
    std::int64_t num_chains;
    const std::uint32_t* starts;  // (num_chains), below vocab_size
    std::int64_t max_length;
    std::int64_t stop;  // -1: none, and every chain has max_length tokens
    std::uint64_t seed;
};

// Where a chain came to a token whose row has no mass, and had to go on.
struct Stuck {
    std::int64_t chain = -1;
    std::int64_t token = -1;
};

struct HeldTokens {
    Buffer<std::uint8_t> data;
    std::int64_t size = 0;  // tokens
};

// Tokens of chains whose lengths are known only after they were drawn: held until the caller has
// made room. Of chains without a stop token, they go straight to `out`.
struct ChainTokens {
    void* out = nullptr;           // (num_chains, max_length) where there is no stop token
    int out_bytes = 1;             // of a token there: 1, 2, 4 or 8
    int held_bytes = 1;            // of a token here
    std::vector<HeldTokens> held;  // in the order of the chains
    std::int64_t block_size = 1;   // chains in each of them
    std::int64_t num_tokens = 0;
    Stuck stuck;
};

// Draws sequences from the rows of weights (V, V), which must stay as they are while it lives. Rows
// become alias tables as they are reached, or all at once, and serve later calls. Threads may share
// one: while the first is building, the others build for themselves.
template <class Real>
class ChainSampler {
  public:
    ChainSampler(const Real* weights, std::int64_t vocab_size)
        : weights_(weights), vocab_size_(vocab_size) {}

    // Bad value: the flat index of a weight that is negative, nan or infinite.
    Result check(const Run& run);

    // offsets (num_chains + 1) and tokens after each start. Bad value: as of check, or V * V where
    // a chain got stuck.
    Result sample(ChainTokens& tokens, std::int64_t* offsets, const ChainRequest& request,
                  const Run& run);

    // Whether all rows are built: then the weights are not looked at again.
    bool complete() const { return complete_.load(std::memory_order_acquire); }

  private:
    Result dispatch(ChainTokens& tokens, std::int64_t* offsets, const ChainRequest& request,
                    const Run& run);
    template <class Token, class Cell>
    Result draw(std::unique_ptr<AliasTable<Cell>>& table, ChainTokens& tokens,
                std::int64_t* offsets, const ChainRequest& request, const Run& run);

    const Real* weights_;
    std::int64_t vocab_size_;
    std::unique_ptr<AliasTable<std::uint32_t>> narrow_;  // one of them
    std::unique_ptr<AliasTable<std::uint64_t>> wide_;
    std::atomic<bool> building_{false};
    std::atomic<bool> complete_{false};
    bool checked_ = false;
};

// Writes what is held to out (num_tokens), each token of `bytes` bytes.
Result copy_tokens(void* out, int bytes, const ChainTokens& tokens, const Run& run);

// Widens tokens of `from_bytes` to `to_bytes` each (1, 2, 4 or 8), or copies them.
void widen_tokens(void* to, int to_bytes, const void* from, int from_bytes, std::int64_t count);

}  // namespace bigram
