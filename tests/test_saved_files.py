"""Files that earlier versions wrote are read as those versions read them.

`tests/data/make.py` wrote them; the figures below are what version 0.1.0 gave itself.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import bigram
from bigram import _core

FOLDER = Path(__file__).parent / "data" / "0.1.0"
TEXTS = ["emma", "olivia", "ava", "isabella", "sophia", "mia", "amelia", "ella"]

# log P of "emma" and of "mae", in nats.
SCORES = {
    "MLE": (-5.863631, -np.inf),
    "AddK": (-8.107274, -10.652805),
    "JelinekMercer": (-6.821369, -10.281026),
    "Dirichlet": (-6.663764, -10.80998),
    "WittenBell": (-7.129555, -10.35948),
    "AbsoluteDiscount": (-7.005237, -11.163686),
    "KneserNey": (-7.569241, -11.886315),
    "ModifiedKneserNey": (-8.478491, -12.30878),
    "Katz": (-10.647853, -12.780881),
    "StupidBackoff": (-5.863631, -9.574983),
    "mixture": (-6.492306, -12.331232),
    "neural": (-9.073714, -10.29011),
}


@pytest.fixture
def baseline() -> Iterator[None]:
    """Use the instruction set that the files were written with."""
    level = _core.active_isa()
    _core.set_isa("baseline")
    yield
    _core.set_isa(level)


@pytest.mark.parametrize("name", SCORES)
def test_a_saved_model_gives_the_scores_that_it_gave(name: str) -> None:
    model = bigram.load(FOLDER / f"{name}.safetensors")
    assert model.tokenizer == bigram.CharTokenizer.from_texts(TEXTS)
    np.testing.assert_allclose(model.score(["emma", "mae"]), SCORES[name], atol=2e-6)


@pytest.mark.parametrize("name", [n for n in SCORES if n not in ("mixture", "neural")])
def test_a_saved_model_equals_one_that_is_fitted_again(name: str) -> None:
    model = bigram.load(FOLDER / f"{name}.safetensors")
    again = bigram.CountModel(model.smoothing).fit(TEXTS)
    assert type(model.smoothing).__name__ == name
    assert getattr(model.smoothing, "base_uniform", 0.0) == 0.0  # as it was saved; None is newer
    assert model.counts == again.counts
    ids = np.arange(model.vocab_size)
    np.testing.assert_allclose(model.table.log_probs(ids), again.table.log_probs(ids), rtol=1e-12)


def test_a_saved_neural_model_holds_the_logarithms_of_its_counts() -> None:
    probs = bigram.load(FOLDER / "neural.safetensors").probs()
    expected = bigram.CountModel(bigram.AddK(1.0)).fit(TEXTS).probs()
    np.testing.assert_allclose(probs, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"), [("counts_dense", np.ndarray), ("counts_sparse", sp.csr_array)]
)
def test_saved_counts_keep_their_layout(name: str, kind: type) -> None:
    counts = bigram.load(FOLDER / f"{name}.safetensors")
    assert isinstance(counts.matrix, kind)
    assert counts == bigram.count(TEXTS)
    assert counts.total == 48
    assert counts.top(2) == [("a", ".", 8), ("i", "a", 4)]


@pytest.mark.parametrize("suffix", ["tsv", "npz", "parquet"])
def test_exported_counts_are_read_with_their_tokenizer(suffix: str) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    counts = getattr(bigram.BigramCounts, f"from_{suffix}")(FOLDER / f"counts.{suffix}")
    assert counts == bigram.count(TEXTS)
    assert counts.tokenizer == bigram.count(TEXTS).tokenizer


@pytest.mark.parametrize(
    ("kind", "package", "size", "total", "top"),
    [
        ("char", None, 18, 56, ("o", " ", 4)),
        ("byte", None, 256, 56, ("o", " ", 4)),
        ("word", None, 4, 17, ("<unk>", "<unk>", 4)),
        ("huggingface", "tokenizers", 3, 17, ("[U]", "[U]", 5)),
        ("tiktoken", "tiktoken", 129, 56, ("o", " ", 4)),
    ],
)
def test_each_kind_of_tokenizer_is_read_from_its_counts(
    kind: str, package: str | None, size: int, total: int, top: tuple[str, str, int]
) -> None:
    if package is not None:
        pytest.importorskip(package)
    counts = bigram.load(FOLDER / f"tokenizer_{kind}.safetensors")
    assert (counts.vocab_size, counts.total, counts.top(1)) == (size, total, [top])
    words = ["to be or not to be", "that is the question", "to die to sleep"]
    assert bigram.count(words, counts.tokenizer) == counts


@pytest.mark.parametrize("suffix", ["arpa", "arpa.gz"])
def test_an_arpa_file_gives_the_scores_of_the_model_it_was_written_from(suffix: str) -> None:
    tokenizer = bigram.CharTokenizer.from_texts(TEXTS)
    model = bigram.CountModel.from_arpa(FOLDER / f"model.{suffix}", tokenizer=tokenizer)
    np.testing.assert_allclose(model.score(["emma", "mae"]), SCORES["KneserNey"], atol=2e-6)


@pytest.mark.usefixtures("baseline")
def test_a_training_checkpoint_is_resumed_to_the_bits_of_an_uninterrupted_run(
    tmp_path: Path,
) -> None:
    path = tmp_path / "checkpoint"
    shutil.copy(FOLDER / "training.checkpoint", path)  # after 6 steps
    options: dict[str, Any] = {"learning_rate": 1.0, "batch_size": 4, "block_size": 4, "seed": 3}
    tokenizer = bigram.CharTokenizer.from_texts(TEXTS)
    whole, resumed = (bigram.NeuralModel(tokenizer, seed=seed) for seed in (1, 2))
    expected = whole.fit(TEXTS, steps=10, optimizer="adamw", **options)
    history = resumed.fit(
        TEXTS, steps=10, optimizer="adamw", checkpoint=path, resume=True, **options
    )
    assert history.losses.tolist() == expected.losses.tolist()
    assert resumed.weight.tobytes() == whole.weight.tobytes()


@pytest.mark.parametrize("layout", ["dense", "sparse"])
def test_a_counting_checkpoint_is_resumed_to_the_counts_of_the_whole(
    layout: Any, tmp_path: Path
) -> None:
    path = tmp_path / "state"
    shutil.copy(FOLDER / f"counting_{layout}.checkpoint", path)  # after two of three shards
    shards = [FOLDER / f"shard_{number}.bin" for number in range(3)]
    corpus = bigram.Corpus.shards(shards, dtype="uint16", vocab_size=20)
    counts = bigram.count(corpus, layout=layout, resume=path)
    assert counts.total == 117
    assert counts == bigram.count(corpus)
    assert not path.exists()
    # The checkpoint was used: it does not fit shards in another order.
    shutil.copy(FOLDER / f"counting_{layout}.checkpoint", path)
    swapped = bigram.Corpus.shards(shards[::-1], dtype="uint16", vocab_size=20)
    with pytest.raises(ValueError, match="the corpus differs"):
        bigram.count(swapped, layout=layout, resume=path)
