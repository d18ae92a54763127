// What the extension was built with, and the instruction set that it uses.
#include <pybind11/pybind11.h>

#include <string>

#include "bigram/runtime/isa.hpp"
#include "bigram/runtime/parallel.hpp"

namespace bigram::bindings {

namespace py = pybind11;

namespace {

std::string compiler() {
#if defined(__clang__)
    return "clang " __clang_version__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#elif defined(_MSC_VER)
    return "msvc " + std::to_string(_MSC_VER);
#else
    return "unknown";
#endif
}

int openmp_version() {
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}

Isa parse_isa(const std::string& name) {
    for (const Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
        if (name == isa_name(isa)) return isa;
    }
    throw py::value_error("isa = '" + name + "' is not one of baseline, avx2, avx512");
}

}  // namespace

void bind_build(py::module_& m) {
    m.def("compiler", &compiler, "Name and version of the compiler.");
    m.def("openmp_version", &openmp_version, "Value of _OPENMP, 0 without OpenMP.");
    m.def("best_isa", [] { return isa_name(best_isa()); }, "The best level of this machine.");
    m.def("active_isa", [] { return isa_name(active_isa()); }, "The level that is used.");
    m.def(
        "set_isa", [](const std::string& name) { set_isa(parse_isa(name)); }, py::arg("name"),
        "Use at most this level: baseline, avx2 or avx512.");
}

}  // namespace bigram::bindings
