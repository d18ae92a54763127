// Sums in eight fixed lanes, for loops that vector units are to run.
//
//   lane k = term(k) + term(k + 8) + term(k + 16) + ...
//   sum    = ((lane 0 + lane 1) + (lane 2 + lane 3)) + ((lane 4 + lane 5) + (lane 6 + lane 7))
//
// A compiler may not reorder additions of floating-point numbers, so a plain sum is one chain of
// dependent additions. Here the order is fixed and independent of the width of the vectors: the
// same bits at every instruction set, and up to eight additions at a time.
#pragma once

#include <cstdint>

#include "bigram/runtime/isa.hpp"

namespace bigram {

// The sum of term(j) for j in [0, size).
template <class Term>
BIGRAM_INLINE double sum_in_lanes(std::int64_t size, const Term& term) {
    constexpr int kSumLanes = 8;
    double lanes[kSumLanes] = {};
    std::int64_t j = 0;
    for (; j + kSumLanes <= size; j += kSumLanes) {
        for (int k = 0; k < kSumLanes; ++k)
            lanes[k] += term(j + k);
    }
    for (int k = 0; j + k < size; ++k)
        lanes[k] += term(j + k);
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
           ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

}  // namespace bigram
