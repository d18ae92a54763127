#include "bigram/training/optimizers.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

// An array of the weight's dtype and size, C-contiguous, of any shape.
template <class T>
const T* same_size(const py::array& array, const py::array& weight, const char* name) {
    const T* data = input<T>(array, static_cast<int>(array.ndim()), name);
    if (array.size() != weight.size()) {
        throw py::value_error(std::string(name) + " and weight differ in size");
    }
    return data;
}

template <class T>
T* in_place(py::array& array, const char* name) {
    return output<T>(array, static_cast<int>(array.ndim()), name);
}

template <class T>
T* state(py::array& array, const py::array& weight, const char* name) {
    same_size<T>(array, weight, name);
    require_apart(weight, "weight", array, name);
    return in_place<T>(array, name);
}

template <class T>
void adamw(py::array& weight, const py::array& grad, py::array& m, py::array& v, int64_t step,
           const AdamW& options, int num_threads) {
    T* w = in_place<T>(weight, "weight");
    const T* g = same_size<T>(grad, weight, "grad");
    T* first = state<T>(m, weight, "m");
    T* second = state<T>(v, weight, "v");
    require_apart(weight, "weight", grad, "grad");
    require_apart(m, "m", grad, "grad");
    require_apart(v, "v", grad, "grad");
    require_apart(m, "m", v, "v");
    const int64_t size = weight.size();
    run_kernel(num_threads, [&](const Run& run) {
        return adamw_update(w, g, first, second, size, step, options, run);
    });
}

void adamw_any(py::array weight, const py::array& grad, py::array m, py::array v, int64_t step,
               double learning_rate, double beta1, double beta2, double eps, double weight_decay,
               int num_threads) {
    const AdamW options{learning_rate, beta1, beta2, eps, weight_decay};
    if (has_dtype<float>(weight)) {
        adamw<float>(weight, grad, m, v, step, options, num_threads);
    } else {
        adamw<double>(weight, grad, m, v, step, options, num_threads);
    }
}

template <class T>
void sgd(py::array& weight, const py::array& grad, const py::object& velocity, const Sgd& options,
         int num_threads) {
    T* w = in_place<T>(weight, "weight");
    const T* g = same_size<T>(grad, weight, "grad");
    require_apart(weight, "weight", grad, "grad");
    T* u = nullptr;
    if (!velocity.is_none()) {
        auto array = py::cast<py::array>(velocity);
        u = state<T>(array, weight, "velocity");
        require_apart(array, "velocity", grad, "grad");
    }
    const int64_t size = weight.size();
    run_kernel(num_threads,
               [&](const Run& run) { return sgd_update(w, g, u, size, options, run); });
}

void sgd_any(py::array weight, const py::array& grad, const py::object& velocity,
             double learning_rate, double momentum, bool nesterov, double weight_decay,
             int num_threads) {
    const Sgd options{learning_rate, momentum, weight_decay, nesterov};
    if (has_dtype<float>(weight)) {
        sgd<float>(weight, grad, velocity, options, num_threads);
    } else {
        sgd<double>(weight, grad, velocity, options, num_threads);
    }
}

}  // namespace

void bind_optimizers(py::module_& m) {
    m.def("adamw_update", &adamw_any, py::arg("weight").noconvert(), py::arg("grad").noconvert(),
          py::arg("m").noconvert(), py::arg("v").noconvert(), py::arg("step"),
          py::arg("learning_rate"), py::arg("beta1"), py::arg("beta2"), py::arg("eps"),
          py::arg("weight_decay"), py::arg("num_threads"));
    m.def("sgd_update", &sgd_any, py::arg("weight").noconvert(), py::arg("grad").noconvert(),
          py::arg("velocity"), py::arg("learning_rate"), py::arg("momentum"), py::arg("nesterov"),
          py::arg("weight_decay"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
