"""Weighted sums of tables: rows, scores, samples, arrays, and what they refuse."""

import itertools
import pickle

import numpy as np
import pytest

import bigram
from bigram.tables.dense import DenseTable
from bigram.tables.mixture import MixtureTable
from bigram.tables.sampling_filter import SamplingFilter

TEXTS = ["abba", "abc", "cab", "", "ccab", "bac"]
OTHERS = ["cc", "caac", "aacca", "b"]
TOKENIZER = bigram.CharTokenizer.from_texts(TEXTS + OTHERS)
WEIGHTS = (0.5, 0.2, 0.3)


def parts():
    """A dense table and two with a backoff, one of which has rows with zeros."""
    return [
        bigram.AddK(0.5).table(bigram.count(TEXTS, TOKENIZER)),
        bigram.KneserNey(0.6).backoff_table(bigram.count(OTHERS, TOKENIZER)),
        bigram.MLE().backoff_table(bigram.count(OTHERS, TOKENIZER)),
    ]


def mixture():
    return MixtureTable(parts(), WEIGHTS)


def rows(table):
    return np.exp(table.log_probs(np.arange(table.vocab_size)))


def test_rows_of_a_mixture_are_the_weighted_sum_of_rows():
    wanted = sum(w * rows(part) for w, part in zip(WEIGHTS, parts(), strict=True))
    np.testing.assert_allclose(rows(mixture()), wanted, rtol=1e-14)


def test_pairs_of_a_mixture_are_entries_of_its_rows():
    i, j = np.divmod(np.arange(16), 4)
    mixed = mixture()
    np.testing.assert_array_equal(mixed.pair_log_probs(i, j), mixed.log_probs(range(4)).ravel())


def test_top_k_of_a_mixture_sorts_its_rows():
    mixed = mixture()
    ids, values = mixed.top_k(range(4), 3)
    order = np.argsort(-rows(mixed), axis=1, kind="stable")[:, :3]
    np.testing.assert_array_equal(ids, order)
    np.testing.assert_allclose(np.exp(values), np.take_along_axis(rows(mixed), order, 1))


def test_scores_of_a_mixture_are_the_sums_of_pairs():
    mixed, tokens = mixture(), np.random.default_rng(0).integers(0, 4, 40).astype(np.uint8)
    offsets = np.array([2, 2, 9, 10, 10, 33, 40])
    pairs = mixed.pair_log_probs(tokens[:-1], tokens[1:])
    wanted = [pairs[a : max(a, b - 1)].sum() for a, b in itertools.pairwise(offsets)]
    np.testing.assert_allclose(mixed.score_sequences(tokens, offsets), wanted)
    np.testing.assert_allclose(mixed.score_sequences(tokens), [pairs.sum()])


def test_the_size_of_a_block_changes_no_score_and_no_order(monkeypatch):
    mixed, tokens = mixture(), np.random.default_rng(1).integers(0, 4, 500)
    offsets = np.sort(np.random.default_rng(2).integers(0, 500, 60))
    whole = mixed.score_sequences(tokens, offsets)
    monkeypatch.setattr("bigram.tables.mixture.BLOCK", 7)
    monkeypatch.setattr("bigram.tables.blocks.BLOCK", 7)
    np.testing.assert_allclose(mixed.score_sequences(tokens, offsets), whole)
    ids, _ = mixed.top_k(range(4), 2)
    np.testing.assert_array_equal(ids, np.argsort(-rows(mixed), axis=1, kind="stable")[:, :2])


@pytest.mark.parametrize("setting", [{}, {"temperature": 0.6}, {"top_k": 2}, {"top_p": 0.7}])
def test_a_mixture_is_sampled_in_proportion_to_its_rows(setting):
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


@pytest.mark.parametrize("setting", [{}, {"temperature": 0.5}])
def test_a_context_without_mass_is_an_error_only_when_it_is_left(setting):
    one = DenseTable(np.array([[0.0, 1.0], [0.0, 0.0]]))
    mixed = MixtureTable([one, one], [0.5, 0.5])
    start = np.zeros(2, np.int64)
    tokens, _ = mixed.sample_sequences(start, max_length=1, seed=0, **setting)
    assert tokens.tolist() == [1, 1]
    with pytest.raises(ValueError, match="sequence 0 reached context 1, which has no"):
        mixed.sample_sequences(start, max_length=2, seed=0, **setting)
    stopped, _ = mixed.sample_sequences(start, max_length=2, stop=1, seed=0, **setting)
    assert stopped.size == 0


def test_a_mixture_equals_its_pickle_and_its_saved_file(tmp_path):
    mixed = mixture()
    mixed.sample_sequences(np.zeros(1, np.int64), max_length=1)
    np.testing.assert_array_equal(rows(pickle.loads(pickle.dumps(mixed))), rows(mixed))
    bigram.CountModel.from_table(mixed, TOKENIZER).save(tmp_path / "mixture.safetensors")
    loaded = bigram.load(tmp_path / "mixture.safetensors")
    np.testing.assert_array_equal(rows(loaded.table), rows(mixed))


def test_a_mixture_equals_the_one_made_from_its_arrays():
    mixed = mixture()
    arrays = mixed.arrays()
    np.testing.assert_array_equal(rows(MixtureTable.from_arrays(arrays)), rows(mixed))
    for name in ("weights", "0.dense.probs"):
        with pytest.raises(ValueError, match="wanted weights and numbered tables"):
            MixtureTable.from_arrays({k: v for k, v in arrays.items() if k != name})
    with pytest.raises(ValueError, match="wanted those of dense and backoff tables"):
        MixtureTable.from_arrays({"weights": np.ones(1), "0.round.probs": np.ones(1)})


def test_tokens_and_offsets_out_of_range_are_named():
    with pytest.raises(ValueError, match=r"tokens\[3\] = 4 is outside \[0, 4\)"):
        mixture().score_sequences(np.array([9, 0, 1, 4]), np.array([1, 4]))
    with pytest.raises(ValueError, match=r"offsets do not ascend within \[0, 2\]"):
        mixture().score_sequences(np.array([0, 1]), np.array([0, 3]))


@pytest.mark.parametrize(
    ("tables", "weights", "error", "message"),
    [
        ([], [], ValueError, "wanted a number for each table"),
        (parts(), [0.5, 0.5], ValueError, "wanted a number for each table"),
        (parts(), [0.5, 0.6, -0.1], ValueError, "wanted numbers >= 0 that sum to one"),
        (parts(), [0.5, 0.5, 0.5], ValueError, "wanted numbers >= 0 that sum to one"),
        ([mixture()], [1.0], TypeError, r"tables\[0\] is MixtureTable, wanted DenseTable or"),
        (
            [DenseTable(np.eye(2)), DenseTable(np.eye(3))],
            [0.5, 0.5],
            ValueError,
            r"tables\[1\] has 3 symbols, wanted those of tables\[0\], 2",
        ),
    ],
)
def test_tables_and_weights_that_do_not_fit_are_refused(tables, weights, error, message):
    with pytest.raises(error, match=message):
        MixtureTable(tables, weights)
