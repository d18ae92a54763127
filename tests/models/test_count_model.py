"""The counting model: fitting, adding, keeping, and the lecture's figures."""

import csv
import pickle

import numpy as np
import pytest

import bigram

ANDREJZ = [".a", "an", "nd", "dr", "re", "ej", "jz", "z."]
# The pair probabilities of "andrejz" by maximum likelihood with one added to each count.
ANDREJZ_PROBABILITIES = [0.1376, 0.1604, 0.0384, 0.0770, 0.1334, 0.0027, 0.0003, 0.0664]


@pytest.fixture(scope="module")
def names_counts(names_path) -> bigram.BigramCounts:
    return bigram.count(bigram.Corpus.lines(names_path))


def test_the_counts_of_names_are_those_of_the_lecture(names_counts, reference_folder) -> None:
    with open(reference_folder / "makemore_counts.csv", newline="") as file:
        expected = np.array(list(csv.reader(file)), np.int64)
    assert names_counts.total == 228_146
    assert np.array_equal(names_counts.matrix, expected)
    assert np.array_equal(bigram.datasets.load_makemore_counts().matrix, expected)


def check_andrejz(counts: bigram.BigramCounts) -> None:
    smoothed = bigram.CountModel.from_counts(counts, bigram.AddK(1))
    rows = smoothed.explain("andrejz")
    assert [row.pair for row in rows] == ANDREJZ
    assert [row.probability for row in rows] == pytest.approx(ANDREJZ_PROBABILITIES, abs=5e-5)
    assert not any(row.unknown for row in rows)
    assert smoothed.score("andrejz") == pytest.approx(-28.2463, abs=5e-5)
    assert sum(row.log_probability for row in rows) == pytest.approx(-28.2463, abs=5e-5)
    assert -smoothed.score("andrejz") / len(rows) == pytest.approx(3.5308, abs=5e-5)
    exact = bigram.CountModel.from_counts(counts, bigram.MLE())
    assert exact.score("andrejz") == -np.inf
    assert exact.explain("andrejz")[6].probability == 0.0
    assert exact.explain("andrejz")[6].log_probability == -np.inf


def test_andrejz_from_the_file(names_counts) -> None:
    check_andrejz(names_counts)


def test_andrejz_from_the_embedded_counts() -> None:
    check_andrejz(bigram.datasets.load_makemore_counts())


def test_partial_fits_add_up_to_one_fit() -> None:
    texts = ["emma", "olivia", "ava", "isabella", "mia"]
    tokenizer = bigram.CharTokenizer.from_texts(texts)
    whole = bigram.CountModel(tokenizer=tokenizer).fit(texts)
    parts = bigram.CountModel(tokenizer=tokenizer)
    for text in texts:
        assert parts.partial_fit([text]) is parts
    assert np.array_equal(whole.counts.matrix, parts.counts.matrix)
    assert np.array_equal(whole.probs(), parts.probs())


def test_a_partial_fit_is_seen_by_the_next_score() -> None:
    model = bigram.CountModel(bigram.MLE()).fit(["ab"])
    assert model.score("ab") == 0.0
    model.partial_fit(["bb"])
    assert model.score("ab") < 0.0


def test_the_vocabulary_is_fixed_by_the_first_fit() -> None:
    model = bigram.CountModel().fit(["ab"])
    before = model.counts.matrix.copy()
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(bigram.UnknownSymbolError, match="'x'"):
            fit(["ab", "ax"])
    assert np.array_equal(model.counts.matrix, before)
    model.fit(["b"])
    assert model.counts.total == 2
    assert model.vocab_size == 3


def test_from_counts_takes_arrays_without_a_tokenizer() -> None:
    model = bigram.CountModel.from_counts(np.array([[0, 1], [1, 1]]), bigram.MLE())
    assert model.tokenizer is None
    assert model.probs().tolist() == [[0.0, 1.0], [0.5, 0.5]]
    assert model.next_token(0, 1) == [(1, 1.0)]
    for call in (model.sample, lambda: model.score("a"), lambda: model.explain("a")):
        with pytest.raises(ValueError, match="needs a tokenizer"):
            call()


def test_a_tokenizer_of_another_size_is_refused() -> None:
    tokenizer = bigram.CharTokenizer(".ab", boundary=".")
    counts = bigram.BigramCounts(np.ones((2, 2), np.int64))
    with pytest.raises(ValueError, match="tokenizer has 3 symbols, counts have 2"):
        bigram.CountModel.from_counts(counts, tokenizer=tokenizer)
    with pytest.raises(ValueError, match="tokenizer has 3 symbols, the table has 2"):
        bigram.CountModel.from_table(bigram.DenseTable(np.eye(2)), tokenizer)


def test_bad_arguments_say_what_was_wanted() -> None:
    with pytest.raises(TypeError, match=r"smoothing is float, wanted .*AddK"):
        bigram.CountModel(1.0)
    with pytest.raises(TypeError, match=r"pass \[text\] or Corpus.lines"):
        bigram.CountModel().fit("emma")
    with pytest.raises(ValueError, match="not fitted"):
        bigram.CountModel().score("emma")
    with pytest.raises(ValueError, match="boundary"):
        bigram.CountModel(tokenizer=bigram.CharTokenizer(".a", boundary=".")).fit(["a.a"])


@pytest.mark.parametrize("smoothing", [bigram.MLE(), bigram.AddK(0.25)])
def test_a_saved_model_is_the_same_model(tmp_path, smoothing) -> None:
    model = bigram.CountModel(smoothing).fit(["emma", "olivia"])
    model.save(tmp_path / "m.safetensors")
    again = bigram.load(tmp_path / "m.safetensors")
    assert isinstance(again, bigram.CountModel)
    assert again.smoothing == smoothing
    assert again.tokenizer == model.tokenizer
    assert np.array_equal(again.probs(), model.probs())
    assert again.sample(5, seed=1) == model.sample(5, seed=1)
    assert again.partial_fit(["emma"]).counts.total == model.counts.total + 5


def test_a_model_of_ids_is_saved_without_a_tokenizer(tmp_path) -> None:
    model = bigram.CountModel.from_counts(np.arange(9).reshape(3, 3))
    model.save(tmp_path / "ids.safetensors")
    again = bigram.load(tmp_path / "ids.safetensors")
    assert again.tokenizer is None
    assert np.array_equal(again.probs(), model.probs())


def test_a_model_of_probabilities_has_a_table_and_no_counts(tmp_path) -> None:
    table = bigram.DenseTable(np.array([[0.25, 0.75], [1.0, 0.0]]))
    model = bigram.CountModel.from_table(table)
    with pytest.raises(ValueError, match="cannot be fitted"):
        model.partial_fit(["a"])
    model.save(tmp_path / "t.safetensors")
    again = bigram.load(tmp_path / "t.safetensors")
    assert again.counts is None
    assert again.smoothing is None
    assert np.array_equal(again.probs(), table.probs)
    assert np.array_equal(pickle.loads(pickle.dumps(again)).probs(), table.probs)


def test_models_pickle() -> None:
    model = bigram.CountModel().fit(["emma", "ava"])
    before = model.score("eva")
    again = pickle.loads(pickle.dumps(model))
    assert again.score("eva") == before
    assert pickle.loads(pickle.dumps(bigram.CountModel())).counts is None


def test_repr_says_what_it_is() -> None:
    assert repr(bigram.CountModel()) == "CountModel(AddK(k=1.0), not fitted)"
    assert repr(bigram.CountModel().fit(["ab"])) == "CountModel(AddK(k=1.0), 3 symbols, 3 pairs)"


def test_an_empty_corpus_is_not_fitted(tmp_path) -> None:
    (tmp_path / "e").write_bytes(b"")
    used = iter(["ab"])
    list(used)
    words = bigram.WordTokenizer.from_texts(["a b"])
    for corpus in (used, [], bigram.Corpus.lines(tmp_path / "e")):
        for fit in (
            bigram.CountModel().fit,
            bigram.CountModel(bigram.AddK(1.0), words).fit,
            bigram.CountModel().partial_fit,
        ):
            with pytest.raises(ValueError, match="corpus has no pair of symbols to fit; an iterat"):
                fit(corpus)
    model = bigram.CountModel(bigram.AddK(1.0), words).partial_fit(
        []
    )  # the first part of a stream may be empty
    assert model.partial_fit(["a b"]).counts.total == 3
    assert bigram.CountModel().fit([""]).counts.total == 1  # one empty text is a pair of boundaries
