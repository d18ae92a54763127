#include "bigram/text/words.hpp"

#include <memory>
#include <mutex>
#include <string>

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

using std::uint32_t;
using std::uint8_t;

// A table and its lock: the GIL is not held while words are counted or looked up. Once it has been
// read, it no longer grows, so that what was read stays true.
class Words {
  public:
    // Returns the position of the first word <s> or </s>, or -1.
    int64_t add(const py::array& text) {
        const Text in = checked(text);
        bool refused = false;
        const Result result = guarded(1, [&](const Run& run) {
            refused = frozen_;
            return refused ? Result{} : count_words(table_, in.data, in.size, run);
        });
        require(!refused, "words are added after they have been read");
        return result.position;
    }

    int64_t size() {
        freeze();
        return table_.size();
    }

    py::bytes words() {
        freeze();
        return {reinterpret_cast<const char*>(table_.bytes.data()), table_.bytes.size()};
    }

    py::array_t<int64_t> counts() {
        freeze();
        return py::array_t<int64_t>(static_cast<py::ssize_t>(table_.counts.size()),
                                    table_.counts.data());
    }

    py::array_t<int64_t> ranked() {
        py::array_t<int64_t> order(size());
        int64_t* to = order.mutable_data();
        guarded(1, [&](const Run&) { return rank_words(to, table_); });
        return order;
    }

    static std::unique_ptr<Words> restored(const std::string& bytes,
                                           const py::array_t<int64_t>& counts) {
        auto words = std::make_unique<Words>();
        WordTable& table = words->table_;
        const auto* text = reinterpret_cast<const uint8_t*>(bytes.data());
        const Result result =
            count_words(table, text, static_cast<int64_t>(bytes.size()), Run{1, nullptr, nullptr});
        require(result.ok() && counts.ndim() == 1 && counts.shape(0) == table.size(),
                "damaged state of words");
        for (int64_t i = 0; i < table.size(); ++i)
            table.counts[static_cast<std::size_t>(i)] = counts.at(i);
        return words;
    }

    // Returns tokens, offsets and the position of the first bad word, or -1.
    py::tuple encode(const py::array& text, const py::array& ids, int64_t vocab_size,
                     int64_t unknown, int64_t boundary, bool lines, int num_threads) {
        const Text in = checked(text);
        const uint32_t* id_of = input<uint32_t>(ids, 1, "ids");
        require(ids.shape(0) == size(), "ids has not one entry a word");
        require(!lines || in.size == 0 || in.data[in.size - 1] == '\n',
                "the last line has no newline");
        const WordEncoding how{&table_, id_of, unknown, boundary, lines};
        std::vector<WordBlock> blocks;
        guarded(num_threads,
                [&](const Run& run) { return plan_words(blocks, how, in.data, in.size, run); });
        if (vocab_size <= 1 << 8) return write<uint8_t>(blocks, how, in, num_threads);
        if (vocab_size <= 1 << 16) return write<std::uint16_t>(blocks, how, in, num_threads);
        return write<uint32_t>(blocks, how, in, num_threads);
    }

  private:
    struct Text {
        const uint8_t* data;
        int64_t size;
    };

    static Text checked(const py::array& text) {
        const Text in{input<uint8_t>(text, 1, "text"), text.shape(0)};
        require(in.size < (int64_t{1} << 32) - 1, "text has 4 GiB or more");
        return in;
    }

    void freeze() {
        const py::gil_scoped_release release;
        const std::lock_guard<std::mutex> lock(mutex_);
        frozen_ = true;
    }

    template <class Kernel>
    Result guarded(int num_threads, Kernel&& kernel) {
        return run_kernel(num_threads, [&](const Run& run) {
            const std::lock_guard<std::mutex> lock(mutex_);
            return kernel(run);
        });
    }

    template <class Token>
    py::tuple write(const std::vector<WordBlock>& blocks, const WordEncoding& how, const Text& in,
                    int num_threads) {
        const WordBlock& all = blocks.back();
        py::array_t<Token> tokens(all.tokens);
        py::array_t<int64_t> offsets(all.num_lines + 1);
        Token* to = tokens.mutable_data();
        int64_t* ends = offsets.mutable_data();
        const Result result = guarded(num_threads, [&](const Run& run) {
            return encode_words(to, ends, blocks, how, in.data, run);
        });
        return py::make_tuple(tokens, offsets, result.position);
    }

    WordTable table_;
    std::mutex mutex_;
    bool frozen_ = false;
};

}  // namespace

void bind_words(py::module_& m) {
    py::class_<Words>(m, "Words", plain_type())
        .def(py::init<>())
        .def(py::pickle([](Words& words) { return py::make_tuple(words.words(), words.counts()); },
                        [](const py::tuple& state) {
                            require(state.size() == 2, "damaged state of words");
                            return Words::restored(state[0].cast<std::string>(),
                                                   state[1].cast<py::array_t<int64_t>>());
                        }))
        .def("add", &Words::add, py::arg("text").noconvert())
        .def("size", &Words::size)
        .def("words", &Words::words)
        .def("counts", &Words::counts)
        .def("ranked", &Words::ranked)
        .def("encode", &Words::encode, py::arg("text").noconvert(), py::arg("ids").noconvert(),
             py::arg("vocab_size"), py::arg("unknown"), py::arg("boundary"), py::arg("lines"),
             py::arg("num_threads"));
}

}  // namespace bigram::bindings
