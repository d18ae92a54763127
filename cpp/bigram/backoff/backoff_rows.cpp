// Rows of a bigram model with backoff, whole and by their largest entries.
//
//   row[j] = log_probs[e] where the pair (i, j) is stored at e, else log_backoff[i] + log_base[j]
//
// backoff_rows writes out (rows, V): bound by memory. backoff_top_k (rows, k) builds no row: its
// candidates are the stored pairs, and the first of the sorted base that are not stored:
// O(pairs of the row + k log k).
#include "bigram/backoff/backoff_rows.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kBlockElements = 1 << 16;  // of whole rows that a thread takes at a time
constexpr int64_t kBlockRows = 16;           // whose largest entries it takes

using Candidate = std::pair<double, int64_t>;  // log-probability, id

template <class Index>
bool inside(Index id, int64_t vocab_size) {
    return static_cast<std::uint64_t>(id) < static_cast<std::uint64_t>(vocab_size);
}

bool before(const Candidate& a, const Candidate& b) {
    return a.first > b.first || (a.first == b.first && a.second < b.second);
}

// The stored pairs of context i, and the unseen tokens that could be among the k largest: k, and
// more while sums of logarithms tie.
template <class Index>
void gather(std::vector<Candidate>& found, const BackoffLogs<Index>& model, int64_t i, int64_t k) {
    found.clear();
    const Index* first = model.indices + model.indptr[i];
    const Index* last = model.indices + model.indptr[i + 1];
    for (const Index* at = first; at < last; ++at)
        found.emplace_back(model.log_probs[at - model.indices], static_cast<int64_t>(*at));
    int64_t unseen = 0;
    for (int64_t rank = 0; rank < model.vocab_size; ++rank) {
        const int64_t id = model.base_order[rank];
        if (!inside(id, model.vocab_size)) break;
        if (std::binary_search(first, last, static_cast<Index>(id))) continue;
        const double score = model.log_backoff[i] + model.log_base[id];
        if (unseen >= k && score < found.back().first) break;
        found.emplace_back(score, id);
        ++unseen;
    }
}

}  // namespace

template <class Index>
Result backoff_rows(double* out, const int64_t* contexts, int64_t num_rows,
                    const BackoffLogs<Index>& model, const Run& run) {
    const int64_t size = model.vocab_size;
    const int64_t rows = std::max<int64_t>(1, kBlockElements / size);
    std::atomic<int64_t> bad{num_rows};
    const auto body = [&](int64_t block, int) {
        for (int64_t r = block * rows; r < std::min(num_rows, (block + 1) * rows); ++r) {
            const int64_t i = contexts[r];
            double* row = out + r * size;
            const double backoff = model.log_backoff[i];
            for (int64_t j = 0; j < size; ++j)
                row[j] = backoff + model.log_base[j];
            for (int64_t e = model.indptr[i]; e < model.indptr[i + 1]; ++e) {
                if (inside(model.indices[e], size))
                    row[model.indices[e]] = model.log_probs[e];
                else
                    lower_to(bad, r);
            }
        }
    };
    if (!parallel_for(run, ceil_div(num_rows, rows), body)) return Result::interrupted();
    return bad.load() == num_rows ? Result{} : Result::bad_value(bad.load());
}

template <class Index>
Result backoff_top_k(int64_t* ids, double* log_probs, int64_t k, const int64_t* contexts,
                     int64_t num_rows, const BackoffLogs<Index>& model, const Run& run) {
    const int64_t blocks = ceil_div(num_rows, kBlockRows);
    std::vector<std::vector<Candidate>> found(static_cast<std::size_t>(team_size(run, blocks)));
    std::atomic<int64_t> bad{num_rows};
    const auto body = [&](int64_t block, int thread) {
        std::vector<Candidate>& mine = found[static_cast<std::size_t>(thread)];
        for (int64_t r = block * kBlockRows; r < std::min(num_rows, (block + 1) * kBlockRows);
             ++r) {
            gather(mine, model, contexts[r], k);
            if (static_cast<int64_t>(mine.size()) < k) return lower_to(bad, r);
            std::partial_sort(mine.begin(), mine.begin() + k, mine.end(), before);
            for (int64_t place = 0; place < k; ++place) {
                log_probs[r * k + place] = mine[static_cast<std::size_t>(place)].first;
                ids[r * k + place] = mine[static_cast<std::size_t>(place)].second;
            }
        }
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    return bad.load() == num_rows ? Result{} : Result::bad_value(bad.load());
}

#define BIGRAM_INSTANTIATE(Index)                                                             \
    template Result backoff_rows(double*, const int64_t*, int64_t, const BackoffLogs<Index>&, \
                                 const Run&);                                                 \
    template Result backoff_top_k(int64_t*, double*, int64_t, const int64_t*, int64_t,        \
                                  const BackoffLogs<Index>&, const Run&);
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
