// From a model with backoff to what it is sampled from.
//
// Where rows are whole and every stored pair weighs at least what the base gives it (all
// interpolated smoothings), a row is the base with weight backoff, plus what its pairs weigh beyond
// the base: a draw rejects nothing. Any other row is its stored pairs, plus the base without them:
// a draw from the base is rejected while the pair is stored. O(pairs + V), and O(pairs log V) where
// rows are cut.
#include "bigram/backoff/prepare.hpp"

#include <algorithm>
#include <utility>

namespace bigram {
namespace {

using std::int64_t;

// A stored pair and its share of the base that are equal on paper may differ in their last bits.
constexpr double kSlack = 1e-12;

// beyond[e] = weights[e] - backoff[i] base[j]; false where one is negative.
template <class Index>
bool subtract_base(double* beyond, const BackoffWeights<Index>& model) {
    bool good = true;
    for (int64_t i = 0; i < model.vocab_size; ++i) {
        for (int64_t e = model.indptr[i]; e < model.indptr[i + 1]; ++e) {
            const double more = model.weights[e] - model.backoff[i] * model.base[model.indices[e]];
            good &= more >= -kSlack * model.weights[e];
            beyond[e] = std::max(more, 0.0);
        }
    }
    return good;
}

}  // namespace

template <class Index>
Result prepare_backoff_sampler(BackoffSampler<Index>& sampler, const BackoffWeights<Index>& model,
                               int64_t top_k, double top_p, const Run& run) {
    const int64_t size = model.vocab_size;
    const int64_t pairs = model.indptr[size];
    const bool whole = top_k >= size && top_p >= 1.0;
    RowParts parts;
    parts.kept.resize(static_cast<std::size_t>(pairs));
    parts.rest.resize(static_cast<std::size_t>(size));
    parts.limits.resize(static_cast<std::size_t>(size));
    parts.listed.resize(static_cast<std::size_t>(size));
    sampler.rejects = !(whole && subtract_base(parts.kept.data(), model));
    if (sampler.rejects) {
        sampler.base = RankedBase(model.base, size);
        const Result cut = cut_backoff_rows(parts, model, sampler.base, top_k, top_p, run);
        if (!cut.ok()) return cut;
        sampler.indptr.assign(model.indptr, model.indptr + size + 1);
        sampler.indices = model.indices;
    } else {
        double sum = 0.0;
        for (int64_t j = 0; j < size; ++j)
            sum += model.base[j];
        for (int64_t i = 0; i < size; ++i)
            parts.rest[static_cast<std::size_t>(i)] = model.backoff[i] * sum;
    }
    if (whole) {
        sampler.base_cells.resize(static_cast<std::size_t>(size));
        build_cells(sampler.base_cells.data(), model.base, size);
    }
    const Result built = build_backoff_cells(sampler, model, parts, run);
    sampler.limits = std::move(parts.limits);
    return built;
}

template Result prepare_backoff_sampler(BackoffSampler<std::int32_t>&,
                                        const BackoffWeights<std::int32_t>&, int64_t, double,
                                        const Run&);
template Result prepare_backoff_sampler(BackoffSampler<int64_t>&, const BackoffWeights<int64_t>&,
                                        int64_t, double, const Run&);

}  // namespace bigram
