#include "bigram/cross_entropy/count_cross_entropy.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

template <class T, class Counts>
py::tuple run_gradient(py::array& grad, const py::array& weight, const Counts& counts,
                       int64_t total, double l2, int num_threads) {
    const T* w = input<T>(weight, 2, "weight");
    T* to = output<T>(grad, 2, "out");
    const int64_t rows = weight.shape(0);
    const int64_t cols = weight.shape(1);
    require(grad.shape(0) == rows && grad.shape(1) == cols, "out and weight differ in shape");
    require_apart(grad, "out", weight, "weight");
    double loss = 0.0;
    const Result result = run_kernel(num_threads, [&](const Run& run) {
        return count_cross_entropy_grad(&loss, to, w, counts, rows, cols, total, l2, run);
    });
    return py::make_tuple(result.ok(), result.position, loss);
}

template <class Counts>
py::tuple gradient(py::array& grad, const py::array& weight, const Counts& counts, int64_t total,
                   double l2, int num_threads) {
    return has_dtype<float>(weight)
               ? run_gradient<float>(grad, weight, counts, total, l2, num_threads)
               : run_gradient<double>(grad, weight, counts, total, l2, num_threads);
}

// Returns (done, position of the first bad count, loss).
py::tuple dense(py::array grad, const py::array& weight, const py::array& counts, int64_t total,
                double l2, int num_threads) {
    const DenseCounts in{input<int64_t>(counts, 2, "counts")};
    require(weight.ndim() == 2 && counts.shape(0) == weight.shape(0) &&
                counts.shape(1) == weight.shape(1),
            "counts and weight differ in shape");
    require_apart(grad, "out", counts, "counts");
    return gradient(grad, weight, in, total, l2, num_threads);
}

template <class Index>
py::tuple sparse(py::array& grad, const py::array& weight, const py::array& indptr,
                 const py::array& indices, const py::array& data, int64_t total, double l2,
                 int num_threads) {
    const CsrCounts<Index> in{input<Index>(indptr, 1, "counts.indptr"),
                              input<Index>(indices, 1, "counts.indices"),
                              input<int64_t>(data, 1, "counts.data")};
    require(weight.ndim() == 2 && indptr.shape(0) == weight.shape(0) + 1,
            "counts and weight differ in shape");
    require(indices.shape(0) == data.shape(0), "counts.indices and counts.data differ in length");
    const int64_t rows = indptr.shape(0) - 1;
    bool ascending = in.indptr[0] == 0 && in.indptr[rows] <= data.shape(0);
    for (int64_t i = 0; i < rows; ++i)
        ascending &= in.indptr[i] <= in.indptr[i + 1];
    require(ascending, "counts.indptr does not ascend from 0 to the number of counts");
    require_apart(grad, "out", indptr, "counts.indptr");
    require_apart(grad, "out", indices, "counts.indices");
    require_apart(grad, "out", data, "counts.data");
    return gradient(grad, weight, in, total, l2, num_threads);
}

py::tuple sparse_any(py::array grad, const py::array& weight, const py::array& indptr,
                     const py::array& indices, const py::array& data, int64_t total, double l2,
                     int num_threads) {
    return has_dtype<std::int32_t>(indices)
               ? sparse<std::int32_t>(grad, weight, indptr, indices, data, total, l2, num_threads)
               : sparse<int64_t>(grad, weight, indptr, indices, data, total, l2, num_threads);
}

}  // namespace

void bind_count_cross_entropy(py::module_& m) {
    m.def("count_cross_entropy_grad", &dense, py::arg("grad").noconvert(),
          py::arg("weight").noconvert(), py::arg("counts").noconvert(), py::arg("total"),
          py::arg("l2"), py::arg("num_threads"));
    m.def("count_cross_entropy_grad_csr", &sparse_any, py::arg("grad").noconvert(),
          py::arg("weight").noconvert(), py::arg("indptr").noconvert(),
          py::arg("indices").noconvert(), py::arg("data").noconvert(), py::arg("total"),
          py::arg("l2"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
