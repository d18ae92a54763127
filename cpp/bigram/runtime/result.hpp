// What a kernel returns: done, interrupted, a result that does not fit its type, or the position of
// the first bad element. A lack of memory is not among them: see memory.hpp.
#pragma once

#include <cstdint>

namespace bigram {

enum class Status { done, interrupted, overflow, bad_value };

struct Result {
    Status status = Status::done;
    std::int64_t position = -1;  // of the first bad element, where status is bad_value

    static Result interrupted() { return {Status::interrupted, -1}; }
    static Result overflow() { return {Status::overflow, -1}; }
    static Result bad_value(std::int64_t position) { return {Status::bad_value, position}; }
    bool ok() const { return status == Status::done; }
};

}  // namespace bigram
