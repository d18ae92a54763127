// What a kernel returns: done, stopped by the user, short of memory, out of the range of its
// results, or the place of the first bad element.
#pragma once

#include <cstdint>

namespace bigram {

enum class Status { done, interrupted, out_of_memory, overflow, bad_value };

struct Result {
    Status status = Status::done;
    std::int64_t position = -1;  // of the first bad element, where status is bad_value

    static Result interrupted() { return {Status::interrupted, -1}; }
    static Result out_of_memory() { return {Status::out_of_memory, -1}; }
    static Result overflow() { return {Status::overflow, -1}; }
    static Result bad_value(std::int64_t position) { return {Status::bad_value, position}; }
    bool ok() const { return status == Status::done; }
};

}  // namespace bigram
