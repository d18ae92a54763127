#include "bigram/counting/counting.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

// Adds to counts; returns the position of the first bad token, or -1.
int64_t count_any(py::array counts, const py::array& tokens, const py::object& offsets,
                  int num_threads) {
    int64_t* to = output<int64_t>(counts, 2, "counts");
    const int64_t vocab_size = counts.shape(0);
    require(counts.shape(1) == vocab_size, "counts is not square");
    require(vocab_size < (int64_t{1} << 31), "counts has 2**31 rows or more");
    return with_tokens(tokens, "tokens", [&](auto data, int64_t size, int64_t stride) {
        const Offsets spans = input_offsets(offsets, size);
        const Result result = run_kernel(num_threads, [&](const Run& run) {
            return count_bigrams(to, Tokens{data, size, stride}, spans, vocab_size, run);
        });
        require(result.status != Status::overflow, "a count in out would exceed 2**63 - 1");
        return result.position;
    });
}

}  // namespace

void bind_counting(py::module_& m) {
    m.def("count_bigrams", &count_any, py::arg("counts").noconvert(), py::arg("tokens").noconvert(),
          py::arg("offsets"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
