// Draws with replacement from rows of weights: out (rows, num_samples) from weights (rows, cols).
//
// Inverse of the cumulative sum, in integers: t = floor(u total / 2^64) with a 64-bit word u, and
// the sample is the first j with t < q_0 + ... + q_j. Draw k of row r takes 64-bit draw k of the
// random sequence r. One pass over a row, then a search a draw: a count of the sums up to t for
// few draws, else a guide table (Chen and Asau 1974), which starts it near its end. All find the
// same j.
#include <algorithm>
#include <vector>

#include "bigram/integer_weights.hpp"
#include "bigram/isa.hpp"
#include "bigram/random.hpp"
#include "bigram/sampling.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kBlockCells = 1 << 15;  // of rows: some 30 us
constexpr int64_t kBlockDraws = 1 << 16;  // of one row
constexpr int64_t kCountingCols = 128;    // up to here a sum is found by comparing with all

BIGRAM_INLINE int64_t count_up_to_body(const uint64_t* sums, int64_t size, uint64_t target) {
    int64_t count = 0;
    for (int64_t j = 0; j < size; ++j)
        count += static_cast<int64_t>(sums[j]) <= static_cast<int64_t>(target);
    return count;
}
BIGRAM_CLONES(int64_t, count_up_to, (const uint64_t* sums, int64_t size, uint64_t target),
              (sums, size, target))

// The sums of one row, and how to search them.
struct Row {
    Buffer<uint64_t> sums;   // (cols), cumulative
    Buffer<uint32_t> guide;  // (2^guide_bits): where the search for targets of a range begins
    int64_t cols;
    uint64_t total = 0;
    int shift = 64;  // target >> shift is the place in the guide; 64: no guide

    explicit Row(int64_t size)
        : sums(zeroed<uint64_t>(size)), guide(zeroed<uint32_t>(2 * size)), cols(size) {}
    explicit operator bool() const { return sums && guide; }

    template <class Real>
    bool load(const Real* weights, int64_t num_samples) {
        if (!integer_weights(sums.get(), &total, weights, cols)) return false;
        for (int64_t j = 1; j < cols; ++j)
            sums[j] += sums[j - 1];
        shift = 64;
        if (num_samples > cols && total > 0) make_guide();
        return true;
    }

    void make_guide() {
        shift = 0;
        while ((total - 1) >> shift >= static_cast<uint64_t>(2 * cols))
            ++shift;
        const uint64_t places = ((total - 1) >> shift) + 1;
        int64_t j = 0;
        for (uint64_t place = 0; place < places; ++place) {
            while (sums[j] <= place << shift)
                ++j;
            guide[place] = static_cast<uint32_t>(j);
        }
    }

    int64_t draw(uint64_t random) const {
        const uint64_t target = scale_to_range(random, total);
        if (shift < 64) {
            int64_t j = guide[target >> shift];
            while (sums[j] <= target)
                ++j;
            return j;
        }
        if (cols <= kCountingCols) return count_up_to(sums.get(), cols, target);
        return std::upper_bound(sums.get(), sums.get() + cols, target) - sums.get();
    }
};

// Draws [begin, end) of one row, begin even.
void draw_row(int64_t* out, const Row& row, int64_t begin, int64_t end, uint64_t seed,
              uint64_t sequence) {
    PhiloxTile tile;
    std::fill_n(tile.sequence, kLanes, sequence);
    for (int64_t k = begin; k < end; k += 2 * kLanes) {
        const int64_t draws = std::min<int64_t>(2 * kLanes, end - k);
        const int blocks = static_cast<int>((draws + 1) / 2);
        for (int lane = 0; lane < blocks; ++lane)
            tile.block[lane] = static_cast<uint64_t>(k / 2 + lane);
        philox_tile(tile, seed, blocks);
        for (int64_t d = 0; d < draws; ++d)
            out[k + d] = row.draw(tile.wide(d % 2, static_cast<int>(d / 2)));
    }
}

void lower(std::atomic<int64_t>& lowest, int64_t value) {
    int64_t seen = lowest.load();
    while (value < seen && !lowest.compare_exchange_weak(seen, value)) {
    }
}

}  // namespace

template <class Real>
Result multinomial(int64_t* out, const Real* weights, int64_t rows, int64_t cols,
                   int64_t num_samples, uint64_t seed, const Run& run) {
    if (rows == 0 || cols == 0) return {};
    const bool long_rows = num_samples > kBlockDraws;
    const int64_t rows_per_block =
        long_rows ? rows : ceil_div(kBlockCells, cols + std::min(num_samples, kBlockDraws));
    const int64_t blocks = ceil_div(rows, rows_per_block);
    std::vector<Row> scratch;
    for (int thread = 0; thread < team_size(run, blocks); ++thread) {
        scratch.emplace_back(cols);
        if (!scratch.back()) return Result::out_of_memory();
    }
    std::atomic<int64_t> bad_row{rows};
    if (long_rows) {  // each row by itself, its draws shared out
        Row& row = scratch[0];
        for (int64_t i = 0; i < rows; ++i) {
            if (!row.load(weights + i * cols, num_samples) || row.total == 0) {
                bad_row = i;
                break;
            }
            const auto body = [&](int64_t b, int) {
                const int64_t end = std::min(num_samples, (b + 1) * kBlockDraws);
                draw_row(out + i * num_samples, row, b * kBlockDraws, end, seed,
                         static_cast<uint64_t>(i));
            };
            if (!parallel_for(run, ceil_div(num_samples, kBlockDraws), body) || run.poll())
                return Result::interrupted();
        }
    } else {
        const auto body = [&](int64_t b, int thread) {
            Row& row = scratch[static_cast<std::size_t>(thread)];
            const int64_t end = std::min(rows, (b + 1) * rows_per_block);
            for (int64_t i = b * rows_per_block; i < end; ++i) {
                if (!row.load(weights + i * cols, num_samples) || row.total == 0)
                    return lower(bad_row, i);
                draw_row(out + i * num_samples, row, 0, num_samples, seed,
                         static_cast<uint64_t>(i));
            }
        };
        if (!parallel_for(run, blocks, body)) return Result::interrupted();
    }
    const int64_t bad = bad_row.load();
    if (bad == rows) return {};
    const int64_t column = first_bad_weight(weights + bad * cols, cols);
    return Result::bad_value(column < cols ? bad * cols + column : rows * cols + bad);
}

template Result multinomial(int64_t*, const float*, int64_t, int64_t, int64_t, uint64_t,
                            const Run&);
template Result multinomial(int64_t*, const double*, int64_t, int64_t, int64_t, uint64_t,
                            const Run&);

}  // namespace bigram
