// exp and log as plain code without a branch or a table, so that loops over them are vectorised.
//
//   e^x = 2^n e^r,  n = round(x / ln 2),  |r| <= ln(2) / 2     (Cody and Waite's reduction)
//
// The softmax wants e^x / 2^shift: the shift is taken from the exponent n, which rounds nothing,
// where x - max(x) would round by half an ulp of the difference. Relative error of exp_shifted
// where the result is a normal number: float 1.3e-7 (2 ulp), double 1e-15, for |x| <= 4096;
// below 2^-126 (2^-1022) the result is 0. log_positive: relative error 1e-15 or absolute 4e-16.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "bigram/runtime/isa.hpp"

namespace bigram {

template <class T>
struct FloatFormat;

template <>
struct FloatFormat<float> {
    using Bits = std::uint32_t;
    static constexpr int mantissa_bits = 23, bias = 127;
    static constexpr float round_to_int = 12582912.0f;  // 1.5 * 2^23: adding it rounds to integer
    static constexpr float ln2_hi = 0.693359375f;       // few bits: n * ln2_hi is exact
    static constexpr float ln2_lo = -2.12194440e-4f;
};

template <>
struct FloatFormat<double> {
    using Bits = std::uint64_t;
    static constexpr int mantissa_bits = 52, bias = 1023;
    static constexpr double round_to_int = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr double ln2_hi = 6.93147180369123816490e-01;
    static constexpr double ln2_lo = 1.90821492927058770002e-10;
};

template <class T>
BIGRAM_INLINE typename FloatFormat<T>::Bits to_bits(T x) {
    typename FloatFormat<T>::Bits bits;
    std::memcpy(&bits, &x, sizeof x);
    return bits;
}

template <class T>
BIGRAM_INLINE T from_bits(typename FloatFormat<T>::Bits bits) {
    T x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// a * b + c: in one instruction where there is one, never through a library call.
template <bool Fused, class T>
BIGRAM_INLINE T mul_add(T a, T b, T c) {
    return Fused ? std::fma(a, b, c) : a * b + c;
}

// e^r for |r| <= ln(2) / 2: minimax of degree 6, error 3e-9.
template <bool Fused>
BIGRAM_INLINE float exp_reduced(float r) {
    float p = mul_add<Fused>(0.00138150048453f, r, 0.00836873243771f);
    p = mul_add<Fused>(p, r, 0.0416683850837f);
    p = mul_add<Fused>(p, r, 0.166665205138f);
    p = mul_add<Fused>(p, r, 0.49999993432f);
    p = mul_add<Fused>(p, r, 1.0f);
    return mul_add<Fused>(p, r, 1.0f);
}

// Taylor's series of degree 13, error 4e-18.
template <bool Fused>
BIGRAM_INLINE double exp_reduced(double r) {
    double p = mul_add<Fused>(1.0 / 6227020800.0, r, 1.0 / 479001600.0);
    p = mul_add<Fused>(p, r, 1.0 / 39916800.0);
    p = mul_add<Fused>(p, r, 1.0 / 3628800.0);
    p = mul_add<Fused>(p, r, 1.0 / 362880.0);
    p = mul_add<Fused>(p, r, 1.0 / 40320.0);
    p = mul_add<Fused>(p, r, 1.0 / 5040.0);
    p = mul_add<Fused>(p, r, 1.0 / 720.0);
    p = mul_add<Fused>(p, r, 1.0 / 120.0);
    p = mul_add<Fused>(p, r, 1.0 / 24.0);
    p = mul_add<Fused>(p, r, 1.0 / 6.0);
    p = mul_add<Fused>(p, r, 0.5);
    p = mul_add<Fused>(p, r, 1.0);
    return mul_add<Fused>(p, r, 1.0);
}

// Division by 2^exponent, as exp_shifted takes it.
template <class T>
struct Shift {
    T exponent;  // an integer
    T lowest;    // what x is raised to: there the scale is 2^-bias, whose bits are those of 0
    typename FloatFormat<T>::Bits offset;

    explicit Shift(T shift)
        : exponent(shift),
          lowest((shift - T(FloatFormat<T>::bias)) * T(0.6931471805599453)),
          offset(to_bits(shift + FloatFormat<T>::round_to_int) - FloatFormat<T>::bias) {}
};

// e^x / 2^shift; nan for nan. Wants |x| <= 4096, or x below shift.lowest (so -inf gives 0).
template <bool Fused, class T>
BIGRAM_INLINE T exp_shifted(T x, const Shift<T>& shift) {
    using F = FloatFormat<T>;
    x = shift.lowest > x ? shift.lowest : x;
    const T rounded = mul_add<Fused>(x, T(1.4426950408889634), F::round_to_int);
    const T n = rounded - F::round_to_int;
    const T r = mul_add<Fused>(-n, F::ln2_lo, mul_add<Fused>(-n, F::ln2_hi, x));
    const T scale = from_bits<T>((to_bits(rounded) - shift.offset) << F::mantissa_bits);
    return exp_reduced<Fused>(r) * scale;
}

// ln(x) for normal x > 0; nan for nan. x = 2^n m, m in [sqrt(1/2), sqrt(2)), s = (m-1)/(m+1),
// ln m = 2 (s + s^3/3 + s^5/5 + ...) to s^21.
template <bool Fused>
BIGRAM_INLINE double log_positive(double x) {
    const std::uint64_t bits = to_bits(x);
    // The exponent of x / sqrt(1/2), rounded down, without a conversion of 64-bit integers.
    const std::uint64_t above = bits - 0x3fe6a09e667f3bcdULL;
    const double n = from_bits<double>((((above >> 52) + 2048) & 4095) | 0x4330000000000000ULL) -
                     (4503599627370496.0 + 2048.0);
    const double m = from_bits<double>(bits - (above & 0xfff0000000000000ULL));
    const double s = (m - 1.0) / (m + 1.0);
    const double z = s * s;
    double p = mul_add<Fused>(z, 1.0 / 21.0, 1.0 / 19.0);
    p = mul_add<Fused>(p, z, 1.0 / 17.0);
    p = mul_add<Fused>(p, z, 1.0 / 15.0);
    p = mul_add<Fused>(p, z, 1.0 / 13.0);
    p = mul_add<Fused>(p, z, 1.0 / 11.0);
    p = mul_add<Fused>(p, z, 1.0 / 9.0);
    p = mul_add<Fused>(p, z, 1.0 / 7.0);
    p = mul_add<Fused>(p, z, 1.0 / 5.0);
    p = mul_add<Fused>(p, z, 1.0 / 3.0);
    const double two_s = s + s;
    const double ln_m = mul_add<Fused>(two_s * z, p, two_s);
    const double ln = mul_add<Fused>(n, 6.93147180369123816490e-01,
                                     mul_add<Fused>(n, 1.90821492927058770002e-10, ln_m));
    return x == x ? ln : x;
}

}  // namespace bigram
