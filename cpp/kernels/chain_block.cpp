// Rounds of four draws for a block of chains; see the header. Cost: one draw_tile for 256 tokens,
// and about one instruction a token to pack, to find the stop token and to close ranks.
#include "bigram/chain_block.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;

constexpr int64_t kTokensAtOnce = 1 << 20;  // between two looks at the clock: about 2 ms
constexpr int64_t kRoundsKept = 16;         // of chains of fixed length, before they are written

}  // namespace

template <class Cell, class Token>
void ChainBlock<Cell, Token>::start() {
    const std::size_t padded = static_cast<std::size_t>(ceil_div(size_, kLanes) * kLanes);
    id_.resize(padded);
    state_.resize(padded);
    length_.resize(static_cast<std::size_t>(size_));
    for (int64_t i = 0; i < size_; ++i) {
        id_[static_cast<std::size_t>(i)] = static_cast<uint32_t>(i);
        state_[static_cast<std::size_t>(i)] = request_->starts[first_ + i];
    }
}

template <class Cell, class Token>
void ChainBlock<Cell, Token>::advance(const AliasTable<Cell>& table, ChainTokens& result,
                                      int64_t* offsets, std::vector<std::uint8_t>* held) {
    if (round_ == 0) start();
    const bool fixed = request_->stop < 0;
    int64_t drawn = 0;
    while (active_ > 0 && drawn < kTokensAtOnce) {
        drawn += 4 * active_;
        draw_round(table);
        if (stuck_chain_ >= 0) return;
        if (fixed && (active_ == 0 || round_ - kept_from_ == kRoundsKept)) flush_fixed(result);
    }
    if (active_ == 0 && !fixed) hold(offsets, *held);
}

template <class Cell, class Token>
void ChainBlock<Cell, Token>::draw_round(const AliasTable<Cell>& table) {
    const std::size_t before = fours_.size();
    fours_.resize(before + static_cast<std::size_t>(ceil_div(active_, kLanes) * kLanes));
    if (request_->stop >= 0) ids_.insert(ids_.end(), id_.begin(), id_.begin() + active_);
    counts_.push_back(active_);
    survivors_ = 0;
    DrawTile tile;
    for (int64_t begin = 0; begin < active_; begin += kLanes)
        draw_lanes(table, begin, fours_.data() + before + begin, tile);
    fours_.resize(before + static_cast<std::size_t>(active_));
    ++round_;
    const bool ended = 4 * round_ >= request_->max_length;
    active_ = ended ? 0 : survivors_;
}

template <class Cell, class Token>
void ChainBlock<Cell, Token>::draw_lanes(const AliasTable<Cell>& table, int64_t begin, Four* fours,
                                         DrawTile& tile) {
    const int64_t lanes = std::min<int64_t>(kLanes, active_ - begin);
    uint32_t* id = id_.data() + begin;
    std::copy_n(state_.data() + begin, kLanes, tile.state);
    for (int lane = 0; lane < kLanes; ++lane)
        tile.random.sequence[lane] = static_cast<std::uint64_t>(first_) + id[lane];
    draw_tile(tile, table.cells.get(), table.bits, request_->seed, round_,
              static_cast<int>(ceil_div(lanes, 16) * 16));
    for (int lane = 0; lane < kLanes; ++lane) {
        fours[lane] = {
            {static_cast<Token>(tile.token[0][lane]), static_cast<Token>(tile.token[1][lane]),
             static_cast<Token>(tile.token[2][lane]), static_cast<Token>(tile.token[3][lane])}};
    }
    if (table.has_empty_row) find_stuck(table, begin, lanes, tile);
    if (request_->stop < 0) {
        std::copy_n(tile.token[3], kLanes, state_.data() + begin);
        survivors_ += lanes;
        return;
    }
    const uint32_t stop = static_cast<uint32_t>(request_->stop);
    alignas(64) uint32_t valid[kLanes];  // tokens before the stop token
    for (int lane = 0; lane < kLanes; ++lane) {
        uint32_t going = 1, count = 0;
        for (int s = 0; s < 4; ++s) {
            going &= tile.token[s][lane] != stop;
            count += going;
        }
        valid[lane] = count;
    }
    const int64_t left = request_->max_length - 4 * round_;
    for (int64_t lane = 0; lane < lanes; ++lane) {
        length_[id[lane]] = 4 * round_ + std::min<int64_t>(valid[lane], left);
        id_[static_cast<std::size_t>(survivors_)] = id[lane];
        state_[static_cast<std::size_t>(survivors_)] = tile.token[3][lane];
        survivors_ += valid[lane] == 4;
    }
}

// A row without mass leads to itself, so a chain that has met one stands there after the round.
template <class Cell, class Token>
void ChainBlock<Cell, Token>::find_stuck(const AliasTable<Cell>& table, int64_t begin,
                                         int64_t lanes, const DrawTile& tile) {
    const int64_t left = std::min<int64_t>(4, request_->max_length - 4 * round_);
    for (int64_t lane = 0; lane < lanes; ++lane) {
        uint32_t from = tile.state[lane];
        for (int64_t s = 0; s < left; ++s) {
            if (table.is_empty(from) && stuck_chain_ < 0) {
                stuck_chain_ = first_ + id_[static_cast<std::size_t>(begin + lane)];
                stuck_token_ = from;
            }
            from = tile.token[s][lane];
            if (from == request_->stop) break;
        }
    }
}

// Fours go to their places, the last round first: what a chain's last four has beyond its end falls
// on the beginning of the next chain, which is written after it. `to` has room for four more.
template <class Cell, class Token>
void ChainBlock<Cell, Token>::gather_rounds(Token* to, const int64_t* places) const {
    const bool by_id = !ids_.empty();
    const Four* fours = fours_.data() + fours_.size();
    const uint32_t* ids = ids_.data() + ids_.size();
    for (int64_t r = static_cast<int64_t>(counts_.size()) - 1; r >= 0; --r) {
        const int64_t count = counts_[static_cast<std::size_t>(r)];
        fours -= count;
        if (by_id) ids -= count;
        for (int64_t i = 0; i < count; ++i)
            std::memcpy(to + places[by_id ? ids[i] : i] + 4 * r, fours + i, sizeof(Four));
    }
}

template <class Cell, class Token>
void ChainBlock<Cell, Token>::flush_fixed(ChainTokens& result) {
    const int64_t max_length = request_->max_length;
    const int64_t done = 4 * kept_from_;
    const int64_t length = std::min(4 * round_, max_length) - done;
    scratch_.resize(static_cast<std::size_t>(size_ * length + 4));
    for (int64_t i = 0; i < size_; ++i)
        length_[static_cast<std::size_t>(i)] = i * length;  // here: where each chain begins
    gather_rounds(scratch_.data(), length_.data());
    const bool whole = length == max_length;
    const int64_t pieces = whole ? 1 : size_;
    for (int64_t i = 0; i < pieces; ++i) {
        char* to =
            static_cast<char*>(result.out) + ((first_ + i) * max_length + done) * result.out_bytes;
        widen_tokens(to, result.out_bytes, scratch_.data() + i * length, sizeof(Token),
                     whole ? size_ * length : length);
    }
    kept_from_ = round_;
    fours_.clear();
    counts_.clear();
}

template <class Cell, class Token>
void ChainBlock<Cell, Token>::hold(int64_t* offsets, std::vector<std::uint8_t>& held) {
    int64_t total = 0;
    for (int64_t i = 0; i < size_; ++i) {
        int64_t& length = length_[static_cast<std::size_t>(i)];
        offsets[first_ + i + 1] = length;  // lengths yet
        const int64_t begin = total;
        total += length;
        length = begin;
    }
    held.resize(static_cast<std::size_t>(total + 4) * sizeof(Token));
    gather_rounds(reinterpret_cast<Token*>(held.data()), length_.data());
    held.resize(static_cast<std::size_t>(total) * sizeof(Token));
    *this = ChainBlock(first_, 0, *request_);  // gives its memory back
}

template class ChainBlock<uint32_t, std::uint8_t>;
template class ChainBlock<uint32_t, std::uint16_t>;
template class ChainBlock<std::uint64_t, std::uint16_t>;
template class ChainBlock<std::uint64_t, uint32_t>;

}  // namespace bigram
