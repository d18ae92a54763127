// Private to this room.
// Weights as integers: the only place where sampling rounds what it was given.
//
//   q_j = round(w_j 2^k), the power of two such that the largest q is in [2^(bits-1), 2^bits]
//
// From here on sums are exact, so that they may be taken in any order and have the same bits on
// every machine, and a weight of zero is a probability of zero. bits is 51 for up to 4,096 weights,
// less beyond, so that the sum fits in 63 bits: the error of a weight is 2^-bits of the largest
// one. Tiny and huge weights are scaled like others.
#pragma once

#include <cstdint>

namespace bigram {

// Adding 2^52 rounds a double below it to an integer and leaves that in the low bits.
constexpr double kRounder = 4503599627370496.0;
constexpr std::uint64_t kRounderBits = std::uint64_t{0x433} << 52;

int integer_weight_bits(std::int64_t size);

// q (size) from weights (size); *total their sum, 0 where no weight is positive.
// False if a weight is negative, nan or infinite: first_bad_weight tells which.
template <class Real>
bool integer_weights(std::uint64_t* q, std::uint64_t* total, const Real* weights,
                     std::int64_t size);

// The running sums of q: sums (size rounded up to 8), whose elements beyond the end are *total.
template <class Real>
bool cumulative_weights(std::uint64_t* sums, std::uint64_t* total, const Real* weights,
                        std::int64_t size);

// Index of the first weight that is negative, nan or infinite; size where there is none.
template <class Real>
std::int64_t first_bad_weight(const Real* weights, std::int64_t size);

}  // namespace bigram
