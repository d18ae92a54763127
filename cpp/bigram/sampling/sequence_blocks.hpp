// Private to this room.
// Many sequences side by side: the fast path of sample_sequences. They are drawn in rounds of four
// tokens, up to 256 sequences in a tile (draw_tile.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bigram/sampling/alias.hpp"
#include "bigram/sampling/draw_tile.hpp"
#include "bigram/sampling/growing.hpp"
#include "bigram/sampling/sample_sequences.hpp"

namespace bigram {

constexpr std::int64_t kTokensPerAdvance = 1 << 20;  // between two polls: 1 to 10 ms

// Finds the first sequence of the tile that drew from a row without mass in its next `left` draws.
template <class Cell>
void find_stuck(Stuck& stuck, const AliasTable<Cell>& table, const DrawTile& tile,
                std::int64_t sequences, std::int64_t left, std::int64_t stop);

// Up to 256 sequences of a fixed length, written straight to their places in the result.
template <class Cell, class Token>
class FixedSequences {
  public:
    FixedSequences(std::int64_t first, std::int64_t count, const SequenceRequest& request)
        : first_(first), count_(count), request_(&request) {}

    bool finished() const { return 4 * round_ >= request_->max_length; }
    const Stuck& stuck() const { return stuck_; }

    // Draws about 2^20 tokens, or to the end.
    struct Idle {};  // there is no memory to hand on
    void advance(const AliasTable<Cell>& table, DrawnTokens& result, std::int64_t* offsets, Idle&);

  private:
    static constexpr std::int64_t kRoundsPerWrite = 16;  // 64 tokens: a line of the result or more

    void write(DrawnTokens& result, const Token* fours, std::int64_t rounds) const;

    std::int64_t first_, count_;
    const SequenceRequest* request_;
    std::int64_t round_ = 0;
    std::vector<std::uint32_t> state_;  // the last token of each sequence, between two advances
    Stuck stuck_;
};

// Sequences that end at a stop token. After each round the finished ones are removed from the
// batch, so that a tile is full of unfinished sequences, however different their lengths. The fours
// of tokens are kept in the order in which they were drawn, and put together for each sequence at
// the end, when its length and so its place are known.
template <class Cell, class Token>
class StoppingSequences {
    struct Four {
        Token token[4];
    };

    struct Work {
        std::vector<std::uint32_t> id;     // of each active sequence: its number in the block
        std::vector<std::uint32_t> state;  // the last token of each active sequence
        std::vector<std::int64_t> length;  // of each sequence; at the end, its place instead
        Growing<Four> fours;               // of one round after the other
        Growing<std::uint32_t> owner;      // the id of the sequence of each four
        std::vector<std::int64_t> counts;  // the number of fours of each round
    };

  public:
    using Idle = std::unique_ptr<Work>;  // memory of a finished block, for the thread's next one

    StoppingSequences(std::int64_t first, std::int64_t count, const SequenceRequest& request)
        : first_(first), count_(count), active_(count), request_(&request) {}

    bool finished() const { return active_ == 0; }
    const Stuck& stuck() const { return stuck_; }

    // Draws about 2^20 tokens, or to the end: then the tokens are held, and offsets[first + 1 ..]
    // are the lengths of the sequences.
    void advance(const AliasTable<Cell>& table, DrawnTokens& result, std::int64_t* offsets,
                 Idle& idle);

  private:
    void start(Idle& idle);
    void draw_round(const AliasTable<Cell>& table);
    std::int64_t keep_unfinished(std::int64_t begin, std::int64_t sequences, std::int64_t kept,
                                 const DrawTile& tile);
    void hold(std::int64_t* offsets, HeldTokens& held);

    std::int64_t first_, count_, active_;
    const SequenceRequest* request_;
    std::int64_t round_ = 0;
    std::unique_ptr<Work> work_;
    Stuck stuck_;
};

}  // namespace bigram
