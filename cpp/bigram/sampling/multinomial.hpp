#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// out (rows, num_samples), drawn with replacement from each row of weights (rows, cols).
// Bad value: the flat index of a weight that is negative, nan or infinite. Without mass: the row.
template <class Real>
Result multinomial(std::int64_t* out, const Real* weights, std::int64_t rows, std::int64_t cols,
                   std::int64_t num_samples, std::uint64_t seed, const Run& run);

}  // namespace bigram
