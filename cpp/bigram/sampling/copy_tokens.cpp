// Tokens to arrays of the dtype that was asked for: copied, or widened one by one. One load and one
// store a token, 1 to 4 bytes read and 1 to 8 written.
#include "bigram/sampling/copy_tokens.hpp"

#include <algorithm>
#include <cstring>

#include "bigram/sampling/sample_sequences.hpp"

namespace bigram {

using std::int64_t;
using std::uint32_t;
using std::uint64_t;

namespace {

template <class To, class From>
void widen(To* to, const From* from, int64_t count) {
    std::copy_n(from, count, to);
}

template <class From>
void widen_from(void* to, int to_bytes, const From* from, int64_t count) {
    if (to_bytes == sizeof(From)) {
        if (count > 0) std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(From));
    } else if (to_bytes == 2) {
        widen(static_cast<std::uint16_t*>(to), from, count);
    } else if (to_bytes == 4) {
        widen(static_cast<uint32_t*>(to), from, count);
    } else {
        widen(static_cast<uint64_t*>(to), from, count);
    }
}

}  // namespace

void widen_tokens(void* to, int to_bytes, const void* from, int from_bytes, int64_t count) {
    if (from_bytes == 1) {
        widen_from(to, to_bytes, static_cast<const std::uint8_t*>(from), count);
    } else if (from_bytes == 2) {
        widen_from(to, to_bytes, static_cast<const std::uint16_t*>(from), count);
    } else {
        widen_from(to, to_bytes, static_cast<const uint32_t*>(from), count);
    }
}

Result copy_tokens(void* out, int bytes, const DrawnTokens& tokens, const Run& run) {
    const int64_t blocks = static_cast<int64_t>(tokens.held.size());
    std::vector<int64_t> begin(tokens.held.size() + 1);
    for (std::size_t b = 0; b < tokens.held.size(); ++b)
        begin[b + 1] = begin[b] + tokens.held[b].size;
    const auto body = [&](int64_t b, int) {
        const std::size_t i = static_cast<std::size_t>(b);
        widen_tokens(static_cast<char*>(out) + begin[i] * bytes, bytes, tokens.held[i].data.get(),
                     tokens.held_bytes, begin[i + 1] - begin[i]);
    };
    return parallel_for(run, blocks, body) ? Result{} : Result::interrupted();
}

}  // namespace bigram
