// The lines of an ARPA file: numbers to decimal digits, ids to symbols.
//
// A number gets nine decimals, more where it is small, so that seven digits and more are
// significant: rounded once, by integers, trailing zeros left out. About 50 ns a line.
#include <algorithm>
#include <cmath>

#include "bigram/text/arpa.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint64_t;

constexpr int64_t kBlockLines = 8192;  // lines that a thread takes at a time
constexpr int kDecimals = 9;

// The digits of a number of magnitude below 10^8: at most 40 characters.
char* format_number(char* to, double value) {
    const double size = std::fabs(value);
    int decimals = kDecimals;
    while (decimals < kMostExponent && size * kPowersOfTen[decimals] < 1e8)
        ++decimals;
    uint64_t digits = static_cast<uint64_t>(size * kPowersOfTen[decimals] + 0.5);
    if (digits == 0) decimals = 0;
    while (decimals > 0 && digits % 10 == 0) {
        digits /= 10;
        --decimals;
    }
    if (value < 0.0 && digits > 0) *to++ = '-';
    char reversed[40];
    int length = 0;
    for (int place = 0; place < decimals; ++place, digits /= 10)
        reversed[length++] = static_cast<char>('0' + digits % 10);
    if (decimals > 0) reversed[length++] = '.';
    do {
        reversed[length++] = static_cast<char>('0' + digits % 10);
        digits /= 10;
    } while (digits > 0);
    return std::reverse_copy(reversed, reversed + length, to);
}

int64_t length_of(const SymbolText& symbols, int64_t id) {
    return symbols.offsets[id + 1] - symbols.offsets[id];
}

char* put_symbol(char* to, const SymbolText& symbols, int64_t id) {
    return std::copy_n(symbols.text + symbols.offsets[id], length_of(symbols, id), to);
}

}  // namespace

Result format_ngrams(std::vector<std::string>& pieces, int64_t count, const double* log10,
                     const int64_t* contexts, const int64_t* nexts, const double* backoffs,
                     const SymbolText& context_symbols, const SymbolText& next_symbols,
                     const Run& run) {
    constexpr int64_t kNumbers = 2 * 40 + 4;  // of a line, with what separates them
    const int64_t blocks = ceil_div(count, kBlockLines);
    pieces.resize(static_cast<std::size_t>(blocks));
    const auto body = [&](int64_t block, int) {
        const int64_t first = block * kBlockLines;
        const int64_t last = std::min(count, first + kBlockLines);
        int64_t most = (last - first) * kNumbers;
        for (int64_t k = first; k < last; ++k) {
            most += length_of(next_symbols, nexts[k]);
            if (contexts != nullptr) most += length_of(context_symbols, contexts[k]);
        }
        std::string& piece = pieces[static_cast<std::size_t>(block)];
        piece.resize(static_cast<std::size_t>(most));
        char* to = &piece[0];
        for (int64_t k = first; k < last; ++k) {
            to = format_number(to, log10[k]);
            *to++ = '\t';
            if (contexts != nullptr) {
                to = put_symbol(to, context_symbols, contexts[k]);
                *to++ = ' ';
            }
            to = put_symbol(to, next_symbols, nexts[k]);
            if (backoffs != nullptr) {
                *to++ = '\t';
                to = format_number(to, backoffs[k]);
            }
            *to++ = '\n';
        }
        piece.resize(static_cast<std::size_t>(to - piece.data()));
    };
    return parallel_for(run, blocks, body) ? Result{} : Result::interrupted();
}

}  // namespace bigram
