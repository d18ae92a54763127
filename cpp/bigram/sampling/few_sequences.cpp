// Sequences drawn one after the other, with only those rows of the alias table built that they
// reach and that no call before built: what a few tokens take. The same tokens as in
// sequence_blocks.cpp.
#include "bigram/sampling/copy_tokens.hpp"
#include "bigram/sampling/sequence_blocks.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

// The draws of one sequence, one after the other: 32 or 64 bits each.
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
    static constexpr int kPerBlock = 16 / sizeof(Cell);

    void refill() {
        // A short sequence takes single blocks, a long one 64 at a time.
        const int blocks = block_ < 8 ? 1 : kLanes;
        for (int lane = 0; lane < blocks; ++lane)
            tile_.block[lane] = block_ + static_cast<uint64_t>(lane);
        philox_tile(tile_, seed_, blocks);
        for (int lane = 0; lane < blocks; ++lane) {
            for (int k = 0; k < kPerBlock; ++k) {
                words_[lane * kPerBlock + k] = static_cast<Cell>(
                    sizeof(Cell) == 4 ? tile_.word[k][lane] : tile_.wide(k % 2, lane));
            }
        }
        block_ += static_cast<uint64_t>(blocks);
        at_ = 0;
        end_ = blocks * kPerBlock;
    }

    uint64_t seed_;
    uint64_t block_ = 0;
    int at_ = 0, end_ = 0;
    PhiloxTile tile_;
    Cell words_[kLanes * kPerBlock];
};

}  // namespace

template <class Token, class Cell, class Real>
Result draw_few(DrawnTokens& result, int64_t* offsets, AliasTable<Cell>& table, const Real* weights,
                const SequenceRequest& request, const Run& run) {
    constexpr int64_t kPiece = 1 << 16;
    const int64_t vocab_size = request.vocab_size;
    AliasScratch scratch(vocab_size);
    Growing<Token> tokens;
    int64_t written = 0;
    const auto flush = [&] {  // to out, where sequences have a fixed length
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
            if ((t + 1) % kPiece == 0) {
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

#define BIGRAM_INSTANTIATE(Cell, Token, Real)                                               \
    template Result draw_few<Token>(DrawnTokens&, int64_t*, AliasTable<Cell>&, const Real*, \
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
