// Checks the targets of a batch and sums their class weights.
//
//   mass = sum_r weight[y_r] over the rows whose target y_r is not ignored; weight is 1 without one
//
// targets (rows) int32 or int64 of any stride, weight (classes) float64. Three comparisons and 4 or
// 8 bytes read a target. The blocks of the sum have a fixed size and are added in order, so it has
// the same bits for any number of threads.
#include "bigram/cross_entropy/targets.hpp"

#include <algorithm>
#include <vector>

#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kTargetsPerBlock = 1 << 16;

template <class Target>
BIGRAM_INLINE bool is_bad(Target target, int64_t classes, int64_t ignore_index) {
    const int64_t y = target;
    // Without a short circuit: a branch here would keep the loop below from being vectorised.
    return (y != ignore_index) & ((y < 0) | (y >= classes));
}

// Whether any target is bad, and how many are not ignored. The loop does not stop at a bad target,
// which is rare: it only learns that there is one, 8 or 16 targets at a time.
template <class Target>
BIGRAM_INLINE bool any_bad_body(const Target* targets, int64_t stride, int64_t size,
                                int64_t classes, int64_t ignore_index, int64_t* counted) {
    int64_t count = 0;
    int64_t bad = 0;
    const auto visit = [&](Target target) {
        count += target != ignore_index;
        bad |= is_bad(target, classes, ignore_index);
    };
    if (stride == 1) {  // written out, so that the compiler sees contiguous loads
        for (int64_t i = 0; i < size; ++i)
            visit(targets[i]);
    } else {
        for (int64_t i = 0; i < size; ++i)
            visit(targets[i * stride]);
    }
    *counted = count;
    return bad != 0;
}

BIGRAM_CLONES(bool, any_bad,
              (const std::int32_t* targets, int64_t stride, int64_t size, int64_t classes,
               int64_t ignore_index, int64_t* counted),
              (targets, stride, size, classes, ignore_index, counted))
BIGRAM_CLONES(bool, any_bad,
              (const int64_t* targets, int64_t stride, int64_t size, int64_t classes,
               int64_t ignore_index, int64_t* counted),
              (targets, stride, size, classes, ignore_index, counted))

struct BlockOfTargets {
    int64_t first_bad = -1;
    double mass = 0.0;
};

template <class Target>
BlockOfTargets sum_block(Strided<Target> targets, int64_t first, int64_t last, int64_t classes,
                         const CrossEntropyOptions& options) {
    int64_t counted = 0;
    BlockOfTargets block;
    if (any_bad(&targets.data[first * targets.stride], targets.stride, last - first, classes,
                options.ignore_index, &counted)) {
        block.first_bad = first;
        while (!is_bad(targets[block.first_bad], classes, options.ignore_index))
            ++block.first_bad;
        return block;
    }
    block.mass = static_cast<double>(counted);
    if (options.weight != nullptr) {
        block.mass = 0.0;
        for (int64_t i = first; i < last; ++i) {
            if (targets[i] != options.ignore_index) block.mass += options.weight[targets[i]];
        }
    }
    return block;
}

}  // namespace

template <class Target>
Result sum_targets(double* mass, Strided<Target> targets, int64_t rows, int64_t classes,
                   const CrossEntropyOptions& options, const Run& run) {
    const int64_t num_blocks = ceil_div(rows, kTargetsPerBlock);
    std::vector<BlockOfTargets> blocks(static_cast<std::size_t>(num_blocks));
    const auto body = [&](int64_t b, int) {
        const int64_t last = std::min(rows, (b + 1) * kTargetsPerBlock);
        blocks[static_cast<std::size_t>(b)] =
            sum_block(targets, b * kTargetsPerBlock, last, classes, options);
    };
    if (!parallel_for(run, num_blocks, body)) return Result::interrupted();
    *mass = 0.0;
    for (const BlockOfTargets& block : blocks) {
        if (block.first_bad >= 0) return Result::bad_value(block.first_bad);
        *mass += block.mass;
    }
    return {};
}

template Result sum_targets(double*, Strided<std::int32_t>, int64_t, int64_t,
                            const CrossEntropyOptions&, const Run&);
template Result sum_targets(double*, Strided<int64_t>, int64_t, int64_t, const CrossEntropyOptions&,
                            const Run&);

}  // namespace bigram
