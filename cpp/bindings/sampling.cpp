#include "bigram/sampling.hpp"

#include <vector>

#include "arrays.hpp"
#include "bigram/random.hpp"

namespace bigram::bindings {
namespace {

using std::uint64_t;

// Returns the position of the first bad weight; see bigram/sampling.hpp.
int64_t multinomial_any(py::array out, const py::array& probs, uint64_t seed, int num_threads) {
    int64_t* to = output<int64_t>(out, 2, "out");
    const auto run_with = [&](const auto* weights) {
        const int64_t rows = probs.shape(0);
        const int64_t cols = probs.shape(1);
        const int64_t num_samples = out.shape(1);
        require(out.shape(0) == rows, "out and probs differ in rows");
        require(cols > 0 || rows == 0, "probs has no columns");
        return run_kernel(num_threads,
                          [&](const Run& run) {
                              return multinomial(to, weights, rows, cols, num_samples, seed, run);
                          })
            .position;
    };
    if (has_dtype<float>(probs)) return run_with(input<float>(probs, 2, "probs"));
    return run_with(input<double>(probs, 2, "probs"));
}

// The starts as uint32, or the position of the first outside [0, vocab_size).
int64_t read_starts(std::vector<std::uint32_t>& to, const py::array& starts, int64_t vocab_size) {
    return with_tokens(starts, "starts", [&](const auto* from, int64_t size, int64_t stride) {
        to.resize(static_cast<std::size_t>(size));
        for (int64_t i = 0; i < size; ++i) {
            const auto token = from[i * stride];
            if (static_cast<uint64_t>(token) >= static_cast<uint64_t>(vocab_size)) return i;
            to[static_cast<std::size_t>(i)] = static_cast<std::uint32_t>(token);
        }
        return int64_t{-1};
    });
}

template <class Real>
py::tuple sample(const py::array& probs, const py::array& starts, const py::dtype& dtype,
                 ChainRequest request, int num_threads) {
    const Real* weights = input<Real>(probs, 2, "probs");
    std::vector<std::uint32_t> states;
    const int64_t outside = read_starts(states, starts, request.vocab_size);
    if (outside >= 0) return py::make_tuple("starts", outside, 0);
    request.num_chains = static_cast<int64_t>(states.size());
    request.starts = states.data();

    ChainTokens tokens;
    tokens.out_bytes = static_cast<int>(dtype.itemsize());
    py::array_t<int64_t> offsets(request.num_chains + 1);
    py::array drawn(dtype, 0);
    if (request.stop < 0) {
        const int64_t most = INT64_MAX / 8 / (request.num_chains + 1);
        if (request.max_length > most) throw std::bad_alloc();
        drawn = py::array(dtype, request.num_chains * request.max_length);
        tokens.out = drawn.mutable_data();
    }
    int64_t* ends = offsets.mutable_data();
    const Result result = run_kernel(num_threads, [&](const Run& run) {
        return sample_sequences(tokens, ends, weights, request, run);
    });
    if (tokens.stuck.chain >= 0)
        return py::make_tuple("mass", tokens.stuck.chain, tokens.stuck.token);
    if (!result.ok()) return py::make_tuple("probs", result.position, 0);
    if (request.stop >= 0) {
        drawn = py::array(dtype, tokens.num_tokens);
        void* to = drawn.mutable_data();
        run_kernel(num_threads,
                   [&](const Run& run) { return copy_tokens(to, tokens.out_bytes, tokens, run); });
    }
    return py::make_tuple(drawn, offsets, 0);
}

// (tokens, offsets, 0), or what is wrong: ("starts" | "probs", position, 0), or
// ("mass", chain, token) where a chain came to a row without mass.
py::tuple sample_any(const py::array& probs, const py::array& starts, const py::dtype& dtype,
                     int64_t max_length, int64_t stop, uint64_t seed, int num_threads) {
    require(probs.ndim() == 2 && probs.shape(0) == probs.shape(1) && probs.shape(0) > 0 &&
                probs.shape(0) < int64_t{1} << 31,
            "probs is not square");
    const int64_t vocab_size = probs.shape(0);
    const int64_t bits = 8 * static_cast<int64_t>(dtype.itemsize()) - (dtype.kind() == 'i');
    require((dtype.kind() == 'u' || dtype.kind() == 'i') && dtype.byteorder() != '>' &&
                (bits > 31 || vocab_size <= int64_t{1} << bits),
            "dtype does not hold every token");
    require(max_length >= 0 && stop >= -1 && stop < vocab_size, "max_length or stop is negative");
    const ChainRequest request{vocab_size, 0, nullptr, max_length, stop, seed};
    return has_dtype<float>(probs) ? sample<float>(probs, starts, dtype, request, num_threads)
                                   : sample<double>(probs, starts, dtype, request, num_threads);
}

py::array_t<std::uint32_t> philox_words(uint64_t seed, uint64_t block, uint64_t sequence) {
    const PhiloxBlock words = philox(seed, block, sequence);
    return py::array_t<std::uint32_t>(4, words.word);
}

}  // namespace

void bind_sampling(py::module_& m) {
    m.def("philox", &philox_words, py::arg("seed"), py::arg("block"), py::arg("sequence"));
    m.def("multinomial", &multinomial_any, py::arg("out").noconvert(), py::arg("probs").noconvert(),
          py::arg("seed"), py::arg("num_threads"));
    m.def("sample_sequences", &sample_any, py::arg("probs").noconvert(),
          py::arg("starts").noconvert(), py::arg("dtype"), py::arg("max_length"), py::arg("stop"),
          py::arg("seed"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
