// Builds one row of an alias table: weights (V) to cells (K), K = 2^bits the next power of two.
//
// Weights become units that sum to 2^B exactly (B = 32 or 51); a cell holds C = 2^(B - bits) of
// them. A token with fewer units than C ("light") has a cell of its own, topped up by a token with
// more ("heavy"), whose number becomes the alias (Vose 1991). Both are taken in ascending order, so
// the table is a function of the units: the same on every machine. O(K), about 5 ns a cell; 8 bytes
// read and 4 or 8 written.
#include "bigram/sampling/alias.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "bigram/runtime/isa.hpp"
#include "bigram/sampling/integer_weights.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

template <class Cell>
constexpr int kUnitBits = sizeof(Cell) == 4 ? 32 : 51;
template <class Cell>
constexpr uint64_t kUnits = uint64_t{1} << kUnitBits<Cell>;

// units_j = round(q_j scale); returns their sum. q_j < 2^52, so its bits under the exponent of 2^52
// are the double 2^52 + q_j, and back in the same way: integers and doubles without a conversion of
// 64-bit integers, which AVX2 does not have.
BIGRAM_INLINE uint64_t scale_units_body(uint64_t* BIGRAM_RESTRICT units,
                                        const uint64_t* BIGRAM_RESTRICT q, int64_t size,
                                        double scale) {
    uint64_t sum = 0;
    for (int64_t j = 0; j < size; ++j) {
        const uint64_t raised = q[j] + kRounderBits;
        double value;
        std::memcpy(&value, &raised, sizeof value);
        value = (value - kRounder) * scale + kRounder;
        std::memcpy(&units[j], &value, sizeof value);
        units[j] -= kRounderBits;
        sum += units[j];
    }
    return sum;
}
BIGRAM_CLONES(uint64_t, scale_units,
              (uint64_t* units, const uint64_t* q, int64_t size, double scale),
              (units, q, size, scale))

// Rounding leaves the sum off by at most half a unit a token. The tokens that have units give or
// take one each, from the first on; none loses its last unit, and one without units gets none.
void settle(uint64_t* units, int64_t size, uint64_t sum, uint64_t wanted) {
    while (sum != wanted) {
        for (int64_t j = 0; j < size && sum != wanted; ++j) {
            if (sum < wanted && units[j] > 0) {
                ++units[j];
                ++sum;
            } else if (sum > wanted && units[j] > 1) {
                --units[j];
                --sum;
            }
        }
    }
}

// Vose's pairing, with one heavy token in hand whose mass is dealt out:
//   mass > C: the next light token's cell is topped up from it;
//   mass = C: it fills its own cell;
//   mass < C: it has become light itself, and the next heavy token tops up its cell.
// Units are integers, so this is exact: what the heavy tokens have above C is what the light ones
// lack, and neither runs out before the other.
template <class Cell>
void pair_cells(Cell* cells, int bits, const uint64_t* units, uint32_t* order) {
    const int64_t size = int64_t{1} << bits;
    const uint64_t capacity = kUnits<Cell> >> bits;
    int64_t light = 0;
    int64_t heavy = size;
    // Light tokens from the left, heavy ones from the right. Both places are written, and the one
    // that is counted stays: no branch, which would be mispredicted often.
    for (int64_t j = 0; j < size; ++j) {
        order[light] = order[heavy - 1] = static_cast<uint32_t>(j);
        const bool is_light = units[j] < capacity;
        light += is_light;
        heavy -= !is_light;
    }
    // Thresholds in [0, C) to the top bits of a cell: C itself would be 2^(its width).
    const int lift = 8 * static_cast<int>(sizeof(Cell)) - kUnitBits<Cell> + bits;
    const auto cell = [&](uint64_t threshold, uint32_t alias) {
        return static_cast<Cell>(threshold << lift) | alias;
    };
    light = 0;
    heavy = size - 1;
    uint64_t mass = units[order[heavy]];  // of the heavy token in hand
    for (int64_t done = 0; done < size; ++done) {
        const uint32_t token = order[heavy];
        if (mass > capacity) {
            const uint32_t topped = order[light++];
            cells[topped] = cell(units[topped], token);
            mass -= capacity - units[topped];
        } else if (mass == capacity) {
            cells[token] = token;  // threshold zero: always the alias, the token itself
            if (done + 1 < size) mass = units[order[--heavy]];
        } else {
            const uint32_t next = order[--heavy];
            cells[token] = cell(mass, next);
            mass = units[next] - (capacity - mass);
        }
    }
}

}  // namespace

AliasScratch::AliasScratch(int64_t vocab_size)
    : integers(zeroed<uint64_t>(vocab_size)),
      units(zeroed<uint64_t>(int64_t{1} << alias_bits(vocab_size))),
      order(zeroed<uint32_t>(int64_t{1} << alias_bits(vocab_size))) {}

template <class Cell, class Real>
AliasRow build_alias_row(Cell* cells, int bits, const Real* weights, int64_t size, uint32_t self,
                         AliasScratch& scratch) {
    const int64_t num_cells = int64_t{1} << bits;
    uint64_t* units = scratch.units.get();
    uint64_t total = 0;
    if (!integer_weights(scratch.integers.get(), &total, weights, size)) return AliasRow::bad;
    if (total == 0) {
        std::fill_n(cells, num_cells, static_cast<Cell>(self));
        return AliasRow::without_mass;
    }
    const double scale = static_cast<double>(kUnits<Cell>) / static_cast<double>(total);
    const uint64_t sum = scale_units(units, scratch.integers.get(), size, scale);
    std::fill(units + size, units + num_cells, uint64_t{0});
    settle(units, size, sum, kUnits<Cell>);
    pair_cells(cells, bits, units, scratch.order.get());
    return AliasRow::ready;
}

template AliasRow build_alias_row(uint32_t*, int, const float*, int64_t, uint32_t, AliasScratch&);
template AliasRow build_alias_row(uint32_t*, int, const double*, int64_t, uint32_t, AliasScratch&);
template AliasRow build_alias_row(uint64_t*, int, const float*, int64_t, uint32_t, AliasScratch&);
template AliasRow build_alias_row(uint64_t*, int, const double*, int64_t, uint32_t, AliasScratch&);

template <class Cell>
AliasTable<Cell>::AliasTable(int64_t tokens)
    : bits(alias_bits(tokens)),
      vocab_size(tokens),
      cells(zeroed<Cell>(tokens << bits)),
      state(zeroed<AliasRow>(tokens)) {}

template <class Cell>
template <class Real>
Result AliasTable<Cell>::build(const Real* weights, const Run& run) {
    constexpr int64_t kBlockCells = 1 << 14;  // about 80 us
    const int64_t rows = vocab_size;
    const int64_t rows_per_block = ceil_div(kBlockCells, int64_t{1} << bits);
    const int64_t blocks = ceil_div(rows, rows_per_block);
    const int team = team_size(run, blocks);
    std::vector<AliasScratch> scratch;
    scratch.reserve(static_cast<std::size_t>(team));
    for (int thread = 0; thread < team; ++thread)
        scratch.emplace_back(vocab_size);
    const auto body = [&](int64_t block, int thread) {
        const int64_t end = std::min(rows, (block + 1) * rows_per_block);
        for (int64_t i = block * rows_per_block; i < end; ++i) {
            if (state[i] == AliasRow::unbuilt)
                build_row(i, weights, scratch[static_cast<std::size_t>(thread)]);
        }
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    for (int64_t i = 0; i < rows; ++i) {
        if (state[i] == AliasRow::bad) return bad_value(i, weights);
        has_empty_row |= state[i] == AliasRow::without_mass;
    }
    return {};
}

template <class Cell>
template <class Real>
Result AliasTable<Cell>::bad_value(int64_t token, const Real* weights) const {
    const int64_t start = token * vocab_size;
    return Result::bad_value(start + first_bad_weight(weights + start, vocab_size));
}

template struct AliasTable<uint32_t>;
template struct AliasTable<uint64_t>;
template Result AliasTable<uint32_t>::build(const float*, const Run&);
template Result AliasTable<uint32_t>::build(const double*, const Run&);
template Result AliasTable<uint32_t>::bad_value(int64_t, const float*) const;
template Result AliasTable<uint32_t>::bad_value(int64_t, const double*) const;
template Result AliasTable<uint64_t>::build(const float*, const Run&);
template Result AliasTable<uint64_t>::build(const double*, const Run&);
template Result AliasTable<uint64_t>::bad_value(int64_t, const float*) const;
template Result AliasTable<uint64_t>::bad_value(int64_t, const double*) const;

}  // namespace bigram
