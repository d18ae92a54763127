#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// out (rows, cols) = (counts + alpha) / row sum of (counts + alpha); a row without mass stays zero.
// Count: std::int64_t or double. Out: float or double. out must not overlap counts.
// The position of a bad value is its flat index (a negative count, a nan or an infinity).
template <class Count, class Out>
Result normalize_rows(Out* out, const Count* counts, std::int64_t rows, std::int64_t cols,
                      double alpha, const Run& run);

}  // namespace bigram
