// Words to token ids, from threads.
//
//   text (size,) uint8 -> tokens (n,), offsets (num_lines + 1,) int64
//
// A first pass counts the words and lines of each block of whole lines, which says where its tokens
// go; a second one looks the words up, block by block. Reads the text twice, and one slot of
// 16 bytes a word.
#include <algorithm>

#include "bigram/text/word_splitting.hpp"
#include "bigram/text/words.hpp"

namespace bigram {
namespace {

using std::int64_t;
using std::size_t;
using std::uint32_t;
using std::uint8_t;

constexpr int kBatch = 32;  // words that are hashed before the first is looked up
constexpr int64_t kBlockBytes = 1 << 16;

// Newlines and words that begin in text[begin, end). What comes before `begin` counts as a space.
// Bytes are counted in bytes, 192 at a time so that these cannot wrap: then a vector holds 16 to 64
// of them, and the loop runs without branches.
BIGRAM_INLINE void tally_body(int64_t* newlines, int64_t* words, const uint8_t* text, int64_t begin,
                              int64_t end) {
    uint8_t before = 1;
    int64_t num_lines = 0;
    int64_t num_words = 0;
    for (int64_t at = begin; at < end;) {
        const int64_t stop = std::min<int64_t>(end, at + 192);
        if (at > begin) before = is_space(text[at - 1]);
        auto starts = static_cast<uint8_t>(before & (is_space(text[at]) ? 0 : 1));
        uint8_t lines = text[at] == '\n';
        for (int64_t k = at + 1; k < stop; ++k) {
            const uint8_t c = text[k];
            const uint8_t b = text[k - 1];
            const uint8_t space = (c == 0) | (c == 9) | (c == 10) | (c == 13) | (c == 32);
            const uint8_t after = (b == 0) | (b == 9) | (b == 10) | (b == 13) | (b == 32);
            starts = static_cast<uint8_t>(starts + (after & (space ^ 1)));
            lines = static_cast<uint8_t>(lines + (c == 10));
        }
        num_lines += lines;
        num_words += starts;
        at = stop;
    }
    *newlines = num_lines;
    *words = num_words;
}

BIGRAM_CLONES(void, tally,
              (int64_t* newlines, int64_t* words, const uint8_t* text, int64_t begin, int64_t end),
              (newlines, words, text, begin, end))

template <class Token>
struct Writer {
    Token* tokens;
    int64_t* offsets;  // of the line that comes next
    int64_t at;        // in tokens
    int64_t boundary;

    void line_starts() {
        if (boundary >= 0) tokens[at++] = static_cast<Token>(boundary);
    }
    void line_ends() {
        if (boundary >= 0) tokens[at++] = static_cast<Token>(boundary);
        *offsets++ = at;
    }
};

// The position of the first bad word of text[begin, end), or -1.
template <class Token>
int64_t encode_block(Writer<Token> to, const WordEncoding& how, const uint8_t* text, int64_t begin,
                     int64_t end) {
    Word batch[kBatch];
    if (how.lines && begin < end) to.line_starts();
    for (int64_t at = begin; at < end;) {
        int filled = 0;
        while (filled < kBatch && at < end) {
            if (is_space(text[at])) {
                if (text[at] == '\n' && how.lines) batch[filled++] = {0, 0, at, 0, 0};
                ++at;
                continue;
            }
            batch[filled] = word_at(text, at, end);
            how.table->prefetch_slot(batch[filled]);
            at += batch[filled++].bytes;
        }
        for (int k = 0; k < filled; ++k) {
            const Word& word = batch[k];
            if (word.bytes == 0) {
                to.line_ends();
                if (word.begin + 1 < end) to.line_starts();
                continue;
            }
            const uint32_t number = how.table->slots[how.table->find(text, word)].number;
            if (number != 0) {
                to.tokens[to.at++] = static_cast<Token>(how.ids[number - 1]);
            } else if (how.unknown >= 0 && !is_reserved(word)) {
                to.tokens[to.at++] = static_cast<Token>(how.unknown);
            } else {
                return word.begin;
            }
        }
    }
    return -1;
}

// Ends of blocks: after the first newline that lies kBlockBytes or more after the block's begin.
void cut(std::vector<WordBlock>& blocks, const uint8_t* text, int64_t size, bool lines) {
    int64_t begin = 0;
    blocks.push_back({0, 0, 0});
    while (lines && size - begin > 2 * kBlockBytes) {
        const uint8_t* end = std::find(text + begin + kBlockBytes, text + size, '\n');
        begin = std::min<int64_t>(size, end - text + 1);
        if (begin < size) blocks.push_back({begin, 0, 0});
    }
    blocks.push_back({size, 0, 0});
}

}  // namespace

Result plan_words(std::vector<WordBlock>& blocks, const WordEncoding& encoding, const uint8_t* text,
                  int64_t size, const Run& run) {
    cut(blocks, text, size, encoding.lines);
    const int64_t ends = encoding.boundary >= 0 && encoding.lines ? 2 : 0;
    const auto body = [&](int64_t block, int) {
        WordBlock& next = blocks[static_cast<size_t>(block) + 1];
        int64_t num_lines = 0;
        tally(&num_lines, &next.tokens, text, blocks[static_cast<size_t>(block)].begin, next.begin);
        next.num_lines = encoding.lines ? num_lines : 0;
        next.tokens += ends * num_lines;
    };
    const auto num_blocks = static_cast<int64_t>(blocks.size()) - 1;
    if (!parallel_for(run, num_blocks, body)) return Result::interrupted();
    for (size_t b = 1; b < blocks.size(); ++b) {
        blocks[b].tokens += blocks[b - 1].tokens;
        blocks[b].num_lines += blocks[b - 1].num_lines;
    }
    return {};
}

template <class Token>
Result encode_words(Token* tokens, int64_t* offsets, const std::vector<WordBlock>& blocks,
                    const WordEncoding& encoding, const uint8_t* text, const Run& run) {
    const auto num_blocks = static_cast<int64_t>(blocks.size()) - 1;
    const int64_t size = blocks.back().begin;
    std::atomic<int64_t> first_bad{size};
    offsets[0] = 0;
    const auto body = [&](int64_t block, int) {
        const WordBlock& from = blocks[static_cast<size_t>(block)];
        const WordBlock& to = blocks[static_cast<size_t>(block) + 1];
        const Writer<Token> writer{tokens, offsets + from.num_lines + 1, from.tokens,
                                   encoding.boundary};
        const int64_t bad = encode_block(writer, encoding, text, from.begin, to.begin);
        if (bad >= 0) lower_to(first_bad, bad);
    };
    if (!parallel_for(run, num_blocks, body)) return Result::interrupted();
    return first_bad.load() < size ? Result::bad_value(first_bad.load()) : Result{};
}

template Result encode_words(uint8_t*, int64_t*, const std::vector<WordBlock>&, const WordEncoding&,
                             const uint8_t*, const Run&);
template Result encode_words(std::uint16_t*, int64_t*, const std::vector<WordBlock>&,
                             const WordEncoding&, const uint8_t*, const Run&);
template Result encode_words(uint32_t*, int64_t*, const std::vector<WordBlock>&,
                             const WordEncoding&, const uint8_t*, const Run&);

}  // namespace bigram
