// Sequences drawn from a bigram model with backoff; no row is ever built.
//
//   token ~ cells[context]; where that says so, token ~ base (again while the pair is stored, if
//   the model rejects; after 64 times the tokens that are not stored are enumerated)
//
// Random words: step t of sequence s has the Philox block (t, s): its first 64 bits draw the cell,
// its second the base. Rejection r = 1 .. 64 has the first half of block (t + r 2^32, s), the
// enumeration the second half of the last. About two cache misses a token; 64 sequences go side by
// side to hide them, and a lane whose sequence has ended takes the next one of its block.
#include "bigram/backoff/backoff_sampling.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include "bigram/backoff/backoff_draws.hpp"
#include "bigram/numeric/philox.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kTicks = 1024;  // steps of all lanes between two flushes of the log

// The sequences [next, last) of one block, in up to kLanes lanes. run_round() goes on for kTicks
// steps at most, logs what is drawn, and then moves the log to `drawn`.
template <class Index>
class Block {
  public:
    Block(const BackoffSampler<Index>& model, const uint32_t* starts, int64_t* lengths,
          int64_t first, int64_t last, int64_t max_length, int64_t stop, uint64_t seed)
        : model_(model),
          starts_(starts),
          lengths_(lengths),
          next_(first),
          last_(last),
          max_length_(static_cast<uint64_t>(max_length)),
          stop_(stop < 0 ? kNoMass : static_cast<uint32_t>(stop)),
          seed_(seed) {
        std::fill_n(lengths + first, last - first, int64_t{0});
        while (active_ < kLanes && next_ < last_)
            begin(active_++);
    }

    // False when there is nothing left to do. log (kTicks, kLanes) is working memory.
    bool run_round(SampledBlock& drawn, uint32_t* log) {
        std::fill_n(since_, kLanes, 0);
        for (tick_ = 0; tick_ < kTicks && active_ > 0; ++tick_) {
            uint32_t* tokens = log + tick_ * kLanes;
            if (!draw(tokens)) return false;
            retire(tokens, drawn, log);
        }
        for (int lane = 0; lane < active_; ++lane)
            flush(lane, tick_, drawn, log);
        return active_ > 0;
    }

    int64_t bad_sequence = -1;
    uint32_t bad_context = 0;

  private:
    void begin(int lane) {
        random_.block[lane] = 0;
        random_.sequence[lane] = static_cast<uint64_t>(next_);
        state_[lane] = starts_[next_++];
    }

    // One token for each lane; false when a context without mass was reached.
    bool draw(uint32_t* tokens) {
        uint64_t place[kLanes];
        uint64_t fraction[kLanes];
        int special[kLanes];
        int num_special = 0;
        philox_tile(random_, seed_, active_);
        for (int lane = 0; lane < active_; ++lane) {
            const int64_t* row = model_.starts.data() + state_[lane];
            const uint64_t size = static_cast<uint64_t>(row[1] - row[0]);
            const uint64_t word = random_.wide(0, lane);
            place[lane] = static_cast<uint64_t>(row[0]) + scale_to_range(word, size);
            fraction[lane] = word * size;
            prefetch(model_.cells.get() + place[lane]);
        }
        const uint64_t base_size = model_.base_cells.size();
        for (int lane = 0; lane < active_; ++lane) {
            tokens[lane] = pick(model_.cells[place[lane]], fraction[lane]);
            special[num_special] = lane;
            num_special += tokens[lane] >= kNoMass;
        }
        for (int k = 0; k < num_special && base_size > 0; ++k) {
            place[k] = scale_to_range(random_.wide(1, special[k]), base_size);
            prefetch(model_.base_cells.data() + place[k]);
        }
        for (int k = 0; k < num_special; ++k) {
            const int lane = special[k];
            if (tokens[lane] == kNoMass) {
                note_bad(lane);
            } else if (!model_.rejects) {
                tokens[lane] = pick(model_.base_cells[place[k]], random_.wide(1, lane) * base_size);
            } else {
                tokens[lane] = draw_unseen(model_, state_[lane], random_.wide(1, lane), seed_,
                                           random_.block[lane], random_.sequence[lane]);
                if (tokens[lane] == kNoMass) note_bad(lane);
            }
        }
        return bad_sequence < 0;
    }

    void note_bad(int lane) {
        const int64_t sequence = static_cast<int64_t>(random_.sequence[lane]);
        if (bad_sequence >= 0 && bad_sequence < sequence) return;
        bad_sequence = sequence;
        bad_context = state_[lane];
    }

    // Lanes move on; those whose sequence has ended get the next one, or the last lane's. From the
    // last lane down, so that a lane that moves has been looked at.
    void retire(const uint32_t* tokens, SampledBlock& drawn, const uint32_t* log) {
        for (int lane = active_ - 1; lane >= 0; --lane) {
            state_[lane] = tokens[lane];
            prefetch(model_.starts.data() + tokens[lane]);
            const bool stopped = tokens[lane] == stop_;
            if (++random_.block[lane] != max_length_ && !stopped) continue;
            flush(lane, tick_ + (stopped ? 0 : 1), drawn, log);
            since_[lane] = tick_ + 1;
            if (next_ < last_) {
                begin(lane);
            } else if (lane != --active_) {
                flush(active_, tick_ + 1, drawn, log);
                random_.block[lane] = random_.block[active_];
                random_.sequence[lane] = random_.sequence[active_];
                state_[lane] = state_[active_];
            }
        }
    }

    // What the log holds of a lane's sequence, up to the step `end`.
    void flush(int lane, int64_t end, SampledBlock& drawn, const uint32_t* log) {
        const int64_t length = end - since_[lane];
        if (length == 0) return;
        const int64_t sequence = static_cast<int64_t>(random_.sequence[lane]);
        const std::size_t at = drawn.tokens.size();
        drawn.segments.push_back({sequence, length});
        drawn.tokens.resize(at + static_cast<std::size_t>(length));
        for (int64_t k = 0; k < length; ++k)
            drawn.tokens[at + static_cast<std::size_t>(k)] =
                log[(since_[lane] + k) * kLanes + lane];
        lengths_[sequence] += length;
    }

    const BackoffSampler<Index>& model_;
    const uint32_t* starts_;
    int64_t* lengths_;
    int64_t next_;
    int64_t last_;
    uint64_t max_length_;
    uint32_t stop_;
    uint64_t seed_;
    int active_ = 0;
    int64_t tick_ = 0;
    int64_t since_[kLanes] = {};  // step from which on the log is of the lane's sequence
    uint32_t state_[kLanes] = {};
    PhiloxTile random_{};  // block: the step of each lane's sequence
};

// Sequences in a block: many where they are many, for lanes to be refilled.
int64_t block_size(int64_t num_sequences) {
    const int64_t wanted = ceil_div(num_sequences, 128 * kLanes) * kLanes;
    return std::min<int64_t>(wanted, 16 * kLanes);
}

}  // namespace

template <class Index>
Result sample_backoff_sequences(SampledSequences& sampled, int64_t* lengths, const uint32_t* starts,
                                int64_t num_sequences, int64_t max_length, int64_t stop,
                                uint64_t seed, const BackoffSampler<Index>& model, const Run& run) {
    if (num_sequences == 0 || max_length == 0) {
        std::fill_n(lengths, num_sequences, int64_t{0});
        return {};
    }
    const int64_t size = block_size(num_sequences);
    const std::size_t count = static_cast<std::size_t>(ceil_div(num_sequences, size));
    std::vector<std::unique_ptr<Block<Index>>> blocks(count);
    std::vector<int64_t> unfinished(count);
    std::iota(unfinished.begin(), unfinished.end(), int64_t{0});
    std::vector<std::uint8_t> more(count, 1);
    const int team = team_size(run, static_cast<int64_t>(count));
    std::vector<uint32_t> logs(static_cast<std::size_t>(team * kTicks * kLanes));
    sampled.blocks.resize(count);
    for (std::size_t b = 0; b < count; ++b) {
        const int64_t first = static_cast<int64_t>(b) * size;
        sampled.blocks[b].first_sequence = first;
        sampled.blocks[b].num_sequences = std::min(size, num_sequences - first);
    }
    while (!unfinished.empty()) {
        const auto body = [&](int64_t item, int thread) {
            const int64_t b = unfinished[static_cast<std::size_t>(item)];
            auto& block = blocks[static_cast<std::size_t>(b)];
            SampledBlock& drawn = sampled.blocks[static_cast<std::size_t>(b)];
            if (!block) {
                block = std::make_unique<Block<Index>>(model, starts, lengths, drawn.first_sequence,
                                                       drawn.first_sequence + drawn.num_sequences,
                                                       max_length, stop, seed);
            }
            more[static_cast<std::size_t>(b)] =
                block->run_round(drawn, logs.data() + thread * kTicks * kLanes);
        };
        if (run.poll() || !parallel_for(run, static_cast<int64_t>(unfinished.size()), body))
            return Result::interrupted();
        for (const int64_t b : unfinished) {
            const auto& block = blocks[static_cast<std::size_t>(b)];
            if (block->bad_sequence < 0) continue;
            sampled.context_without_mass = block->bad_context;
            return Result::bad_value(block->bad_sequence);
        }
        std::vector<int64_t> rest;
        for (const int64_t b : unfinished) {
            if (more[static_cast<std::size_t>(b)])
                rest.push_back(b);
            else
                blocks[static_cast<std::size_t>(b)].reset();
        }
        unfinished = std::move(rest);
    }
    return {};
}

template <class Token>
void write_sampled(Token* out, const int64_t* offsets, const SampledSequences& sampled,
                   const Run& run) {
    if (sampled.blocks.empty()) return;
    const SampledBlock& last = sampled.blocks.back();
    // Where the next segment of each sequence goes: one that was logged in several rounds has its
    // segments in order, but not together.
    std::vector<int64_t> places(offsets, offsets + last.first_sequence + last.num_sequences);
    const auto body = [&](int64_t number, int) {
        const SampledBlock& block = sampled.blocks[static_cast<std::size_t>(number)];
        const uint32_t* from = block.tokens.data();
        for (const SampledBlock::Segment& segment : block.segments) {
            int64_t& place = places[static_cast<std::size_t>(segment.sequence)];
            Token* to = out + place;
            for (int64_t k = 0; k < segment.length; ++k)
                to[k] = static_cast<Token>(from[k]);
            from += segment.length;
            place += segment.length;
        }
    };
    Run calm = run;  // what is drawn is written whole
    calm.interrupted = nullptr;
    parallel_for(calm, static_cast<int64_t>(sampled.blocks.size()), body);
}

#define BIGRAM_INSTANTIATE(Index)                                                          \
    template Result sample_backoff_sequences(SampledSequences&, int64_t*, const uint32_t*, \
                                             int64_t, int64_t, int64_t, uint64_t,          \
                                             const BackoffSampler<Index>&, const Run&);
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(std::int64_t)
#undef BIGRAM_INSTANTIATE

template void write_sampled(std::uint8_t*, const int64_t*, const SampledSequences&, const Run&);
template void write_sampled(std::uint16_t*, const int64_t*, const SampledSequences&, const Run&);
template void write_sampled(uint32_t*, const int64_t*, const SampledSequences&, const Run&);

}  // namespace bigram
