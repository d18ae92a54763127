#include "bigram/sampling/multinomial.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

using std::uint64_t;

// Returns what was bad, "probs" with the flat index of a weight or "mass" with a row, or ("", -1).
py::tuple multinomial_any(py::array out, const py::array& probs, uint64_t seed, int num_threads) {
    int64_t* to = output<int64_t>(out, 2, "out");
    const auto run_with = [&](const auto* weights) {
        const int64_t rows = probs.shape(0);
        const int64_t cols = probs.shape(1);
        const int64_t num_samples = out.shape(1);
        require(out.shape(0) == rows, "out and probs differ in rows");
        require(cols > 0 || rows == 0, "probs has no columns");
        const Result result = run_kernel(num_threads, [&](const Run& run) {
            return multinomial(to, weights, rows, cols, num_samples, seed, run);
        });
        const char* what = result.ok()                             ? ""
                           : result.status == Status::without_mass ? "mass"
                                                                   : "probs";
        return py::make_tuple(what, result.position);
    };
    if (has_dtype<float>(probs)) return run_with(input<float>(probs, 2, "probs"));
    return run_with(input<double>(probs, 2, "probs"));
}

}  // namespace

void bind_multinomial(py::module_& m) {
    m.def("multinomial", &multinomial_any, py::arg("out").noconvert(), py::arg("probs").noconvert(),
          py::arg("seed"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
