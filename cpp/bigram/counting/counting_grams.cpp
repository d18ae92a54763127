// Counting bytes by n-grams: one increment for order - 1 pairs.
//
//   grams[((t0 * base + t1) * base + t2) * base + t3] += 1     at every third token (order 4)
//   grams[(t0 * base + t1) * base + t2] += 1                   at every second (order 3)
//
// A core stores once a cycle, and a table of pairs takes one store a pair: longer n-grams take
// fewer. grams (base ** order) is of 16 bits, to stay in L2; a cell that wraps hands 65,536 to its
// pairs. At the end each n-gram is folded down to the pairs in it. With AVX2 three pairs take about
// 14 instructions; without it, trigrams alone pay.
#include "bigram/counting/counting_grams.hpp"

#include <algorithm>

#include "bigram/runtime/intrinsics.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint16_t;
using std::uint32_t;
using std::uint8_t;

constexpr int64_t kStep = 128;      // n-grams whose cells are found before they are counted
constexpr int64_t kMaxBase = 127;   // vpmaddubsw's second factor is signed
constexpr int64_t kSmallBase = 32;  // up to it, counting by four stays in L2
constexpr int64_t kSamples = 64;    // places that are looked at for the bytes in use
constexpr int64_t kSampleBytes = 64;
constexpr int64_t kOverread = 32;  // bytes that a vector may read beyond the last n-gram
constexpr int64_t kPairsACell =
    4;  // as many pairs at least, or zeroing and folding cost more than they save

// cells[k] of the n-gram at tokens[k * (order - 1)], k < kStep; returns whether all tokens that
// were read have an id, without which cells may be anything. Here the ids are the tokens.
BIGRAM_INLINE bool trigram_cells_body(uint32_t* BIGRAM_RESTRICT cells, const uint8_t* tokens,
                                      uint32_t base) {
    uint8_t largest = 0;
    for (int64_t k = 0; k < kStep; ++k) {
        const uint8_t a = tokens[2 * k];
        const uint8_t b = tokens[2 * k + 1];
        const uint8_t c = tokens[2 * k + 2];
        largest = std::max(largest, std::max(a, std::max(b, c)));
        cells[k] = static_cast<uint16_t>(a * base + b) * base + c;
    }
    return largest < base;
}

#if BIGRAM_X86
// Eight n-grams at a time: each is gathered in four bytes, and two multiply-adds with the powers of
// base turn it into its cell.
template <int order, bool shifted>
BIGRAM_TARGET_AVX2 bool gram_cells_avx2(uint32_t* cells, const uint8_t* tokens,
                                        const GramPlan& plan) {
    static_assert(order == 3 || order == 4, "");
    const int base = static_cast<int>(plan.base);
    const __m256i halves = order == 4 ? _mm256_setr_epi32(0, 1, 2, 3, 3, 4, 5, 6)
                                      : _mm256_setr_epi32(0, 1, 2, 3, 2, 3, 4, 5);
    const __m256i bytes = _mm256_broadcastsi128_si256(
        order == 4 ? _mm_setr_epi8(0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 10, 11, 12)
                   : _mm_setr_epi8(0, 1, 2, -1, 2, 3, 4, -1, 4, 5, 6, -1, 6, 7, 8, -1));
    const __m256i inner = _mm256_set1_epi32(order == 4 ? (base << 16 | 1 << 24 | base | 1 << 8)
                                                       : (1 << 16 | 1 << 8 | base));
    const __m256i outer =
        _mm256_set1_epi32(order == 4 ? (base * base | 1 << 16) : (base | 1 << 16));
    const __m256i low = _mm256_set1_epi8(static_cast<char>(plan.low));
    const __m256i zero = _mm256_set1_epi8(static_cast<char>(plan.zero));
    __m256i largest = _mm256_setzero_si256();
    __m256i strange = _mm256_setzero_si256();
    for (int64_t k = 0; k < kStep; k += 8) {
        const __m256i loaded =
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tokens + k * (order - 1)));
        const __m256i ids = shifted ? _mm256_subs_epu8(loaded, low) : loaded;
        largest = _mm256_max_epu8(largest, ids);
        if (shifted) {
            const __m256i is_zero = _mm256_cmpeq_epi8(ids, _mm256_setzero_si256());
            strange = _mm256_or_si256(
                strange, _mm256_andnot_si256(_mm256_cmpeq_epi8(loaded, zero), is_zero));
        }
        const __m256i grams = _mm256_shuffle_epi8(_mm256_permutevar8x32_epi32(ids, halves), bytes);
        _mm256_store_si256(reinterpret_cast<__m256i*>(cells + k),
                           _mm256_madd_epi16(_mm256_maddubs_epi16(grams, inner), outer));
    }
    const __m256i above = _mm256_subs_epu8(largest, _mm256_set1_epi8(static_cast<char>(base - 1)));
    const __m256i wrong = _mm256_or_si256(above, strange);
    return _mm256_testz_si256(wrong, wrong) != 0;
}
#endif

BIGRAM_CLONES(bool, trigram_cells, (uint32_t* cells, const uint8_t* tokens, uint32_t base),
              (cells, tokens, base))

bool find_cells(uint32_t* cells, const uint8_t* tokens, const GramPlan& plan) {
#if BIGRAM_X86
    if (active_isa() >= Isa::avx2) {
        if (plan.low == 0) {
            return plan.order == 4 ? gram_cells_avx2<4, false>(cells, tokens, plan)
                                   : gram_cells_avx2<3, false>(cells, tokens, plan);
        }
        return plan.order == 4 ? gram_cells_avx2<4, true>(cells, tokens, plan)
                               : gram_cells_avx2<3, true>(cells, tokens, plan);
    }
#endif
    return trigram_cells(cells, tokens, static_cast<uint32_t>(plan.base));
}

// A cell of 16 bits has wrapped: its pairs get what it stood for.
BIGRAM_COLD void carry(uint32_t* pairs, int64_t stride, int64_t cell, const GramPlan& plan) {
    int64_t next = cell % plan.base;
    for (int64_t k = 1; k < plan.order; ++k) {
        cell /= plan.base;
        pairs[plan.byte_of(cell % plan.base) * stride + plan.byte_of(next)] += 1 << 16;
        next = cell % plan.base;
    }
}

// Ids for the bytes that occur in some blocks, spread over all tokens.
void fit_ids(GramPlan* plan, const uint8_t* tokens, int64_t size, int64_t vocab_size) {
    bool seen[256] = {};
    for (int64_t block = 0; block < kSamples; ++block) {
        const int64_t start = (size - kSampleBytes) / kSamples * block;
        for (int64_t k = 0; k < kSampleBytes; ++k)
            seen[tokens[start + k]] = true;
    }
    const int64_t end = std::min<int64_t>(vocab_size, 256);
    const auto next = [&](int64_t byte) { return std::find(seen + byte, seen + end, true) - seen; };
    int64_t last = end - 1;
    while (last > 0 && !seen[last])
        --last;
    const int64_t zero = next(0);
    if (zero >= last) return;
    const int64_t low = next(zero + 1) - 1;
    *plan = {0, std::min(last - low + 1, kMaxBase), static_cast<uint8_t>(low),
             static_cast<uint8_t>(zero)};
}

// sums (count) += counts; returns the sum of all.
BIGRAM_INLINE uint32_t add_counts_body(uint32_t* BIGRAM_RESTRICT sums,
                                       const uint16_t* BIGRAM_RESTRICT counts, int64_t count) {
    uint32_t all = 0;
    for (int64_t k = 0; k < count; ++k) {
        all += counts[k];
        sums[k] += counts[k];
    }
    return all;
}

BIGRAM_CLONES(uint32_t, add_counts, (uint32_t* sums, const uint16_t* counts, int64_t count),
              (sums, counts, count))

// pairs += those in trigrams (base ** 3).
template <class Cell>
void fold_trigrams(uint32_t* pairs, int64_t stride, const Cell* trigrams, const GramPlan& plan) {
    const int64_t base = plan.base;
    for (int64_t row = 0; row < base * base; ++row) {
        const int64_t first = plan.byte_of(row / base);
        const int64_t second = plan.byte_of(row % base);
        const Cell* const counts = trigrams + row * base;
        uint32_t* const last = pairs + second * stride;
        last[plan.zero] += counts[0];
        uint32_t sum = counts[0];
        for (int64_t j = 1; j < base; ++j) {
            sum += counts[j];
            last[plan.low + j] += counts[j];
        }
        pairs[first * stride + second] += sum;
    }
}

}  // namespace

GramPlan plan_grams(const uint8_t* tokens, int64_t size, int64_t vocab_size, int64_t num_pairs) {
    GramPlan plan{0, std::min(vocab_size, kMaxBase)};
    const bool avx2 = BIGRAM_X86 && active_isa() >= Isa::avx2;
    if (avx2 && vocab_size > kSmallBase && size > 16 * kSamples * kSampleBytes)
        fit_ids(&plan, tokens, size, vocab_size);
    for (plan.order = avx2 && plan.base <= kSmallBase ? 4 : 3; plan.order >= 3; --plan.order) {
        if (num_pairs >= kPairsACell * plan.cells()) return plan;
    }
    return {};
}

int64_t add_grams(uint16_t* grams, uint32_t* pairs, int64_t stride, const uint8_t* tokens,
                  int64_t begin, int64_t end, int64_t size, const GramPlan& plan) {
    alignas(64) uint32_t cells[kStep];
    const int64_t pairs_a_step = kStep * (plan.order - 1);
    int64_t start = begin;
    for (; start + pairs_a_step <= end && start + pairs_a_step + kOverread <= size;
         start += pairs_a_step) {
        prefetch_stream(tokens + start, pairs_a_step);
        if (!find_cells(cells, tokens + start, plan)) break;
        BIGRAM_UNROLL_8
        for (int64_t k = 0; k < kStep; ++k) {
            if (++grams[cells[k]] == 0) carry(pairs, stride, cells[k], plan);
        }
    }
    return start;
}

void fold_grams(uint32_t* pairs, int64_t stride, uint32_t* trigrams, const uint16_t* grams,
                const GramPlan& plan) {
    if (plan.order == 3) return fold_trigrams(pairs, stride, grams, plan);
    // The last three tokens of each, over all first ones: long runs, which vectors add.
    const int64_t square = plan.base * plan.base;
    for (int64_t block = 0; block < square; ++block) {
        const int64_t first = plan.byte_of(block / plan.base);
        const int64_t second = plan.byte_of(block % plan.base);
        pairs[first * stride + second] +=
            add_counts(trigrams + block % plan.base * square, grams + block * square, square);
    }
    fold_trigrams(pairs, stride, trigrams, plan);
}

}  // namespace bigram
