#include "bigram/cross_entropy/embedding_cross_entropy.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 31;

template <class Groups>
Result group(const py::array& contexts, const py::array& targets, int64_t vocab, int64_t classes,
             int num_threads, Groups* groups) {
    return with_tokens(contexts, "contexts", [&](auto x, int64_t n, int64_t x_stride) {
        return with_tokens(targets, "targets", [&](auto y, int64_t size, int64_t y_stride) {
            require(size == n, "contexts and targets differ in length");
            return run_kernel(num_threads, [&](const Run&) {
                return group_examples(groups, x, x_stride, y, y_stride, n, vocab, classes);
            });
        });
    });
}

template <class T>
py::object gradient(py::object out, const py::array& weight, const py::array& contexts,
                    const py::array& targets, bool sparse, int num_threads) {
    const T* w = input<T>(weight, 2, "weight");
    const int64_t vocab = weight.shape(0);
    const int64_t classes = weight.shape(1);
    require(vocab < kMaxSize && classes < kMaxSize, "weight has 2**31 rows or columns or more");
    GroupedExamples groups;
    const Result grouped = group(contexts, targets, vocab, classes, num_threads, &groups);
    if (!grouped.ok()) return py::int_(grouped.position);
    const int64_t rows = sparse ? static_cast<int64_t>(groups.rows.size()) : vocab;
    py::array grad =
        out.is_none() ? py::array(py::array_t<T>({rows, classes})) : py::cast<py::array>(out);
    T* to = output<T>(grad, 2, "out");
    require(grad.shape(0) == rows && grad.shape(1) == classes, "out and weight differ in shape");
    require_apart(grad, "out", weight, "weight");
    require_apart(grad, "out", contexts, "contexts");
    require_apart(grad, "out", targets, "targets");
    double loss = 0.0;
    run_kernel(num_threads, [&](const Run& run) {
        return embedding_cross_entropy_grad(&loss, to, w, groups, vocab, classes, sparse, run);
    });
    if (!sparse) return py::make_tuple(loss, grad);
    const py::array_t<int64_t> distinct(rows, groups.rows.data());
    return py::make_tuple(loss, distinct, grad);
}

// Returns (loss, grad), or (loss, rows, values) where sparse; an int is the position of the first
// bad context, or n + that of the first bad target.
py::object gradient_any(py::object out, const py::array& weight, const py::array& contexts,
                        const py::array& targets, bool sparse, int num_threads) {
    return has_dtype<float>(weight)
               ? gradient<float>(std::move(out), weight, contexts, targets, sparse, num_threads)
               : gradient<double>(std::move(out), weight, contexts, targets, sparse, num_threads);
}

}  // namespace

void bind_embedding_cross_entropy(py::module_& m) {
    m.def("embedding_cross_entropy_grad", &gradient_any, py::arg("out"),
          py::arg("weight").noconvert(), py::arg("contexts").noconvert(),
          py::arg("targets").noconvert(), py::arg("sparse"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
