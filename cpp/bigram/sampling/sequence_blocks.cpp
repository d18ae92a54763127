// Rounds of four draws for many sequences; see the header. Cost: one draw_tile for 1,024 tokens,
// and about one instruction a token to put them where they belong.
#include "bigram/sampling/sequence_blocks.hpp"
#include "bigram/sampling/copy_tokens.hpp"

#include <cstring>

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

// A row without mass leads to itself, so that a sequence which has met one stays there.
template <class Cell>
void find_stuck(Stuck& stuck, const AliasTable<Cell>& table, const DrawTile& tile,
                int64_t sequences, int64_t left, int64_t stop) {
    for (int64_t c = 0; c < sequences && stuck.sequence < 0; ++c) {
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
void FixedSequences<Cell, Token>::advance(const AliasTable<Cell>& table, DrawnTokens& result,
                                          int64_t*, Idle&) {
    const int64_t rounds = ceil_div(request_->max_length, 4);
    const int64_t end = std::min(rounds, round_ + ceil_div(kTokensAtOnce, 4 * count_));
    DrawTile tile = {};
    set_sequences(tile, first_, nullptr);
    const uint32_t* from = round_ == 0 ? request_->starts + first_ : state_.data();
    std::copy_n(from, count_, tile.state);
    Token fours[kRounds * kTileSequences * 4];
    while (round_ < end) {
        const int64_t count = std::min(kRounds, end - round_);
        for (int64_t r = 0; r < count; ++r) {
            draw_tile(tile, table.cells.get(), table.bits, request_->seed, round_ + r,
                      static_cast<int>(count_));
            if (table.has_empty_row) {
                const int64_t left = request_->max_length - 4 * (round_ + r);
                find_stuck(stuck_, table, tile, count_, left, -1);
                if (stuck_.sequence >= 0) {
                    stuck_.sequence += first_;
                    return;
                }
            }
            pack_fours(fours + r * kTileSequences * 4, tile);
            std::copy_n(tile.token[3], kTileSequences, tile.state);
        }
        write(result, fours, count);
        round_ += count;
    }
    if (!finished()) state_.assign(tile.state, tile.state + count_);
}

template <class Cell, class Token>
void FixedSequences<Cell, Token>::write(DrawnTokens& result, const Token* fours,
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
                        fours + (r * kTileSequences + c) * 4, 4 * sizeof(Token));
        }
        if (!whole) widen_tokens(to, result.out_bytes, line, sizeof(Token), length);
    }
}

template <class Cell, class Token>
void StoppingSequences<Cell, Token>::start(Idle& idle) {
    work_ = idle ? std::move(idle) : std::make_unique<Work>();
    Work& work = *work_;
    const std::size_t count = static_cast<std::size_t>(count_);
    work.id.resize(count + kTileSequences);  // a tile may look beyond the last
    work.state.assign(count + kTileSequences, 0);
    work.length.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        work.id[i] = static_cast<uint32_t>(i);
    std::copy_n(request_->starts + first_, count_, work.state.begin());
    work.fours.clear();
    work.whose.clear();
    work.counts.clear();
}

template <class Cell, class Token>
void StoppingSequences<Cell, Token>::advance(const AliasTable<Cell>& table, DrawnTokens& result,
                                             int64_t* offsets, Idle& idle) {
    if (round_ == 0) start(idle);
    for (int64_t drawn = 0; active_ > 0 && drawn < kTokensAtOnce;) {
        drawn += 4 * active_;
        draw_round(table);
        if (stuck_.sequence >= 0) return;
    }
    if (active_ > 0) return;
    hold(offsets, result.held[static_cast<std::size_t>(first_ / result.block_size)]);
    idle = std::move(work_);
}

template <class Cell, class Token>
void StoppingSequences<Cell, Token>::draw_round(const AliasTable<Cell>& table) {
    Work& work = *work_;
    work.counts.push_back(active_);
    work.whose.reserve(active_);
    std::copy_n(work.id.data(), active_, work.whose.end());
    work.whose.add(active_);
    DrawTile tile;
    int64_t survivors = 0;
    for (int64_t begin = 0; begin < active_; begin += kTileSequences) {
        const int64_t sequences = std::min<int64_t>(kTileSequences, active_ - begin);
        std::copy_n(work.state.data() + begin, kTileSequences, tile.state);
        set_sequences(tile, first_, work.id.data() + begin);
        draw_tile(tile, table.cells.get(), table.bits, request_->seed, round_,
                  static_cast<int>(sequences));
        if (table.has_empty_row) {
            find_stuck(stuck_, table, tile, sequences, request_->max_length - 4 * round_,
                       request_->stop);
            if (stuck_.sequence >= 0) {
                stuck_.sequence =
                    first_ + work.id[static_cast<std::size_t>(begin + stuck_.sequence)];
                return;
            }
        }
        work.fours.reserve(kTileSequences);
        pack_fours(work.fours.end()->token, tile);
        work.fours.add(sequences);
        survivors = close_ranks(begin, sequences, survivors, tile);
    }
    ++round_;
    active_ = 4 * round_ >= request_->max_length ? 0 : survivors;
}

// Moves the sequences of a tile that go on to the places from `survivors` on.
template <class Cell, class Token>
int64_t StoppingSequences<Cell, Token>::close_ranks(int64_t begin, int64_t sequences,
                                                    int64_t survivors, const DrawTile& tile) {
    uint32_t valid[kTileSequences];
    count_valid(valid, tile, static_cast<uint32_t>(request_->stop));
    const int64_t done = 4 * round_;
    const uint32_t left = static_cast<uint32_t>(std::min<int64_t>(4, request_->max_length - done));
    const uint32_t* from = work_->id.data() + begin;
    uint32_t* id = work_->id.data() + survivors;
    uint32_t* state = work_->state.data() + survivors;
    int64_t* length = work_->length.data();
    int64_t kept = 0;
    for (int64_t c = 0; c < sequences; ++c) {
        const uint32_t sequence = from[c];
        length[sequence] = done + std::min(valid[c], left);
        id[kept] = sequence;
        state[kept] = tile.token[3][c];
        kept += valid[c] == 4;
    }
    return survivors + kept;
}

// Fours go to their places, the last round first: what a sequence's last four has beyond its end
// falls on the beginning of the sequences after it, which is written later.
template <class Cell, class Token>
void StoppingSequences<Cell, Token>::hold(int64_t* offsets, HeldTokens& held) {
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

template class FixedSequences<uint32_t, std::uint8_t>;
template class FixedSequences<uint32_t, std::uint16_t>;
template class FixedSequences<uint64_t, std::uint16_t>;
template class FixedSequences<uint64_t, uint32_t>;
template class StoppingSequences<uint32_t, std::uint8_t>;
template class StoppingSequences<uint32_t, std::uint16_t>;
template class StoppingSequences<uint64_t, std::uint16_t>;
template class StoppingSequences<uint64_t, uint32_t>;

}  // namespace bigram
