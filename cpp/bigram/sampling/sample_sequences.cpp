// Sequences of a bigram model: from starts[c] on, each token of sequence c is drawn from the row of
// weights of the token before it.
//
//   token[c, t + 1] ~ weights[token[c, t]], by word t of random sequence c
//
// weights (V, V), starts (n), offsets (n + 1). Few draws go through serial_sequences.cpp, the
// obvious loop, which builds the rows of the alias table that it reaches. For many, the whole table
// is built in O(V^2), and sequence_blocks.cpp draws blocks of sequences side by side. Both draw the
// same tokens, and what is built stays for the next call.
#include "bigram/sampling/sample_sequences.hpp"

#include <algorithm>
#include <atomic>

#include "bigram/sampling/integer_weights.hpp"
#include "bigram/sampling/sequence_blocks.hpp"
#include "bigram/sampling/serial_sequences.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kMaxStoppingBlock = 4096;  // sequences that end at a stop token
constexpr int64_t kFewSequences = 16;        // fewer would leave the vectors of a tile half empty

// The right to build the table, which one call at a time has. Not a mutex, on which a thread could
// wait for itself: a poll may run a signal handler of Python's, which may draw again.
struct Turn {
    std::atomic<bool>& taken;
    const bool mine;

    explicit Turn(std::atomic<bool>& flag) : taken(flag), mine(!flag.exchange(true)) {}
    ~Turn() {
        if (mine) taken.store(false);
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
};

// Sequences is FixedSequences or StoppingSequences, `size` of them in a block. A token is a
// function of table, seed, sequence and step, so any blocks give the same tokens. Each block
// advances by about 2^20 tokens at a time, so that a call can be interrupted however long the
// sequences are.
template <class Sequences, class Cell>
Result draw_blocks(DrawnTokens& result, int64_t* offsets, const AliasTable<Cell>& table,
                   const SequenceRequest& request, int64_t size, const Run& run) {
    std::vector<Sequences> blocks;
    for (int64_t first = 0; first < request.num_sequences; first += size)
        blocks.emplace_back(first, std::min(size, request.num_sequences - first), request);
    result.held.resize(blocks.size());
    result.block_size = size;
    const int64_t count = static_cast<int64_t>(blocks.size());
    std::vector<typename Sequences::Idle> idle(static_cast<std::size_t>(team_size(run, count)));
    const auto body = [&](int64_t b, int thread) {
        Sequences& block = blocks[static_cast<std::size_t>(b)];
        if (!block.finished())
            block.advance(table, result, offsets, idle[static_cast<std::size_t>(thread)]);
    };
    for (bool going = request.max_length > 0; going;) {
        if (!parallel_for(run, count, body) || run.poll()) return Result::interrupted();
        going = false;
        for (const Sequences& block : blocks) {
            if (block.stuck().sequence >= 0) {
                result.stuck = block.stuck();
                return Result::without_mass(result.stuck.sequence);
            }
            going |= !block.finished();
        }
    }
    return {};
}

template <class Token, class Cell>
Result draw_many(DrawnTokens& result, int64_t* offsets, const AliasTable<Cell>& table,
                 const SequenceRequest& request, const Run& run) {
    // A fixed-length block is at most one tile. Sequences that stop leave their tile, so their
    // blocks hold many tiles, and there are four for each thread since some end sooner than others.
    const bool fixed = request.stop < 0;
    const int64_t share =
        ceil_div(request.num_sequences, (fixed ? 1 : 4) * int64_t{run.num_threads});
    const int64_t size =
        std::min<int64_t>(ceil_div(share, 16) * 16, fixed ? kTileSequences : kMaxStoppingBlock);
    if (!fixed) {
        return draw_blocks<StoppingSequences<Cell, Token>>(result, offsets, table, request, size,
                                                           run);
    }
    std::fill_n(offsets + 1, request.num_sequences, request.max_length);
    return draw_blocks<FixedSequences<Cell, Token>>(result, offsets, table, request, size, run);
}

}  // namespace

template <class Real>
Result SequenceSampler<Real>::check(const Run& run) {
    constexpr int64_t kWeightsPerBlock = 1 << 17;
    const int64_t cells = vocab_size_ * vocab_size_;
    const int64_t blocks = ceil_div(cells, kWeightsPerBlock);
    std::atomic<int64_t> first_bad{cells};
    const auto body = [&](int64_t block, int) {
        const int64_t begin = block * kWeightsPerBlock;
        const int64_t size = std::min(kWeightsPerBlock, cells - begin);
        const int64_t bad = first_bad_weight(weights_ + begin, size);
        if (bad < size) lower_to(first_bad, begin + bad);
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    if (first_bad.load() < cells) return Result::bad_value(first_bad.load());
    checked_ = true;
    return {};
}

template <class Real>
template <class Token, class Cell>
Result SequenceSampler<Real>::draw(std::unique_ptr<AliasTable<Cell>>& table, DrawnTokens& tokens,
                                   int64_t* offsets, const SequenceRequest& request,
                                   const Run& run) {
    const int64_t n = request.num_sequences;
    const bool few = n < kFewSequences || request.max_length < vocab_size_ / n;
    if (!table) table = std::make_unique<AliasTable<Cell>>(vocab_size_);
    if (!complete()) {
        if (!few) {
            const Result built = table->build(weights_, run);
            if (!built.ok()) return built;
            complete_.store(true, std::memory_order_release);
        } else if (!checked_) {
            // Every weight is checked, though few rows are built: an error must not depend on luck.
            const Result checked = check(run);
            if (!checked.ok()) return checked;
        }
    }
    tokens.held_bytes = sizeof(Token);
    std::fill_n(offsets, n + 1, int64_t{0});
    const Result drawn = few ? draw_serially<Token>(tokens, offsets, *table, weights_, request, run)
                             : draw_many<Token>(tokens, offsets, *table, request, run);
    if (!drawn.ok()) return drawn;
    for (int64_t i = 0; i < n; ++i)
        offsets[i + 1] += offsets[i];
    tokens.num_tokens = offsets[n];
    return {};
}

template <class Real>
Result SequenceSampler<Real>::dispatch(DrawnTokens& tokens, int64_t* offsets,
                                       const SequenceRequest& request, const Run& run) {
    if (vocab_size_ <= 256) return draw<std::uint8_t>(narrow_, tokens, offsets, request, run);
    if (vocab_size_ <= kMaxNarrowVocab)
        return draw<std::uint16_t>(narrow_, tokens, offsets, request, run);
    if (vocab_size_ <= 65536) return draw<std::uint16_t>(wide_, tokens, offsets, request, run);
    return draw<uint32_t>(wide_, tokens, offsets, request, run);
}

template <class Real>
Result SequenceSampler<Real>::sample(DrawnTokens& tokens, int64_t* offsets,
                                     const SequenceRequest& request, const Run& run) {
    if (complete()) return dispatch(tokens, offsets, request, run);
    const Turn turn(building_);
    if (turn.mine) return dispatch(tokens, offsets, request, run);
    SequenceSampler own(weights_, vocab_size_);
    return own.dispatch(tokens, offsets, request, run);
}

template class SequenceSampler<float>;
template class SequenceSampler<double>;

}  // namespace bigram
