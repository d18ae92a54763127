// Rounds of four draws for many chains; see the header. Cost: one draw_tile for 1,024 tokens, and
// about one instruction a token to put them where they belong.
#include "bigram/chains.hpp"

#include <cstring>

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

// A row without mass leads to itself, so that a chain which has met one stays there.
template <class Cell>
void find_stuck(Stuck& stuck, const AliasTable<Cell>& table, const DrawTile& tile, int64_t chains,
                int64_t left, int64_t stop) {
    for (int64_t c = 0; c < chains && stuck.chain < 0; ++c) {
        uint32_t from = tile.state[c];
        for (int s = 0; s < std::min<int64_t>(4, left); ++s) {
            if (table.is_empty(from)) {
                stuck = {c, from};
                break;
            }
            from = tile.token[s][c];
            if (from == stop) break;
        }
    }
}

template <class Cell, class Token>
void FixedChains<Cell, Token>::advance(const AliasTable<Cell>& table, ChainTokens& result, int64_t*,
                                       Idle&) {
    const int64_t rounds = ceil_div(request_->max_length, 4);
    const int64_t end = std::min(rounds, round_ + ceil_div(kTokensAtOnce, 4 * count_));
    DrawTile tile = {};
    set_sequences(tile, first_, nullptr);
    const uint32_t* from = round_ == 0 ? request_->starts + first_ : state_.data();
    std::copy_n(from, count_, tile.state);
    Token fours[kRounds * kTileChains * 4];
    while (round_ < end) {
        const int64_t count = std::min(kRounds, end - round_);
        for (int64_t r = 0; r < count; ++r) {
            draw_tile(tile, table.cells.get(), table.bits, request_->seed, round_ + r,
                      static_cast<int>(count_));
            if (table.has_empty_row) {
                const int64_t left = request_->max_length - 4 * (round_ + r);
                find_stuck(stuck_, table, tile, count_, left, -1);
                if (stuck_.chain >= 0) {
                    stuck_.chain += first_;
                    return;
                }
            }
            pack_fours(fours + r * kTileChains * 4, tile);
            std::copy_n(tile.token[3], kTileChains, tile.state);
        }
        write(result, fours, count);
        round_ += count;
    }
    if (!finished()) state_.assign(tile.state, tile.state + count_);
}

template <class Cell, class Token>
void FixedChains<Cell, Token>::write(ChainTokens& result, const Token* fours,
                                     int64_t rounds) const {
    const int64_t begin = 4 * round_;
    const int64_t length = std::min(4 * rounds, request_->max_length - begin);
    const std::size_t bytes = static_cast<std::size_t>(result.out_bytes);
    const bool whole = bytes == sizeof(Token) && length == 4 * rounds;
    for (int64_t c = 0; c < count_; ++c) {
        const std::size_t place =
            static_cast<std::size_t>((first_ + c) * request_->max_length + begin);
        char* to = static_cast<char*>(result.out) + place * bytes;
        Token line[4 * kRounds];
        char* joined = whole ? to : reinterpret_cast<char*>(line);
        for (int64_t r = 0; r < rounds; ++r) {
            std::memcpy(joined + 4 * r * static_cast<int64_t>(sizeof(Token)),
                        fours + (r * kTileChains + c) * 4, 4 * sizeof(Token));
        }
        if (!whole) widen_tokens(to, result.out_bytes, line, sizeof(Token), length);
    }
}

template <class Cell, class Token>
void StoppingChains<Cell, Token>::start(Idle& idle) {
    work_ = idle ? std::move(idle) : std::make_unique<Work>();
    Work& work = *work_;
    const std::size_t count = static_cast<std::size_t>(count_);
    work.id.resize(count + kTileChains);  // a tile may look beyond the last
    work.state.assign(count + kTileChains, 0);
    work.length.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        work.id[i] = static_cast<uint32_t>(i);
    std::copy_n(request_->starts + first_, count_, work.state.begin());
    work.fours.clear();
    work.whose.clear();
    work.counts.clear();
}

template <class Cell, class Token>
void StoppingChains<Cell, Token>::advance(const AliasTable<Cell>& table, ChainTokens& result,
                                          int64_t* offsets, Idle& idle) {
    if (round_ == 0) start(idle);
    for (int64_t drawn = 0; active_ > 0 && drawn < kTokensAtOnce;) {
        drawn += 4 * active_;
        draw_round(table);
        if (stuck_.chain >= 0) return;
    }
    if (active_ > 0) return;
    hold(offsets, result.held[static_cast<std::size_t>(first_ / result.block_size)]);
    idle = std::move(work_);
}

template <class Cell, class Token>
void StoppingChains<Cell, Token>::draw_round(const AliasTable<Cell>& table) {
    Work& work = *work_;
    work.counts.push_back(active_);
    work.whose.reserve(active_);
    std::copy_n(work.id.data(), active_, work.whose.end());
    work.whose.add(active_);
    DrawTile tile;
    int64_t survivors = 0;
    for (int64_t begin = 0; begin < active_; begin += kTileChains) {
        const int64_t chains = std::min<int64_t>(kTileChains, active_ - begin);
        std::copy_n(work.state.data() + begin, kTileChains, tile.state);
        set_sequences(tile, first_, work.id.data() + begin);
        draw_tile(tile, table.cells.get(), table.bits, request_->seed, round_,
                  static_cast<int>(chains));
        if (table.has_empty_row) {
            find_stuck(stuck_, table, tile, chains, request_->max_length - 4 * round_,
                       request_->stop);
            if (stuck_.chain >= 0) {
                stuck_.chain = first_ + work.id[static_cast<std::size_t>(begin + stuck_.chain)];
                return;
            }
        }
        work.fours.reserve(kTileChains);
        pack_fours(work.fours.end()->token, tile);
        work.fours.add(chains);
        survivors = close_ranks(begin, chains, survivors, tile);
    }
    ++round_;
    active_ = 4 * round_ >= request_->max_length ? 0 : survivors;
}

// Moves the chains of a tile that go on to the places from `survivors` on.
template <class Cell, class Token>
int64_t StoppingChains<Cell, Token>::close_ranks(int64_t begin, int64_t chains, int64_t survivors,
                                                 const DrawTile& tile) {
    uint32_t valid[kTileChains];
    count_valid(valid, tile, static_cast<uint32_t>(request_->stop));
    const int64_t done = 4 * round_;
    const uint32_t left = static_cast<uint32_t>(std::min<int64_t>(4, request_->max_length - done));
    const uint32_t* from = work_->id.data() + begin;
    uint32_t* id = work_->id.data() + survivors;
    uint32_t* state = work_->state.data() + survivors;
    int64_t* length = work_->length.data();
    int64_t kept = 0;
    for (int64_t c = 0; c < chains; ++c) {
        const uint32_t chain = from[c];
        length[chain] = done + std::min(valid[c], left);
        id[kept] = chain;
        state[kept] = tile.token[3][c];
        kept += valid[c] == 4;
    }
    return survivors + kept;
}

// Fours go to their places, the last round first: what a chain's last four has beyond its end falls
// on the beginning of the chains after it, which is written later.
template <class Cell, class Token>
void StoppingChains<Cell, Token>::hold(int64_t* offsets, HeldTokens& held) {
    Work& work = *work_;
    int64_t total = 0;
    int64_t* place = work.length.data();
    for (int64_t i = 0; i < count_; ++i) {
        const int64_t length = place[i];
        offsets[first_ + i + 1] = length;
        place[i] = total;
        total += length;
    }
    held.size = total;
    held.data.reset(static_cast<std::uint8_t*>(
        std::malloc(static_cast<std::size_t>(total + 4) * sizeof(Token))));
    if (!held.data) throw std::bad_alloc();
    Token* to = reinterpret_cast<Token*>(held.data.get());
    const Four* fours = work.fours.end();
    const uint32_t* whose = work.whose.end();
    for (int64_t r = round_ - 1; r >= 0; --r) {
        const int64_t count = work.counts[static_cast<std::size_t>(r)];
        fours -= count;
        whose -= count;
        for (int64_t i = 0; i < count; ++i)
            std::memcpy(to + place[whose[i]] + 4 * r, fours + i, sizeof(Four));
    }
}

template class FixedChains<uint32_t, std::uint8_t>;
template class FixedChains<uint32_t, std::uint16_t>;
template class FixedChains<uint64_t, std::uint16_t>;
template class FixedChains<uint64_t, uint32_t>;
template class StoppingChains<uint32_t, std::uint8_t>;
template class StoppingChains<uint32_t, std::uint16_t>;
template class StoppingChains<uint64_t, std::uint16_t>;
template class StoppingChains<uint64_t, uint32_t>;

}  // namespace bigram
