#include "bigram/counting/count_addition.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

// indptr, indices and counts of a matrix in CSR, its row starts checked.
template <class Index>
SparseCounts<Index> sparse_counts(const py::tuple& arrays, int64_t num_rows) {
    require(arrays.size() == 3, "a matrix is indptr, indices and counts");
    const auto part = [&](std::size_t k) {
        if (!py::isinstance<py::array>(arrays[k])) type_error("a matrix", "three arrays");
        return py::reinterpret_borrow<py::array>(arrays[k]);
    };
    const py::array indptr = part(0);
    const py::array indices = part(1);
    const py::array counts = part(2);
    SparseCounts<Index> matrix{};
    matrix.starts = input<Index>(indptr, 1, "indptr");
    matrix.indices = input<Index>(indices, 1, "indices");
    matrix.counts = input<int64_t>(counts, 1, "counts");
    require(num_rows >= 0 && indptr.shape(0) == num_rows + 1, "indptr has another length");
    require(counts.shape(0) == indices.shape(0), "indices and counts differ in length");
    require(matrix.starts[0] == 0 && matrix.starts[num_rows] == indices.shape(0),
            "indptr does not span the pairs");
    for (int64_t row = 0; row < num_rows; ++row)
        require(matrix.starts[row] <= matrix.starts[row + 1], "indptr descends");
    return matrix;
}

template <class Index>
py::tuple add_any(const py::tuple& a, const py::tuple& b, int num_threads) {
    const int64_t num_rows = py::len(a[0]) - 1;
    const SparseCounts<Index> left = sparse_counts<Index>(a, num_rows);
    const SparseCounts<Index> right = sparse_counts<Index>(b, num_rows);
    py::array_t<int64_t> starts(num_rows + 1);
    int64_t* to_starts = starts.mutable_data();
    run_kernel(num_threads,
               [&](const Run& run) { return added_starts(to_starts, left, right, num_rows, run); });
    // numpy.empty, not array_t: it asks for huge pages, and fresh pages cost more than the merge.
    const py::object empty = py::module_::import("numpy").attr("empty");
    py::array indices = py::array(empty(to_starts[num_rows], py::dtype::of<Index>()));
    py::array counts = py::array(empty(to_starts[num_rows], py::dtype::of<int64_t>()));
    auto* to_indices = output<Index>(indices, 1, "indices");
    auto* to_counts = output<int64_t>(counts, 1, "counts");
    run_kernel(num_threads, [&](const Run& run) {
        return add_counts(to_indices, to_counts, to_starts, left, right, num_rows, run);
    });
    return py::make_tuple(starts, indices, counts);
}

py::tuple add(const py::tuple& a, const py::tuple& b, int num_threads) {
    if (a.empty() || !py::isinstance<py::array>(a[0])) type_error("a matrix", "three arrays");
    if (has_dtype<std::int32_t>(py::reinterpret_borrow<py::array>(a[0]))) {
        return add_any<std::int32_t>(a, b, num_threads);
    }
    return add_any<int64_t>(a, b, num_threads);
}

}  // namespace

void bind_count_addition(py::module_& m) {
    m.def("add_counts", &add, py::arg("a"), py::arg("b"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
