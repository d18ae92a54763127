// Alias tables (Walker 1977; Vose 1991) of the rows of a model with backoff, one cell for each
// stored pair and one more for the base, so that a draw is one cell whatever the vocabulary.
//
// Row i: weights[indptr[i]:indptr[i + 1]] and rest[i]. A cell holds 1 / n of the mass: its own
// share is the threshold over 2^64, the remainder is its alias's. Cells are dealt out in ascending
// order by + - * / alone, so the bits are the same everywhere. A weight of zero gets a threshold
// of zero and is nobody's alias. O(pairs + V).
#include <algorithm>
#include <new>

#include "bigram/backoff_sampling.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kRows = 64;

struct Scratch {
    std::vector<double> mass;    // in cells
    std::vector<int64_t> light;  // cells that are not full
    std::vector<int64_t> heavy;
};

uint64_t to_threshold(double share) {
    constexpr double kTwo64 = 18446744073709551616.0;
    return share >= 1.0 ? ~uint64_t{0} : static_cast<uint64_t>(share * kTwo64);
}

// own(k) is the token of cell k, mass[k] its weight: size of them, in cells.
template <class Own>
void build_row(AliasCell* cells, int64_t size, const Own& own, Scratch& scratch) {
    double* mass = scratch.mass.data();
    double total = 0.0;
    for (int64_t k = 0; k < size; ++k)
        total += mass[k];
    if (!(total > 0.0)) {
        std::fill_n(cells, size, AliasCell{0, kNoMass, kNoMass});
        return;
    }
    scratch.light.clear();
    scratch.heavy.clear();
    int64_t heaviest = 0;
    for (int64_t k = 0; k < size; ++k) {
        if (mass[k] > mass[heaviest]) heaviest = k;
        mass[k] = mass[k] / total * static_cast<double>(size);
        (mass[k] < 1.0 ? scratch.light : scratch.heavy).push_back(k);
    }
    std::size_t light = 0;  // the light ones are a queue that heavy ones join as they run low
    std::size_t heavy = 0;
    while (light < scratch.light.size()) {
        const int64_t k = scratch.light[light++];
        // Rounding may leave no heavy cell: what is left of a light one is its own, if it has any.
        const bool alone = heavy == scratch.heavy.size();
        const int64_t giver = alone ? (mass[k] > 0.0 ? k : heaviest) : scratch.heavy[heavy];
        cells[k] = {alone && mass[k] > 0.0 ? ~uint64_t{0} : to_threshold(mass[k]), own(k),
                    own(giver)};
        if (alone) continue;
        mass[giver] -= 1.0 - mass[k];
        if (mass[giver] < 1.0) {
            scratch.light.push_back(giver);
            ++heavy;
        }
    }
    for (; heavy < scratch.heavy.size(); ++heavy) {
        const int64_t k = scratch.heavy[heavy];
        cells[k] = {~uint64_t{0}, own(k), own(k)};
    }
}

}  // namespace

template <class Index>
Result build_backoff_cells(AliasCell* cells, const int64_t* indptr, const Index* indices,
                           const double* weights, const double* rest, int64_t vocab_size,
                           const Run& run) {
    const int64_t blocks = ceil_div(vocab_size, kRows);
    std::vector<Scratch> scratch(static_cast<std::size_t>(team_size(run, blocks)));
    std::atomic<bool> short_of_memory{false};
    const auto body = [&](int64_t block, int thread) {
        Scratch& mine = scratch[static_cast<std::size_t>(thread)];
        try {
            const int64_t last = std::min(vocab_size, (block + 1) * kRows);
            for (int64_t i = block * kRows; i < last; ++i) {
                const int64_t first = indptr[i];
                const int64_t pairs = indptr[i + 1] - first;
                mine.mass.assign(weights + first, weights + first + pairs);
                mine.mass.push_back(rest[i]);
                const auto own = [&](int64_t k) {
                    return k == pairs ? kDrawFromBase : static_cast<uint32_t>(indices[first + k]);
                };
                build_row(cells + first + i, pairs + 1, own, mine);
            }
        } catch (const std::bad_alloc&) {
            short_of_memory.store(true);
        }
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    return short_of_memory.load() ? Result::out_of_memory() : Result{};
}

void build_cells(AliasCell* cells, const double* weights, int64_t size) {
    Scratch scratch;
    scratch.mass.assign(weights, weights + size);
    build_row(cells, size, [](int64_t k) { return static_cast<uint32_t>(k); }, scratch);
}

template Result build_backoff_cells(AliasCell*, const int64_t*, const std::int32_t*, const double*,
                                    const double*, int64_t, const Run&);
template Result build_backoff_cells(AliasCell*, const int64_t*, const int64_t*, const double*,
                                    const double*, int64_t, const Run&);

}  // namespace bigram
