#include "bigram/text/arpa.hpp"

#include <cstring>

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

SymbolText symbol_text(const py::bytes& text, const py::array& offsets, const char* name) {
    const int64_t* borders = input<int64_t>(offsets, 1, name);
    const int64_t size = static_cast<int64_t>(PyBytes_GET_SIZE(text.ptr()));
    int64_t low = 0;
    for (int64_t k = 0; k < offsets.shape(0); ++k) {
        require(borders[k] >= low && borders[k] <= size, "offsets of symbols leave their text");
        low = borders[k];
    }
    return {PyBytes_AS_STRING(text.ptr()), borders};
}

const int64_t* input_ids(const py::object& object, int64_t count, int64_t num_symbols,
                         const char* name) {
    if (object.is_none()) return nullptr;
    const auto array = py::cast<py::array>(object);
    const int64_t* ids = input<int64_t>(array, 1, name);
    require_length(array, count, name);
    for (int64_t k = 0; k < count; ++k)
        require(ids[k] >= 0 && ids[k] < num_symbols, "an id is outside of the symbols");
    return ids;
}

// The lines as bytes in an array. contexts and backoffs may be None.
py::array_t<std::uint8_t> format_any(const py::array& log10, const py::object& contexts,
                                     const py::array& nexts, const py::object& backoffs,
                                     const py::bytes& context_text,
                                     const py::array& context_offsets, const py::bytes& next_text,
                                     const py::array& next_offsets, int num_threads) {
    const int64_t count = log10.shape(0);
    const double* values = input<double>(log10, 1, "log10");
    const SymbolText first = symbol_text(context_text, context_offsets, "context_offsets");
    const SymbolText second = symbol_text(next_text, next_offsets, "next_offsets");
    const int64_t* from = input_ids(contexts, count, context_offsets.shape(0) - 1, "contexts");
    const int64_t* to = input_ids(nexts, count, next_offsets.shape(0) - 1, "nexts");
    const double* weights = nullptr;
    if (!backoffs.is_none()) {
        const auto array = py::cast<py::array>(backoffs);
        weights = input<double>(array, 1, "backoffs");
        require_length(array, count, "backoffs");
    }
    bool good = true;
    for (int64_t k = 0; k < count; ++k)
        good &= values[k] > -1e4 && values[k] < 1e4 &&
                (weights == nullptr || (weights[k] > -1e4 && weights[k] < 1e4));
    require(good, "a logarithm is out of range");
    std::vector<std::string> pieces;
    run_kernel(num_threads, [&](const Run& run) {
        return format_ngrams(pieces, count, values, from, to, weights, first, second, run);
    });
    std::size_t size = 0;
    for (const std::string& piece : pieces)
        size += piece.size();
    py::array_t<std::uint8_t> lines(static_cast<py::ssize_t>(size));
    std::uint8_t* at = lines.mutable_data();
    for (const std::string& piece : pieces) {
        std::memcpy(at, piece.data(), piece.size());
        at += piece.size();
    }
    return lines;
}

// The unigrams of a file, kept to look the words of its bigrams up. It keeps the text alive.
// Its name must differ from those of other bound classes: clang gives equal names in unnamed
// namespaces one identity.
class Unigrams {
  public:
    Unigrams(py::buffer text, int64_t begin, int64_t count) : text_(std::move(text)) {
        view_ = text_.request();
        require(view_.ndim == 1 && view_.itemsize == 1 && view_.strides[0] == 1,
                "text must be bytes");
        data_ = static_cast<const char*>(view_.ptr);
        size_ = view_.size;
        require(begin >= 0 && begin <= size_, "begin is outside of the text");
        require(count >= 0 && count <= size_, "count is more than the text could hold");
        log10_ = py::array_t<double>(count);
        backoffs_ = py::array_t<double>(count);
        section_ = parse_unigrams(log10_.mutable_data(), backoffs_.mutable_data(), words_, data_,
                                  size_, begin, count);
    }

    int error() const { return static_cast<int>(section_.error); }
    int64_t position() const { return section_.position; }
    py::array log10() const { return log10_; }
    py::array backoffs() const { return backoffs_; }

    // All the words, with a newline after each.
    py::bytes joined() const {
        return {reinterpret_cast<const char*>(words_.bytes.data()), words_.bytes.size()};
    }

    // (log10, contexts, nexts, error, position); ids are places among the unigrams.
    py::tuple bigrams(int64_t begin, int64_t count, int num_threads) const {
        require(begin >= 0 && begin <= size_, "begin is outside of the text");
        require(count >= 0 && count <= size_, "count is more than the text could hold");
        py::array_t<double> log10(count);
        py::array_t<int64_t> contexts(count), nexts(count);
        ArpaSection section;
        double* values = log10.mutable_data();
        int64_t* from = contexts.mutable_data();
        int64_t* to = nexts.mutable_data();
        run_kernel(num_threads, [&](const Run& run) {
            return parse_bigrams(section, values, from, to, words_, data_, size_, begin, count,
                                 run);
        });
        return py::make_tuple(log10, contexts, nexts, static_cast<int>(section.error),
                              section.position);
    }

  private:
    py::buffer text_;
    py::buffer_info view_;  // while it lives, the text can neither move nor go
    const char* data_ = nullptr;
    int64_t size_ = 0;
    WordTable words_;
    py::array_t<double> log10_, backoffs_;
    ArpaSection section_;
};

}  // namespace

void bind_arpa(py::module_& m) {
    m.def("format_ngrams", &format_any, py::arg("log10").noconvert(), py::arg("contexts"),
          py::arg("nexts").noconvert(), py::arg("backoffs"), py::arg("context_text"),
          py::arg("context_offsets").noconvert(), py::arg("next_text"),
          py::arg("next_offsets").noconvert(), py::arg("num_threads"));
    py::class_<Unigrams>(m, "ArpaWords", plain_type())
        .def(py::init<py::buffer, int64_t, int64_t>(), py::arg("text"), py::arg("begin"),
             py::arg("count"))
        .def_property_readonly("error", &Unigrams::error)
        .def_property_readonly("position", &Unigrams::position)
        .def_property_readonly("log10", &Unigrams::log10)
        .def_property_readonly("backoffs", &Unigrams::backoffs)
        .def("joined", &Unigrams::joined)
        .def("bigrams", &Unigrams::bigrams, py::arg("begin"), py::arg("count"),
             py::arg("num_threads"));
}

}  // namespace bigram::bindings
