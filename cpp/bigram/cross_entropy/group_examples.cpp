// Groups examples (context, target) by their context, so that equal contexts share one softmax.
//
// contexts, targets (n) of any integer type and stride. Of the groups: rows (g) the distinct
// contexts, ascending, starts (g + 1) and targets (n). O(n + vocab), or O(n log n) for few
// examples.
#include <algorithm>
#include <cstdint>

#include "bigram/cross_entropy/embedding_cross_entropy.hpp"

namespace bigram {
namespace {

using std::int64_t;

// Counting sort, O(n + vocab): a count for each context, the places where its examples begin, then
// each example to its place.
template <class Context, class Target>
void group_by_counting(GroupedExamples* groups, const Context* contexts, int64_t context_stride,
                       const Target* targets, int64_t target_stride, int64_t n, int64_t vocab) {
    std::vector<int64_t> place(static_cast<std::size_t>(vocab));
    for (int64_t i = 0; i < n; ++i)
        ++place[static_cast<std::size_t>(contexts[i * context_stride])];
    int64_t start = 0;
    for (int64_t v = 0; v < vocab; ++v) {
        const int64_t count = place[static_cast<std::size_t>(v)];
        place[static_cast<std::size_t>(v)] = start;
        if (count == 0) continue;
        groups->rows.push_back(v);
        groups->starts.push_back(start);
        start += count;
    }
    for (int64_t i = 0; i < n; ++i) {
        int64_t& next = place[static_cast<std::size_t>(contexts[i * context_stride])];
        groups->targets[static_cast<std::size_t>(next++)] =
            static_cast<std::int32_t>(targets[i * target_stride]);
    }
}

// Few examples of a large vocabulary, where the counts would cost more than the examples: sorts the
// keys (context, number of the example), O(n log n). The number in the low half keeps examples of a
// context in their order, as the counting sort does. n < 2^32.
template <class Context, class Target>
void group_by_sorting(GroupedExamples* groups, const Context* contexts, int64_t context_stride,
                      const Target* targets, int64_t target_stride, int64_t n) {
    std::vector<std::uint64_t> keys(static_cast<std::size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
        keys[static_cast<std::size_t>(i)] = static_cast<std::uint64_t>(contexts[i * context_stride])
                                                << 32 |
                                            static_cast<std::uint64_t>(i);
    }
    std::sort(keys.begin(), keys.end());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const int64_t context = static_cast<int64_t>(keys[i] >> 32);
        const int64_t example = static_cast<int64_t>(keys[i] & 0xffffffffU);
        if (groups->rows.empty() || groups->rows.back() != context) {
            groups->rows.push_back(context);
            groups->starts.push_back(static_cast<int64_t>(i));
        }
        groups->targets[i] = static_cast<std::int32_t>(targets[example * target_stride]);
    }
}

template <class Token>
int64_t first_outside(const Token* tokens, int64_t stride, int64_t n, int64_t limit) {
    for (int64_t i = 0; i < n; ++i) {
        if (static_cast<std::uint64_t>(tokens[i * stride]) >= static_cast<std::uint64_t>(limit))
            return i;
    }
    return n;
}

}  // namespace

template <class Context, class Target>
Result group_examples(GroupedExamples* groups, const Context* contexts, int64_t context_stride,
                      const Target* targets, int64_t target_stride, int64_t n, int64_t vocab,
                      int64_t classes) {
    const int64_t bad_context = first_outside(contexts, context_stride, n, vocab);
    if (bad_context < n) return Result::bad_value(bad_context);
    const int64_t bad_target = first_outside(targets, target_stride, n, classes);
    if (bad_target < n) return Result::bad_value(n + bad_target);
    groups->targets.resize(static_cast<std::size_t>(n));
    // The one choice that depends on the sizes; both give the same groups.
    const bool few = vocab / 8 > n + 1024;
    const int64_t most = std::min(n, vocab);
    groups->rows.reserve(static_cast<std::size_t>(most));
    groups->starts.reserve(static_cast<std::size_t>(most + 1));
    if (few) {
        group_by_sorting(groups, contexts, context_stride, targets, target_stride, n);
    } else {
        group_by_counting(groups, contexts, context_stride, targets, target_stride, n, vocab);
    }
    groups->starts.push_back(n);
    return {};
}

#define BIGRAM_INSTANCE(Context, Target)                                                     \
    template Result group_examples(GroupedExamples*, const Context*, int64_t, const Target*, \
                                   int64_t, int64_t, int64_t, int64_t);
#define BIGRAM_INSTANCES(Context)           \
    BIGRAM_INSTANCE(Context, std::uint8_t)  \
    BIGRAM_INSTANCE(Context, std::uint16_t) \
    BIGRAM_INSTANCE(Context, std::uint32_t) \
    BIGRAM_INSTANCE(Context, std::int32_t)  \
    BIGRAM_INSTANCE(Context, std::int64_t)
BIGRAM_INSTANCES(std::uint8_t)
BIGRAM_INSTANCES(std::uint16_t)
BIGRAM_INSTANCES(std::uint32_t)
BIGRAM_INSTANCES(std::int32_t)
BIGRAM_INSTANCES(std::int64_t)
#undef BIGRAM_INSTANCES
#undef BIGRAM_INSTANCE

}  // namespace bigram
