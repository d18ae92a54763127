// Draws with replacement from rows of weights: the inverse of the cumulative sum, in integers.
//
//   t = floor(u total / 2^64),  out[r, k] = the first j with t < q_0 + ... + q_j
//
// weights (rows, cols), out (rows, num_samples); q the integers of row r, total their sum, u the
// 64-bit draw k of random sequence r. One pass over a row, O(cols), then a search a draw: by
// halves, O(log cols), or from where a guide table says (Chen and Asau 1974), O(1). Short rows are
// done sixteen at a time. All find the same j. 1,000,000 x 27 takes 8 ms, torch.multinomial 64
// times as long (benchmarks/TABLE.md).
#include "bigram/sampling/multinomial.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "bigram/numeric/philox.hpp"
#include "bigram/runtime/memory.hpp"
#include "bigram/sampling/integer_weights.hpp"
#include "bigram/sampling/short_rows.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kCellsPerBlock = 1 << 15;  // weights and draws of whole rows: some 30 us
constexpr int64_t kDrawsPerBlock = 1 << 16;  // where the draws of one row are shared out

// One row: its cumulative sums, and how to search them.
struct Row {
    Buffer<uint64_t> sums;   // (cols)
    Buffer<uint32_t> guide;  // (2 cols): where the search for targets of a range begins
    int64_t cols;
    uint64_t total = 0;
    int shift = 64;  // target >> shift is the place in the guide; 64: no guide

    explicit Row(int64_t size)
        : sums(zeroed<uint64_t>(ceil_div(size, 8) * 8)),
          guide(zeroed<uint32_t>(2 * size)),
          cols(size) {}

    template <class Real>
    bool load(const Real* weights, int64_t num_samples) {
        if (!cumulative_weights(sums.get(), &total, weights, cols)) return false;
        shift = 64;
        // A guide costs as much as some draws for each column.
        if (num_samples > cols && total > 0) make_guide();
        return true;
    }

    // guide[p]: the first j with p * 2^shift < sums[j]. With at least cols places for cols columns,
    // a search takes two steps on average from there.
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

    // A column of weight zero has the sum of the one before it, so it is never the first above t.
    int64_t draw(uint64_t random) const {
        const uint64_t target = scale_to_range(random, total);
        if (shift < 64) {
            int64_t j = guide[target >> shift];
            while (sums[j] <= target)
                ++j;
            return j;
        }
        return std::upper_bound(sums.get(), sums.get() + cols, target) - sums.get();
    }
};

// The draws of rows one after the other. A row may need few of the 128 draws of a Philox tile, so a
// tile is filled across rows: place after place, the next block of a row or the first of the next
// row.
class RowDraws {
  public:
    // Draws [begin, end) of the rows from `row` on; begin is even.
    RowDraws(uint64_t seed, int64_t row, int64_t begin, int64_t end)
        : seed_(seed), row_(row), begin_(begin / 2), end_((end + 1) / 2), block_(begin / 2) {}

    // Calls use(k, random) for the k in [from, to) of the next row, or of the next piece of one.
    template <class Use>
    void next(int64_t from, int64_t to, const Use& use) {
        for (int64_t k = from; k < to; k += 2) {
            if (place_ == kLanes) refill();
            use(k, tile_.wide(0, place_));
            if (k + 1 < to) use(k + 1, tile_.wide(1, place_));
            ++place_;
        }
    }

  private:
    void refill() {
        for (int place = 0; place < kLanes; ++place) {
            tile_.sequence[place] = static_cast<uint64_t>(row_);
            tile_.block[place] = static_cast<uint64_t>(block_);
            if (++block_ == end_) {
                block_ = begin_;
                ++row_;
            }
        }
        philox_tile(tile_, seed_);
        place_ = 0;
    }

    uint64_t seed_;
    int64_t row_, begin_, end_, block_;
    int place_ = kLanes;
    PhiloxTile tile_;
};

// Rows [begin, end), one after the other: the obvious loop. Returns the first row with a bad weight
// or without mass, or -1.
template <class Real>
int64_t draw_rows(int64_t* out, const Real* weights, int64_t begin, int64_t end,
                  int64_t num_samples, uint64_t seed, Row& row) {
    RowDraws draws(seed, begin, 0, num_samples);
    for (int64_t i = begin; i < end; ++i) {
        if (!row.load(weights + i * row.cols, num_samples) || row.total == 0) return i;
        int64_t* to = out + i * num_samples;
        draws.next(0, num_samples, [&](int64_t k, uint64_t random) { to[k] = row.draw(random); });
    }
    return -1;
}

// The same for rows of at most 64 columns and no more draws than that, sixteen rows at a time:
// three times as fast, and more with AVX-512 (short_rows.cpp). False if a row has a bad weight or
// no mass; which one it is draw_rows finds out.
template <class Real>
bool draw_short_rows(int64_t* out, const Real* weights, int64_t begin, int64_t end, int64_t cols,
                     int64_t num_samples, uint64_t seed) {
    ShortRows rows;
    RowDraws draws(seed, begin, 0, num_samples);
    uint64_t random[kShortRows * kShortCols];
    for (int64_t i = begin; i < end; i += kShortRows) {
        const int count = static_cast<int>(std::min<int64_t>(kShortRows, end - i));
        if (!rows.load(weights + i * cols, count, static_cast<int>(cols))) return false;
        for (int r = 0; r < count; ++r) {
            draws.next(0, num_samples,
                       [&](int64_t k, uint64_t word) { random[r * num_samples + k] = word; });
        }
        rows.draw(out + i * num_samples, random, num_samples);
    }
    return true;
}

// One row with many draws, which the threads share out: draw k is a function of k alone.
Result draw_row(int64_t* out, const Row& row, int64_t number, int64_t num_samples, uint64_t seed,
                const Run& run) {
    const auto body = [&](int64_t b, int) {
        const int64_t begin = b * kDrawsPerBlock;
        const int64_t end = std::min(num_samples, begin + kDrawsPerBlock);
        RowDraws(seed, number, begin, end).next(begin, end, [&](int64_t k, uint64_t random) {
            out[k] = row.draw(random);
        });
    };
    const bool finished = parallel_for(run, ceil_div(num_samples, kDrawsPerBlock), body);
    return finished && !run.poll() ? Result{} : Result::interrupted();
}

// A bad row is named by its first bad weight or, where all are good, as a row without mass.
template <class Real>
Result bad_row_of(const Real* weights, int64_t row, int64_t cols) {
    const int64_t column = first_bad_weight(weights + row * cols, cols);
    return column < cols ? Result::bad_value(row * cols + column) : Result::without_mass(row);
}

}  // namespace

template <class Real>
Result multinomial(int64_t* out, const Real* weights, int64_t rows, int64_t cols,
                   int64_t num_samples, uint64_t seed, const Run& run) {
    if (rows == 0 || cols == 0) return {};
    if (num_samples > kDrawsPerBlock) {
        Row row(cols);
        for (int64_t i = 0; i < rows; ++i) {
            if (!row.load(weights + i * cols, num_samples) || row.total == 0)
                return bad_row_of(weights, i, cols);
            const Result drawn = draw_row(out + i * num_samples, row, i, num_samples, seed, run);
            if (!drawn.ok()) return drawn;
        }
        return {};
    }
    const bool short_rows = cols <= kShortCols && num_samples <= cols;
    const int64_t rows_per_block = ceil_div(kCellsPerBlock, cols + num_samples);
    const int64_t blocks = ceil_div(rows, rows_per_block);
    const int team = team_size(run, blocks);
    std::vector<Row> scratch;
    scratch.reserve(static_cast<std::size_t>(team));
    for (int thread = 0; thread < team; ++thread)
        scratch.emplace_back(cols);
    std::atomic<int64_t> first_bad{rows};
    const auto body = [&](int64_t b, int thread) {
        const int64_t begin = b * rows_per_block;
        const int64_t end = std::min(rows, begin + rows_per_block);
        if (short_rows && draw_short_rows(out, weights, begin, end, cols, num_samples, seed))
            return;
        Row& row = scratch[static_cast<std::size_t>(thread)];
        const int64_t bad = draw_rows(out, weights, begin, end, num_samples, seed, row);
        if (bad >= 0) lower_to(first_bad, bad);
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    const int64_t bad = first_bad.load();
    return bad < rows ? bad_row_of(weights, bad, cols) : Result{};
}

template Result multinomial(int64_t*, const float*, int64_t, int64_t, int64_t, uint64_t,
                            const Run&);
template Result multinomial(int64_t*, const double*, int64_t, int64_t, int64_t, uint64_t,
                            const Run&);

}  // namespace bigram
