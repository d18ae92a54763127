#include "bigram/training/training.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

// A (V, V) array that is updated in place, or None for a moment that the rule does not have.
float* square(py::object& object, int64_t size, const char* name) {
    if (object.is_none()) return nullptr;
    auto array = py::cast<py::array>(object);
    float* data = output<float>(array, 2, name);
    require(array.shape(0) == size && array.shape(1) == size, "state arrays differ in shape");
    return data;
}

TrainingState state_of(py::array& weight, py::object& first, py::object& second,
                       const TrainingSteps& steps) {
    float* data = output<float>(weight, 2, "weight");
    const int64_t size = weight.shape(0);
    require(weight.shape(1) == size && size <= kMaxFusedVocab,
            "weight is not square or has more than 256 rows");
    const TrainingState state{data, square(first, size, "first"), square(second, size, "second"),
                              size};
    require(steps.rule == UpdateRule::sgd || state.first != nullptr, "first moment is missing");
    require(steps.rule != UpdateRule::adamw || state.second != nullptr, "second moment is missing");
    return state;
}

// rule: 0 SGD, 1 with momentum, 2 AdamW; settings: momentum, beta1, beta2, eps, weight_decay, l2.
TrainingSteps steps_of(py::array& losses, const py::array& rates, int64_t steps_before, int rule,
                       const py::array& settings) {
    const double* learning_rates = input<double>(rates, 1, "learning_rates");
    const double* s = input<double>(settings, 1, "settings");
    double* out = output<double>(losses, 1, "losses");
    require(losses.shape(0) == rates.shape(0), "losses and learning_rates differ in length");
    require(settings.shape(0) == 6 && rule >= 0 && rule <= 2 && steps_before >= 0,
            "settings, rule or steps_before is out of range");
    return {out,  learning_rates, rates.shape(0), steps_before, static_cast<UpdateRule>(rule),
            s[0], s[1],           s[2],           s[3],         s[4],
            s[5]};
}

void train_counts(py::array weight, py::object first, py::object second, const py::array& counts,
                  py::array losses, const py::array& rates, int64_t steps_before, int rule,
                  const py::array& settings, int num_threads) {
    const TrainingSteps steps = steps_of(losses, rates, steps_before, rule, settings);
    const TrainingState state = state_of(weight, first, second, steps);
    const int64_t* pairs = input<int64_t>(counts, 2, "counts");
    require(counts.shape(0) == state.vocab_size && counts.shape(1) == state.vocab_size,
            "counts and weight differ in shape");
    run_kernel(num_threads,
               [&](const Run& run) { return train_on_counts(state, pairs, steps, run); });
}

// Returns the flat index of the first bad window, or -1.
int64_t train_windows(py::array weight, py::object first, py::object second,
                      const py::array& tokens, const py::array& positions, int64_t block_size,
                      py::array losses, const py::array& rates, int64_t steps_before, int rule,
                      const py::array& settings, int num_threads) {
    const TrainingSteps steps = steps_of(losses, rates, steps_before, rule, settings);
    const TrainingState state = state_of(weight, first, second, steps);
    const int64_t* starts = input<int64_t>(positions, 2, "positions");
    require(positions.shape(0) == steps.num_steps, "positions and learning_rates differ in length");
    require(block_size >= 1, "block_size must be at least 1");
    const int64_t batch_size = positions.shape(1);
    return with_tokens(tokens, "tokens", [&](const auto* data, int64_t size, int64_t stride) {
        return run_kernel(num_threads,
                          [&](const Run& run) {
                              return train_on_windows(state, data, size, stride, starts, batch_size,
                                                      block_size, steps, run);
                          })
            .position;
    });
}

}  // namespace

void bind_training(py::module_& m) {
    m.def("train_on_counts", &train_counts, py::arg("weight").noconvert(), py::arg("first"),
          py::arg("second"), py::arg("counts").noconvert(), py::arg("losses").noconvert(),
          py::arg("learning_rates").noconvert(), py::arg("steps_before"), py::arg("rule"),
          py::arg("settings").noconvert(), py::arg("num_threads"));
    m.def("train_on_windows", &train_windows, py::arg("weight").noconvert(), py::arg("first"),
          py::arg("second"), py::arg("tokens").noconvert(), py::arg("positions").noconvert(),
          py::arg("block_size"), py::arg("losses").noconvert(),
          py::arg("learning_rates").noconvert(), py::arg("steps_before"), py::arg("rule"),
          py::arg("settings").noconvert(), py::arg("num_threads"));
}

}  // namespace bigram::bindings
