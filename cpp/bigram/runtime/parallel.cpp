// Notices fork(): a child has none of its parent's OpenMP threads, and a team there would hang.
#include "bigram/runtime/parallel.hpp"

#ifndef _WIN32
#include <pthread.h>
#endif

namespace bigram {
namespace {

std::atomic<bool> forked{false};

#ifndef _WIN32
const int registered = pthread_atfork(nullptr, nullptr, [] { forked.store(true); });
#endif

}  // namespace

bool in_forked_child() {
#ifndef _WIN32
    (void)registered;
#endif
    return forked.load(std::memory_order_relaxed);
}

}  // namespace bigram
