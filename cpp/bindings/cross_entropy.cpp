#include "bigram/cross_entropy/cross_entropy.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

// A 2-D array of any row stride whose rows are contiguous. (An empty array may have any strides.)
template <class T>
Rows<const T> input_rows(const py::array& array, const char* name) {
    constexpr py::ssize_t size = sizeof(T);
    if (!has_dtype<T>(array) || array.ndim() != 2 || !is_aligned(array) ||
        (array.size() > 0 && array.shape(1) > 1 && array.strides(1) != size) ||
        array.strides(0) % size != 0) {
        type_error(name, "a 2-D array of the documented dtype with contiguous rows");
    }
    return {static_cast<const T*>(array.data()), array.strides(0) / size};
}

template <class T>
Rows<T> output_rows(py::array& array, const char* name) {
    const int64_t stride = input_rows<T>(array, name).row_stride;
    if (!array.writeable()) throw py::value_error(std::string(name) + " is read-only");
    const int64_t width = array.shape(1);
    if (array.size() > 0 && array.shape(0) > 1 && stride < width && -stride < width) {
        throw py::value_error(std::string(name) + " has rows that overlap each other");
    }
    return {static_cast<T*>(array.mutable_data()), stride};
}

bool same_memory(const py::array& a, const py::array& b) {
    return a.data() == b.data() && a.strides(0) == b.strides(0);
}

struct Arguments {
    py::object loss, grad, weight;
    const py::array& logits;
    const py::array& targets;
    CrossEntropyOptions options;
    int num_threads;
};

template <class T, class Target>
py::tuple cross_entropy(Arguments& a, const Target* targets, int64_t target_stride) {
    const Rows<const T> x = input_rows<T>(a.logits, "logits");
    const int64_t rows = a.logits.shape(0);
    const int64_t classes = a.logits.shape(1);
    require(a.targets.shape(0) == rows, "logits and targets differ in length");
    Rows<T> grad{nullptr, 0};
    py::array out;
    if (!a.grad.is_none()) {
        out = py::cast<py::array>(a.grad);
        grad = output_rows<T>(out, "out");
        require(out.shape(0) == rows && out.shape(1) == classes, "out and logits differ in shape");
        if (!same_memory(out, a.logits)) require_apart(out, "out", a.logits, "logits");
        require_apart(out, "out", a.targets, "targets");
    }
    if (!a.weight.is_none()) {
        const auto weight = py::cast<py::array>(a.weight);
        a.options.weight = input<double>(weight, 1, "weight");
        require(weight.shape(0) == classes, "weight and classes differ in length");
        if (grad.data != nullptr) require_apart(out, "out", weight, "weight");
    }
    double total = 0.0;
    double* loss = &total;
    if (a.options.reduction == Reduction::none) {
        auto each = py::cast<py::array>(a.loss);
        loss = output<double>(each, 1, "loss");
        require(each.shape(0) == rows, "loss and logits differ in length");
        require_apart(each, "loss", a.targets, "targets");
    }
    const Strided<Target> y{targets, target_stride};
    const Result result = run_kernel(a.num_threads, [&](const Run& run) {
        return softmax_cross_entropy(loss, grad, x, y, rows, classes, a.options, run);
    });
    return py::make_tuple(result.position, total);
}

// loss is None for the mean, an array for the loss of each row, anything else for the sum. Returns
// the position of the first bad target or -1, and the mean or sum.
py::tuple cross_entropy_any(py::object loss, py::object grad, const py::array& logits,
                            const py::array& targets, py::object weight, int64_t ignore_index,
                            double label_smoothing, int num_threads) {
    CrossEntropyOptions options;
    options.ignore_index = ignore_index;
    options.label_smoothing = label_smoothing;
    options.reduction = py::isinstance<py::array>(loss) ? Reduction::none
                        : loss.is_none()                ? Reduction::mean
                                                        : Reduction::sum;
    Arguments a{std::move(loss), std::move(grad), std::move(weight), logits,
                targets,         options,         num_threads};
    require(label_smoothing >= 0.0 && label_smoothing <= 1.0, "label_smoothing is outside [0, 1]");
    return with_tokens(targets, "targets", [&](auto data, int64_t, int64_t stride) -> py::tuple {
        using Target = std::remove_const_t<std::remove_pointer_t<decltype(data)>>;
        if constexpr (std::is_signed_v<Target>) {
            return has_dtype<float>(logits) ? cross_entropy<float>(a, data, stride)
                                            : cross_entropy<double>(a, data, stride);
        } else {
            type_error("targets", "int32 or int64");
        }
    });
}

}  // namespace

void bind_cross_entropy(py::module_& m) {
    m.def("softmax_cross_entropy", &cross_entropy_any, py::arg("loss"), py::arg("grad"),
          py::arg("logits").noconvert(), py::arg("targets").noconvert(), py::arg("weight"),
          py::arg("ignore_index"), py::arg("label_smoothing"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
