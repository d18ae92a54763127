#pragma once

#include <cstdint>
#include <vector>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

// Examples (context, target) put in order of their contexts.
struct GroupedExamples {
    std::vector<std::int64_t> rows;     // the distinct contexts, ascending
    std::vector<std::int64_t> starts;   // (rows + 1): the examples of rows[g] are [starts[g], ...)
    std::vector<std::int32_t> targets;  // of the examples, by group, in their order
};

// The position of a bad value is i for contexts[i] outside [0, vocab), n + i for targets[i]
// outside [0, classes). vocab, classes < 2^31. Token types: see with_tokens.
template <class Context, class Target>
Result group_examples(GroupedExamples* groups, const Context* contexts, std::int64_t context_stride,
                      const Target* targets, std::int64_t target_stride, std::int64_t n,
                      std::int64_t vocab, std::int64_t classes);

// The mean loss and its gradient. weight (vocab, classes). sparse: grad (groups, classes), one row
// for each distinct context; else grad (vocab, classes), zero in the rows without an example.
template <class T>
Result embedding_cross_entropy_grad(double* loss, T* grad, const T* weight,
                                    const GroupedExamples& groups, std::int64_t vocab,
                                    std::int64_t classes, bool sparse, const Run& run);

}  // namespace bigram
