"""NeuralModel: its weights, the lecture's forward, and what it shares with the CountModel."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from bigram import CharTokenizer, NeuralModel, TorchGenerator


@pytest.fixture(scope="module")
def counts(reference_folder: Path) -> bigram.BigramCounts:
    table = np.loadtxt(reference_folder / "makemore_counts.csv", delimiter=",", dtype=np.int64)
    return bigram.BigramCounts(table, CharTokenizer(tuple(".abcdefghijklmnopqrstuvwxyz"), "."))


@pytest.fixture(scope="module")
def golden(reference_folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((reference_folder / "torch_golden.json").read_text())
    return loaded


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x.astype(np.float64) - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_first_weights_are_standard_normal() -> None:
    weight = NeuralModel(300, seed=3).weight
    assert weight.dtype == np.float32
    assert weight.shape == (300, 300)
    assert abs(weight.mean()) < 0.02
    assert abs(weight.std() - 1) < 0.02
    np.testing.assert_array_equal(NeuralModel(300, seed=3).weight, weight)
    assert not np.array_equal(NeuralModel(300, seed=4).weight, weight)
    assert not np.array_equal(NeuralModel(9).weight, NeuralModel(9).weight)


def test_a_torch_generator_gives_torchs_weights(golden: dict[str, Any]) -> None:
    weight = NeuralModel(27, seed=TorchGenerator(golden["seed"])).weight
    np.testing.assert_allclose(weight[0], golden["randn_27x27_row0"], rtol=3e-7)


def test_weights_are_copied_and_read_only() -> None:
    given = np.eye(3)
    model = NeuralModel(3, weight=given)
    given[:] = 7
    np.testing.assert_array_equal(model.weight, np.eye(3))
    with pytest.raises(ValueError, match="read-only"):
        model.weight[0, 0] = 1
    before = model.probs()
    model.weight = np.zeros((3, 3))
    np.testing.assert_allclose(model.probs(), 1 / 3)
    assert not np.allclose(before, 1 / 3)


def test_the_table_is_the_softmax_of_the_rows() -> None:
    model = NeuralModel(40, seed=0)
    np.testing.assert_allclose(model.probs(), softmax(model.weight), rtol=1e-14)
    np.testing.assert_allclose(model.table.log_probs([3]), np.log(softmax(model.weight[3:4])))


def test_forward_is_the_lectures(golden: dict[str, Any]) -> None:
    batch = golden["shakespeare_first_batch"]
    model = NeuralModel(65, seed=TorchGenerator(1337))
    logits, loss = model.forward(batch["x"], batch["y"])
    assert logits.shape == (4, 8, 65)
    np.testing.assert_array_equal(logits[2, 1], model.weight[batch["x"][2][1]])
    assert loss == pytest.approx(batch["untrained_loss"], abs=1e-6)
    logits, nothing = model.forward(np.array(batch["x"], dtype=np.uint8)[:, ::-1])
    assert logits.shape == (4, 8, 65)
    assert nothing is None


def test_untrained_generation_is_the_lectures(
    golden: dict[str, Any], shakespeare_path: Path
) -> None:
    tokenizer = CharTokenizer.from_texts([shakespeare_path.read_text()], boundary=None)
    generator = TorchGenerator(1337)
    model = NeuralModel(tokenizer, seed=generator)
    drawn = model.generate([[0]], 100, seed=generator)
    expected = golden["shakespeare_first_batch"]["untrained_generate_100_after_loss"]
    assert tokenizer.decode(drawn[0]) == expected


def test_forward_refuses_what_makes_no_sense() -> None:
    model = NeuralModel(5, seed=0)
    with pytest.raises(TypeError, match="idx has dtype float64"):
        model.forward([[0.5]])
    with pytest.raises(ValueError, match=r"idx\[0, 1\] = 5 is outside \[0, 5\)"):
        model.forward([[0, 5]])
    with pytest.raises(ValueError, match=r"targets\[1, 0\] = -1"):
        model.forward([[0], [1]], [[0], [-1]])
    with pytest.raises(
        ValueError, match=r"targets has shape \(1, 1\), wanted that of idx, \(2, 1\)"
    ):
        model.forward([[0], [1]], [[0]])


def test_from_counts_is_the_optimum(counts: bigram.BigramCounts) -> None:
    model = NeuralModel.from_counts(counts)
    expected = bigram.CountModel.from_counts(counts, bigram.MLE())
    np.testing.assert_allclose(model.probs(), expected.probs(), rtol=1e-5)
    assert model.evaluate(counts).nll == pytest.approx(2.4540144, abs=1e-6)
    assert model.score("andrejz") == -np.inf
    smoothed = NeuralModel.from_counts(counts, alpha=1.0)
    assert smoothed.score("andrejz") == pytest.approx(-28.2463, abs=1e-4)
    # of a context never seen nothing is known
    unseen = NeuralModel.from_counts(np.array([[1, 3], [0, 0]]))
    np.testing.assert_allclose(unseen.probs(), [[0.25, 0.75], [0.5, 0.5]])
    assert unseen.tokenizer is None


def test_from_counts_takes_sparse_counts() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.csr_array(np.array([[0, 2, 2], [1, 0, 0], [0, 0, 5]]))
    model = NeuralModel.from_counts(matrix)
    np.testing.assert_allclose(model.probs(), [[0, 0.5, 0.5], [1, 0, 0], [0, 0, 1]])


def test_everything_right_of_the_table_works(counts: bigram.BigramCounts, tmp_path: Path) -> None:
    model = NeuralModel.from_counts(counts, alpha=1.0)
    expected = bigram.CountModel.from_counts(counts, bigram.AddK(1.0))
    assert model.sample(5, seed=1) == expected.sample(5, seed=1)
    assert model.next_token("q", 2)[0][0] == "u"
    assert [row.pair for row in model.explain("ab")] == [".a", "ab", "b."]
    assert model.generate([[0], [1]], 4, seed=2).shape == (2, 5)
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = bigram.load(path)
    assert isinstance(loaded, NeuralModel)
    for copy in (loaded, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(copy.weight, model.weight)
        assert copy.tokenizer == model.tokenizer
        assert copy.score("emma") == model.score("emma")


def test_a_model_without_tokenizer_saves_and_loads(tmp_path: Path) -> None:
    model = NeuralModel(4, seed=1)
    model.save(tmp_path / "model")
    loaded = bigram.load(tmp_path / "model")
    assert loaded.tokenizer is None
    np.testing.assert_array_equal(loaded.weight, model.weight)
    with pytest.raises(ValueError, match="tokenizer"):
        loaded.score("a")


def test_state_dict_is_the_lectures() -> None:
    model = NeuralModel(6, seed=5)
    state = model.state_dict()
    assert list(state) == ["token_embedding_table.weight"]
    state["token_embedding_table.weight"][0, 0] = 9  # a copy
    assert model.weight[0, 0] != 9
    again = NeuralModel.from_state_dict(model.state_dict())
    np.testing.assert_array_equal(again.weight, model.weight)
    with pytest.raises(KeyError, match=r"token_embedding_table\.weight"):
        NeuralModel.from_state_dict({"weight": model.weight})


def test_state_dict_goes_to_torch_and_back() -> None:
    torch = pytest.importorskip("torch")

    class BigramLanguageModel(torch.nn.Module):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__()
            self.token_embedding_table = torch.nn.Embedding(6, 6)

    lecture, model = BigramLanguageModel(), NeuralModel(6, seed=5)
    tensors = {name: torch.from_numpy(array) for name, array in model.state_dict().items()}
    lecture.load_state_dict(tensors)
    np.testing.assert_array_equal(
        lecture.token_embedding_table.weight.detach().numpy(), model.weight
    )
    for state in (lecture.state_dict(), dict(lecture.named_parameters())):
        back = NeuralModel.from_state_dict(state)
        np.testing.assert_array_equal(back.weight, model.weight)


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "message"),
    [
        ((0,), {}, ValueError, "vocab_size = 0"),
        (("abc",), {}, TypeError, "vocab_size"),
        ((3,), {"seed": "x"}, TypeError, "seed"),
        ((3,), {"seed": -1}, ValueError, "seed"),
        ((3,), {"weight": np.zeros((3, 4))}, ValueError, r"weight has shape \(3, 4\)"),
        ((1,), {"weight": [["a"]]}, TypeError, "weight has dtype"),
    ],
)
def test_bad_arguments_are_named(
    arguments: Any, options: Any, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        NeuralModel(*arguments, **options)


def test_a_tokenizer_of_another_size_is_refused(counts: bigram.BigramCounts) -> None:
    with pytest.raises(ValueError, match="27"):
        NeuralModel.from_counts(np.ones((3, 3), dtype=np.int64), tokenizer=counts.tokenizer)
