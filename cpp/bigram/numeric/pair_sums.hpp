// Sums over the pairs of sequences: cut into units of work that depend on the offsets alone, so
// that a sum has the same bits for any number of threads. A sequence is summed from left to right;
// one of more than kPiecePairs pairs by pieces of that many, whose sums are added in order.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <vector>

#include "bigram/runtime/parallel.hpp"
#include "bigram/runtime/result.hpp"
#include "bigram/runtime/tokens.hpp"

namespace bigram {

constexpr std::int64_t kPiecePairs = 1 << 15;

// What a thread does at a time: short sequences [first, last), or a piece of one long sequence.
struct Unit {
    std::int64_t first;
    std::int64_t last;   // first + 1 for a piece
    std::int64_t begin;  // tokens [begin, end), of a piece [begin, end]: its pairs start before end
    std::int64_t end;
    bool piece;
};

inline std::vector<Unit> cut_sequences(const std::int64_t* offsets, std::int64_t num_sequences) {
    std::vector<Unit> units;
    std::int64_t first = 0;
    const auto close = [&](std::int64_t last) {
        if (first < last) units.push_back({first, last, offsets[first], offsets[last], false});
        first = last;
    };
    for (std::int64_t s = 0; s < num_sequences; ++s) {
        const std::int64_t last_token = offsets[s + 1] - 1;
        if (last_token - offsets[s] > kPiecePairs) {
            close(s);
            for (std::int64_t at = offsets[s]; at < last_token; at += kPiecePairs)
                units.push_back({s, s + 1, at, std::min(at + kPiecePairs, last_token), true});
            first = s + 1;
        } else if (offsets[s + 1] - offsets[first] >= kPiecePairs || s - first >= kPiecePairs) {
            close(s + 1);
        }
    }
    close(num_sequences);
    return units;
}

// Offsets that are there even where the caller gave none; `whole` (2,) is their memory.
inline Offsets explicit_offsets(const Offsets& offsets, std::int64_t size, std::int64_t* whole) {
    if (offsets.data != nullptr) return offsets;
    whole[0] = 0;
    whole[1] = size;
    return {whole, 1};
}

// sums (num_sequences): add_short(first, last) fills sums[first .. last - 1] of short sequences,
// add_piece(&sum, begin, end) adds the pairs that start in [begin, end) to sum. Both return the
// position of their first bad token, or -1.
template <class AddShort, class AddPiece>
Result sum_pairs(double* sums, std::int64_t size, const Offsets& sequences, const Run& run,
                 const AddShort& add_short, const AddPiece& add_piece) {
    const std::int64_t* const offsets = sequences.data;
    const std::vector<Unit> units = cut_sequences(offsets, sequences.num_sequences);
    std::vector<double> partial(units.size(), 0.0);
    std::atomic<std::int64_t> first_bad{size};
    const auto body = [&](std::int64_t number, int) {
        const Unit& unit = units[static_cast<std::size_t>(number)];
        double* const sum = &partial[static_cast<std::size_t>(number)];
        const std::int64_t bad =
            unit.piece ? add_piece(sum, unit.begin, unit.end) : add_short(unit.first, unit.last);
        if (bad >= 0) lower_to(first_bad, bad);
    };
    if (!parallel_for(run, static_cast<std::int64_t>(units.size()), body)) {
        return Result::interrupted();
    }
    if (first_bad.load() < size) return Result::bad_value(first_bad.load());
    for (std::size_t u = 0; u < units.size(); ++u) {
        if (!units[u].piece) continue;
        if (units[u].begin == offsets[units[u].first]) sums[units[u].first] = 0.0;
        sums[units[u].first] += partial[u];
    }
    return {};
}

}  // namespace bigram
