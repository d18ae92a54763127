// The extension module `bigram._core`. One bind_* function for each file beside this one.
#include <pybind11/pybind11.h>

namespace bigram::bindings {

void bind_arpa(pybind11::module_& m);
void bind_backoff_rows(pybind11::module_& m);
void bind_backoff_sampling(pybind11::module_& m);
void bind_backoff_scoring(pybind11::module_& m);
void bind_build(pybind11::module_& m);
void bind_characters(pybind11::module_& m);
void bind_count_addition(pybind11::module_& m);
void bind_count_cross_entropy(pybind11::module_& m);
void bind_counting(pybind11::module_& m);
void bind_cross_entropy(pybind11::module_& m);
void bind_embedding_cross_entropy(pybind11::module_& m);
void bind_multinomial(pybind11::module_& m);
void bind_normalization(pybind11::module_& m);
void bind_optimizers(pybind11::module_& m);
void bind_philox(pybind11::module_& m);
void bind_sample_sequences(pybind11::module_& m);
void bind_scoring(pybind11::module_& m);
void bind_sparse_counting(pybind11::module_& m);
void bind_training(pybind11::module_& m);
void bind_words(pybind11::module_& m);

}  // namespace bigram::bindings

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
    using namespace bigram::bindings;
    m.doc() = "Compiled kernels of bigram; use the validated functions of bigram.kernels.";
    bind_arpa(m);
    bind_backoff_rows(m);
    bind_backoff_sampling(m);
    bind_backoff_scoring(m);
    bind_build(m);
    bind_characters(m);
    bind_count_addition(m);
    bind_count_cross_entropy(m);
    bind_counting(m);
    bind_cross_entropy(m);
    bind_embedding_cross_entropy(m);
    bind_multinomial(m);
    bind_normalization(m);
    bind_optimizers(m);
    bind_philox(m);
    bind_sample_sequences(m);
    bind_scoring(m);
    bind_sparse_counting(m);
    bind_training(m);
    bind_words(m);
}
