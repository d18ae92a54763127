// One step of AdamW and of SGD, in place, in the order of operations of torch.optim.
//
// AdamW (Loshchilov and Hutter 2019):          SGD:
//   w *= 1 - lr * decay                          g += decay * w
//   m += (1 - beta1) (g - m)                     u  = momentum * u + g
//   v  = beta2 v + (1 - beta2) g^2               w -= lr * u            (Nesterov: g + momentum u)
//   w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
//
// All arrays (size) of one dtype. 14 operations an element, three of them divisions or square
// roots, and 4 to 6. Bound by memory: 7 passes over an array and 3 to 5. 16.8 million float32
// weights take 7.2 and 3.4 ms, torch 63 and 3.6 (benchmarks/TABLE.md).
#include "bigram/training/optimizers.hpp"

#include <algorithm>
#include <cmath>

#include "bigram/runtime/isa.hpp"

namespace bigram {
namespace {

using std::int64_t;

constexpr int64_t kElementsPerBlock = 1 << 14;  // about 3 us

// The constants of a step, computed once in float64 and rounded to T, as torch does. Each loop is
// the formula above; the compiler makes vectors of it for each instruction set.
template <class T>
struct AdamWFactors {
    T keep;  // 1 - lr * decay
    T one_minus_beta1;
    T beta2;
    T one_minus_beta2;
    T root;  // sqrt(1 - beta2^t)
    T eps;
    T step_size;  // lr / (1 - beta1^t)
};

template <class T>
BIGRAM_INLINE void adamw_block_body(T* BIGRAM_RESTRICT w, const T* BIGRAM_RESTRICT g,
                                    T* BIGRAM_RESTRICT m, T* BIGRAM_RESTRICT v, int64_t size,
                                    const AdamWFactors<T>& f) {
    for (int64_t i = 0; i < size; ++i) {
        m[i] += f.one_minus_beta1 * (g[i] - m[i]);
        v[i] = f.beta2 * v[i] + f.one_minus_beta2 * g[i] * g[i];
        w[i] = w[i] * f.keep - f.step_size * (m[i] / (std::sqrt(v[i]) / f.root + f.eps));
    }
}

template <class T>
struct SgdFactors {
    T learning_rate, momentum, decay;
};

template <class T>
BIGRAM_INLINE void sgd_block_body(T* BIGRAM_RESTRICT w, const T* BIGRAM_RESTRICT g, int64_t size,
                                  const SgdFactors<T>& f) {
    for (int64_t i = 0; i < size; ++i)
        w[i] -= f.learning_rate * (g[i] + f.decay * w[i]);
}

template <class T>
BIGRAM_INLINE void momentum_block_body(T* BIGRAM_RESTRICT w, const T* BIGRAM_RESTRICT g,
                                       T* BIGRAM_RESTRICT u, int64_t size, const SgdFactors<T>& f) {
    for (int64_t i = 0; i < size; ++i) {
        u[i] = f.momentum * u[i] + (g[i] + f.decay * w[i]);
        w[i] -= f.learning_rate * u[i];
    }
}

template <class T>
BIGRAM_INLINE void nesterov_block_body(T* BIGRAM_RESTRICT w, const T* BIGRAM_RESTRICT g,
                                       T* BIGRAM_RESTRICT u, int64_t size, const SgdFactors<T>& f) {
    for (int64_t i = 0; i < size; ++i) {
        const T slope = g[i] + f.decay * w[i];
        u[i] = f.momentum * u[i] + slope;
        w[i] -= f.learning_rate * (slope + f.momentum * u[i]);
    }
}

#define BIGRAM_OPTIMIZER_CLONES(T)                                                            \
    BIGRAM_CLONES(void, adamw_block,                                                          \
                  (T * w, const T* g, T* m, T* v, int64_t size, const AdamWFactors<T>& f),    \
                  (w, g, m, v, size, f))                                                      \
    BIGRAM_CLONES(void, sgd_block, (T * w, const T* g, int64_t size, const SgdFactors<T>& f), \
                  (w, g, size, f))                                                            \
    BIGRAM_CLONES(void, momentum_block,                                                       \
                  (T * w, const T* g, T* u, int64_t size, const SgdFactors<T>& f),            \
                  (w, g, u, size, f))                                                         \
    BIGRAM_CLONES(void, nesterov_block,                                                       \
                  (T * w, const T* g, T* u, int64_t size, const SgdFactors<T>& f),            \
                  (w, g, u, size, f))
BIGRAM_OPTIMIZER_CLONES(float)
BIGRAM_OPTIMIZER_CLONES(double)

template <class Body>
Result for_blocks(int64_t size, const Run& run, const Body& body) {
    // Each element is updated by itself, so any blocks give the same bits.
    const auto block = [&](int64_t b, int) {
        body(b * kElementsPerBlock, std::min(kElementsPerBlock, size - b * kElementsPerBlock));
    };
    return parallel_for(run, ceil_div(size, kElementsPerBlock), block) ? Result{}
                                                                       : Result::interrupted();
}

}  // namespace

template <class T>
Result adamw_update(T* weight, const T* grad, T* m, T* v, int64_t size, int64_t step,
                    const AdamW& options, const Run& run) {
    const double t = static_cast<double>(step);
    const AdamWFactors<T> factors{
        static_cast<T>(1.0 - options.learning_rate * options.weight_decay),
        static_cast<T>(1.0 - options.beta1),
        static_cast<T>(options.beta2),
        static_cast<T>(1.0 - options.beta2),
        static_cast<T>(std::sqrt(1.0 - std::pow(options.beta2, t))),
        static_cast<T>(options.eps),
        static_cast<T>(options.learning_rate / (1.0 - std::pow(options.beta1, t)))};
    return for_blocks(size, run, [&](int64_t at, int64_t count) {
        adamw_block(weight + at, grad + at, m + at, v + at, count, factors);
    });
}

template <class T>
Result sgd_update(T* weight, const T* grad, T* velocity, int64_t size, const Sgd& options,
                  const Run& run) {
    const SgdFactors<T> factors{static_cast<T>(options.learning_rate),
                                static_cast<T>(options.momentum),
                                static_cast<T>(options.weight_decay)};
    return for_blocks(size, run, [&](int64_t at, int64_t count) {
        if (velocity == nullptr) {
            sgd_block(weight + at, grad + at, count, factors);
        } else if (options.nesterov) {
            nesterov_block(weight + at, grad + at, velocity + at, count, factors);
        } else {
            momentum_block(weight + at, grad + at, velocity + at, count, factors);
        }
    });
}

template Result adamw_update(float*, const float*, float*, float*, int64_t, int64_t, const AdamW&,
                             const Run&);
template Result adamw_update(double*, const double*, double*, double*, int64_t, int64_t,
                             const AdamW&, const Run&);
template Result sgd_update(float*, const float*, float*, int64_t, const Sgd&, const Run&);
template Result sgd_update(double*, const double*, double*, int64_t, const Sgd&, const Run&);

}  // namespace bigram
