#pragma once

#include <cstdint>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"

namespace bigram {

struct AdamW {
    double learning_rate, beta1, beta2, eps, weight_decay;
};

struct Sgd {
    double learning_rate, momentum, weight_decay;
    bool nesterov;
};

// Arrays of `size` elements, apart from each other; weight and state are updated in place.
// T: float or double. step counts from 1. velocity: null without momentum.
template <class T>
Result adamw_update(T* weight, const T* grad, T* m, T* v, std::int64_t size, std::int64_t step,
                    const AdamW& options, const Run& run);
template <class T>
Result sgd_update(T* weight, const T* grad, T* velocity, std::int64_t size, const Sgd& options,
                  const Run& run);

}  // namespace bigram
