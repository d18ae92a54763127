// What a kernel returns: done, interrupted, a result that does not fit its type, or what was bad
// and where. A lack of memory is not among them: see memory.hpp.
#pragma once

#include <cstdint>

namespace bigram {

enum class Status {
    done,
    interrupted,
    overflow,
    bad_value,     // position: of the first bad element
    without_mass,  // position: of the first row, or sequence, whose weights are all zero
};

struct Result {
    Status status = Status::done;
    std::int64_t position = -1;

    static Result interrupted() { return {Status::interrupted, -1}; }
    static Result overflow() { return {Status::overflow, -1}; }
    static Result bad_value(std::int64_t position) { return {Status::bad_value, position}; }
    static Result without_mass(std::int64_t position) { return {Status::without_mass, position}; }
    bool ok() const { return status == Status::done; }
};

}  // namespace bigram
