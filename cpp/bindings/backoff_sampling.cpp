#include "bigram/backoff/backoff_sampling.hpp"

#include <limits>
#include <memory>

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

using std::uint64_t;

void require_weights(const double* values, int64_t size, const char* message) {
    bool good = true;
    for (int64_t k = 0; k < size; ++k)
        good &= values[k] >= 0.0 && values[k] <= std::numeric_limits<double>::max();
    require(good, message);
}

// A prepared sampler. It keeps the array of indices alive, and copies all else: so nothing that
// happens to the caller's arrays can lead it astray.
class Sampler {
  public:
    Sampler(const py::array& indptr, py::array indices, const py::array& weights,
            const py::array& backoff, const py::array& base, int64_t top_k, double top_p,
            int num_threads)
        : indices_(std::move(indices)) {
        const double* q = input<double>(base, 1, "base");
        vocab_size_ = base.shape(0);
        require(vocab_size_ > 0 && vocab_size_ < (int64_t{1} << 31), "base has a bad length");
        const double* b = input<double>(backoff, 1, "backoff");
        const double* w = input<double>(weights, 1, "weights");
        const int64_t* starts = input<int64_t>(indptr, 1, "indptr");
        const int64_t pairs = weights.shape(0);
        require_length(backoff, vocab_size_, "backoff");
        require_length(indptr, vocab_size_ + 1, "indptr");
        require_length(indices_, pairs, "indices");
        require(starts[0] == 0 && starts[vocab_size_] == pairs, "indptr does not span the pairs");
        for (int64_t i = 0; i < vocab_size_; ++i)
            require(starts[i] <= starts[i + 1], "indptr descends");
        require_weights(w, pairs, "weights must be finite and not negative");
        require_weights(b, vocab_size_, "backoff must be finite and not negative");
        require_weights(q, vocab_size_, "base must be finite and not negative");
        require(top_k >= 1 && top_p > 0.0, "top_k and top_p must be positive");
        if (has_dtype<std::int32_t>(indices_)) {
            prepare(narrow_, starts, w, b, q, top_k, top_p, num_threads);
        } else {
            prepare(wide_, starts, w, b, q, top_k, top_p, num_threads);
        }
    }

    // (tokens, offsets), or (None, sequence, context) where a context without mass was reached.
    py::tuple sample(const py::array& starts, const py::dtype& dtype, int64_t max_length,
                     int64_t stop, uint64_t seed, int num_threads) const {
        const auto* from = input<std::uint32_t>(starts, 1, "starts");
        const int64_t count = starts.shape(0);
        for (int64_t s = 0; s < count; ++s)
            require(from[s] < static_cast<uint64_t>(vocab_size_),
                    "a start is outside of the vocabulary");
        require(max_length >= 0 && max_length < (int64_t{1} << 32), "max_length is out of range");
        require(stop >= -1 && stop < vocab_size_, "stop is outside of the vocabulary");
        const int64_t bits = 8 * static_cast<int64_t>(dtype.itemsize());
        require(
            dtype.kind() == 'u' && bits <= 32 && (bits == 32 || vocab_size_ <= int64_t{1} << bits),
            "dtype must be uint8, uint16 or uint32 and hold the vocabulary");
        py::array_t<int64_t> offsets(count + 1);
        int64_t* ends = offsets.mutable_data();
        ends[0] = 0;
        SampledSequences sampled;
        const Result result = run_kernel(num_threads, [&](const Run& run) {
            return narrow_ ? sample_backoff_sequences(sampled, ends + 1, from, count, max_length,
                                                      stop, seed, *narrow_, run)
                           : sample_backoff_sequences(sampled, ends + 1, from, count, max_length,
                                                      stop, seed, *wide_, run);
        });
        if (!result.ok())
            return py::make_tuple(py::none(), result.position, sampled.context_without_mass);
        for (int64_t s = 0; s < count; ++s)
            ends[s + 1] += ends[s];
        py::array tokens(dtype, ends[count]);
        void* to = tokens.mutable_data();
        run_kernel(num_threads, [&](const Run& run) {
            if (bits == 8) write_sampled(static_cast<std::uint8_t*>(to), ends, sampled, run);
            if (bits == 16) write_sampled(static_cast<std::uint16_t*>(to), ends, sampled, run);
            if (bits == 32) write_sampled(static_cast<std::uint32_t*>(to), ends, sampled, run);
            return Result{};
        });
        return py::make_tuple(tokens, offsets, 0);
    }

  private:
    template <class Index>
    void prepare(std::unique_ptr<BackoffSampler<Index>>& sampler, const int64_t* indptr,
                 const double* weights, const double* backoff, const double* base, int64_t top_k,
                 double top_p, int num_threads) {
        const Index* ids = input<Index>(indices_, 1, "indices");
        bool good = true;
        for (int64_t k = 0; k < indices_.shape(0); ++k)
            good &= static_cast<uint64_t>(ids[k]) < static_cast<uint64_t>(vocab_size_);
        require(good, "an index is outside of the vocabulary");
        for (int64_t i = 0; i < vocab_size_; ++i)
            for (int64_t e = indptr[i] + 1; e < indptr[i + 1]; ++e)
                good &= ids[e - 1] < ids[e];
        require(good, "indices do not ascend in every row");  // as the numbers of cells rely on
        sampler = std::make_unique<BackoffSampler<Index>>();
        const BackoffWeights<Index> model{indptr, ids, weights, backoff, base, vocab_size_};
        run_kernel(num_threads, [&](const Run& run) {
            return prepare_backoff_sampler(*sampler, model, top_k, top_p, run);
        });
    }

    py::array indices_;
    int64_t vocab_size_ = 0;
    std::unique_ptr<BackoffSampler<std::int32_t>> narrow_;
    std::unique_ptr<BackoffSampler<int64_t>> wide_;
};

}  // namespace

void bind_backoff_sampling(py::module_& m) {
    py::class_<Sampler>(m, "BackoffSampler", plain_type())
        .def(py::init<const py::array&, py::array, const py::array&, const py::array&,
                      const py::array&, int64_t, double, int>(),
             py::arg("indptr").noconvert(), py::arg("indices").noconvert(),
             py::arg("weights").noconvert(), py::arg("backoff").noconvert(),
             py::arg("base").noconvert(), py::arg("top_k"), py::arg("top_p"),
             py::arg("num_threads"))
        .def("sample", &Sampler::sample, py::arg("starts").noconvert(), py::arg("dtype"),
             py::arg("max_length"), py::arg("stop"), py::arg("seed"), py::arg("num_threads"));
}

}  // namespace bigram::bindings
