// Private to this room.
// Sequences drawn side by side, so that the cache misses of one hide behind those of the others: a
// token takes about two misses, which depend on the token before it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "bigram/backoff/backoff_sampling.hpp"
#include "bigram/backoff/draw.hpp"
#include "bigram/numeric/philox.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {

constexpr int64_t kBatchSteps = 1024;  // steps of all lanes between two flushes of the log

// The sequences [first, last), up to kLanes of them at a time. run_round() draws kBatchSteps steps
// at most into a log, and then moves the log to `drawn`.
template <class Index>
class SequenceBatch {
  public:
    SequenceBatch(const BackoffSampler<Index>& model, const uint32_t* starts, int64_t* lengths,
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

    // False when there is nothing left to do. log (kBatchSteps, kLanes) is working memory.
    bool run_round(SampledBlock& drawn, uint32_t* log) {
        std::fill_n(since_, kLanes, 0);
        for (tick_ = 0; tick_ < kBatchSteps && active_ > 0; ++tick_) {
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

    // One token for each lane; false when a context without mass was reached. In passes over all
    // lanes: a pass asks for memory that the next one reads, so that up to 64 misses wait together.
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

    // Lanes move on; one whose sequence has ended gets the next sequence or, where there is none,
    // the sequence of the last lane. From the last lane down, so that a lane that moves has had its
    // step.
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

    // Moves what the log holds of a lane's sequence, up to the step `end`, to `drawn`.
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

}  // namespace bigram
