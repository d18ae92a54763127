// Run-time choice of instruction set. The library is built for the baseline of its platform;
// faster clones of leaf functions are chosen here, once, by what the processor has.
//
// Plain loops: BIGRAM_CLONES(name, (int64 n, const float* x), (n, x)) makes `name` out of an
// always-inline template or function `name_body`, compiled once for each level; BIGRAM_CLONES_FMA
// out of `name_body<fused>`, told whether std::fma is one instruction there. (target_clones
// would choose by itself, and could not be forced for a test.) Explicit intrinsics: functions
// marked BIGRAM_TARGET_AVX2 / BIGRAM_TARGET_AVX512, called under active_isa() >= Isa::...
#pragma once

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define BIGRAM_X86 1
#define BIGRAM_TARGET_AVX2 __attribute__((target("avx2,fma,bmi,bmi2,f16c,lzcnt,movbe,popcnt")))
#define BIGRAM_TARGET_AVX512                                                         \
    __attribute__((                                                                  \
        target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2,f16c," \
               "lzcnt,movbe,popcnt")))
#else
#define BIGRAM_X86 0
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define BIGRAM_INLINE __forceinline
#define BIGRAM_COLD
#define BIGRAM_RESTRICT __restrict
#define BIGRAM_UNROLL_8
#else
#define BIGRAM_COLD __attribute__((cold, noinline))
#if defined(__clang__)
#define BIGRAM_UNROLL_8 _Pragma("clang loop unroll_count(8)")
#else
#define BIGRAM_UNROLL_8 _Pragma("GCC unroll 8")
#endif
#define BIGRAM_INLINE inline __attribute__((always_inline))
#define BIGRAM_RESTRICT __restrict__
#endif

namespace bigram {

enum class Isa { baseline = 0, avx2 = 1, avx512 = 2 };

Isa best_isa();           // what this processor (and its operating system) has
Isa active_isa();         // what is used: the best, unless set_isa lowered it
void set_isa(Isa level);  // at most the best
const char* isa_name(Isa level);

}  // namespace bigram

#if BIGRAM_X86 || defined(_MSC_VER)
#define BIGRAM_BASELINE_FMA false
#else
#define BIGRAM_BASELINE_FMA true
#endif

#define BIGRAM_CLONES(result, name, params, args) \
    BIGRAM_CLONES_OF(result, name, params, args, name##_body args, name##_body args)
#define BIGRAM_CLONES_FMA(result, name, params, args)                                   \
    BIGRAM_CLONES_OF(result, name, params, args, name##_body<BIGRAM_BASELINE_FMA> args, \
                     name##_body<true> args)

// Defines `inline result name params`, dispatching to three compilations.
#if BIGRAM_X86
#define BIGRAM_CLONES_OF(result, name, params, args, baseline_call, fast_call) \
    result name##_baseline params {                                            \
        return baseline_call;                                                  \
    }                                                                          \
    BIGRAM_TARGET_AVX2 result name##_avx2 params {                             \
        return fast_call;                                                      \
    }                                                                          \
    BIGRAM_TARGET_AVX512 result name##_avx512 params {                         \
        return fast_call;                                                      \
    }                                                                          \
    inline result name params {                                                \
        switch (::bigram::active_isa()) {                                      \
            case ::bigram::Isa::avx512:                                        \
                return name##_avx512 args;                                     \
            case ::bigram::Isa::avx2:                                          \
                return name##_avx2 args;                                       \
            default:                                                           \
                return name##_baseline args;                                   \
        }                                                                      \
    }
#else
#define BIGRAM_CLONES_OF(result, name, params, args, baseline_call, fast_call) \
    inline result name params {                                                \
        return baseline_call;                                                  \
    }
#endif
