#include "bigram/numeric/philox.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

using std::uint64_t;

py::array_t<std::uint32_t> philox_words(uint64_t seed, uint64_t block, uint64_t sequence) {
    const PhiloxBlock words = philox(seed, block, sequence);
    return py::array_t<std::uint32_t>(4, words.word);
}

}  // namespace

void bind_philox(py::module_& m) {
    m.def("philox", &philox_words, py::arg("seed"), py::arg("block"), py::arg("sequence"));
}

}  // namespace bigram::bindings
