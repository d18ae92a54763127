#include "bigram/sampling/sample_sequences.hpp"

#include <optional>
#include <vector>

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

using std::uint64_t;

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

// Weights (V, V) and the alias table that is built from them. The weights are kept alive until the
// table is complete. Whoever writes to them in between changes what is drawn, but no token leaves
// [0, V).
class DenseSampler {
  public:
    explicit DenseSampler(py::array probs) : probs_(std::move(probs)) {
        require(probs_.ndim() == 2 && probs_.shape(0) == probs_.shape(1) && probs_.shape(0) > 0 &&
                    probs_.shape(0) < int64_t{1} << 31,
                "probs is not square");
        vocab_size_ = probs_.shape(0);
        if (has_dtype<float>(probs_)) {
            single_.emplace(input<float>(probs_, 2, "probs"), vocab_size_);
        } else {
            double_.emplace(input<double>(probs_, 2, "probs"), vocab_size_);
        }
    }

    int64_t vocab_size() const { return vocab_size_; }

    // Returns the position of the first bad weight, or -1.
    int64_t check(int num_threads) {
        if (complete()) return -1;
        const py::array alive = probs_;
        return run_kernel(num_threads,
                          [&](const Run& run) {
                              return single_ ? single_->check(run) : double_->check(run);
                          })
            .position;
    }

    // Returns (tokens, offsets, 0), or what is wrong: ("starts" | "probs", position, 0), or
    // ("mass", sequence, token) where a sequence reached a row without mass.
    py::tuple sample(const py::array& starts, const py::dtype& dtype, int64_t max_length,
                     int64_t stop, uint64_t seed, int num_threads) {
        const int64_t bits = 8 * static_cast<int64_t>(dtype.itemsize()) - (dtype.kind() == 'i');
        require((dtype.kind() == 'u' || dtype.kind() == 'i') && dtype.byteorder() != '>' &&
                    (bits > 31 || vocab_size_ <= int64_t{1} << bits),
                "dtype does not hold every token");
        require(max_length >= 0 && stop >= -1 && stop < vocab_size_,
                "max_length or stop is out of range");
        std::vector<std::uint32_t> states;
        const int64_t outside = read_starts(states, starts, vocab_size_);
        if (outside >= 0) return py::make_tuple("starts", outside, 0);
        const SequenceRequest request{vocab_size_,   static_cast<int64_t>(states.size()),
                                      states.data(), max_length,
                                      stop,          seed};
        DrawnTokens tokens;
        tokens.out_bytes = static_cast<int>(dtype.itemsize());
        py::array_t<int64_t> offsets(request.num_sequences + 1);
        py::array drawn(dtype, 0);
        if (stop < 0) {
            const int64_t most = INT64_MAX / 8 / (request.num_sequences + 1);
            if (max_length > most) throw std::bad_alloc();
            drawn = py::array(dtype, request.num_sequences * max_length);
            tokens.out = drawn.mutable_data();
        }
        // Another thread's call may complete the table and drop probs_ while this one still reads
        // it.
        const py::array alive = probs_;
        int64_t* ends = offsets.mutable_data();
        const Result result = run_kernel(num_threads, [&](const Run& run) {
            return single_ ? single_->sample(tokens, ends, request, run)
                           : double_->sample(tokens, ends, request, run);
        });
        if (complete()) probs_ = py::array();
        if (result.status == Status::without_mass)
            return py::make_tuple("mass", result.position, tokens.stuck.token);
        if (!result.ok()) return py::make_tuple("probs", result.position, 0);
        if (stop >= 0) {
            drawn = py::array(dtype, tokens.num_tokens);
            void* to = drawn.mutable_data();
            run_kernel(num_threads, [&](const Run& run) {
                return copy_tokens(to, tokens.out_bytes, tokens, run);
            });
        }
        return py::make_tuple(drawn, offsets, 0);
    }

  private:
    bool complete() const { return single_ ? single_->complete() : double_->complete(); }

    py::array probs_;
    int64_t vocab_size_ = 0;
    std::optional<SequenceSampler<float>> single_;
    std::optional<SequenceSampler<double>> double_;
};

// Without a Python object for the sampler, whose making would show in a call for a single name.
py::tuple sample_once(py::array probs, const py::array& starts, const py::dtype& dtype,
                      int64_t max_length, int64_t stop, uint64_t seed, int num_threads) {
    return DenseSampler(std::move(probs))
        .sample(starts, dtype, max_length, stop, seed, num_threads);
}

}  // namespace

void bind_sample_sequences(py::module_& m) {
    m.def("sample_sequences", &sample_once, py::arg("probs").noconvert(),
          py::arg("starts").noconvert(), py::arg("dtype"), py::arg("max_length"), py::arg("stop"),
          py::arg("seed"), py::arg("num_threads"));
    py::class_<DenseSampler>(m, "DenseSampler", plain_type())
        .def(py::init<py::array>(), py::arg("probs").noconvert())
        .def_property_readonly("vocab_size", &DenseSampler::vocab_size)
        .def("check", &DenseSampler::check, py::arg("num_threads"))
        .def("sample", &DenseSampler::sample, py::arg("starts").noconvert(), py::arg("dtype"),
             py::arg("max_length"), py::arg("stop"), py::arg("seed"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
