// Many sequences side by side, in rounds of four draws; the same tokens as serial_sequences.cpp.
//
// starts (n), offsets (n + 1), result (n, max_length) or held tokens. One call of draw_tile for up
// to 1,024 tokens, and about one instruction a token to put them in their places: 1.5 Gtoken/s a
// thread at V = 27 and 65, 0.2 at V = 4096, where every draw misses L2; NumPy's searchsorted 0.015
// (benchmarks/TABLE.md).
#include "bigram/sampling/sequence_blocks.hpp"

#include <algorithm>
#include <cstring>

#include "bigram/sampling/copy_tokens.hpp"

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

// The draws themselves do not look for rows without mass, owner cells lead back to the row itself:
// a sequence that meets one stays there, and is found here after the round. Only tables that have
// such a row come here at all.
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
    // The last round may draw beyond max_length; write() leaves out what it drew too much.
    const int64_t rounds = ceil_div(request_->max_length, 4);
    const int64_t end = std::min(rounds, round_ + ceil_div(kTokensPerAdvance, 4 * count_));
    DrawTile tile = {};
    set_sequences(tile, first_, nullptr);
    const uint32_t* from = round_ == 0 ? request_->starts + first_ : state_.data();
    std::copy_n(from, count_, tile.state);
    Token fours[kRoundsPerWrite * kTileSequences * 4];
    while (round_ < end) {
        const int64_t count = std::min(kRoundsPerWrite, end - round_);
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

// Transposes rounds of sequences to sequences of rounds: 16 fours, kTileSequences fours apart,
// become 64 tokens of one line of the result, which is written at once and not in 16 visits.
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
        // The fours go straight to the result, unless its tokens are wider or the line ends early.
        Token line[4 * kRoundsPerWrite];
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
    // A tile reads kTileSequences ids and states, whatever its number of sequences; those beyond
    // the last are drawn for in vain, from row 0.
    work.id.resize(count + kTileSequences);
    work.state.assign(count + kTileSequences, 0);
    work.length.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        work.id[i] = static_cast<uint32_t>(i);
    std::copy_n(request_->starts + first_, count_, work.state.begin());
    work.fours.clear();
    work.owner.clear();
    work.counts.clear();
}

template <class Cell, class Token>
void StoppingSequences<Cell, Token>::advance(const AliasTable<Cell>& table, DrawnTokens& result,
                                             int64_t* offsets, Idle& idle) {
    if (round_ == 0) start(idle);
    for (int64_t drawn = 0; active_ > 0 && drawn < kTokensPerAdvance;) {
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
    work.owner.reserve(active_);
    std::copy_n(work.id.data(), active_, work.owner.end());
    work.owner.add(active_);
    DrawTile tile;
    int64_t kept = 0;
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
        kept = keep_unfinished(begin, sequences, kept, tile);
    }
    ++round_;
    active_ = 4 * round_ >= request_->max_length ? 0 : kept;
}

// Removes the finished sequences of a tile from the batch: moves the others, in their order, to the
// places from `kept` on, and returns the number of places that are taken then. Tiles are read
// before their places are taken, as there are never more kept than read.
template <class Cell, class Token>
int64_t StoppingSequences<Cell, Token>::keep_unfinished(int64_t begin, int64_t sequences,
                                                        int64_t kept, const DrawTile& tile) {
    uint32_t valid[kTileSequences];
    count_valid(valid, tile, static_cast<uint32_t>(request_->stop));
    const int64_t done = 4 * round_;
    const uint32_t left = static_cast<uint32_t>(std::min<int64_t>(4, request_->max_length - done));
    const uint32_t* from = work_->id.data() + begin;
    uint32_t* id = work_->id.data();
    uint32_t* state = work_->state.data();
    int64_t* length = work_->length.data();
    for (int64_t c = 0; c < sequences; ++c) {
        const uint32_t sequence = from[c];
        length[sequence] = done + std::min(valid[c], left);
        // Written in any case and counted if it continues: which ones end cannot be predicted, so a
        // branch would be mispredicted about once for each sequence.
        id[kept] = sequence;
        state[kept] = tile.token[3][c];
        kept += valid[c] == 4;
    }
    return kept;
}

// Puts the fours of each sequence together. The last four of a sequence has tokens beyond its end,
// which overwrite the first ones of the sequences after it. So the rounds go from the last to the
// first, and sequences in ascending order within a round: the true tokens are written after that.
// The room for four more tokens takes what is beyond the end of the last sequence.
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
    held.data = uninitialised<std::uint8_t>((total + 4) * static_cast<int64_t>(sizeof(Token)));
    Token* to = reinterpret_cast<Token*>(held.data.get());
    const Four* fours = work.fours.end();
    const uint32_t* owner = work.owner.end();
    for (int64_t r = round_ - 1; r >= 0; --r) {
        const int64_t count = work.counts[static_cast<std::size_t>(r)];
        fours -= count;
        owner -= count;
        for (int64_t i = 0; i < count; ++i)
            std::memcpy(to + place[owner[i]] + 4 * r, fours + i, sizeof(Four));
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
