// The only OpenMP of the project, and the only place that decides how work is shared.
//
// Work is cut into blocks whose borders depend on the data alone, never on the number of threads;
// a block is done by one thread, and each output element belongs to one block. So results are the
// same bits for any number of threads. The calling thread polls for an interruption between its
// blocks; after one, or after an exception, no further block is started.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace bigram {

// How a kernel is to be run: its threads, and how to ask whether it should stop.
struct Run {
    int num_threads = 1;
    bool (*interrupted)(void*) = nullptr;  // called on the calling thread only
    void* context = nullptr;

    bool poll() const { return interrupted != nullptr && interrupted(context); }
};

// True in a child made by fork(): the parent's threads do not exist there and a team would hang.
bool in_forked_child();

// The threads that parallel_for uses for num_blocks blocks: how many private buffers a kernel
// needs.
inline int team_size(const Run& run, std::int64_t num_blocks) {
#ifdef _OPENMP
    if (num_blocks <= 1 || run.num_threads <= 1 || omp_in_parallel() || in_forked_child()) return 1;
    return static_cast<int>(std::min<std::int64_t>(run.num_threads, num_blocks));
#else
    (void)run;
    (void)num_blocks;
    return 1;
#endif
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

// Lowers `lowest` to `value`: so the first bad element is kept, whichever thread found it.
inline void lower_to(std::atomic<std::int64_t>& lowest, std::int64_t value) {
    std::int64_t seen = lowest.load(std::memory_order_relaxed);
    while (value < seen && !lowest.compare_exchange_weak(seen, value)) {
    }
}

// Calls body(block, thread) once for each block in [0, num_blocks), thread < team_size(...).
// Blocks are handed out in ascending order, so a thread sees ascending blocks. Returns false if
// interrupted, in which case some blocks were not done. What the body throws in any thread is
// thrown here, once all threads are back.
template <class Body>
bool parallel_for(const Run& run, std::int64_t num_blocks, const Body& body) {
    const int team = team_size(run, num_blocks);
    if (team == 1) {
        for (std::int64_t block = 0; block < num_blocks; ++block) {
            if (block > 0 && run.poll()) return false;
            body(block, 0);
        }
        return true;
    }
#ifdef _OPENMP
    std::atomic<std::int64_t> next{0};
    std::atomic<bool> stop{false};
    std::atomic<bool> thrown{false};
    std::exception_ptr error;  // the first one; no exception may leave a parallel region
#pragma omp parallel num_threads(team)
    {
        const int thread = omp_get_thread_num();
        bool first = true;
        while (!stop.load(std::memory_order_relaxed)) {
            if (thread == 0 && !first && run.poll()) {
                stop.store(true, std::memory_order_relaxed);
                break;
            }
            first = false;
            const std::int64_t block = next.fetch_add(1, std::memory_order_relaxed);
            if (block >= num_blocks) break;
            try {
                body(block, thread);
            } catch (...) {
                if (!thrown.exchange(true)) error = std::current_exception();
                stop.store(true, std::memory_order_relaxed);
            }
        }
    }
    if (error) std::rethrow_exception(error);
    return !stop.load();
#else
    return true;
#endif
}

}  // namespace bigram
