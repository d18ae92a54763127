// Private to this room.
// Sequences of draws that go side by side, up to 256 in a tile, in rounds of four draws.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "bigram/sampling/alias.hpp"
#include "bigram/sampling/draw_tile.hpp"
#include "bigram/sampling/sample_sequences.hpp"

namespace bigram {

constexpr std::int64_t kTokensAtOnce = 1 << 20;  // between two polls: 1 to 10 ms

// Draws the sequences one after the other, building the rows that they reach.
template <class Token, class Cell, class Real>
Result draw_few(DrawnTokens& result, std::int64_t* offsets, AliasTable<Cell>& table,
                const Real* weights, const SequenceRequest& request, const Run& run);

// Looks for the first of the tile's sequences that drew from a row without mass within `left`
// draws.
template <class Cell>
void find_stuck(Stuck& stuck, const AliasTable<Cell>& table, const DrawTile& tile,
                std::int64_t sequences, std::int64_t left, std::int64_t stop);

// Sequences of a fixed length: up to 256 of them, written straight to where they belong.
template <class Cell, class Token>
class FixedSequences {
  public:
    FixedSequences(std::int64_t first, std::int64_t count, const SequenceRequest& request)
        : first_(first), count_(count), request_(&request) {}

    bool finished() const { return 4 * round_ >= request_->max_length; }
    const Stuck& stuck() const { return stuck_; }

    // Draws some 2^20 tokens, or to the end.
    struct Idle {};
    void advance(const AliasTable<Cell>& table, DrawnTokens& result, std::int64_t* offsets, Idle&);

  private:
    static constexpr std::int64_t kRounds = 16;  // drawn before they are written

    void write(DrawnTokens& result, const Token* fours, std::int64_t rounds) const;

    std::int64_t first_, count_;
    const SequenceRequest* request_;
    std::int64_t round_ = 0;
    std::vector<std::uint32_t> state_;  // the token that each sequence stands at
    Stuck stuck_;
};

// An array that grows without being cleared.
template <class T>
class Growing {
  public:
    std::int64_t size() const { return size_; }
    T* end() const { return data_.get() + size_; }
    void add(std::int64_t count) { size_ += count; }
    void clear() { size_ = 0; }

    Buffer<std::uint8_t> release_bytes() {
        size_ = capacity_ = 0;
        return Buffer<std::uint8_t>(reinterpret_cast<std::uint8_t*>(data_.release()));
    }

    void reserve(std::int64_t more) {
        if (size_ + more <= capacity_) return;
        const std::int64_t capacity = std::max(2 * capacity_, size_ + more);
        void* data = std::realloc(data_.get(), static_cast<std::size_t>(capacity) * sizeof(T));
        if (data == nullptr) throw std::bad_alloc();
        static_cast<void>(data_.release());
        data_.reset(static_cast<T*>(data));
        capacity_ = capacity;
    }

  private:
    Buffer<T> data_;
    std::int64_t size_ = 0, capacity_ = 0;
};

// Sequences that end at a stop token. One that has ended leaves and those that go on close ranks,
// so that short sequences cost no idle lanes. The fours drawn in each round are kept in the order
// of that round; in the end they are put together for each sequence.
template <class Cell, class Token>
class StoppingSequences {
    struct Four {
        Token token[4];
    };

    struct Work {
        std::vector<std::uint32_t> id;     // of each active sequence, among ours
        std::vector<std::uint32_t> state;  // the token that it stands at
        std::vector<std::int64_t> length;  // of each sequence; in the end, where it begins
        Growing<Four> fours;               // round after round
        Growing<std::uint32_t> whose;      // the id to each of them
        std::vector<std::int64_t> counts;  // how many a round has
    };

  public:
    using Idle = std::unique_ptr<Work>;  // memory that the next block may take over

    StoppingSequences(std::int64_t first, std::int64_t count, const SequenceRequest& request)
        : first_(first), count_(count), active_(count), request_(&request) {}

    bool finished() const { return active_ == 0; }
    const Stuck& stuck() const { return stuck_; }

    // Draws some 2^20 tokens, or to the end: then the tokens are held, and offsets[first + 1 ..]
    // are the lengths of the sequences.
    void advance(const AliasTable<Cell>& table, DrawnTokens& result, std::int64_t* offsets,
                 Idle& idle);

  private:
    void start(Idle& idle);
    void draw_round(const AliasTable<Cell>& table);
    std::int64_t close_ranks(std::int64_t begin, std::int64_t sequences, std::int64_t survivors,
                             const DrawTile& tile);
    void hold(std::int64_t* offsets, HeldTokens& held);

    std::int64_t first_, count_, active_;
    const SequenceRequest* request_;
    std::int64_t round_ = 0;
    std::unique_ptr<Work> work_;
    Stuck stuck_;
};

}  // namespace bigram
