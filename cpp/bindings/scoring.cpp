#include "bigram/scoring/scoring.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

template <class Prob>
int64_t score(py::array& out, const py::array& log_probs, const py::array& tokens,
              const py::object& offsets, int num_threads) {
    double* to = output<double>(out, 1, "out");
    const Prob* table = input<Prob>(log_probs, 2, "log_probs");
    const int64_t vocab_size = log_probs.shape(0);
    require(log_probs.shape(1) == vocab_size, "log_probs is not square");
    return with_tokens(tokens, "tokens", [&](auto data, int64_t size, int64_t stride) {
        const Offsets spans = input_offsets(offsets, size);
        require(out.shape(0) == spans.num_sequences,
                "out and offsets differ in the number of sequences");
        return run_kernel(num_threads,
                          [&](const Run& run) {
                              return score_sequences(to, table, Tokens{data, size, stride}, spans,
                                                     vocab_size, run);
                          })
            .position;
    });
}

// Returns the position of the first bad token, or -1.
int64_t score_any(py::array out, const py::array& log_probs, const py::array& tokens,
                  const py::object& offsets, int num_threads) {
    return has_dtype<float>(log_probs)
               ? score<float>(out, log_probs, tokens, offsets, num_threads)
               : score<double>(out, log_probs, tokens, offsets, num_threads);
}

}  // namespace

void bind_scoring(py::module_& m) {
    m.def("score_sequences", &score_any, py::arg("out").noconvert(),
          py::arg("log_probs").noconvert(), py::arg("tokens").noconvert(), py::arg("offsets"),
          py::arg("num_threads"));
}

}  // namespace bigram::bindings
