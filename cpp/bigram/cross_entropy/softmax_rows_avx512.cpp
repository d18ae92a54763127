// The parts of a softmax for float in explicit AVX-512: what plain loops lose on narrow rows.
//
//   e[r, j] = e^x[r, j],  sums[r] = sum_j e[r, j]        where every |x| <= kNear
//
// There is no pass for the maximum: e^24 times any number of columns is far from float's largest
// number, and the rounding of e^x = 2^n e^r does not depend on what is subtracted from n. Rows of
// at most 64 columns stay in registers, 16 rows at a time; longer rows run four vectors at a time
// and prefetch the row after them. About 10 instructions for 16 elements, each read once. Where a
// logit is larger, the caller takes a maximum (softmax_rows.cpp). Prefetches beyond the end of x do
// nothing.
#include "bigram/runtime/intrinsics.hpp"
#include "bigram/runtime/isa.hpp"

#if BIGRAM_X86

#include <cstdint>
#include <limits>

#include "bigram/cross_entropy/softmax_rows.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram::avx512 {
namespace {

using std::int64_t;

#define BIGRAM_AVX512_INLINE BIGRAM_TARGET_AVX512 inline __attribute__((always_inline))

constexpr float kNear = 24.0f;
constexpr int64_t kElementsAhead = 1536;  // how far ahead short rows are prefetched
constexpr int64_t kChunk = 512;           // elements summed in float before they go to float64

// e^r for |r| <= ln(2) / 2: the polynomial of vector_math.hpp.
BIGRAM_AVX512_INLINE __m512 exp_reduced(__m512 r) {
    __m512 p = _mm512_set1_ps(0.00138150048453f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.00836873243771f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0416683850837f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.166665205138f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.49999993432f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
}

// e^x / 2^shift: exp_shifted of vector_math.hpp, but scalef multiplies by 2^(n - shift) and flushes
// to zero by itself. near: for |x| <= kNear, without shift and bound, and with ln 2 in one piece
// instead of two. n is then at most 35, so the error of ln 2 adds 7e-8 at most, under one ulp.
template <bool near>
BIGRAM_AVX512_INLINE __m512 exp_shifted(__m512 x, __m512 shift) {
    if (!near) {
        // Results below 2^-200 are 0 whatever x is. The bound also replaces -inf, for which n and
        // n ln 2 are infinite and r = x - n ln 2 would be nan.
        const __m512 lowest =
            _mm512_mul_ps(_mm512_sub_ps(shift, _mm512_set1_ps(200.0f)), _mm512_set1_ps(0.6931472f));
        x = _mm512_max_ps(lowest, x);
    }
    const __m512 magic = _mm512_set1_ps(12582912.0f);  // 1.5 * 2^23: x + magic is an integer
    const __m512 n = _mm512_sub_ps(_mm512_fmadd_ps(x, _mm512_set1_ps(1.44269504f), magic), magic);
    if (near) {
        const __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693147182f), x);
        return _mm512_scalef_ps(exp_reduced(r), n);
    }
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    return _mm512_scalef_ps(exp_reduced(r), _mm512_sub_ps(n, shift));
}

// The larger absolute value of each lane: 0b11 chooses the larger magnitude, 0b10 before it clears
// the sign.
BIGRAM_AVX512_INLINE __m512 max_abs(__m512 a, __m512 b) {
    return _mm512_range_ps(a, b, 0b1011);
}

// range_ps takes the number where one operand is a nan, so a nan passes here. It shows in the sum.
BIGRAM_AVX512_INLINE bool all_near(__m512 largest) {
    return _mm512_cmp_ps_mask(largest, _mm512_set1_ps(kNear), _CMP_LE_OQ) == 0xffff;
}

BIGRAM_AVX512_INLINE __mmask16 tail_mask(int64_t count) {
    return static_cast<__mmask16>((1U << count) - 1U);
}

BIGRAM_AVX512_INLINE __m512d low_half(__m512 v) {
    return _mm512_cvtps_pd(_mm512_castps512_ps256(v));
}

BIGRAM_AVX512_INLINE __m512d high_half(__m512 v) {
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
}

// The sums of sixteen vectors, lane r of the result that of v[r]: a 16 x 16 transposition with
// additions on the way, 15 additions instead of 16 reductions of four each. The first step adds
// pairs of lanes inside each quarter of the vectors, the second pairs of pairs, the last two add
// quarters. The order of the additions is the same for every row.
BIGRAM_AVX512_INLINE __m512 transposed_sums(const __m512 (&v)[16]) {
    __m512 quads[4];
    for (int q = 0; q < 4; ++q) {
        const __m512 ab = _mm512_add_ps(_mm512_unpacklo_ps(v[4 * q], v[4 * q + 1]),
                                        _mm512_unpackhi_ps(v[4 * q], v[4 * q + 1]));
        const __m512 cd = _mm512_add_ps(_mm512_unpacklo_ps(v[4 * q + 2], v[4 * q + 3]),
                                        _mm512_unpackhi_ps(v[4 * q + 2], v[4 * q + 3]));
        const __m512d lo = _mm512_unpacklo_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
        const __m512d hi = _mm512_unpackhi_pd(_mm512_castps_pd(ab), _mm512_castps_pd(cd));
        quads[q] = _mm512_add_ps(_mm512_castpd_ps(lo), _mm512_castpd_ps(hi));
    }
    const __m512 first = _mm512_add_ps(_mm512_shuffle_f32x4(quads[0], quads[1], 0x88),
                                       _mm512_shuffle_f32x4(quads[0], quads[1], 0xdd));
    const __m512 second = _mm512_add_ps(_mm512_shuffle_f32x4(quads[2], quads[3], 0x88),
                                        _mm512_shuffle_f32x4(quads[2], quads[3], 0xdd));
    return _mm512_add_ps(_mm512_shuffle_f32x4(first, second, 0x88),
                         _mm512_shuffle_f32x4(first, second, 0xdd));
}

// Groups of sixteen rows of `vectors` vectors, the last of which is masked. The loops over rows and
// vectors have constant lengths and are unrolled, so the sums stay in registers and the
// exponentials of several rows overlap.
template <int vectors>
BIGRAM_AVX512_INLINE int64_t exp_small_rows(float* e, double* sums, const float* x, int64_t rows,
                                            int64_t cols, int64_t x_stride) {
    const __mmask16 last = tail_mask(cols - 16 * (vectors - 1));
    int64_t done = 0;
    while (done < rows) {
        const int64_t count = rows - done < 16 ? rows - done : 16;
        __m512 row_sums[16];
        __m512 largest = _mm512_setzero_ps();
        for (int64_t r = 0; r < 16; ++r) {
            // Past the end the last row is done again, and its sum is dropped: no second loop.
            const int64_t row = done + (r < count ? r : count - 1);
            const float* from = x + row * x_stride;
            float* to = e + row * 16 * vectors;
            __m512 sum = _mm512_setzero_ps();
            for (int k = 0; k < vectors; ++k) {
                prefetch(from + 16 * k + kElementsAhead);
                const __mmask16 mask = k == vectors - 1 ? last : static_cast<__mmask16>(0xffff);
                const __m512 value = _mm512_maskz_loadu_ps(mask, from + 16 * k);
                largest = max_abs(largest, value);
                // Masked lanes hold x = 0, whose e^0 = 1 must not enter the sum; e is padded, so
                // a whole vector of it can be stored.
                const __m512 power =
                    _mm512_maskz_mov_ps(mask, exp_shifted<true>(value, _mm512_setzero_ps()));
                _mm512_store_ps(to + 16 * k, power);
                sum = _mm512_add_ps(sum, power);
            }
            row_sums[r] = sum;
        }
        if (!all_near(largest)) break;
        const __m512 total = transposed_sums(row_sums);
        if (count == 16) {
            _mm512_storeu_pd(sums + done, low_half(total));
            _mm512_storeu_pd(sums + done + 8, high_half(total));
        } else {
            _mm512_mask_storeu_pd(sums + done, static_cast<__mmask8>(tail_mask(count)),
                                  low_half(total));
            _mm512_mask_storeu_pd(sums + done + 8, static_cast<__mmask8>(tail_mask(count) >> 8),
                                  high_half(total));
        }
        done += count;
    }
    return done;
}

// One row of any length. Four vectors at a time: an addition takes four cycles, and four of them
// that do not wait for each other are under way. near: without a shift, *good tells whether all
// logits were near, and a row with another is left after at most one chunk.
template <bool near>
BIGRAM_AVX512_INLINE double exp_long_row(float* e, const float* x, int64_t size, float shift,
                                         int64_t ahead, bool* good) {
    const __m512 shifts = _mm512_set1_ps(shift);
    __m512 largest = _mm512_setzero_ps();
    __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
    int64_t j = 0;
    while (j < size) {
        const int64_t end = size - j < kChunk ? size : j + kChunk;
        __m512 sum[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                         _mm512_setzero_ps()};
        for (; j + 64 <= end; j += 64) {
            for (int k = 0; k < 4; ++k) {
                const __m512 value = _mm512_loadu_ps(x + j + 16 * k);
                _mm_prefetch(reinterpret_cast<const char*>(x + ahead + j + 16 * k), _MM_HINT_T1);
                if (near) largest = max_abs(largest, value);
                const __m512 power = exp_shifted<near>(value, shifts);
                _mm512_storeu_ps(e + j + 16 * k, power);
                sum[k] = _mm512_add_ps(sum[k], power);
            }
        }
        for (int k = 0; j < end; j += 16, ++k) {  // at most three whole vectors and a masked one
            const __mmask16 mask =
                end - j < 16 ? tail_mask(end - j) : static_cast<__mmask16>(0xffff);
            const __m512 value = _mm512_maskz_loadu_ps(mask, x + j);
            if (near) largest = max_abs(largest, value);
            const __m512 power = exp_shifted<near>(value, shifts);
            _mm512_mask_storeu_ps(e + j, mask, power);
            sum[k] = _mm512_mask_add_ps(sum[k], mask, sum[k], power);
        }
        const __m512 chunk =
            _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
        low = _mm512_add_pd(low, low_half(chunk));
        high = _mm512_add_pd(high, high_half(chunk));
        if (near && !all_near(largest)) {
            *good = false;
            return 0.0;
        }
    }
    return _mm512_reduce_add_pd(_mm512_add_pd(low, high));
}

BIGRAM_AVX512_INLINE void scale_row(float* out, const float* e, int64_t size, __m512 scale) {
    int64_t j = 0;
    for (; j + 16 <= size; j += 16)
        _mm512_storeu_ps(out + j, _mm512_mul_ps(_mm512_loadu_ps(e + j), scale));
    if (j < size) {
        const __mmask16 mask = tail_mask(size - j);
        _mm512_mask_storeu_ps(out + j, mask,
                              _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, e + j), scale));
    }
}

}  // namespace

BIGRAM_TARGET_AVX512 int64_t exp_near_rows(float* e, double* sums, const float* x, int64_t rows,
                                           int64_t cols, int64_t x_stride) {
    if (cols <= 16) return exp_small_rows<1>(e, sums, x, rows, cols, x_stride);
    if (cols <= 32) return exp_small_rows<2>(e, sums, x, rows, cols, x_stride);
    if (cols <= 48) return exp_small_rows<3>(e, sums, x, rows, cols, x_stride);
    if (cols <= 64) return exp_small_rows<4>(e, sums, x, rows, cols, x_stride);
    for (int64_t r = 0; r < rows; ++r) {
        bool good = true;
        sums[r] =
            exp_long_row<true>(e + r * padded(cols), x + r * x_stride, cols, 0.0f, x_stride, &good);
        if (!good) return r;
    }
    return rows;
}

BIGRAM_TARGET_AVX512 double exp_row(float* e, const float* x, int64_t size, float shift) {
    bool good = true;
    return exp_long_row<false>(e, x, size, shift, size, &good);
}

BIGRAM_TARGET_AVX512 float row_max(const float* x, int64_t size) {
    const __m512 lowest = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
    __m512 lanes[4] = {lowest, lowest, lowest, lowest};
    int64_t j = 0;
    for (; j + 64 <= size; j += 64) {
        for (int k = 0; k < 4; ++k)
            lanes[k] = _mm512_max_ps(lanes[k], _mm512_loadu_ps(x + j + 16 * k));
    }
    for (; j < size; j += 16) {
        const __mmask16 mask = size - j < 16 ? tail_mask(size - j) : static_cast<__mmask16>(0xffff);
        lanes[0] = _mm512_max_ps(lanes[0], _mm512_mask_loadu_ps(lowest, mask, x + j));
    }
    return _mm512_reduce_max_ps(
        _mm512_max_ps(_mm512_max_ps(lanes[0], lanes[1]), _mm512_max_ps(lanes[2], lanes[3])));
}

BIGRAM_TARGET_AVX512 void scale_rows(float* out, const float* e, const double* scale, int64_t rows,
                                     int64_t cols, int64_t out_stride) {
    for (int64_t r = 0; r < rows; ++r) {
        const __m512 factors = _mm512_set1_ps(static_cast<float>(scale[r]));
        scale_row(out + r * out_stride, e + r * padded(cols), cols, factors);
    }
}

}  // namespace bigram::avx512

#endif
