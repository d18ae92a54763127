// The sections of an ARPA file: lines to numbers and words.
//
// A line is a number, one or two words and perhaps a backoff, separated by spaces and tabs; a
// carriage return at its end is skipped. Unigrams are read line by line, as each word is given the
// next number. The lines of bigrams are found first, and then read in blocks from threads. About
// 60 ns a line.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "bigram/text/arpa.hpp"
#include "bigram/text/word_splitting.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint64_t;

constexpr int64_t kBlockLines = 4096;  // lines that a thread takes at a time
constexpr int64_t kLeastLine = 4;      // bytes: a digit, a tab, a letter and a newline

struct Field {
    const char* data;
    int64_t size;
};

// What separates fields; a newline ends the line instead.
bool is_blank(char c) {
    return c != '\n' && is_space(static_cast<std::uint8_t>(c));
}

// The fields of the line at `at`, up to 5, and where the next line starts; 0 for an empty line.
int split_line(Field* fields, const char* at, const char* end, const char** next) {
    int count = 0;
    while (at < end && *at != '\n') {
        if (is_blank(*at)) {
            ++at;
            continue;
        }
        const char* begin = at;
        while (at < end && !is_space(static_cast<std::uint8_t>(*at)))
            ++at;
        if (count < 5) fields[count++] = {begin, at - begin};
    }
    *next = at < end ? at + 1 : end;
    return count;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A decimal number, rounded to the nearest double where it has up to 15 digits and no large
// exponent, else off by a bit or two. False for anything else, nan and inf among them.
bool parse_number(double* value, const Field& field) {
    const char* at = field.data;
    const char* end = at + field.size;
    const bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) ++at;
    uint64_t digits = 0;
    int64_t exponent = 0;
    int num_digits = 0;
    bool any = false;
    bool fraction = false;
    for (; at < end && (is_digit(*at) || (*at == '.' && !fraction)); ++at) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        any = true;
        if (num_digits < 19) {
            digits = 10 * digits + static_cast<uint64_t>(*at - '0');
            if (digits > 0) ++num_digits;
            exponent -= fraction;
        } else {
            exponent += !fraction;
        }
    }
    if (!any) return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        ++at;
        const bool down = at < end && *at == '-';
        if (at < end && (*at == '-' || *at == '+')) ++at;
        if (at == end) return false;
        int64_t power = 0;
        for (; at < end && is_digit(*at); ++at)
            power = std::min<int64_t>(10 * power + (*at - '0'), 100000);
        exponent += down ? -power : power;
    }
    if (at != end) return false;
    double size = static_cast<double>(digits);
    if (digits >> 53 == 0 && exponent >= -kMostExponent && exponent <= kMostExponent) {
        size = exponent < 0 ? size / kPowersOfTen[-exponent] : size * kPowersOfTen[exponent];
    } else {
        size *= std::pow(10.0, static_cast<double>(exponent));
    }
    *value = negative ? -size : size;
    return std::isfinite(size);
}

ArpaError parse_log10(double* value, const Field& field) {
    if (!parse_number(value, field)) return ArpaError::bad_number;
    return *value > 0.0 ? ArpaError::positive : ArpaError::none;
}

// An empty line or the name of another section ends the section.
bool ends_section(int count, const Field* fields) {
    return count == 0 || (count == 1 && fields[0].data[0] == '\\');
}

// An ARPA file splits words at the same bytes as a text, so its words have the same keys.
Word word_of(const char* text, const Field& field, int64_t size) {
    return word_at(reinterpret_cast<const std::uint8_t*>(text), field.data - text, size);
}

// Gives the word the next number; false if it has one.
bool add_word(WordTable& words, const char* text, const Field& field, int64_t size) {
    const Word word = word_of(text, field, size);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text);
    words.reserve(words.size() + 1);
    const std::size_t slot = words.find(bytes, word);
    if (words.slots[slot].number != 0) return false;
    words.insert(slot, bytes, word);
    return true;
}

// The number of a word, or -1.
int64_t find_word(const WordTable& words, const char* text, const Field& field, int64_t size) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text);
    return int64_t{words.slots[words.find(bytes, word_of(text, field, size))].number} - 1;
}

}  // namespace

ArpaSection parse_unigrams(double* log10, double* backoffs, WordTable& words, const char* text,
                           int64_t size, int64_t begin, int64_t count) {
    words.reserve(std::min(count, (size - begin) / kLeastLine));
    const char* at = text + begin;
    const char* end = text + size;
    Field fields[5];
    for (int64_t k = 0; k < count; ++k) {
        const int64_t position = at - text;
        const int found = split_line(fields, at, end, &at);
        if (ends_section(found, fields)) return {ArpaError::ends_early, position};
        if (found < 2 || found > 3) return {ArpaError::fields, position};
        const ArpaError error = parse_log10(&log10[k], fields[0]);
        if (error != ArpaError::none) return {error, position};
        backoffs[k] = 0.0;
        if (found == 3 && !parse_number(&backoffs[k], fields[2]))
            return {ArpaError::bad_number, position};
        if (!add_word(words, text, fields[1], size)) return {ArpaError::repeated_word, position};
    }
    return {ArpaError::none, at - text};
}

Result parse_bigrams(ArpaSection& section, double* log10, int64_t* contexts, int64_t* nexts,
                     const WordTable& words, const char* text, int64_t size, int64_t begin,
                     int64_t count, const Run& run) {
    const int64_t blocks = ceil_div(count, kBlockLines);
    std::vector<int64_t> starts;  // of the lines that begin a block, and the end of the last
    const char* at = text + begin;
    const char* end = text + size;
    for (int64_t line = 0; line < count && at < end; ++line) {
        if (line % kBlockLines == 0) starts.push_back(at - text);
        const void* newline = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
        at = newline == nullptr ? end : static_cast<const char*>(newline) + 1;
    }
    std::vector<ArpaSection> found(static_cast<std::size_t>(blocks));
    section = {ArpaError::none, at - text};
    const auto body = [&](int64_t block, int) {
        const std::size_t number = static_cast<std::size_t>(block);
        if (number >= starts.size()) {
            found[number] = {ArpaError::ends_early, size};
            return;
        }
        const char* line = text + starts[number];
        const int64_t last = std::min(count, (block + 1) * kBlockLines);
        Field fields[5];
        for (int64_t k = block * kBlockLines; k < last; ++k) {
            const int64_t position = line - text;
            const int fields_found = split_line(fields, line, end, &line);
            ArpaError error = ArpaError::none;
            double backoff = 0.0;
            if (ends_section(fields_found, fields)) {
                error = ArpaError::ends_early;
            } else if (fields_found < 3 || fields_found > 4) {
                error = ArpaError::fields;
            } else if ((error = parse_log10(&log10[k], fields[0])) == ArpaError::none) {
                contexts[k] = find_word(words, text, fields[1], size);
                nexts[k] = find_word(words, text, fields[2], size);
                if (contexts[k] < 0 || nexts[k] < 0)
                    error = ArpaError::unknown_word;
                else if (fields_found == 4 && !parse_number(&backoff, fields[3]))
                    error = ArpaError::bad_number;
                else if (backoff != 0.0)
                    error = ArpaError::nonzero_backoff;
            }
            if (error != ArpaError::none) {
                found[number] = {error, position};
                return;
            }
        }
    };
    if (!parallel_for(run, blocks, body)) return Result::interrupted();
    for (const ArpaSection& one : found) {
        if (one.error == ArpaError::none) continue;
        section = one;
        break;
    }
    return {};
}

}  // namespace bigram
