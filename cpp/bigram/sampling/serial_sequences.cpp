// Sequences drawn one after the other: the obvious loop of sample_sequences, and the path for few
// sequences or few tokens.
//
//   token[t + 1] = alias_draw(row of token[t], draw t of the sequence)
//
// starts (n), offsets (n + 1). A sequence ends before its stop token or after max_length tokens.
// Only those rows of the alias table are built that the sequences reach and no earlier call has
// built, in O(V) each; a draw waits for the cell that the draw before it led to. One name of V = 27
// takes 4 us with Python's call; the whole table of V = 4096 alone would take 50 ms.
#include "bigram/sampling/serial_sequences.hpp"

#include <algorithm>

#include "bigram/numeric/philox.hpp"
#include "bigram/sampling/copy_tokens.hpp"
#include "bigram/sampling/growing.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

// The random words of one sequence in their order, of 32 or 64 bits.
template <class Cell>
class Draws {
  public:
    Draws(uint64_t seed, uint64_t sequence) : seed_(seed) {
        std::fill_n(tile_.sequence, kLanes, sequence);
    }

    Cell next() {
        if (at_ == end_) refill();
        return words_[at_++];
    }

  private:
    static constexpr int kWordsPerBlock = 16 / sizeof(Cell);

    void refill() {
        // Single blocks at first, as most sequences are short; then 64 of them, which vectors make
        // several times faster.
        const int blocks = block_ < 8 ? 1 : kLanes;
        for (int b = 0; b < blocks; ++b)
            tile_.block[b] = block_ + static_cast<uint64_t>(b);
        philox_tile(tile_, seed_, blocks);
        for (int b = 0; b < blocks; ++b) {
            for (int k = 0; k < kWordsPerBlock; ++k) {
                words_[b * kWordsPerBlock + k] =
                    static_cast<Cell>(sizeof(Cell) == 4 ? tile_.word[k][b] : tile_.wide(k % 2, b));
            }
        }
        block_ += static_cast<uint64_t>(blocks);
        at_ = 0;
        end_ = blocks * kWordsPerBlock;
    }

    uint64_t seed_;
    uint64_t block_ = 0;
    int at_ = 0, end_ = 0;
    PhiloxTile tile_;
    Cell words_[kLanes * kWordsPerBlock];
};

}  // namespace

template <class Token, class Cell, class Real>
Result draw_serially(DrawnTokens& result, int64_t* offsets, AliasTable<Cell>& table,
                     const Real* weights, const SequenceRequest& request, const Run& run) {
    constexpr int64_t kTokensPerPoll = 1 << 16;
    const int64_t vocab_size = request.vocab_size;
    AliasScratch scratch(vocab_size);
    Growing<Token> tokens;
    int64_t written = 0;
    const auto flush = [&] {  // to result.out, where all sequences have the same length
        widen_tokens(static_cast<char*>(result.out) + written * result.out_bytes, result.out_bytes,
                     tokens.end() - tokens.size(), sizeof(Token), tokens.size());
        written += tokens.size();
        tokens.clear();
    };
    for (int64_t sequence = 0; sequence < request.num_sequences; ++sequence) {
        Draws<Cell> draws(request.seed, static_cast<uint64_t>(sequence));
        uint32_t token = request.starts[sequence];
        int64_t t = 0;
        for (; t < request.max_length; ++t) {
            if (table.state[token] != AliasRow::ready) {
                if (table.state[token] == AliasRow::unbuilt)
                    table.build_row(token, weights, scratch);
                if (table.state[token] == AliasRow::bad) return table.bad_value(token, weights);
                if (table.is_empty(token)) {
                    result.stuck = {sequence, token};
                    return Result::without_mass(sequence);
                }
            }
            token = alias_draw(table.row(token), table.bits, draws.next());
            if (token == request.stop) break;
            tokens.reserve(1);
            *tokens.end() = static_cast<Token>(token);
            tokens.add(1);
            if ((t + 1) % kTokensPerPoll == 0) {
                if (run.poll()) return Result::interrupted();
                if (request.stop < 0) flush();
            }
        }
        if (request.stop < 0) flush();
        offsets[sequence + 1] = t;
    }
    if (request.stop >= 0) {
        result.held.resize(1);
        result.held[0].size = tokens.size();
        result.held[0].data = tokens.release_bytes();
    }
    return {};
}

#define BIGRAM_INSTANTIATE(Cell, Token, Real)                                                    \
    template Result draw_serially<Token>(DrawnTokens&, int64_t*, AliasTable<Cell>&, const Real*, \
                                         const SequenceRequest&, const Run&);
BIGRAM_INSTANTIATE(uint32_t, std::uint8_t, float)
BIGRAM_INSTANTIATE(uint32_t, std::uint8_t, double)
BIGRAM_INSTANTIATE(uint32_t, std::uint16_t, float)
BIGRAM_INSTANTIATE(uint32_t, std::uint16_t, double)
BIGRAM_INSTANTIATE(uint64_t, std::uint16_t, float)
BIGRAM_INSTANTIATE(uint64_t, std::uint16_t, double)
BIGRAM_INSTANTIATE(uint64_t, uint32_t, float)
BIGRAM_INSTANTIATE(uint64_t, uint32_t, double)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
