#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

enum class Reduction { none, mean, sum };

struct CrossEntropyOptions {
    const double* weight = nullptr;  // (classes), or null for ones
    std::int64_t ignore_index = -100;
    double label_smoothing = 0.0;
    Reduction reduction = Reduction::mean;
};

// A matrix whose rows are contiguous and row_stride elements apart.
template <class T>
struct Rows {
    T* data;
    std::int64_t row_stride;
};

// A strided vector.
template <class T>
struct Strided {
    const T* data;
    std::int64_t stride;

    T operator[](std::int64_t i) const { return data[i * stride]; }
};

// loss: (rows) for Reduction::none, else one. grad.data null: the loss alone. grad may be logits.
// The position of a bad value is that of a target neither ignored nor in [0, classes); then
// nothing is written. T: float or double. Target: std::int32_t or std::int64_t.
template <class T, class Target>
Result softmax_cross_entropy(double* loss, Rows<T> grad, Rows<const T> logits,
                             Strided<Target> targets, std::int64_t rows, std::int64_t classes,
                             const CrossEntropyOptions& options, const Run& run);

}  // namespace bigram
