"""Mixtures of models: their weights, and what `interpolate` refuses."""

import numpy as np
import pytest

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
