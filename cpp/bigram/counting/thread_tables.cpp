// Dense counting from threads: each counts blocks of pairs into its own table of 32-bit cells,
// which are added up at the end.
//
//   counts += sum over threads of (table of pairs + what the table of n-grams stands for)
//
// With a private table a thread shares no cache line with another, and counts in half the bytes;
// the price is V * V cells zeroed and added. Texts above 2^31 pairs are counted in rounds of that
// many, so that no cell can wrap. counts are written only after a whole round was good.
#include "bigram/counting/thread_tables.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <type_traits>

#include "bigram/counting/counting_grams.hpp"
#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/memory.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint16_t;
using std::uint32_t;
using std::uint8_t;

constexpr int64_t kLeastBlock = 1 << 16;  // some 50 us of work: less is not worth waking a thread
constexpr int64_t kLeastByteBlock = 84 * 3 * kStepPairs;  // bytes are counted faster
constexpr int64_t kRound = int64_t{1} << 31;              // pairs before 32-bit tables are emptied
constexpr int64_t kTwinCells = 1 << 17;  // a smaller table has a twin, to which every second pair
                                         // goes, so that a repeated pair need not wait for its last
                                         // increment: 1.2 times

// Rows of a thread's table. Where a row is a multiple of a page, cells of hot columns agree in the
// low bits of their addresses: they evict each other, and loads wait for stores to other cells.
// An odd number of cache lines, not near a page, is up to 10 times faster on text at V = 1024.
int64_t padded_stride(int64_t vocab_size) {
    constexpr int64_t kLine = 16;
    if (vocab_size < 4 * kLine) return vocab_size;
    int64_t lines = ceil_div(vocab_size, kLine) | 1;
    while (lines % 64 < 5 || lines % 64 > 59)
        lines += 2;
    return lines * kLine;
}

// What the threads count into: for each a table of pairs (twice, while it is small) and of n-grams.
struct Tables {
    int64_t vocab_size;
    int64_t stride;
    int64_t twins;
    int num_threads;
    GramPlan plan;
    Buffer<uint32_t> pairs;
    Buffer<uint16_t> grams;
    Buffer<uint32_t> sums;  // working memory to fold them

    int64_t cells() const { return vocab_size * stride; }
    uint32_t* pairs_of(int thread, int64_t twin = 0) const {
        return pairs.get() + (thread * twins + twin) * cells();
    }
    uint16_t* grams_of(int thread) const { return grams.get() + thread * plan.cells(); }
    PairTable<uint32_t> table_of(int thread) const {
        return {pairs_of(thread), pairs_of(thread, twins - 1), stride};
    }
};

template <class Token>
int64_t add_block(const Tables& tables, int thread, const TokenStream<Token>& stream, int64_t begin,
                  int64_t end) {
    const PairTable<uint32_t> table = tables.table_of(thread);
    int64_t start = begin;
    if constexpr (std::is_same_v<Token, uint8_t>) {
        while (tables.plan.order > 0 && start < end) {
            start = add_grams(tables.grams_of(thread), table.even, table.stride, stream.tokens.data,
                              start, end, stream.tokens.size, tables.plan);
            const int64_t stop = std::min(end, start + 4 * kStepPairs);  // a rest, or larger bytes
            const int64_t bad = add_pairs<uint32_t>(table, stream, start, stop, 1);
            if (bad >= 0) return bad;
            start = stop;
        }
    }
    if (start < end || begin == end) {
        const int64_t bad = add_pairs<uint32_t>(table, stream, start, end, 1);
        if (bad >= 0) return bad;
    }
    remove_crossings<uint32_t>(table, stream, begin, end, 1);
    return -1;
}

// out (count) += sign * (even + odd). In 32 bits the sum may wrap on the way, where a crossing was
// taken off the other twin. Most rows of a large table of few tokens are empty. Returns whether a
// count passed the largest number.
BIGRAM_INLINE bool add_row_body(int64_t* BIGRAM_RESTRICT out, const uint32_t* even,
                                const uint32_t* odd, int64_t count, int64_t sign) {
    uint32_t any = 0;
    for (int64_t j = 0; j < count; ++j)
        any |= even[j] | odd[j];
    if (any == 0) return false;
    const uint32_t odd_mask = even == odd ? 0 : ~uint32_t{0};
    int64_t wrapped = 0;
    for (int64_t j = 0; j < count; ++j) {
        const uint32_t sum = even[j] + (odd[j] & odd_mask);
        const int64_t old = out[j];
        out[j] = wrapping_sum(old, sign * static_cast<int64_t>(sum));
        wrapped |= ~old & out[j];
    }
    return sign > 0 && wrapped < 0;
}

BIGRAM_CLONES(bool, add_row,
              (int64_t* out, const uint32_t* even, const uint32_t* odd, int64_t count,
               int64_t sign),
              (out, even, odd, count, sign))

// What was counted by n-grams, added to the tables of pairs.
bool fold(const Tables& tables, const Run& run) {
    if (tables.plan.order == 0) return true;
    return parallel_for(run, tables.num_threads, [&](int64_t number, int) {
        const int thread = static_cast<int>(number);
        fold_grams(tables.pairs_of(thread), tables.stride,
                   tables.sums.get() + thread * tables.plan.sums(), tables.grams_of(thread),
                   tables.plan);
    });
}

// counts += sign * the sum of the tables of pairs. Where a count would pass the largest number,
// they are left as they were.
Result add_tables(int64_t* counts, const Tables& tables, int64_t sign, const Run& run) {
    const int64_t rows = ceil_div(1 << 18, tables.vocab_size);
    std::atomic<bool> wrapped{false};
    const auto body = [&](int64_t block, int) {
        const int64_t end = std::min(tables.vocab_size, (block + 1) * rows);
        for (int64_t i = block * rows; i < end; ++i) {
            for (int t = 0; t < tables.num_threads; ++t) {
                if (add_row(counts + i * tables.vocab_size, tables.pairs_of(t) + i * tables.stride,
                            tables.pairs_of(t, tables.twins - 1) + i * tables.stride,
                            tables.vocab_size, sign)) {
                    wrapped.store(true, std::memory_order_relaxed);
                }
            }
        }
    };
    if (!parallel_for(run, ceil_div(tables.vocab_size, rows), body)) return Result::interrupted();
    if (!wrapped.load()) return {};
    add_tables(counts, tables, -sign, run);
    return Result::overflow();
}

}  // namespace

template <class Token>
Result count_in_threads(int64_t* counts, const TokenStream<Token>& stream, int64_t begin,
                        int64_t end, int64_t sign, const Run& run) {
    Tables tables;
    tables.vocab_size = stream.vocab_size;
    tables.stride = padded_stride(stream.vocab_size);
    tables.twins = tables.cells() <= std::min(kTwinCells, (end - begin) / 16) ? 2 : 1;
    // As many blocks for each thread, of much the same size.
    const int64_t share = ceil_div(end - begin, std::max(1, run.num_threads));
    const int64_t steps = ceil_div(ceil_div(share, ceil_div(share, kBlockPairs)), 3 * kStepPairs);
    const int64_t least = sizeof(Token) == 1 ? kLeastByteBlock : kLeastBlock;
    const int64_t block_pairs = std::max(least, steps * 3 * kStepPairs);
    tables.num_threads = team_size(run, ceil_div(std::min(end - begin, kRound), block_pairs));
    if constexpr (std::is_same_v<Token, uint8_t>) {
        if (stream.tokens.stride == 1) {
            tables.plan = plan_grams(stream.tokens.data + begin, end + 1 - begin, stream.vocab_size,
                                     (end - begin) / tables.num_threads);
        }
    }
    for (int64_t round = begin; round < end; round += kRound) {
        tables.pairs = zeroed<uint32_t>(tables.cells() * tables.twins * tables.num_threads);
        tables.grams = zeroed<uint16_t>(tables.plan.cells() * tables.num_threads);
        tables.sums = zeroed<uint32_t>(tables.plan.sums() * tables.num_threads);
        const int64_t round_end = std::min(end, round + kRound);
        std::atomic<int64_t> first_bad{std::numeric_limits<int64_t>::max()};
        const auto body = [&](int64_t block, int thread) {
            const int64_t start = round + block * block_pairs;
            if (start > first_bad.load(std::memory_order_relaxed)) return;
            const int64_t stop = std::min(round_end, start + block_pairs);
            const int64_t bad = add_block(tables, thread, stream, start, stop);
            if (bad >= 0) lower_to(first_bad, bad);
        };
        if (!parallel_for(run, ceil_div(round_end - round, block_pairs), body)) {
            return Result::interrupted();
        }
        if (first_bad.load() <= round_end) {
            if (round > begin) count_in_threads(counts, stream, begin, round, -sign, run);
            return Result::bad_value(first_bad.load());
        }
        if (!fold(tables, run)) return Result::interrupted();
        const Result added = add_tables(counts, tables, sign, run);
        if (added.status == Status::overflow && round > begin) {
            count_in_threads(counts, stream, begin, round, -sign, run);
        }
        if (!added.ok()) return added;
    }
    return {};
}

#define BIGRAM_INSTANTIATE(Token)                                                           \
    template Result count_in_threads(int64_t*, const TokenStream<Token>&, int64_t, int64_t, \
                                     int64_t, const Run&);
BIGRAM_INSTANTIATE(uint8_t)
BIGRAM_INSTANTIATE(uint16_t)
BIGRAM_INSTANTIATE(uint32_t)
BIGRAM_INSTANTIATE(std::int32_t)
BIGRAM_INSTANTIATE(int64_t)
#undef BIGRAM_INSTANTIATE

}  // namespace bigram
