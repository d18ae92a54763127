// Private to this room.
// An array that grows at its end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "bigram/runtime/memory.hpp"

namespace bigram {

// As std::vector, but new elements have no value: they are written once, by whoever reserved them.
template <class T>
class Growing {
  public:
    std::int64_t size() const { return size_; }
    T* end() const { return data_.get() + size_; }
    void add(std::int64_t count) { size_ += count; }
    void clear() { size_ = 0; }

    Buffer<std::uint8_t> release_bytes() {
        size_ = capacity_ = 0;
        return Buffer<std::uint8_t>(reinterpret_cast<std::uint8_t*>(data_.release()));
    }

    void reserve(std::int64_t more) {
        if (size_ + more <= capacity_) return;
        const std::int64_t capacity = std::max(2 * capacity_, size_ + more);
        void* data = std::realloc(data_.get(), static_cast<std::size_t>(capacity) * sizeof(T));
        if (data == nullptr) throw std::bad_alloc();
        static_cast<void>(data_.release());
        data_.reset(static_cast<T*>(data));
        capacity_ = capacity;
    }

  private:
    Buffer<T> data_;
    std::int64_t size_ = 0, capacity_ = 0;
};

}  // namespace bigram
