// Rounds of four draws for many chains; see the header. Cost: one draw_tile for 1,024 tokens, and
// about one instruction a token to put them where they belong.
#include "bigram/chains.hpp"

#include <cstring>

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

namespace {

// Chain c of the tile is chain number first + id[c], or first + c.
void set_sequences(DrawTile& tile, int64_t first, const uint32_t* id, int64_t chains) {
    for (int64_t c = 0; c < chains; ++c) {
        tile.random[c / kLanes].sequence[c % kLanes] =
            static_cast<uint64_t>(first) + (id != nullptr ? id[c] : static_cast<uint64_t>(c));
    }
}

}  // namespace

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
void FixedChains<Cell, Token>::advance(const AliasTable<Cell>& table, ChainTokens& result,
                                       int64_t*) {
    const int64_t rounds = ceil_div(request_->max_length, 4);
    const int64_t end = std::min(rounds, round_ + ceil_div(kTokensAtOnce, 4 * count_));
    DrawTile tile = {};
    set_sequences(tile, first_, nullptr, count_);
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
    for (int64_t c = 0; c < count_; ++c) {
        Token line[4 * kRounds];
        for (int64_t r = 0; r < rounds; ++r)
            std::memcpy(line + 4 * r, fours + (r * kTileChains + c) * 4, 4 * sizeof(Token));
        char* to = static_cast<char*>(result.out) +
                   static_cast<std::size_t>((first_ + c) * request_->max_length + begin) * bytes;
        if (bytes == sizeof(Token) && length == 4 * kRounds) {
            std::memcpy(to, line, sizeof line);  // of a known size: a few vectors
        } else {
            widen_tokens(to, result.out_bytes, line, sizeof(Token), length);
        }
    }
}

template <class Cell, class Token>
void StoppingChains<Cell, Token>::start() {
    const std::size_t count = static_cast<std::size_t>(count_);
    id_.resize(count + kTileChains);  // a tile may look beyond the last
    state_.resize(count + kTileChains);
    length_.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        id_[i] = static_cast<uint32_t>(i);
    std::copy_n(request_->starts + first_, count_, state_.begin());
}

template <class Cell, class Token>
void StoppingChains<Cell, Token>::advance(const AliasTable<Cell>& table, ChainTokens& result,
                                          int64_t* offsets) {
    if (round_ == 0) start();
    for (int64_t drawn = 0; active_ > 0 && drawn < kTokensAtOnce;) {
        drawn += 4 * active_;
        draw_round(table);
        if (stuck_.chain >= 0) return;
    }
    if (active_ == 0)
        hold(offsets, result.held[static_cast<std::size_t>(first_ / result.block_size)]);
}

template <class Cell, class Token>
void StoppingChains<Cell, Token>::draw_round(const AliasTable<Cell>& table) {
    counts_.push_back(active_);
    whose_.reserve(active_);
    std::copy_n(id_.data(), active_, whose_.end());
    whose_.add(active_);
    DrawTile tile;
    int64_t survivors = 0;
    for (int64_t begin = 0; begin < active_; begin += kTileChains) {
        const int64_t chains = std::min<int64_t>(kTileChains, active_ - begin);
        std::copy_n(state_.data() + begin, kTileChains, tile.state);
        set_sequences(tile, first_, id_.data() + begin, kTileChains);
        draw_tile(tile, table.cells.get(), table.bits, request_->seed, round_,
                  static_cast<int>(chains));
        if (table.has_empty_row) {
            find_stuck(stuck_, table, tile, chains, request_->max_length - 4 * round_,
                       request_->stop);
            if (stuck_.chain >= 0) {
                stuck_.chain = first_ + id_[static_cast<std::size_t>(begin + stuck_.chain)];
                return;
            }
        }
        fours_.reserve(kTileChains);
        pack_fours(fours_.end()->token, tile);
        fours_.add(chains);
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
    const uint32_t left =
        static_cast<uint32_t>(std::min<int64_t>(4, request_->max_length - 4 * round_));
    const uint32_t* from = id_.data() + begin;
    uint32_t* id = id_.data() + survivors;
    uint32_t* state = state_.data() + survivors;
    int64_t kept = 0;
    for (int64_t c = 0; c < chains; ++c) {
        length_[from[c]] = 4 * round_ + std::min(valid[c], left);
        id[kept] = from[c];
        state[kept] = tile.token[3][c];
        kept += valid[c] == 4;
    }
    return survivors + kept;
}

// Fours go to their places, the last round first: what a chain's last four has beyond its end falls
// on the beginning of the chains after it, which is written later.
template <class Cell, class Token>
void StoppingChains<Cell, Token>::hold(int64_t* offsets, std::vector<std::uint8_t>& held) {
    int64_t total = 0;
    for (int64_t i = 0; i < count_; ++i) {
        int64_t& place = length_[static_cast<std::size_t>(i)];  // from here on: where it begins
        offsets[first_ + i + 1] = place;
        total += place;
        place = total - place;
    }
    held.resize(static_cast<std::size_t>(total + 4) * sizeof(Token));
    Token* to = reinterpret_cast<Token*>(held.data());
    const Four* fours = fours_.end();
    const uint32_t* whose = whose_.end();
    for (int64_t r = round_ - 1; r >= 0; --r) {
        const int64_t count = counts_[static_cast<std::size_t>(r)];
        fours -= count;
        whose -= count;
        for (int64_t i = 0; i < count; ++i)
            std::memcpy(to + length_[whose[i]] + 4 * r, fours + i, sizeof(Four));
    }
    held.resize(static_cast<std::size_t>(total) * sizeof(Token));
    *this = StoppingChains(first_, 0, *request_);  // gives its memory back
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
