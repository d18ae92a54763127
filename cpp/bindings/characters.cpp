#include "bigram/text/characters.hpp"

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

template <class Id>
py::tuple encode(py::array& ids, const py::array& text, const py::array& table, int64_t missing) {
    Id* to = output<Id>(ids, 1, "ids");
    const auto* from = input<std::uint8_t>(text, 1, "text");
    const Id* entries = input<Id>(table, 1, "table");
    const int64_t capacity = ids.shape(0);
    const int64_t size = text.shape(0);
    const int64_t table_size = table.shape(0);
    require(table_size > 0, "table is empty");
    Characters done{};
    {
        const py::gil_scoped_release release;
        done = encode_characters(to, capacity, from, size, entries, table_size, missing);
    }
    return py::make_tuple(done.num_bytes, done.num_characters);
}

// Returns how many bytes were read and how many characters written.
py::tuple encode_any(py::array ids, const py::array& text, const py::array& table,
                     int64_t missing) {
    if (has_dtype<std::uint8_t>(ids)) return encode<std::uint8_t>(ids, text, table, missing);
    if (has_dtype<std::uint16_t>(ids)) return encode<std::uint16_t>(ids, text, table, missing);
    return encode<std::uint32_t>(ids, text, table, missing);
}

}  // namespace

void bind_characters(py::module_& m) {
    m.def("encode_characters", &encode_any, py::arg("ids").noconvert(), py::arg("text").noconvert(),
          py::arg("table").noconvert(), py::arg("missing"));
}

}  // namespace bigram::bindings
