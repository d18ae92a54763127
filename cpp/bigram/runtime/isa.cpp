// Asks the processor once which instruction sets it has.
#include "bigram/runtime/isa.hpp"

#include <algorithm>
#include <atomic>

namespace bigram {
namespace {

Isa detect() {
#if BIGRAM_X86
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                      __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vl");
    if (avx2 && avx512) return Isa::avx512;
    if (avx2) return Isa::avx2;
#endif
    return Isa::baseline;
}

std::atomic<Isa>& level() {
    static std::atomic<Isa> value{detect()};
    return value;
}

}  // namespace

Isa best_isa() {
    static const Isa best = detect();
    return best;
}

Isa active_isa() {
    return level().load(std::memory_order_relaxed);
}

void set_isa(Isa wanted) {
    level().store(std::min(wanted, best_isa()));
}

const char* isa_name(Isa isa) {
    switch (isa) {
        case Isa::avx512:
            return "avx512";
        case Isa::avx2:
            return "avx2";
        default:
            return "baseline";
    }
}

}  // namespace bigram
