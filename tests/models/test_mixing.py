"""Mixtures of models: their weights, and what `interpolate` refuses."""

import numpy as np
import pytest
import scipy.optimize

import bigram
from bigram.tables.conversion import as_backoff
from bigram.tables.dense import DenseTable

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


def test_a_model_of_a_mixture_scores_and_evaluates():
    model = bigram.CountModel.from_table(mixture(), TOKENIZER)
    scored = model.table.score_sequences(np.array([0, 1, 2, 3, 0]))
    assert model.score("abc") == pytest.approx(scored[0])
    assert model.evaluate(TEXTS).num_tokens == 23


def test_an_arpa_file_of_a_mixture_holds_its_backoff_form(tmp_path):
    sparse = [fitted(bigram.KneserNey(0.6), t, "sparse") for t in (TEXTS, OTHERS)]
    mixed = bigram.interpolate(sparse, [0.75, 0.25])
    bigram.CountModel.from_table(mixed, TOKENIZER).to_arpa(tmp_path / "mixture.arpa")
    again = bigram.CountModel.from_arpa(tmp_path / "mixture.arpa", tokenizer=TOKENIZER)
    np.testing.assert_allclose(rows(again.table), rows(as_backoff(mixed)), rtol=1e-7)


def test_held_out_text_beside_weights_is_refused():
    with pytest.raises(ValueError, match="wanted only one of them"):
        bigram.interpolate(parts(), [0.5, 0.2, 0.3], held_out=["abc"])


def test_auto_finds_the_weights_that_make_held_out_text_most_likely():
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
        ((parts(), [0.5, 0.6, -0.1]), {}, ValueError, "numbers >= 0 that sum"),
        ((parts(), [0.5, 0.5, 0.5]), {}, ValueError, "sum to one"),
        ((parts(),), {}, ValueError, "needs held_out"),
        ((parts(), "best"), {}, ValueError, "weights = 'best'"),
        ((["model"], [1.0]), {}, TypeError, "models holds str, wanted models"),
        (([mixture()], [1.0]), {}, TypeError, "models holds MixtureTable"),
        (
            ([DenseTable(np.eye(2)), DenseTable(np.eye(3))], [0.5, 0.5]),
            {},
            ValueError,
            "has 3 symbols",
        ),
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
def test_errors_name_the_bad_argument(arguments, options, error, message):
    with pytest.raises(error, match=message):
        bigram.interpolate(*arguments, **options)


def test_scores_are_not_weighed_against_probabilities():
    models = [
        bigram.CountModel(m).fit(["ab", "b"]) for m in (bigram.AddK(1), bigram.StupidBackoff())
    ]
    with pytest.raises(ValueError, match=r"models\[1\] gives scores, whose rows do not sum to one"):
        bigram.interpolate(models, held_out=["ab"])
    assert not bigram.interpolate(models, [0.5, 0.5]).is_normalized


def random_tables(seed):
    """Tables far from each other, close to each other, equal, and impossible in places."""
    rng = np.random.default_rng(seed)
    number, size = int(rng.integers(2, 7)), 12
    probs = rng.gamma((0.05, 0.5, 5.0)[seed % 3], size=(number, size, size)) + 1e-300
    if seed % 4 == 0:
        probs = probs[:1] * (1.0 + 0.01 * rng.random((number, size, size)))
    if seed % 5 == 0:
        probs[-1] = probs[0]
    if seed % 7 == 0:
        probs[:, rng.random((size, size)) < 0.2] = 0.0
    probs /= probs.sum(axis=2, keepdims=True)
    return [DenseTable(p) for p in probs], rng.integers(0, 50, (size, size))


@pytest.mark.parametrize("seed", range(30))
def test_weights_are_optimal_as_those_of_slsqp(seed):
    tables, held_out = random_tables(seed)
    mixture = bigram.interpolate(tables, held_out=bigram.BigramCounts(held_out))
    probs = np.array([table.probs[held_out > 0] for table in tables])
    possible = probs.any(axis=0)
    probs, times = probs[:, possible], held_out[held_out > 0][possible]
    times = times / times.sum()

    def loss(weights):
        return -times @ np.log(np.maximum(weights @ probs, 1e-300))

    number = len(tables)
    found = scipy.optimize.minimize(
        loss,
        np.full(number, 1.0 / number),
        jac=lambda w: -probs @ (times / np.maximum(w @ probs, 1e-300)),
        bounds=[(0.0, 1.0)] * number,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    assert loss(mixture.weights) <= found.fun + 1e-11
    # No weights are better: the likelihood is concave, and its gradient nowhere above one.
    assert (probs @ (times / (mixture.weights @ probs))).max() <= 1.0 + 1e-11


def test_a_flat_optimum_is_reached():
    """A thousand steps of expectation maximisation alone come no nearer than 0.02."""
    rng = np.random.default_rng(0)
    probs = rng.random((20, 20))
    close = probs * (1.0 + 0.02 * rng.random((20, 20)))
    one, other = (DenseTable(p / p.sum(axis=1, keepdims=True)) for p in (probs, close))
    held_out = np.rint(1e9 * (0.9 * one.probs + 0.1 * other.probs)).astype(np.int64)
    mixture = bigram.interpolate([one, other], held_out=bigram.BigramCounts(held_out))
    np.testing.assert_allclose(mixture.weights, [0.9, 0.1], atol=1e-4)
