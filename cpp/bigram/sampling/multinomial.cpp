// Draws with replacement from rows of weights: out (rows, num_samples) from weights (rows, cols).
//
// Inverse of the cumulative sum, in integers: t = floor(u total / 2^64) with a 64-bit word u, and
// the sample is the first j with t < q_0 + ... + q_j. Draw k of row r takes 64-bit draw k of the
// random sequence r. One pass over a row, then a search a draw: by halves, or from where a guide
// table (Chen and Asau 1974) says; short rows are done sixteen at a time. All find the same j.
#include "bigram/sampling/multinomial.hpp"

#include <algorithm>
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

constexpr int64_t kBlockCells = 1 << 15;  // of rows: some 30 us
constexpr int64_t kBlockDraws = 1 << 16;  // of one row

// The sums of one row, and how to search them.
struct Row {
    Buffer<uint64_t> sums;   // (cols), cumulative
    Buffer<uint32_t> guide;  // (2^guide_bits): where the search for targets of a range begins
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
        return std::upper_bound(sums.get(), sums.get() + cols, target) - sums.get();
    }
};

// The random numbers of rows one after the other, a tile at a time however few a row needs.
class RowDraws {
  public:
    // Draws [begin, end) of the rows from `row` on; begin is even.
    RowDraws(uint64_t seed, int64_t row, int64_t begin, int64_t end)
        : seed_(seed), row_(row), begin_(begin / 2), end_((end + 1) / 2), block_(begin / 2) {}

    // Calls use(k, random) for the k in [from, to) of the next row, or of the next piece of one.
    template <class Use>
    void next(int64_t from, int64_t to, const Use& use) {
        for (int64_t k = from; k < to; k += 2) {
            if (lane_ == kLanes) refill();
            use(k, tile_.wide(0, lane_));
            if (k + 1 < to) use(k + 1, tile_.wide(1, lane_));
            ++lane_;
        }
    }

  private:
    void refill() {
        for (int lane = 0; lane < kLanes; ++lane) {
            tile_.sequence[lane] = static_cast<uint64_t>(row_);
            tile_.block[lane] = static_cast<uint64_t>(block_);
            if (++block_ == end_) {
                block_ = begin_;
                ++row_;
            }
        }
        philox_tile(tile_, seed_);
        lane_ = 0;
    }

    uint64_t seed_;
    int64_t row_, begin_, end_, block_;
    int lane_ = kLanes;
    PhiloxTile tile_;
};

// Rows [begin, end) of short rows and few draws; false if one has a bad weight or no mass.
template <class Real>
bool draw_short_rows(int64_t* out, const Real* weights, int64_t begin, int64_t end, int64_t cols,
                     int64_t num_samples, RowDraws& draws) {
    ShortRows rows;
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

}  // namespace

template <class Real>
Result multinomial(int64_t* out, const Real* weights, int64_t rows, int64_t cols,
                   int64_t num_samples, uint64_t seed, const Run& run) {
    if (rows == 0 || cols == 0) return {};
    const bool short_rows = cols <= kShortCols && num_samples <= cols;
    const bool long_rows = num_samples > kBlockDraws;
    const int64_t rows_per_block =
        long_rows ? rows : ceil_div(kBlockCells, cols + std::min(num_samples, kBlockDraws));
    const int64_t blocks = ceil_div(rows, rows_per_block);
    std::vector<Row> scratch;
    for (int thread = 0; thread < team_size(run, blocks); ++thread)
        scratch.emplace_back(cols);
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
                int64_t* to = out + i * num_samples;
                RowDraws(seed, i, b * kBlockDraws, end)
                    .next(b * kBlockDraws, end,
                          [&](int64_t k, uint64_t random) { to[k] = row.draw(random); });
            };
            if (!parallel_for(run, ceil_div(num_samples, kBlockDraws), body) || run.poll())
                return Result::interrupted();
        }
    } else {
        const auto body = [&](int64_t b, int thread) {
            Row& row = scratch[static_cast<std::size_t>(thread)];
            const int64_t end = std::min(rows, (b + 1) * rows_per_block);
            RowDraws draws(seed, b * rows_per_block, 0, num_samples);
            if (short_rows &&
                draw_short_rows(out, weights, b * rows_per_block, end, cols, num_samples, draws)) {
                return;
            }
            draws = RowDraws(seed, b * rows_per_block, 0, num_samples);
            for (int64_t i = b * rows_per_block; i < end; ++i) {
                if (!row.load(weights + i * cols, num_samples) || row.total == 0)
                    return lower_to(bad_row, i);
                int64_t* to = out + i * num_samples;
                draws.next(0, num_samples,
                           [&](int64_t k, uint64_t random) { to[k] = row.draw(random); });
            }
        };
        if (!parallel_for(run, blocks, body)) return Result::interrupted();
    }
    const int64_t bad = bad_row.load();
    if (bad == rows) return {};
    const int64_t column = first_bad_weight(weights + bad * cols, cols);
    return column < cols ? Result::bad_value(bad * cols + column) : Result::without_mass(bad);
}

template Result multinomial(int64_t*, const float*, int64_t, int64_t, int64_t, uint64_t,
                            const Run&);
template Result multinomial(int64_t*, const double*, int64_t, int64_t, int64_t, uint64_t,
                            const Run&);

}  // namespace bigram
