#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// Sparse counts in CSR: row r holds the pairs starts[r] .. starts[r + 1] - 1, by increasing index.
template <class Index>
struct SparseCounts {
    const Index* starts;         // (num_rows + 1,)
    const Index* indices;        // (starts[num_rows],)
    const std::int64_t* counts;  // (starts[num_rows],)
};

// out_starts (num_rows + 1,) = where the rows of a + b start.
template <class Index>
Result added_starts(std::int64_t* out_starts, const SparseCounts<Index>& a,
                    const SparseCounts<Index>& b, std::int64_t num_rows, const Run& run);

// out_indices, out_counts (out_starts[num_rows],) = the pairs of a + b.
template <class Index>
Result add_counts(Index* out_indices, std::int64_t* out_counts, const std::int64_t* out_starts,
                  const SparseCounts<Index>& a, const SparseCounts<Index>& b, std::int64_t num_rows,
                  const Run& run);

}  // namespace bigram
