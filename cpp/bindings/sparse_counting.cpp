#include "bigram/counting/sparse_counting.hpp"

#include <algorithm>
#include <limits>

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

template <class Index, class Key>
py::tuple csr_arrays(const SparseCounter<Key>& counter, int64_t vocab_size, int num_threads) {
    py::array_t<Index> indptr(vocab_size + 1);
    py::array_t<Index> indices(counter.num_distinct());
    py::array_t<int64_t> counts(counter.num_distinct());
    Index* const starts = indptr.mutable_data();
    Index* const columns = indices.mutable_data();
    int64_t* const values = counts.mutable_data();
    run_kernel(num_threads,
               [&](const Run& run) { return counter.write(starts, columns, values, run); });
    return py::make_tuple(indptr, indices, counts, int64_t{-1});
}

template <class Key>
py::tuple count(const py::array& tokens, int64_t vocab_size, const py::object& offsets,
                int num_threads) {
    SparseCounter<Key> counter;
    const Result result =
        with_tokens(tokens, "tokens", [&](auto data, int64_t size, int64_t stride) {
            const Offsets spans = input_offsets(offsets, size);
            return run_kernel(num_threads, [&](const Run& run) {
                return counter.count(Tokens{data, size, stride}, spans, vocab_size, run);
            });
        });
    if (!result.ok()) return py::make_tuple(py::none(), py::none(), py::none(), result.position);
    // As scipy chooses: one type for both index arrays.
    if (counter.num_distinct() <= std::numeric_limits<std::int32_t>::max()) {
        return csr_arrays<std::int32_t>(counter, vocab_size, num_threads);
    }
    return csr_arrays<int64_t>(counter, vocab_size, num_threads);
}

// Returns indptr, indices, counts and -1, or the position of the first bad token.
py::tuple count_any(const py::array& tokens, int64_t vocab_size, const py::object& offsets,
                    int num_threads) {
    require(vocab_size >= 1 && vocab_size < (int64_t{1} << 31), "vocab_size is out of range");
    // Tokens of 16 bits are small ids under any vocabulary.
    const int64_t ids =
        tokens.itemsize() <= 2 ? std::min<int64_t>(vocab_size, 1 << 16) : vocab_size;
    return has_narrow_keys(tokens.size(), ids)
               ? count<std::uint32_t>(tokens, vocab_size, offsets, num_threads)
               : count<std::uint64_t>(tokens, vocab_size, offsets, num_threads);
}

}  // namespace

void bind_sparse_counting(py::module_& m) {
    m.def("count_bigrams_sparse", &count_any, py::arg("tokens").noconvert(), py::arg("vocab_size"),
          py::arg("offsets"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
