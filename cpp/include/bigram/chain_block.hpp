// A block of chains that are drawn side by side, 64 at a time, in rounds of four draws.
//
// A chain that meets the stop token leaves, and those that go on are moved together, so that short
// chains cost no idle lanes. The fours drawn in each round are kept in the order of that round;
// `gather_rounds` puts each chain's fours in a row.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bigram/alias.hpp"
#include "bigram/draw_tile.hpp"
#include "bigram/sampling.hpp"

namespace bigram {

template <class Cell, class Token>
class ChainBlock {
  public:
    ChainBlock(std::int64_t first_chain, std::int64_t num_chains, const ChainRequest& request)
        : first_(first_chain), size_(num_chains), active_(num_chains), request_(&request) {}

    bool finished() const { return active_ == 0; }
    std::int64_t stuck_chain() const { return stuck_chain_; }
    std::int64_t stuck_token() const { return stuck_token_; }

    // Draws some 2^20 tokens more, or to the end: then they are in result.out (chains of fixed
    // length) or in held, with their lengths in offsets. May throw std::bad_alloc.
    void advance(const AliasTable<Cell>& table, ChainTokens& result, std::int64_t* offsets,
                 std::vector<std::uint8_t>* held);

  private:
    struct Four {
        Token token[4];
    };

    void start();
    void draw_round(const AliasTable<Cell>& table);
    void draw_lanes(const AliasTable<Cell>& table, std::int64_t begin, Four* fours, DrawTile& tile);
    void find_stuck(const AliasTable<Cell>& table, std::int64_t begin, std::int64_t lanes,
                    const DrawTile& tile);
    void gather_rounds(Token* to, const std::int64_t* places) const;
    void flush_fixed(ChainTokens& result);
    void hold(std::int64_t* offsets, std::vector<std::uint8_t>& held);

    std::int64_t first_, size_, active_;
    const ChainRequest* request_;
    std::int64_t round_ = 0;            // rounds drawn
    std::int64_t kept_from_ = 0;        // of which the first are written out already
    std::int64_t survivors_ = 0;        // of this round, so far
    std::vector<std::uint32_t> id_;     // of each active chain, within the block
    std::vector<std::uint32_t> state_;  // the token it stands at
    std::vector<std::int64_t> length_;  // of each chain
    std::vector<Four> fours_;           // of the rounds kept, round after round
    std::vector<std::uint32_t> ids_;    // whose they are, where chains stop
    std::vector<std::int64_t> counts_;  // how many a round has
    std::vector<Token> scratch_;
    std::int64_t stuck_chain_ = -1, stuck_token_ = -1;
};

}  // namespace bigram
