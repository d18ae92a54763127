// Private to this room.
// Changes the width of tokens to that of the caller's array.
#pragma once

#include <cstdint>

namespace bigram {

// Widens tokens of `from_bytes` to `to_bytes` each (1, 2, 4 or 8), or copies them.
void widen_tokens(void* to, int to_bytes, const void* from, int from_bytes, std::int64_t count);

}  // namespace bigram
