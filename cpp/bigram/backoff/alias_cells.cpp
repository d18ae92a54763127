// Alias tables (Walker 1977; Vose 1991) of the rows of a model with backoff, one cell for each
// stored pair and one more for the base, so that a draw is one cell whatever the vocabulary.
//
// A cell holds 1 / n of the mass of its row: its own share is the threshold over 2^64, the
// remainder is its alias's. Cells are dealt out in ascending order by + - * / alone, so the bits
// are the same everywhere. A weight of zero gets a threshold of zero and is never an alias.
// O(pairs + V).
#include "bigram/backoff/alias_cells.hpp"

#include <algorithm>
#include <numeric>

#include "bigram/backoff/prepare.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

constexpr int64_t kBlockRows = 64;  // rows that a thread takes at a time

struct Scratch {
    std::vector<uint32_t> tokens;
    std::vector<double> mass;
    std::vector<int64_t> light;  // cells that are not full
    std::vector<int64_t> heavy;
};

uint64_t to_threshold(double share) {
    constexpr double kTwo64 = 18446744073709551616.0;
    return share >= 1.0 ? ~uint64_t{0} : static_cast<uint64_t>(share * kTwo64);
}

// Cell k is of tokens[k], which weighs mass[k]; the masses are used up.
void build_row(AliasCell* cells, Scratch& scratch) {
    const int64_t size = static_cast<int64_t>(scratch.mass.size());
    const uint32_t* own = scratch.tokens.data();
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
    // Each light cell is filled up by the first heavy one, which joins the queue of light cells
    // once less than a full cell is left of it.
    std::size_t light = 0;
    std::size_t heavy = 0;
    while (light < scratch.light.size()) {
        const int64_t k = scratch.light[light++];
        // Rounding may leave no heavy cell: what is left of a light one is its own, if it has any.
        const bool alone = heavy == scratch.heavy.size();
        const int64_t giver = alone ? (mass[k] > 0.0 ? k : heaviest) : scratch.heavy[heavy];
        cells[k] = {alone && mass[k] > 0.0 ? ~uint64_t{0} : to_threshold(mass[k]), own[k],
                    own[giver]};
        if (alone) continue;
        mass[giver] -= 1.0 - mass[k];
        if (mass[giver] < 1.0) {
            scratch.light.push_back(giver);
            ++heavy;
        }
    }
    for (; heavy < scratch.heavy.size(); ++heavy) {
        const int64_t k = scratch.heavy[heavy];
        cells[k] = {~uint64_t{0}, own[k], own[k]};
    }
}

// The tokens and weights of row i, that of the base last.
template <class Index>
void gather(Scratch& row, const BackoffSampler<Index>& sampler, const BackoffWeights<Index>& model,
            const RowParts& parts, int64_t i) {
    row.tokens.clear();
    row.mass.clear();
    const Index* first = model.indices + model.indptr[i];
    const Index* last = model.indices + model.indptr[i + 1];
    for (const Index* at = first; at < last; ++at) {
        const double weight = parts.kept[static_cast<std::size_t>(at - model.indices)];
        if (weight <= 0.0) continue;
        row.tokens.push_back(static_cast<uint32_t>(*at));
        row.mass.push_back(weight);
    }
    const std::size_t number = static_cast<std::size_t>(i);
    if (parts.listed[number] > 0) {
        for (std::size_t r = 0; r < static_cast<std::size_t>(parts.limits[number]); ++r) {
            const uint32_t token = sampler.base.order[r];
            if (std::binary_search(first, last, static_cast<Index>(token))) continue;
            row.tokens.push_back(token);
            row.mass.push_back(model.backoff[i] * sampler.base.weights[r]);
        }
    }
    row.tokens.push_back(kDrawFromBase);
    row.mass.push_back(parts.listed[number] > 0 ? 0.0 : parts.rest[number]);
}

}  // namespace

template <class Index>
Result build_backoff_cells(BackoffSampler<Index>& sampler, const BackoffWeights<Index>& model,
                           const RowParts& parts, const Run& run) {
    const int64_t size = model.vocab_size;
    sampler.starts.assign(1, 0);
    for (int64_t i = 0; i < size; ++i) {
        int64_t cells = 1 + parts.listed[static_cast<std::size_t>(i)];
        for (int64_t e = model.indptr[i]; e < model.indptr[i + 1]; ++e)
            cells += parts.kept[static_cast<std::size_t>(e)] > 0.0;
        sampler.starts.push_back(sampler.starts.back() + cells);
    }
    sampler.cells = uninitialised<AliasCell>(sampler.starts.back());
    const int64_t blocks = ceil_div(size, kBlockRows);
    std::vector<Scratch> scratch(static_cast<std::size_t>(team_size(run, blocks)));
    const auto body = [&](int64_t block, int thread) {
        Scratch& row = scratch[static_cast<std::size_t>(thread)];
        for (int64_t i = block * kBlockRows; i < std::min(size, (block + 1) * kBlockRows); ++i) {
            gather(row, sampler, model, parts, i);
            build_row(sampler.cells.get() + sampler.starts[static_cast<std::size_t>(i)], row);
        }
    };
    return parallel_for(run, blocks, body) ? Result{} : Result::interrupted();
}

void build_cells(AliasCell* cells, const double* weights, int64_t size) {
    Scratch row;
    row.mass.assign(weights, weights + size);
    row.tokens.resize(static_cast<std::size_t>(size));
    std::iota(row.tokens.begin(), row.tokens.end(), uint32_t{0});
    build_row(cells, row);
}

#define BIGRAM_INSTANTIATE(Index)                                                             \
    template Result build_backoff_cells(BackoffSampler<Index>&, const BackoffWeights<Index>&, \
                                        const RowParts&, const Run&);
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
