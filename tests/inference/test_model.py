"""What the models answer about one context: likely successors, and rows."""

import numpy as np
import pytest

import bigram


def test_next_token_gives_the_most_likely_successors_first(makemore) -> None:
    # Of 32,033 names, 4,410 begin with a, 2,963 with k, 2,538 with m.
    starts = makemore.next_token("", 3)
    assert [symbol for symbol, _ in starts] == ["a", "k", "m"]
    assert [p for _, p in starts] == pytest.approx([n / 32_033 for n in (4410, 2963, 2538)])
    assert makemore.next_token(".", 3) == starts
    assert makemore.next_token("q", 1)[0][0] == "u"
    assert makemore.next_token(0, 3) == starts
    everything = makemore.next_token("e", 100)
    assert len(everything) == 27
    assert sum(p for _, p in everything) == pytest.approx(1)
    assert [p for _, p in everything] == sorted((p for _, p in everything), reverse=True)


def test_a_context_is_a_symbol_or_an_id(model) -> None:
    for context in (None, b"a", 1.0, ["a"]):
        kind = type(context).__name__
        with pytest.raises(TypeError, match=f"context is {kind}, wanted a symbol or an id"):
            model.next_token(context)


def test_next_token_of_an_unknown_symbol_is_that_of_unk_or_a_key_error(model) -> None:
    for symbol in ("x", "em"):
        with pytest.raises(KeyError, match=symbol):
            model.next_token(symbol)
    with pytest.raises(ValueError, match="context = 99 is outside"):
        model.next_token(99)
    with pytest.raises(ValueError, match="k = 0"):
        model.next_token("e", 0)
    tokenizer = bigram.CharTokenizer.from_texts(["ab"], unknown="?")
    known = bigram.CountModel(tokenizer=tokenizer).fit(["ab", "axb"])
    assert known.next_token("x", 1) == known.next_token("?", 1) == [("b", 0.4)]


def test_probs_are_rows_of_the_table(model) -> None:
    probs = model.probs()
    assert probs.shape == (model.vocab_size, model.vocab_size)
    assert probs.sum(1) == pytest.approx(1)
    assert np.array_equal(model.probs([2, 0]), probs[[2, 0]])
    assert np.exp(model.table.log_probs([1])) == pytest.approx(probs[[1]])
    with pytest.raises(ValueError, match=r"contexts\[1\] = -1 is outside"):
        model.probs([0, -1])
    probs[:] = 0  # a copy: the model is as it was
    assert model.probs().sum() > 0


def test_probs_above_a_gibibyte_are_refused() -> None:
    class Vast:
        vocab_size = 20_000

    model = bigram.CountModel.from_table(Vast())
    with pytest.raises(ValueError, match=r"more than 1 GiB: use table.log_probs\(contexts\)"):
        model.probs()


def test_contexts_must_be_one_dimensional() -> None:
    model = bigram.CountModel().fit(["ab"])
    with pytest.raises(ValueError, match=r"contexts has shape \(\), wanted one dimension"):
        model.probs(np.array(1))
