// The tokens of a call and where its sequences begin and end, as the kernels take them.
#pragma once

#include <cstdint>

namespace bigram {

// Token: uint8, uint16, uint32, int32 or int64. stride counts elements and may be zero or negative.
template <class Token>
struct Tokens {
    const Token* data;
    std::int64_t size;
    std::int64_t stride;

    // Unsigned, so that one comparison with the vocabulary's size finds negative ids too.
    std::uint64_t operator[](std::int64_t i) const {
        return static_cast<std::uint64_t>(data[i * stride]);
    }
};

template <class Token>
Tokens(const Token*, std::int64_t, std::int64_t) -> Tokens<Token>;

// Sequence s is the tokens [data[s], data[s + 1]). data (num_sequences + 1,) ascends within the
// tokens; null: all of them are one sequence.
struct Offsets {
    const std::int64_t* data = nullptr;
    std::int64_t num_sequences = 1;

    std::int64_t begin() const { return data == nullptr ? 0 : data[0]; }
    std::int64_t end(std::int64_t num_tokens) const {
        return data == nullptr ? num_tokens : data[num_sequences];
    }
};

}  // namespace bigram
