// Asks for the cache line of an address that will be read soon; any address is allowed.
#pragma once

namespace bigram {

inline void prefetch(const void* address) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(address);
#else
    (void)address;
#endif
}

}  // namespace bigram
