"""Mixtures of models, and pruned ones."""

import itertools
import math
import pickle

import numpy as np
import pytest

import bigram
from bigram.smoothing.pruning import perplexity_changes, without_pairs
from bigram.tables.backoff import BackoffTable
from bigram.tables.conversion import as_backoff, from_arrays
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable
from bigram.tables.sampling_filter import SamplingFilter

TEXTS = ["abba", "abc", "cab", "", "ccab", "bac"]
OTHERS = ["cc", "caac", "aacca", "b"]
TOKENIZER = bigram.CharTokenizer.from_texts(TEXTS + OTHERS)


def fitted(smoothing, texts, layout="dense"):
    counts = bigram.count(texts, TOKENIZER, layout=layout)
    return bigram.CountModel.from_counts(counts, smoothing)


def parts():
    return [
        fitted(bigram.AddK(0.5), TEXTS),
        fitted(bigram.KneserNey(0.6), OTHERS, "sparse"),
        fitted(bigram.MLE(), OTHERS, "sparse"),
    ]


def mixture():
    return bigram.interpolate(parts(), [0.5, 0.2, 0.3])


def rows(table):
    return np.exp(table.log_probs(np.arange(table.vocab_size)))


def test_a_mixture_is_the_weighted_sum():
    mixed = mixture()
    wanted = sum(w * rows(p.table) for w, p in zip((0.5, 0.2, 0.3), parts(), strict=True))
    np.testing.assert_allclose(rows(mixed), wanted, rtol=1e-14)
    i, j = np.divmod(np.arange(16), 4)
    np.testing.assert_array_equal(mixed.pair_log_probs(i, j), mixed.log_probs(range(4)).ravel())
    ids, values = mixed.top_k(range(4), 3)
    order = np.argsort(-wanted, axis=1, kind="stable")[:, :3]
    np.testing.assert_array_equal(ids, order)
    np.testing.assert_allclose(np.exp(values), np.take_along_axis(wanted, order, 1))
    tokens = np.random.default_rng(0).integers(0, 4, 40).astype(np.uint8)
    offsets = np.array([2, 2, 9, 10, 10, 33, 40])
    pairs = mixed.pair_log_probs(tokens[:-1], tokens[1:])
    wanted = [pairs[a : max(a, b - 1)].sum() for a, b in itertools.pairwise(offsets)]
    np.testing.assert_allclose(mixed.score_sequences(tokens, offsets), wanted)
    np.testing.assert_allclose(mixed.score_sequences(tokens), [pairs.sum()])
    model = bigram.CountModel.from_table(mixed, TOKENIZER)
    assert model.score("abc") == pytest.approx(mixed.score_sequences(np.array([0, 1, 2, 3, 0]))[0])
    assert model.evaluate(TEXTS).num_tokens == 23


def test_held_out_text_beside_weights_is_refused():
    with pytest.raises(ValueError, match="wanted it or the weights, not both"):
        bigram.interpolate(parts(), [0.5, 0.2, 0.3], held_out=["abc"])


def test_long_texts_are_scored_by_blocks(monkeypatch):
    mixed, tokens = mixture(), np.random.default_rng(1).integers(0, 4, 500)
    offsets = np.sort(np.random.default_rng(2).integers(0, 500, 60))
    whole = mixed.score_sequences(tokens, offsets)
    monkeypatch.setattr("bigram.tables.mixture.BLOCK", 7)
    monkeypatch.setattr("bigram.tables.blocks.BLOCK", 7)
    np.testing.assert_allclose(mixed.score_sequences(tokens, offsets), whole)
    np.testing.assert_array_equal(mixed.top_k(range(4), 2)[0], mixture().top_k(range(4), 2)[0])


@pytest.mark.parametrize("setting", [{}, {"temperature": 0.6}, {"top_k": 2}, {"top_p": 0.7}])
def test_a_mixture_samples_its_rows(setting):
    mixed = mixture()
    starts = np.repeat(np.arange(4), 20_000)
    tokens, _ = mixed.sample_sequences(starts, max_length=1, seed=3, **setting)
    drawn = np.bincount(starts * 4 + tokens, minlength=16).reshape(4, 4) / 20_000
    with np.errstate(divide="ignore"):
        wanted = SamplingFilter(**setting).weights(np.log(rows(mixed)))
    np.testing.assert_allclose(drawn, wanted / wanted.sum(1, keepdims=True), atol=0.018)
    assert not drawn[wanted == 0].any()


@pytest.mark.parametrize("setting", [{}, {"top_k": 3, "temperature": 2.0}])
def test_fewer_and_shorter_samples_are_prefixes(setting, monkeypatch):
    monkeypatch.setattr("bigram.tables.blocks.BLOCK", 64)
    mixed = mixture()
    starts = np.random.default_rng(0).integers(0, 4, 100)
    tokens, offsets = mixed.sample_sequences(starts, max_length=30, stop=0, seed=9, **setting)
    assert tokens.dtype == np.uint8
    assert not np.any(tokens == 0)
    fewer, few = mixed.sample_sequences(starts[:37], max_length=30, stop=0, seed=9, **setting)
    np.testing.assert_array_equal(few, offsets[:38])
    np.testing.assert_array_equal(fewer, tokens[: offsets[37]])
    short, ends = mixed.sample_sequences(starts, max_length=3, stop=0, seed=9, **setting)
    for s in range(100):
        mine = tokens[offsets[s] : offsets[s + 1]]
        np.testing.assert_array_equal(short[ends[s] : ends[s + 1]], mine[:3])
    none, zeros = mixed.sample_sequences(starts, max_length=0, seed=9)
    assert none.size == 0
    assert not zeros.any()


def test_a_context_without_mass():
    one = DenseTable(np.array([[0.0, 1.0], [0.0, 0.0]]))
    mixed = MixtureTable([one, one], [0.5, 0.5])
    start = np.zeros(2, np.int64)
    for setting in ({}, {"temperature": 0.5}):
        tokens, _ = mixed.sample_sequences(start, max_length=1, seed=0, **setting)
        assert tokens.tolist() == [1, 1]
        with pytest.raises(ValueError, match="sequence 0 reached context 1, which has no"):
            mixed.sample_sequences(start, max_length=2, seed=0, **setting)
        stopped, _ = mixed.sample_sequences(start, max_length=2, stop=1, seed=0, **setting)
        assert stopped.size == 0


def test_a_mixture_travels(tmp_path):
    mixed = mixture()
    mixed.sample_sequences(np.zeros(1, np.int64), max_length=1)
    for again in (
        pickle.loads(pickle.dumps(mixed)),
        from_arrays(mixed.kind, mixed.arrays()),
    ):
        np.testing.assert_array_equal(rows(again), rows(mixed))
    model = bigram.CountModel.from_table(mixed, TOKENIZER)
    model.save(tmp_path / "mixture.safetensors")
    np.testing.assert_array_equal(
        rows(bigram.load(tmp_path / "mixture.safetensors").table), rows(mixed)
    )
    arrays = mixed.arrays()
    for name in ("weights", "0.dense.probs"):
        with pytest.raises(ValueError, match="a mixture needs"):
            from_arrays("mixture", {k: v for k, v in arrays.items() if k != name})
    with pytest.raises(ValueError, match="dense and backoff"):
        from_arrays("mixture", {"weights": np.ones(1), "0.round.probs": np.ones(1)})


def test_an_arpa_file_of_a_mixture(tmp_path):
    """As -mix-lm: exact where a table stores the pair, rows sum to one."""
    sparse = [fitted(bigram.KneserNey(0.6), t, "sparse") for t in (TEXTS, OTHERS)]
    mixed = bigram.interpolate(sparse, [0.75, 0.25])
    collapsed = as_backoff(mixed)
    np.testing.assert_allclose(rows(collapsed).sum(axis=1), 1.0, atol=1e-12)
    stored = np.zeros((4, 4), bool)
    for part in (p.table for p in sparse):
        stored[np.repeat(np.arange(4), np.diff(part.indptr)), part.indices] = True
    assert collapsed.num_pairs == stored.sum()
    np.testing.assert_allclose(rows(collapsed)[stored], rows(mixed)[stored], rtol=1e-14)
    bigram.CountModel.from_table(mixed, TOKENIZER).to_arpa(tmp_path / "mixture.arpa")
    again = bigram.CountModel.from_arpa(tmp_path / "mixture.arpa", tokenizer=TOKENIZER)
    np.testing.assert_allclose(rows(again.table), rows(collapsed), rtol=1e-7)


def test_weights_that_make_held_out_text_likeliest():
    models = parts()[:2]
    held_out = ["abca", "ccab", "aac", "cab"]
    found = bigram.interpolate(models, held_out=held_out)
    counts = bigram.count(held_out, TOKENIZER)

    def likelihood(w):
        mixed = w * rows(models[0].table) + (1 - w) * rows(models[1].table)
        return (counts.matrix * np.log(mixed)).sum()

    best = max(np.linspace(0.001, 0.999, 999), key=likelihood)
    assert found.weights.sum() == pytest.approx(1.0)
    assert found.weights[0] == pytest.approx(best, abs=2e-3)
    again = bigram.interpolate([m.table for m in models], held_out=counts)
    np.testing.assert_allclose(again.weights, found.weights, atol=1e-6)
    impossible = bigram.interpolate([fitted(bigram.MLE(), ["a"])] * 2, held_out=["c"])
    assert impossible.weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([], [1.0]), {}, ValueError, "models is empty"),
        ((parts(), [0.5, 0.5]), {}, ValueError, "a number for each"),
        ((parts(), [0.5, 0.6, -0.1]), {}, ValueError, "must not be negative"),
        ((parts(), [0.5, 0.5, 0.5]), {}, ValueError, "sum to one"),
        ((parts(),), {}, ValueError, "needs held_out"),
        ((parts(), "best"), {}, ValueError, "weights = 'best'"),
        ((["model"], [1.0]), {}, TypeError, "models must be models or tables, not str"),
        (([mixture()], [1.0]), {}, TypeError, "not MixtureTable"),
        (([DenseTable(np.eye(2)), DenseTable(np.eye(3))], [0.5, 0.5]), {}, ValueError, "2 and 3"),
        (([DenseTable(np.eye(2))],), {"held_out": ["a"]}, ValueError, "no model has a tokenizer"),
        ((parts(),), {"held_out": bigram.count(["xyzwv"])}, ValueError, "held_out has 6 symbols"),
        ((parts(),), {"held_out": "abc"}, TypeError, "str"),
        (
            ([parts()[0], bigram.CountModel().fit(["xyz"])], [0.5, 0.5]),
            {},
            ValueError,
            "different vocabularies",
        ),
    ],
)
def test_interpolate_refuses(arguments, options, error, message):
    with pytest.raises(error, match=message):
        bigram.interpolate(*arguments, **options)


def test_mixture_refuses_bad_tokens():
    with pytest.raises(ValueError, match=r"tokens\[3\] = 4 is outside \[0, 4\)"):
        mixture().score_sequences(np.array([9, 0, 1, 4]), np.array([1, 4]))
    with pytest.raises(ValueError, match="offsets must ascend"):
        mixture().score_sequences(np.array([0, 1]), np.array([0, 3]))


def test_pruning_by_count_as_lmplz():
    model = fitted(bigram.ModifiedKneserNey(), TEXTS * 2 + OTHERS, "sparse")
    pruned = model.prune(min_count=2)
    wanted = bigram.ModifiedKneserNey(prune=1).backoff_table(model.counts)
    for name, array in wanted.arrays().items():
        np.testing.assert_array_equal(pruned.table.arrays()[name], array)
    np.testing.assert_allclose(rows(pruned.table).sum(axis=1), 1.0, atol=1e-12)


@pytest.mark.parametrize("smoothing", [bigram.WittenBell(), bigram.Katz(), bigram.AddK(0.5)])
@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_pruning_by_count_keeps_probabilities(smoothing, layout):
    model = fitted(smoothing, TEXTS + OTHERS, layout)
    pruned = model.prune(min_count=2).table
    frequent = model.counts.to_dense() >= 2
    assert pruned.num_pairs == frequent.sum() < np.count_nonzero(model.counts.to_dense())
    np.testing.assert_allclose(rows(pruned)[frequent], rows(model.table)[frequent], rtol=1e-13)
    np.testing.assert_allclose(rows(pruned).sum(axis=1), 1.0, atol=1e-12)
    assert model.prune().table.num_pairs == np.count_nonzero(model.counts.to_dense())
    with pytest.raises(ValueError, match="min_count needs counts"):
        model.prune().prune(min_count=2)


def test_perplexity_changes_are_relative_entropies():
    """Stolcke's D against the sum over the row that it stands for."""
    table = fitted(bigram.KneserNey(0.6), TEXTS + OTHERS, "sparse").table
    changes = perplexity_changes(table)
    before = rows(table)
    contexts = np.repeat(np.arange(4), np.diff(table.indptr))
    for e in range(table.num_pairs):
        after = rows(without_pairs(table, np.arange(table.num_pairs) != e))
        i = contexts[e]
        entropy = table.base[i] * (before[i] * np.log(before[i] / after[i])).sum()
        assert changes[e] == pytest.approx(math.expm1(entropy), rel=1e-9, abs=1e-15)


def test_pruning_by_relative_entropy():
    model = fitted(bigram.KneserNey(0.6), TEXTS + OTHERS, "sparse")
    changes = perplexity_changes(model.table)
    threshold = float(np.median(changes))
    pruned = model.prune(threshold=threshold)
    assert pruned.table.num_pairs == (changes >= threshold).sum()
    np.testing.assert_allclose(rows(pruned.table).sum(axis=1), 1.0, atol=1e-12)
    assert model.prune(threshold=0.0).table.num_pairs == model.table.num_pairs
    everything = model.prune(threshold=1e300).table
    assert everything.num_pairs == 0
    np.testing.assert_allclose(rows(everything), np.tile(everything.base, (4, 1)))
    never = BackoffTable(  # a pair whose token the base cannot give is never pruned
        np.array([0, 1, 1]), np.array([1]), np.ones(1), np.array([0.0, 1.0]), np.array([1.0, 0.0])
    )
    assert perplexity_changes(never).tolist() == [np.inf]
    with pytest.raises(ValueError, match="threshold = -1"):
        model.prune(threshold=-1)
