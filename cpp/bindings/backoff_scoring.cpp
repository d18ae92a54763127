#include "bigram/backoff/backoff_scoring.hpp"

#include <cstring>

#include "arrays.hpp"

namespace bigram::bindings {
namespace {

// Slots travel as uint64 (num_slots, 2): the key, and the bits of the log-probability.
static_assert(sizeof(PairSlot) == 2 * sizeof(std::uint64_t), "a slot is two words");

BackoffScores scores(const py::array& slots, const py::array& log_backoff,
                     const py::array& log_base) {
    BackoffScores model{};
    model.slots = reinterpret_cast<const PairSlot*>(input<std::uint64_t>(slots, 2, "slots"));
    model.log_backoff = input<double>(log_backoff, 1, "log_backoff");
    model.log_base = input<double>(log_base, 1, "log_base");
    model.num_slots = slots.shape(0);
    model.vocab_size = log_base.shape(0);
    require(slots.shape(1) == 2, "slots must have two columns");
    require_length(log_backoff, model.vocab_size, "log_backoff");
    require(model.vocab_size < (int64_t{1} << 31), "log_base has 2**31 entries or more");
    bool has_empty = false;  // without one, a search for a missing pair would not end
    for (int64_t s = 0; s < model.num_slots && !has_empty; ++s)
        has_empty = model.slots[s].key == 0;
    require(has_empty, "slots has no empty slot");
    return model;
}

void index_any(py::array slots, const py::array& indptr, const py::array& indices,
               const py::array& log_probs, int num_threads) {
    auto* to = reinterpret_cast<PairSlot*>(output<std::uint64_t>(slots, 2, "slots"));
    const int64_t* starts = input<int64_t>(indptr, 1, "indptr");
    const double* values = input<double>(log_probs, 1, "log_probs");
    const int64_t num_slots = slots.shape(0);
    const int64_t pairs = log_probs.shape(0);
    const int64_t vocab_size = indptr.shape(0) - 1;
    require(slots.shape(1) == 2, "slots must have two columns");
    require(vocab_size >= 0, "indptr is empty; wanted one element more than there are contexts");
    require_length(indices, pairs, "indices");
    require(starts[0] == 0 && starts[vocab_size] == pairs, "indptr does not span the pairs");
    for (int64_t i = 0; i < vocab_size; ++i)
        require(starts[i] <= starts[i + 1], "indptr descends");
    require(pairs < num_slots, "slots must be more than the pairs");
    std::memset(to, 0, static_cast<std::size_t>(num_slots) * sizeof(PairSlot));
    const auto run_with = [&](const auto* successors) {
        run_kernel(num_threads, [&](const Run& run) {
            return index_pairs(to, num_slots, starts, successors, values, vocab_size, run);
        });
    };
    if (has_dtype<std::int32_t>(indices))
        return run_with(input<std::int32_t>(indices, 1, "indices"));
    run_with(input<int64_t>(indices, 1, "indices"));
}

void pairs_any(py::array out, const py::array& contexts, const py::array& nexts,
               const py::array& slots, const py::array& log_backoff, const py::array& log_base,
               int num_threads) {
    double* to = output<double>(out, 1, "out");
    const int64_t* from = input<int64_t>(contexts, 1, "contexts");
    const int64_t* into = input<int64_t>(nexts, 1, "nexts");
    const int64_t size = out.shape(0);
    require_length(contexts, size, "contexts");
    require_length(nexts, size, "nexts");
    const BackoffScores model = scores(slots, log_backoff, log_base);
    for (int64_t k = 0; k < size; ++k) {
        require(from[k] >= 0 && from[k] < model.vocab_size && into[k] >= 0 &&
                    into[k] < model.vocab_size,
                "an id is outside of the vocabulary");
    }
    run_kernel(num_threads,
               [&](const Run& run) { return score_pairs(to, from, into, size, model, run); });
}

// Returns the position of the first bad token, or -1.
int64_t sequences_any(py::array out, const py::array& tokens, const py::object& offsets,
                      const py::array& slots, const py::array& log_backoff,
                      const py::array& log_base, int num_threads) {
    double* to = output<double>(out, 1, "out");
    const BackoffScores model = scores(slots, log_backoff, log_base);
    return with_tokens(tokens, "tokens", [&](auto data, int64_t size, int64_t stride) {
        const Offsets spans = input_offsets(offsets, size);
        require(out.shape(0) == spans.num_sequences, "out must have an entry for each sequence");
        return run_kernel(num_threads,
                          [&](const Run& run) {
                              return score_backoff_sequences(to, Tokens{data, size, stride}, spans,
                                                             model, run);
                          })
            .position;
    });
}

}  // namespace

void bind_backoff_scoring(py::module_& m) {
    m.def("index_pairs", &index_any, py::arg("slots").noconvert(), py::arg("indptr").noconvert(),
          py::arg("indices").noconvert(), py::arg("log_probs").noconvert(), py::arg("num_threads"));
    m.def("score_backoff_pairs", &pairs_any, py::arg("out").noconvert(),
          py::arg("contexts").noconvert(), py::arg("nexts").noconvert(),
          py::arg("slots").noconvert(), py::arg("log_backoff").noconvert(),
          py::arg("log_base").noconvert(), py::arg("num_threads"));
    m.def("score_backoff_sequences", &sequences_any, py::arg("out").noconvert(),
          py::arg("tokens").noconvert(), py::arg("offsets"), py::arg("slots").noconvert(),
          py::arg("log_backoff").noconvert(), py::arg("log_base").noconvert(),
          py::arg("num_threads"));
}

}  // namespace bigram::bindings
