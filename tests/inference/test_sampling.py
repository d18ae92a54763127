"""Texts and ids drawn from a model, by the package's generator and by torch's."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bigram


# Golden: torch_golden.json of the reference figures, written by PyTorch 2.13; the cumulative ones
# are what the makemore lecture printed in 2022.
@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("cumulative", "mor axx minaymoryles kondlaisah anchshizarie"),
        (
            "exponential",
            (
                "cexze momasurailezitynn konimittain llayn ka da staiyaubrtthrigotai moliellavo "
                "ke teda"
            ),
        ),
    ],
)
def test_torch_generators_give_the_names_of_the_lecture(makemore, method, names) -> None:
    names = names.split()
    generator = bigram.TorchGenerator(2147483647, method)
    assert makemore.sample(len(names), seed=generator) == names
    generator = bigram.TorchGenerator(2147483647, method)
    assert makemore.sample(2, seed=generator) + makemore.sample(3, seed=generator) == names[:5]
    generator = bigram.TorchGenerator(2147483647, method)
    without = makemore.sample(len(names) - 1, seed=generator, exclude={names[1]})
    assert without == [name for name in names if name != names[1]]


def test_the_golden_names_are_those_of_the_reference_file(reference_folder, makemore) -> None:
    golden = json.loads((reference_folder / "torch_golden.json").read_text())
    names = [name.rstrip(".") for name in golden["names_counts_samples_exponential"]]
    assert makemore.sample(len(names), seed=bigram.TorchGenerator(2147483647)) == names


def test_torch_generators_draw_one_multinomial_for_a_step_of_generate(model) -> None:
    idx = np.array([[0, 3], [1, 2]])
    drawn = model.generate(idx, 6, seed=bigram.TorchGenerator(5))
    generator = bigram.TorchGenerator(5)
    rows = model.probs().astype(np.float32)
    current, expected = idx, idx[:, -1]
    for _ in range(6):
        expected = generator.multinomial(rows[expected])[:, 0]
        current = np.column_stack([current, expected])
    assert np.array_equal(drawn, current)


@given(seed=st.integers(0, 2**63), n=st.integers(0, 8), more=st.integers(0, 8))
def test_a_sample_is_the_beginning_of_a_longer_one(model, seed, n, more, texts_fitted) -> None:
    for options in (
        {},
        {"unique": True},
        {"exclude": texts_fitted},
        {"top_k": 4},
        {"temperature": 2},
    ):
        longer = model.sample(n + more, seed=seed, max_length=20, **options)
        assert model.sample(n, seed=seed, max_length=20, **options) == longer[:n]


def test_threads_do_not_change_a_sample(model) -> None:
    before = bigram.get_num_threads()
    samples = []
    for threads in (1, 2, 3, 7):
        bigram.set_num_threads(threads)
        samples.append(model.sample(500, seed=9, temperature=1.5))
    bigram.set_num_threads(before)
    assert all(sample == samples[0] for sample in samples)


def test_samples_without_a_seed_differ(model) -> None:
    assert model.sample(50) != model.sample(50)


def test_unique_and_exclude_take_the_first_draws_that_are_allowed(model, texts_fitted) -> None:
    texts = model.sample(200, seed=3, unique=True, exclude=texts_fitted)
    assert len(set(texts)) == 200
    assert not set(texts) & set(texts_fitted)
    # They are the first of all draws that may be taken.
    plain = model.sample(1000, seed=3)
    assert texts[:50] == list(dict.fromkeys(t for t in plain if t not in texts_fitted))[:50]


def test_more_different_texts_than_there_are_is_an_error_after_100_n_draws() -> None:
    single = bigram.CountModel(bigram.MLE()).fit(["ab"])
    with pytest.raises(ValueError, match="n = 3, but 300 draws gave only 1 different texts"):
        single.sample(3, seed=0, unique=True)
    with pytest.raises(ValueError, match="n = 1, but 100 draws gave only 0 texts"):
        single.sample(1, seed=0, exclude=["ab"])
    with pytest.raises(ValueError, match="only 1 different"):
        single.sample(3, seed=bigram.TorchGenerator(0), unique=True)
    with pytest.raises(TypeError, match="exclude is str, wanted an iterable of str"):
        single.sample(1, exclude="ab")


def test_a_prefix_begins_every_text_and_counts_in_its_length(model) -> None:
    texts = model.sample(100, seed=1, prefix="so", max_length=5)
    assert all(text.startswith("so") and len(text) <= 5 for text in texts)
    assert any(len(text) == 5 for text in texts)
    assert model.sample(3, prefix="so", max_length=2) == ["so"] * 3
    with pytest.raises(ValueError, match="max_length = 1, wanted at least the prefix's 2 tokens"):
        model.sample(3, prefix="so", max_length=1)
    with pytest.raises(bigram.UnknownSymbolError):
        model.sample(3, prefix="x")


def test_texts_end_at_a_thousand_tokens_without_max_length() -> None:
    counts = np.array([[0, 1], [0, 1]])
    endless = bigram.CountModel.from_counts(
        counts, bigram.MLE(), bigram.CharTokenizer(".a", boundary=".")
    )
    assert endless.sample(2, seed=1) == ["a" * 1000] * 2
    assert endless.sample(1, seed=1, max_length=1500) == ["a" * 1500]
    assert endless.sample(1, seed=bigram.TorchGenerator(1)) == ["a" * 1000]


def test_without_a_boundary_prefix_and_length_are_needed() -> None:
    tokenizer = bigram.CharTokenizer.from_texts(["to be or not"], boundary=None)
    model = bigram.CountModel(tokenizer=tokenizer).fit(["to be or not"])
    for options in ({}, {"prefix": "t"}, {"max_length": 5}):
        with pytest.raises(ValueError, match="no boundary symbol"):
            model.sample(1, **options)
    assert [len(text) for text in model.sample(4, prefix="t", max_length=9)] == [9] * 4
    with pytest.raises(ValueError, match="is the boundary, and this tokenizer has none"):
        model.next_token("")


@pytest.mark.parametrize("seed", [4, bigram.TorchGenerator(4)])
def test_extreme_options_take_the_most_likely_token(seed) -> None:
    best = bigram.CountModel(bigram.MLE()).fit(["ab"] * 3 + ["ba"])
    for options in ({"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-3}):
        assert best.sample(20, seed=seed, prefix="a", max_length=2, **options) == ["ab"] * 20


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"temperature": 0}, ValueError, "temperature"),
        ({"temperature": -1.0}, ValueError, "temperature"),
        ({"temperature": float("nan")}, ValueError, "temperature"),
        ({"temperature": "hot"}, TypeError, "temperature"),
        ({"top_k": 0}, ValueError, "top_k"),
        ({"top_k": 2.0}, TypeError, "top_k"),
        ({"top_p": 0.0}, ValueError, "top_p"),
        ({"top_p": 1.5}, ValueError, "top_p"),
        ({"n": -1}, ValueError, "n = -1"),
        ({"n": 1.5}, TypeError, "n is [a-z]+, wanted an integer"),
        ({"max_length": 0}, ValueError, "max_length = 0"),
        ({"prefix": 3}, TypeError, "prefix is int"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": "x"}, TypeError, "seed"),
    ],
)
def test_bad_options_are_named(model, options, error, match) -> None:
    with pytest.raises(error, match=match):
        model.sample(**options)


def test_sampling_from_a_context_without_a_distribution_is_an_error() -> None:
    tokenizer = bigram.CharTokenizer(".ab", boundary=".")
    model = bigram.CountModel(bigram.MLE(), tokenizer).fit(["a"])
    assert model.sample(3) == ["a"] * 3
    for seed in (1, bigram.TorchGenerator(1)):
        with pytest.raises(ValueError):
            model.sample(1, seed=seed, prefix="b")
    assert model.score("b") == -np.inf


def test_models_of_bytes_sample_texts_of_whole_characters() -> None:
    model = bigram.CountModel(bigram.MLE(), bigram.ByteTokenizer(boundary="\n")).fit(["né", "né"])
    assert model.sample(2, seed=1) == ["né", "né"]
    assert model.sample(1, seed=1, prefix="n", max_length=3) == ["né"]


def test_every_text_begins_with_the_prefix_as_it_was_given() -> None:
    """Whether or not an unknown symbol, whose name is longer than one character, is drawn."""
    tokenizer = bigram.CharTokenizer.from_texts(["ab"], unknown="<unk>")
    model = bigram.CountModel(bigram.AddK(5.0), tokenizer).fit(["ab"])
    texts = model.sample(50, prefix="é", seed=0)
    assert all(text.startswith("é") for text in texts)
    assert any("<unk>" in text for text in texts)


def test_generate_continues_rows_of_ids(model) -> None:
    idx = np.array([[0, 1, 2], [3, 2, 1]], np.uint8)
    out = model.generate(idx, 10, seed=2)
    assert out.shape == (2, 13)
    assert out.dtype == np.int64
    assert np.array_equal(out[:, :3], idx)
    assert np.array_equal(out, model.generate(idx, 10, seed=2))
    assert np.array_equal(out[:, :7], model.generate(idx, 4, seed=2))
    assert np.array_equal(out[:, 2:], model.generate(idx[:, -1:], 10, seed=2))
    assert np.array_equal(model.generate(idx, 0), idx)
    assert model.generate(np.empty((0, 2), np.int64), 3).shape == (0, 5)


@pytest.mark.parametrize(
    ("idx", "error", "match"),
    [
        ([0, 1], ValueError, r"shape \(2,\), wanted \(B, T\)"),
        ([[]], TypeError, "dtype float64"),
        (np.empty((1, 0), int), ValueError, "T at least 1"),
        ([[0.0]], TypeError, "dtype float64"),
        ([[0, 99]], ValueError, r"idx\[0, 1\] = 99 is outside \[0, "),
        ([[-1]], ValueError, r"idx\[0, 0\] = -1 is outside"),
    ],
)
def test_generate_refuses_arrays_that_are_not_rows_of_ids(model, idx, error, match) -> None:
    with pytest.raises(error, match=match):
        model.generate(idx, 3)


def test_exclude_takes_arrays_and_series(model, texts_fitted) -> None:
    expected = model.sample(50, seed=3, exclude=texts_fitted)
    assert expected != model.sample(50, seed=3)
    assert model.sample(50, seed=3, exclude=np.array(texts_fitted)) == expected
    series = pytest.importorskip("pandas").Series(texts_fitted)
    assert model.sample(50, seed=3, exclude=series) == expected
    assert model.sample(5, seed=3, exclude=np.array([], dtype=str)) == model.sample(5, seed=3)
