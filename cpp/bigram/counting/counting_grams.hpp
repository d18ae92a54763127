// Private to this room.
// Counting bytes by longer n-grams, for the dense kernel alone (counting.cpp).
#pragma once

#include <cstdint>

namespace bigram {

// Count n-grams of `order` ids below `base`; order 0 says that n-grams would not pay. Texts use few
// distinct bytes, which are close together but for the newline: id k > 0 is the byte low + k, and
// id 0 is the byte `zero`, which is at most low.
struct GramPlan {
    std::int64_t order = 0;
    std::int64_t base = 0;
    std::uint8_t low = 0;
    std::uint8_t zero = 0;

    std::int64_t cells() const {
        std::int64_t product = order > 0 ? 1 : 0;
        for (std::int64_t k = 0; k < order; ++k)
            product *= base;
        return product;
    }
    std::int64_t sums() const { return order == 4 ? base * base * base : 0; }
    std::int64_t byte_of(std::int64_t id) const { return id == 0 ? zero : low + id; }
};

// The plan for a thread that counts num_pairs of the tokens (size,). Looks at 4,096 of them.
GramPlan plan_grams(const std::uint8_t* tokens, std::int64_t size, std::int64_t vocab_size,
                    std::int64_t num_pairs);

// Counts the pairs that start in [begin, end) of tokens (size,) in grams (plan.cells()), and what
// overflows there in pairs, rows of `stride`. Returns where it stopped: at a step (of some hundred
// tokens) with a token that has no id, or near the end.
std::int64_t add_grams(std::uint16_t* grams, std::uint32_t* pairs, std::int64_t stride,
                       const std::uint8_t* tokens, std::int64_t begin, std::int64_t end,
                       std::int64_t size, const GramPlan& plan);

// pairs, rows of `stride`, += the pairs that grams stand for. trigrams (plan.sums()) is zeroed
// working memory.
void fold_grams(std::uint32_t* pairs, std::int64_t stride, std::uint32_t* trigrams,
                const std::uint16_t* grams, const GramPlan& plan);

}  // namespace bigram
