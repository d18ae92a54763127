// Private to this room.
// The targets of a batch: all of them are checked before anything is written.
#pragma once

#include <cstdint>

#include "bigram/cross_entropy/cross_entropy.hpp"

namespace bigram {

// *mass: the sum of weight[y] over the targets that are not ignored. The position of a bad value is
// that of the first target neither ignored nor in [0, classes).
template <class Target>
Result sum_targets(double* mass, Strided<Target> targets, std::int64_t rows, std::int64_t classes,
                   const CrossEntropyOptions& options, const Run& run);

}  // namespace bigram
