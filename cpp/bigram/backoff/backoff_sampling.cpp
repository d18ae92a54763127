// Sequences drawn from a bigram model with backoff; no row is ever built.
//
//   token ~ cells[context]; where that says so, token ~ base (again while the pair is stored, if
//   the model rejects; after 64 times the tokens that are not stored are enumerated)
//
// Random words: step t of sequence s has the Philox block (t, s): its first 64 bits draw the cell,
// its second the base. Rejection r = 1 .. 64 has the first half of block (t + r 2^32, s), the
// enumeration the second half of the last. One sequence is drawn plainly, token after token; many
// are drawn 64 at a time (sequence_batch.hpp), in blocks from threads. O(1) on average a token.
#include "bigram/backoff/backoff_sampling.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include "bigram/backoff/draw.hpp"
#include "bigram/backoff/sequence_batch.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kPollTokens = 1 << 14;  // between two polls

// One sequence, plainly.
template <class Index>
Result draw_one(SampledSequences& sampled, int64_t* length, uint32_t start, int64_t max_length,
                int64_t stop, uint64_t seed, const BackoffSampler<Index>& model, const Run& run) {
    sampled.blocks.emplace_back();
    SampledBlock& drawn = sampled.blocks.back();
    drawn.num_sequences = 1;
    uint32_t context = start;
    for (int64_t t = 0; t < max_length; ++t) {
        const uint32_t token = draw_token(model, context, seed, static_cast<uint64_t>(t), 0);
        if (token == kNoMass) {
            sampled.context_without_mass = context;
            return Result::without_mass(0);
        }
        if (static_cast<int64_t>(token) == stop) break;
        drawn.tokens.push_back(token);
        context = token;
        if ((t + 1) % kPollTokens == 0 && run.poll()) return Result::interrupted();
    }
    *length = static_cast<int64_t>(drawn.tokens.size());
    drawn.segments.push_back({0, *length});
    return {};
}

// Sequences in a block: the more there are, the more, so that lanes can be refilled.
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
    if (num_sequences == 1)
        return draw_one(sampled, lengths, starts[0], max_length, stop, seed, model, run);
    const int64_t size = block_size(num_sequences);
    const std::size_t count = static_cast<std::size_t>(ceil_div(num_sequences, size));
    std::vector<std::unique_ptr<SequenceBatch<Index>>> blocks(count);
    std::vector<int64_t> unfinished(count);
    std::iota(unfinished.begin(), unfinished.end(), int64_t{0});
    std::vector<std::uint8_t> more(count, 1);
    const int team = team_size(run, static_cast<int64_t>(count));
    std::vector<uint32_t> logs(static_cast<std::size_t>(team * kBatchSteps * kLanes));
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
                block = std::make_unique<SequenceBatch<Index>>(
                    model, starts, lengths, drawn.first_sequence,
                    drawn.first_sequence + drawn.num_sequences, max_length, stop, seed);
            }
            more[static_cast<std::size_t>(b)] =
                block->run_round(drawn, logs.data() + thread * kBatchSteps * kLanes);
        };
        if (run.poll() || !parallel_for(run, static_cast<int64_t>(unfinished.size()), body))
            return Result::interrupted();
        for (const int64_t b : unfinished) {
            const auto& block = blocks[static_cast<std::size_t>(b)];
            if (block->bad_sequence < 0) continue;
            sampled.context_without_mass = block->bad_context;
            return Result::without_mass(block->bad_sequence);
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
