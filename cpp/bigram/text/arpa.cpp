// The sections of an ARPA file: lines to numbers and words.
//
// A line is a number, one or two words and perhaps a backoff, between spaces and tabs; a carriage
// return at its end is let pass. Lines of bigrams are found first and then read by blocks, from
// threads. About 60 ns a line.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "bigram/numeric/philox.hpp"
#include "bigram/text/arpa.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::uint64_t;

constexpr int64_t kLines = 4096;

struct Field {
    const char* data;
    int64_t size;
};

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\0';
}

// The fields of the line at `at`, up to 5, and where the next line starts; 0 for an empty line.
int split_line(Field* fields, const char* at, const char* end, const char** next) {
    int count = 0;
    while (at < end && *at != '\n') {
        if (is_space(*at)) {
            ++at;
            continue;
        }
        const char* begin = at;
        while (at < end && *at != '\n' && !is_space(*at))
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

// Empty lines and the names of sections begin what is no n-gram.
bool ends_section(int count, const Field* fields) {
    return count == 0 || (count == 1 && fields[0].data[0] == '\\');
}

uint64_t hash_word(const char* word, int64_t size) {
    uint64_t hash = static_cast<uint64_t>(size);
    for (; size > 0; word += 8, size -= 8) {
        uint64_t eight = 0;
        std::memcpy(&eight, word, static_cast<std::size_t>(std::min<int64_t>(size, 8)));
        hash = (hash ^ eight) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash * 0x9E3779B97F4A7C15u;
}

}  // namespace

ArpaWords::ArpaWords(const char* text, int64_t count)
    : begins(static_cast<std::size_t>(count)),
      sizes(static_cast<std::size_t>(count)),
      text_(text),
      slots_(static_cast<std::size_t>(2 * count + 1)) {}

// The slot of the word, or the empty one where it would go.
uint64_t ArpaWords::slot_of(const char* word, int64_t size) const {
    uint64_t slot = scale_to_range(hash_word(word, size), slots_.size());
    while (slots_[slot] != 0) {
        const std::size_t k = static_cast<std::size_t>(slots_[slot] - 1);
        if (sizes[k] == size &&
            std::memcmp(text_ + begins[k], word, static_cast<std::size_t>(size)) == 0)
            break;
        if (++slot == slots_.size()) slot = 0;
    }
    return slot;
}

bool ArpaWords::add(int64_t k, int64_t begin, int64_t size) {
    const uint64_t slot = slot_of(text_ + begin, size);
    if (slots_[slot] != 0) return false;
    slots_[slot] = k + 1;
    begins[static_cast<std::size_t>(k)] = begin;
    sizes[static_cast<std::size_t>(k)] = size;
    return true;
}

int64_t ArpaWords::find(const char* word, int64_t size) const {
    return slots_[slot_of(word, size)] - 1;
}

ArpaSection parse_unigrams(double* log10, double* backoffs, ArpaWords& words, const char* text,
                           int64_t size, int64_t begin, int64_t count) {
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
        if (!words.add(k, fields[1].data - text, fields[1].size))
            return {ArpaError::repeated_word, position};
    }
    return {ArpaError::none, at - text};
}

Result parse_bigrams(ArpaSection& section, double* log10, int64_t* contexts, int64_t* nexts,
                     const ArpaWords& words, const char* text, int64_t size, int64_t begin,
                     int64_t count, const Run& run) {
    const int64_t blocks = ceil_div(count, kLines);
    std::vector<int64_t> starts;  // of the lines that begin a block, and the end of the last
    const char* at = text + begin;
    const char* end = text + size;
    for (int64_t line = 0; line < count && at < end; ++line) {
        if (line % kLines == 0) starts.push_back(at - text);
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
        const int64_t last = std::min(count, (block + 1) * kLines);
        Field fields[5];
        for (int64_t k = block * kLines; k < last; ++k) {
            const int64_t position = line - text;
            const int fields_found = split_line(fields, line, end, &line);
            ArpaError error = ArpaError::none;
            double backoff = 0.0;
            if (ends_section(fields_found, fields)) {
                error = ArpaError::ends_early;
            } else if (fields_found < 3 || fields_found > 4) {
                error = ArpaError::fields;
            } else if ((error = parse_log10(&log10[k], fields[0])) == ArpaError::none) {
                contexts[k] = words.find(fields[1].data, fields[1].size);
                nexts[k] = words.find(fields[2].data, fields[2].size);
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
