"""The heat map: what is in its cells, and that it needs neither display nor pyplot."""

import subprocess
import sys

import numpy as np
import pytest

import bigram

pytest.importorskip("matplotlib", reason="the heat map needs matplotlib")


def texts_of(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_every_cell_has_its_pair_and_its_count() -> None:
    counts = bigram.datasets.load_makemore_counts()
    axes = bigram.CountModel.from_counts(counts).plot()
    cells = texts_of(axes)
    assert len(cells) == 2 * 27 * 27
    vocab = counts.tokenizer.vocab
    expected = [
        text
        for i in range(27)
        for j in range(27)
        for text in (vocab[i] + vocab[j], str(counts.matrix[i, j]))
    ]
    assert cells == expected
    # A row of the picture is a context, as a row of the matrix.
    places = [(round(y), x) for x, y in (text.get_position() for text in axes.texts[::2])]
    assert places == [(i, j) for i in range(27) for j in range(27)]
    assert np.array_equal(axes.images[0].get_array(), counts.matrix)
    assert "228,146 pairs" in axes.get_title()
    assert [label.get_text() for label in axes.get_xticklabels()] == list(vocab)


def test_letters_of_the_lecture_picture_are_large_enough_to_read(tmp_path) -> None:
    model = bigram.CountModel.from_counts(bigram.datasets.load_makemore_counts())
    axes = model.plot()
    assert min(text.get_fontsize() for text in axes.texts) >= 9
    axes.figure.savefig(tmp_path / "names.png")
    from matplotlib.image import imread

    picture = imread(tmp_path / "names.png")
    assert min(picture.shape[:2]) > 1000
    assert picture[..., 0].std() > 0.1  # more than paper


def test_a_model_of_probabilities_shows_per_cent() -> None:
    table = bigram.DenseTable(np.array([[0.25, 0.75], [1.0, 0.0]]))
    axes = bigram.CountModel.from_table(table).plot(title="ids")
    assert texts_of(axes) == ["0 0", "25%", "0 1", "75%", "1 0", "100%", "1 1", "0"]
    assert axes.get_title() == "ids"


def test_only_the_most_frequent_symbols_are_drawn() -> None:
    model = bigram.CountModel().fit(["aab", "aac", "aad"])
    axes = model.plot(max_symbols=2)
    assert [label.get_text() for label in axes.get_xticklabels()] == [".", "a"]
    assert "the 2 most frequent of 5 symbols" in axes.get_title()
    with pytest.raises(ValueError, match="max_symbols = 0"):
        model.plot(max_symbols=0)


def test_symbols_that_cannot_be_seen_or_look_like_markup(tmp_path) -> None:
    tokenizer = bigram.CharTokenizer("$ \n\t\x07", boundary=None)
    axes = bigram.CountModel(tokenizer=tokenizer).fit(["$ \n\t\x07$$"]).plot()
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["$", "␣", "↵", "⇥", r"\x07"]
    axes.figure.savefig(tmp_path / "odd.png")


def test_given_axes_are_drawn_on() -> None:
    from matplotlib.figure import Figure

    axes = Figure().add_subplot()
    assert bigram.CountModel().fit(["ab"]).plot(axes) is axes


def test_pyplot_is_not_touched() -> None:
    code = (
        "import io, sys, bigram\n"
        "bigram.CountModel().fit(['ab']).plot().figure.savefig(io.BytesIO())\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_missing_extra_is_named(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r'plotting needs matplotlib: pip install "bigram\[plot'):
        bigram.CountModel().fit(["ab"]).plot()
