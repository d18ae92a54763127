// Array arguments: the checks that protect memory, and only those. Meaning is checked in Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/runtime/tokens.hpp"

namespace bigram::bindings {

namespace py = pybind11;
using std::int64_t;

[[noreturn]] inline void type_error(const char* name, const char* wanted) {
    throw py::type_error(std::string(name) + " must be " + wanted);
}

template <class T>
bool has_dtype(const py::array& array) {
    constexpr char kind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
    const py::dtype dtype = array.dtype();
    const std::uint16_t one = 1;
    const char order = *reinterpret_cast<const unsigned char*>(&one) == 1 ? '<' : '>';
    return dtype.kind() == kind && dtype.itemsize() == static_cast<py::ssize_t>(sizeof(T)) &&
           (dtype.byteorder() == '=' || dtype.byteorder() == '|' || dtype.byteorder() == order);
}

inline bool is_aligned(const py::array& array) {
    return (array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_) != 0;
}

// A C-contiguous, aligned array of exactly this type and rank, or a TypeError.
template <class T>
const T* input(const py::array& array, int ndim, const char* name) {
    if (!has_dtype<T>(array) || array.ndim() != ndim || !is_aligned(array) ||
        (array.flags() & py::array::c_style) == 0) {
        type_error(name, "a C-contiguous array of the documented dtype and rank");
    }
    return static_cast<const T*>(array.data());
}

template <class T>
T* output(py::array& array, int ndim, const char* name) {
    input<T>(array, ndim, name);
    if (!array.writeable()) throw py::value_error(std::string(name) + " is read-only");
    return static_cast<T*>(array.mutable_data());
}

inline void require(bool condition, const char* message) {
    if (!condition) throw py::value_error(message);
}

// A 1-D array of `wanted` elements, or a ValueError.
inline void require_length(const py::array& array, int64_t wanted, const char* name) {
    if (array.ndim() == 1 && array.shape(0) == wanted) return;
    const std::string got = array.ndim() == 1 ? "length " + std::to_string(array.shape(0))
                                              : std::to_string(array.ndim()) + " dimensions";
    throw py::value_error(std::string(name) + " has " + got + "; wanted length " +
                          std::to_string(wanted));
}

// Whether the memory from the first to the last element of one meets that of the other.
inline bool may_overlap(const py::array& a, const py::array& b) {
    const auto bounds = [](const py::array& array) {
        auto low = reinterpret_cast<std::uintptr_t>(array.data());
        auto high = low + static_cast<std::uintptr_t>(array.itemsize());
        for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
            if (array.shape(axis) == 0) return std::pair{low, low};
            const py::ssize_t extent = (array.shape(axis) - 1) * array.strides(axis);
            (extent < 0 ? low : high) += static_cast<std::uintptr_t>(extent);
        }
        return std::pair{low, high};
    };
    const auto [a_low, a_high] = bounds(a);
    const auto [b_low, b_high] = bounds(b);
    return a_low < b_high && b_low < a_high;
}

inline void require_apart(const py::array& out, const char* out_name, const py::array& input,
                          const char* name) {
    if (may_overlap(out, input)) {
        throw py::value_error(std::string(out_name) + " overlaps " + name + " in memory");
    }
}

// A 1-D integer array of any stride: calls f(const T* data, size, stride in elements).
template <class F>
decltype(auto) with_tokens(const py::array& array, const char* name, F&& f) {
    const py::ssize_t itemsize = array.itemsize();
    if (array.ndim() != 1 || !is_aligned(array) || itemsize == 0 ||
        array.strides(0) % itemsize != 0) {
        type_error(name, "a one-dimensional aligned array");
    }
    const int64_t size = array.shape(0);
    const int64_t stride = array.strides(0) / itemsize;
    const void* data = array.data();
    if (has_dtype<std::uint8_t>(array)) {
        return f(static_cast<const std::uint8_t*>(data), size, stride);
    }
    if (has_dtype<std::uint16_t>(array)) {
        return f(static_cast<const std::uint16_t*>(data), size, stride);
    }
    if (has_dtype<std::uint32_t>(array)) {
        return f(static_cast<const std::uint32_t*>(data), size, stride);
    }
    if (has_dtype<std::int32_t>(array)) {
        return f(static_cast<const std::int32_t*>(data), size, stride);
    }
    if (has_dtype<std::int64_t>(array)) {
        return f(static_cast<const std::int64_t*>(data), size, stride);
    }
    type_error(name, "uint8, uint16, uint32, int32 or int64 in native byte order");
}

// None, or int64 (num_sequences + 1,), never descending and within [0, size].
inline Offsets input_offsets(const py::object& object, int64_t size) {
    if (object.is_none()) return {};
    if (!py::isinstance<py::array>(object)) type_error("offsets", "an array or None");
    const auto array = py::reinterpret_borrow<py::array>(object);
    const int64_t* data = input<int64_t>(array, 1, "offsets");
    const int64_t length = array.shape(0);
    require(length > 0, "offsets is empty; wanted one more than there are sequences");
    int64_t low = 0;
    for (int64_t s = 0; s < length; ++s) {
        if (data[s] < low || data[s] > size) {
            throw py::value_error("offsets[" + std::to_string(s) +
                                  "] = " + std::to_string(data[s]) + " is outside [" +
                                  std::to_string(low) + ", " + std::to_string(size) + "]" +
                                  (s > 0 ? ": from the offset before it to" : ": from 0 to") +
                                  " the number of tokens");
        }
        low = data[s];
    }
    return {data, length - 1};
}

// The metaclass of bound classes: `type`, as for classes written in Python.
inline py::metaclass plain_type() {
    return py::metaclass(reinterpret_cast<PyObject*>(&PyType_Type));
}

// Asks Python for signals, at most every 50 ms; signals are handled on its main thread alone.
class SignalPoll {
  public:
    static bool interrupted(void* self) { return static_cast<SignalPoll*>(self)->check(); }

  private:
    using Clock = std::chrono::steady_clock;

    bool check() {
        const Clock::time_point now = Clock::now();
        if (now - last_ < std::chrono::milliseconds(50)) return false;
        last_ = now;
        py::gil_scoped_acquire gil;
        return PyErr_CheckSignals() != 0;
    }

    Clock::time_point last_ = Clock::now();
};

// Runs kernel(const Run&) -> Result without the GIL. An interruption raises what the signal
// handler raised, a lack of memory MemoryError; a bad value is for the caller, who knows its name.
template <class Kernel>
Result run_kernel(int num_threads, Kernel&& kernel) {
    SignalPoll poll;
    const Run run{num_threads < 1 ? 1 : num_threads, &SignalPoll::interrupted, &poll};
    Result result;
    {
        py::gil_scoped_release release;
        result = kernel(run);
    }
    if (result.status == Status::interrupted) throw py::error_already_set();
    return result;
}

}  // namespace bigram::bindings
