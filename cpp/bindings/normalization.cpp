#include "bigram/normalization/normalization.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

template <class Count, class Out>
int64_t normalize(py::array& out, const py::array& counts, double alpha, int num_threads) {
    const Count* in = input<Count>(counts, 2, "counts");
    Out* to = output<Out>(out, 2, "out");
    const int64_t rows = counts.shape(0);
    const int64_t cols = counts.shape(1);
    require(out.shape(0) == rows && out.shape(1) == cols, "out and counts differ in shape");
    return run_kernel(
               num_threads,
               [&](const Run& run) { return normalize_rows(to, in, rows, cols, alpha, run); })
        .position;
}

// Returns the flat index of the first bad count, or -1.
int64_t normalize_rows_any(py::array out, const py::array& counts, double alpha, int num_threads) {
    const bool to_float = has_dtype<float>(out);
    if (has_dtype<int64_t>(counts)) {
        return to_float ? normalize<int64_t, float>(out, counts, alpha, num_threads)
                        : normalize<int64_t, double>(out, counts, alpha, num_threads);
    }
    return to_float ? normalize<double, float>(out, counts, alpha, num_threads)
                    : normalize<double, double>(out, counts, alpha, num_threads);
}

}  // namespace

void bind_normalization(py::module_& m) {
    m.def("normalize_rows", &normalize_rows_any, py::arg("out").noconvert(),
          py::arg("counts").noconvert(), py::arg("alpha"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
