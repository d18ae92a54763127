// Sequences of a bigram model: token t of chain c is drawn from the row of the token before it,
// with word t of the random sequence c. weights (V, V), starts (n), offsets (n + 1).
//
// Many chains: the whole alias table (V rows of 2^bits cells) is built, then blocks of chains are
// drawn side by side. Few draws: rows are built as they are reached. Both draw the same tokens.
#include "bigram/sampling.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "bigram/chains.hpp"
#include "bigram/integer_weights.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kFewChains = 16;

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

template <class Cell, class Token, class Real>
Result draw_few(ChainTokens& result, int64_t* offsets, const Real* weights,
                const ChainRequest& request, const Run& run) {
    constexpr int64_t kPiece = 1 << 16;
    const int64_t vocab_size = request.vocab_size;
    AliasTable<Cell> table(vocab_size);
    AliasScratch scratch(vocab_size);
    if (!table || !scratch) return Result::out_of_memory();
    Growing<Token> tokens;
    int64_t written = 0;
    const auto flush = [&] {  // to out, where chains have a fixed length
        widen_tokens(static_cast<char*>(result.out) + written * result.out_bytes, result.out_bytes,
                     tokens.end() - tokens.size(), sizeof(Token), tokens.size());
        written += tokens.size();
        tokens.clear();
    };
    for (int64_t chain = 0; chain < request.num_chains; ++chain) {
        Draws<Cell> draws(request.seed, static_cast<uint64_t>(chain));
        uint32_t token = request.starts[chain];
        int64_t t = 0;
        for (; t < request.max_length; ++t) {
            if (table.state[token] != AliasRow::ready) {
                if (table.state[token] == AliasRow::unbuilt)
                    table.build_row(token, weights, scratch);
                if (table.is_empty(token)) {
                    result.stuck_chain = chain;
                    result.stuck_token = token;
                    return Result::bad_value(vocab_size * vocab_size);
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
        offsets[chain + 1] = t;
    }
    if (request.stop >= 0) {
        result.held.resize(1);
        result.held[0].size = tokens.size();
        result.held[0].data = tokens.release_bytes();
    }
    return {};
}

template <class Cell, class Real>
Result build_table(AliasTable<Cell>& table, const Real* weights, const Run& run) {
    return table ? table.build(weights, run) : Result::out_of_memory();
}

// Chains is FixedChains or StoppingChains, `size` of them in a block. Any blocks give the same
// tokens. Chains of any length are drawn piece by piece, so that a call can be interrupted.
template <class Chains, class Cell>
Result draw_blocks(ChainTokens& result, int64_t* offsets, const AliasTable<Cell>& table,
                   const ChainRequest& request, int64_t size, const Run& run) {
    std::vector<Chains> blocks;
    for (int64_t first = 0; first < request.num_chains; first += size)
        blocks.emplace_back(first, std::min(size, request.num_chains - first), request);
    result.held.resize(blocks.size());
    result.block_size = size;
    const int64_t count = static_cast<int64_t>(blocks.size());
    std::vector<typename Chains::Idle> idle(static_cast<std::size_t>(team_size(run, count)));
    std::atomic<bool> short_of_memory{false};
    const auto body = [&](int64_t b, int thread) {
        Chains& block = blocks[static_cast<std::size_t>(b)];
        try {
            if (!block.finished())
                block.advance(table, result, offsets, idle[static_cast<std::size_t>(thread)]);
        } catch (const std::bad_alloc&) {
            short_of_memory.store(true);
        }
    };
    for (bool going = request.max_length > 0; going;) {
        if (!parallel_for(run, count, body) || run.poll()) return Result::interrupted();
        if (short_of_memory.load()) return Result::out_of_memory();
        going = false;
        for (const Chains& block : blocks) {
            if (block.stuck().chain >= 0) {
                result.stuck_chain = block.stuck().chain;
                result.stuck_token = block.stuck().token;
                return Result::bad_value(request.vocab_size * request.vocab_size);
            }
            going |= !block.finished();
        }
    }
    return {};
}

template <class Cell, class Token, class Real>
Result draw_many(ChainTokens& result, int64_t* offsets, const Real* weights,
                 const ChainRequest& request, const Run& run) {
    AliasTable<Cell> table(request.vocab_size);
    const Result built = build_table(table, weights, run);
    if (!built.ok()) return built;
    // Blocks as large as pays, but some for each thread.
    const bool fixed = request.stop < 0;
    const int64_t share = ceil_div(request.num_chains, (fixed ? 1 : 4) * int64_t{run.num_threads});
    const int64_t size = std::min<int64_t>(ceil_div(share, 16) * 16, fixed ? kTileChains : 4096);
    if (!fixed) {
        return draw_blocks<StoppingChains<Cell, Token>>(result, offsets, table, request, size, run);
    }
    std::fill_n(offsets + 1, request.num_chains, request.max_length);
    return draw_blocks<FixedChains<Cell, Token>>(result, offsets, table, request, size, run);
}

template <class Real>
Result check_weights(const Real* weights, int64_t vocab_size, const Run& run) {
    constexpr int64_t kBlock = 1 << 17;
    const int64_t cells = vocab_size * vocab_size;
    const int64_t blocks = ceil_div(cells, kBlock);
    std::atomic<int64_t> first_bad{cells};
    const auto body = [&](int64_t block, int) {
        const int64_t begin = block * kBlock;
        const int64_t size = std::min(kBlock, cells - begin);
        const int64_t bad = first_bad_weight(weights + begin, size);
        if (bad < size) lower_to(first_bad, begin + bad);
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    return first_bad.load() < cells ? Result::bad_value(first_bad.load()) : Result{};
}

template <class Cell, class Token, class Real>
Result draw(ChainTokens& result, int64_t* offsets, const Real* weights, const ChainRequest& request,
            const Run& run) {
    const int64_t n = request.num_chains;
    const bool few = n < kFewChains || request.max_length < request.vocab_size / n;
    result.held_bytes = sizeof(Token);
    std::fill_n(offsets, n + 1, int64_t{0});
    if (few) {  // every weight is looked at, though few rows are built
        const Result checked = check_weights(weights, request.vocab_size, run);
        if (!checked.ok()) return checked;
    }
    const Result drawn = few ? draw_few<Cell, Token>(result, offsets, weights, request, run)
                             : draw_many<Cell, Token>(result, offsets, weights, request, run);
    if (!drawn.ok()) return drawn;
    for (int64_t i = 0; i < n; ++i)
        offsets[i + 1] += offsets[i];
    result.num_tokens = offsets[n];
    return {};
}

template <class To, class From>
void widen(To* to, const From* from, int64_t count) {
    std::copy_n(from, count, to);
}

template <class From>
void widen_from(void* to, int to_bytes, const From* from, int64_t count) {
    if (to_bytes == sizeof(From)) {
        if (count > 0) std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(From));
    } else if (to_bytes == 2) {
        widen(static_cast<std::uint16_t*>(to), from, count);
    } else if (to_bytes == 4) {
        widen(static_cast<uint32_t*>(to), from, count);
    } else {
        widen(static_cast<uint64_t*>(to), from, count);
    }
}

}  // namespace

void widen_tokens(void* to, int to_bytes, const void* from, int from_bytes, int64_t count) {
    if (from_bytes == 1) {
        widen_from(to, to_bytes, static_cast<const std::uint8_t*>(from), count);
    } else if (from_bytes == 2) {
        widen_from(to, to_bytes, static_cast<const std::uint16_t*>(from), count);
    } else {
        widen_from(to, to_bytes, static_cast<const uint32_t*>(from), count);
    }
}

template <class Real>
Result sample_sequences(ChainTokens& tokens, int64_t* offsets, const Real* weights,
                        const ChainRequest& request, const Run& run) {
    try {
        if (request.vocab_size <= 256)
            return draw<uint32_t, std::uint8_t>(tokens, offsets, weights, request, run);
        if (request.vocab_size <= kMaxNarrowVocab)
            return draw<uint32_t, std::uint16_t>(tokens, offsets, weights, request, run);
        if (request.vocab_size <= 65536)
            return draw<uint64_t, std::uint16_t>(tokens, offsets, weights, request, run);
        return draw<uint64_t, uint32_t>(tokens, offsets, weights, request, run);
    } catch (const std::bad_alloc&) {
        return Result::out_of_memory();
    }
}

Result copy_tokens(void* out, int bytes, const ChainTokens& tokens, const Run& run) {
    const int64_t blocks = static_cast<int64_t>(tokens.held.size());
    std::vector<int64_t> begin(tokens.held.size() + 1);
    for (std::size_t b = 0; b < tokens.held.size(); ++b)
        begin[b + 1] = begin[b] + tokens.held[b].size;
    const auto body = [&](int64_t b, int) {
        const std::size_t i = static_cast<std::size_t>(b);
        widen_tokens(static_cast<char*>(out) + begin[i] * bytes, bytes, tokens.held[i].data.get(),
                     tokens.held_bytes, begin[i + 1] - begin[i]);
    };
    return parallel_for(run, blocks, body) ? Result{} : Result::interrupted();
}

template Result sample_sequences(ChainTokens&, int64_t*, const float*, const ChainRequest&,
                                 const Run&);
template Result sample_sequences(ChainTokens&, int64_t*, const double*, const ChainRequest&,
                                 const Run&);

}  // namespace bigram
