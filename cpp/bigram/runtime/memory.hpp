// The memory of kernels: scratch arrays, in huge pages where they are large; prefetching; copies
// that bypass the caches.
//
// One policy for all rooms: whoever runs out of memory throws std::bad_alloc, as std::vector does.
// parallel_for carries it from its threads to the caller, a kernel lets it pass (its outputs are
// then unspecified), and the binding turns it into a MemoryError.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace bigram {

// Asks for huge pages for memory that was not touched yet: the first write to a large table takes
// 2.6 times less with them. Call it before the first write.
inline void advise_huge_pages(void* data, std::int64_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t kHuge = std::uintptr_t{1} << 21;
    if (bytes < static_cast<std::int64_t>(2 * kHuge)) return;
    constexpr std::uintptr_t kPage = 4096;
    const std::uintptr_t before_page = (0 - reinterpret_cast<std::uintptr_t>(data)) & (kPage - 1);
    const std::uintptr_t whole_pages =
        (static_cast<std::uintptr_t>(bytes) - before_page) & ~(kPage - 1);
    madvise(static_cast<char*>(data) + before_page, whole_pages, MADV_HUGEPAGE);
#else
    (void)data;
    (void)bytes;
#endif
}

// A stream is asked for this far ahead of its use: up to 1.8 times in counting.
constexpr std::int64_t kStreamAhead = 2048;

inline void prefetch_stream(const void* data, std::int64_t bytes) {
#if defined(__GNUC__) || defined(__clang__)
    const char* const begin = static_cast<const char*>(data) + kStreamAhead;
    for (std::int64_t k = 0; k < bytes; k += 64)
        __builtin_prefetch(begin + k);
#else
    (void)data;
    (void)bytes;
#endif
}

inline void prefetch(const void* data) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(data);
#else
    (void)data;
#endif
}

inline void prefetch_write(const void* data) {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(data, 1);
#else
    (void)data;
#endif
}

// Copies past the caches, which then do not read the lines that are replaced. Only whole lines are
// written at once, so this pays for a few kilobytes or more. Other threads see it after
// stream_fence().
inline void stream_copy(void* to, const void* from, std::int64_t bytes) {
    char* out = static_cast<char*>(to);
    const char* in = static_cast<const char*>(from);
#if defined(__SSE2__)
    const std::int64_t odd =
        static_cast<std::int64_t>(0 - reinterpret_cast<std::uintptr_t>(out)) & 15;
    const std::int64_t head = odd < bytes ? odd : bytes;
    std::memcpy(out, in, static_cast<std::size_t>(head));
    std::int64_t k = head;
    for (; k + 16 <= bytes; k += 16) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(out + k),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + k)));
    }
    std::memcpy(out + k, in + k, static_cast<std::size_t>(bytes - k));
#else
    std::memcpy(out, in, static_cast<std::size_t>(bytes));
#endif
}

inline void stream_fence() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

struct FreeDeleter {
    void operator()(void* data) const { std::free(data); }
};

template <class T>
using Buffer = std::unique_ptr<T[], FreeDeleter>;

// An array of `count` elements without a value. Throws std::bad_alloc.
template <class T>
Buffer<T> uninitialised(std::int64_t count) {
    static_assert(std::is_trivial<T>::value, "memory is handed out as it is");
    if (count < 0) throw std::bad_alloc();
    const std::size_t size = static_cast<std::size_t>(count > 0 ? count : 1);
    if (size > SIZE_MAX / sizeof(T)) throw std::bad_alloc();
    T* data = static_cast<T*>(std::malloc(size * sizeof(T)));
    if (data == nullptr) throw std::bad_alloc();
    advise_huge_pages(data, count * static_cast<std::int64_t>(sizeof(T)));
    return Buffer<T>(data);
}

// An array of `count` zeros; pages that are not touched cost nothing. Throws std::bad_alloc.
template <class T>
Buffer<T> zeroed(std::int64_t count) {
    static_assert(std::is_trivial<T>::value, "memory is handed out as zero bytes");
    if (count < 0) throw std::bad_alloc();
    const std::size_t size = static_cast<std::size_t>(count > 0 ? count : 1);
    T* data = static_cast<T*>(std::calloc(size, sizeof(T)));
    if (data == nullptr) throw std::bad_alloc();
    advise_huge_pages(data, count * static_cast<std::int64_t>(sizeof(T)));
    return Buffer<T>(data);
}

}  // namespace bigram
