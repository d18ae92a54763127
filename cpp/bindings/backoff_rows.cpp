#include "bigram/backoff/backoff_rows.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

// The arrays of a BackoffTable, of which only the rows asked for are looked at.
struct Table {
    const py::array& indptr;
    const py::array& indices;
    const py::array& log_probs;
    const py::array& log_backoff;
    const py::array& log_base;

    // Calls f(model) for the type of the indices.
    template <class F>
    int64_t with_logs(const int64_t* contexts, int64_t num_rows, const int64_t* order,
                      F&& f) const {
        const int64_t vocab_size = log_base.shape(0);
        const int64_t pairs = log_probs.shape(0);
        const int64_t* starts = input<int64_t>(indptr, 1, "indptr");
        const double* probs = input<double>(log_probs, 1, "log_probs");
        const double* backoff = input<double>(log_backoff, 1, "log_backoff");
        const double* base = input<double>(log_base, 1, "log_base");
        require(vocab_size > 0, "log_base is empty");
        require_length(log_backoff, vocab_size, "log_backoff");
        require_length(indptr, vocab_size + 1, "indptr");
        require_length(indices, pairs, "indices");
        for (int64_t r = 0; r < num_rows; ++r) {
            const int64_t i = contexts[r];
            require(i >= 0 && i < vocab_size, "a context is outside of the vocabulary");
            require(starts[i] >= 0 && starts[i] <= starts[i + 1] && starts[i + 1] <= pairs,
                    "indptr is not within the pairs");
        }
        if (has_dtype<std::int32_t>(indices)) {
            const auto* ids = input<std::int32_t>(indices, 1, "indices");
            return f(
                BackoffLogs<std::int32_t>{starts, ids, probs, backoff, base, order, vocab_size});
        }
        const auto* ids = input<int64_t>(indices, 1, "indices");
        return f(BackoffLogs<int64_t>{starts, ids, probs, backoff, base, order, vocab_size});
    }
};

// Returns the first row with an index outside of the vocabulary, or -1.
int64_t rows_any(py::array out, const py::array& contexts, const py::array& indptr,
                 const py::array& indices, const py::array& log_probs, const py::array& log_backoff,
                 const py::array& log_base, int num_threads) {
    double* to = output<double>(out, 2, "out");
    const int64_t* from = input<int64_t>(contexts, 1, "contexts");
    const int64_t num_rows = contexts.shape(0);
    require(out.shape(0) == num_rows && out.shape(1) == log_base.shape(0),
            "out must have a row for each context and a column for each id");
    const Table table{indptr, indices, log_probs, log_backoff, log_base};
    return table.with_logs(from, num_rows, nullptr, [&](const auto& model) {
        return run_kernel(
                   num_threads,
                   [&](const Run& run) { return backoff_rows(to, from, num_rows, model, run); })
            .position;
    });
}

// Returns the first row whose indices or base_order are not as documented, or -1.
int64_t top_k_any(py::array ids, py::array values, const py::array& contexts,
                  const py::array& indptr, const py::array& indices, const py::array& log_probs,
                  const py::array& log_backoff, const py::array& log_base,
                  const py::array& base_order, int num_threads) {
    int64_t* to_ids = output<int64_t>(ids, 2, "ids");
    double* to_values = output<double>(values, 2, "values");
    const int64_t* from = input<int64_t>(contexts, 1, "contexts");
    const int64_t num_rows = contexts.shape(0);
    const int64_t k = ids.shape(1);
    const int64_t* order = input<int64_t>(base_order, 1, "base_order");
    require(ids.shape(0) == num_rows && values.shape(0) == num_rows && values.shape(1) == k,
            "ids and values must have a row for each context");
    require_length(base_order, log_base.shape(0), "base_order");
    const Table table{indptr, indices, log_probs, log_backoff, log_base};
    return table.with_logs(from, num_rows, order, [&](const auto& model) {
        return run_kernel(num_threads,
                          [&](const Run& run) {
                              return backoff_top_k(to_ids, to_values, k, from, num_rows, model,
                                                   run);
                          })
            .position;
    });
}

}  // namespace

void bind_backoff_rows(py::module_& m) {
    m.def("backoff_rows", &rows_any, py::arg("out").noconvert(), py::arg("contexts").noconvert(),
          py::arg("indptr").noconvert(), py::arg("indices").noconvert(),
          py::arg("log_probs").noconvert(), py::arg("log_backoff").noconvert(),
          py::arg("log_base").noconvert(), py::arg("num_threads"));
    m.def("backoff_top_k", &top_k_any, py::arg("ids").noconvert(), py::arg("values").noconvert(),
          py::arg("contexts").noconvert(), py::arg("indptr").noconvert(),
          py::arg("indices").noconvert(), py::arg("log_probs").noconvert(),
          py::arg("log_backoff").noconvert(), py::arg("log_base").noconvert(),
          py::arg("base_order").noconvert(), py::arg("num_threads"));
}

}  // namespace bigram::bindings
