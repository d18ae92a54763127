"""TorchGenerator against the golden file and against torch itself, where it is installed."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram.randomness.torch_generator import TorchGenerator

SEEDS = [0, 1337, 2147483647, -1, 2**32 + 5, 2**64 - 1]
SIZES = [0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 100, 729, (27, 27), (3, 5), (2, 0), (4, 4, 3), ()]


@pytest.fixture(scope="module")
def golden(reference_folder: Path) -> dict[str, Any]:
    """Written by PyTorch 2.13 on a CPU: values to nine digits."""
    loaded: dict[str, Any] = json.loads((reference_folder / "torch_golden.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def counts(reference_folder: Path) -> np.ndarray:
    """Makemore's bigram counts, (27, 27)."""
    path = reference_folder / "makemore_counts.csv"
    return np.loadtxt(path, delimiter=",", dtype=np.int64)


def test_uniforms_match_the_golden_file(golden: dict[str, Any]) -> None:
    seed = golden["seed"]
    for dtype, digits in ((np.float32, 5e-10), (np.float64, 5e-10)):
        expected = golden[f"rand_{np.dtype(dtype)}"]
        drawn = TorchGenerator(seed).rand(len(expected), dtype=dtype)
        assert drawn.dtype == dtype
        np.testing.assert_allclose(drawn, expected, rtol=0, atol=digits)


def test_integers_match_the_golden_file(golden: dict[str, Any]) -> None:
    expected = golden["randint_0_100"]
    assert TorchGenerator(golden["seed"]).randint(100, len(expected)).tolist() == expected


def test_exponentials_match_the_golden_file(golden: dict[str, Any]) -> None:
    expected = golden["exponential_float32"]
    drawn = TorchGenerator(golden["seed"]).exponential(len(expected))
    np.testing.assert_allclose(drawn, expected, rtol=1e-8)


def test_normals_match_the_golden_file(golden: dict[str, Any]) -> None:
    drawn = TorchGenerator(golden["seed"]).randn((27, 27))
    np.testing.assert_allclose(drawn[0], golden["randn_27x27_row0"], rtol=3e-7)
    np.testing.assert_allclose(drawn[-1], golden["randn_27x27_last_row"], rtol=3e-7)
    assert drawn.sum(dtype=np.float64) == pytest.approx(golden["randn_27x27_sum"], abs=1e-5)


def test_first_weights_and_batch_are_those_of_the_shakespeare_lecture(
    golden: dict[str, Any],
) -> None:
    script = golden["shakespeare_manual_seed_1337"]
    weight = TorchGenerator(1337).randn((65, 65))
    np.testing.assert_allclose(weight[0, :8], script["init_weight_row0_first8"], rtol=3e-7)
    assert weight.sum(dtype=np.float64) == pytest.approx(script["init_weight_sum"], abs=1e-5)
    positions = TorchGenerator(1337).randint(1003854 - 8, 4)
    assert positions.tolist() == golden["shakespeare_first_batch"]["positions"]


@pytest.mark.parametrize(
    ("method", "key"),
    [("exponential", "exponential"), ("cumulative", "cumulative_old_torch")],
)
def test_names_drawn_from_the_counts_are_those_of_the_names_lecture(
    golden: dict[str, Any], counts: np.ndarray, method: Any, key: str
) -> None:
    probs = counts.astype(np.float32)
    probs /= probs.sum(axis=1, keepdims=True)
    generator = TorchGenerator(golden["seed"], multinomial=method)
    expected = golden[f"names_counts_samples_{key}"]
    names = []
    for _ in expected:
        letters, token = "", 0
        while not letters.endswith("."):
            token = int(generator.multinomial(probs[token])[0])
            letters += ".abcdefghijklmnopqrstuvwxyz"[token]
        names.append(letters)
    assert names == expected


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", SIZES)
def test_draws_in_a_row_equal_torchs(seed: int, shape: Any) -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = torch.Generator().manual_seed(seed), TorchGenerator(seed)
    # One after another from the same generator: each must leave it in the right state.
    for _ in range(2):
        for dtype, rtol in ((torch.float32, 4e-7), (torch.float64, 1e-12)):
            numpy_dtype = np.float32 if dtype == torch.float32 else np.float64
            expected = torch.rand(shape, generator=theirs, dtype=dtype).numpy()
            np.testing.assert_array_equal(ours.rand(shape, dtype=numpy_dtype), expected)
            expected = torch.randn(shape, generator=theirs, dtype=dtype).numpy()
            drawn = ours.randn(shape, dtype=numpy_dtype)
            assert drawn.dtype == numpy_dtype
            assert drawn.shape == expected.shape
            np.testing.assert_allclose(drawn, expected, rtol=rtol, atol=1e-12)
            expected = torch.empty(shape, dtype=dtype).exponential_(generator=theirs).numpy()
            np.testing.assert_allclose(
                ours.exponential(shape, dtype=numpy_dtype), expected, rtol=rtol
            )
        size = (shape,) if isinstance(shape, int) else shape
        expected = torch.randint(1000, size, generator=theirs).numpy()
        np.testing.assert_array_equal(ours.randint(1000, shape), expected)


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 1),
        (0, 2**28 - 1),
        (0, 2**28),
        (-5, 2**28 - 5),
        (-(2**31), 2**31),
        (0, 2**40 + 1),
        (-(2**63), 2**63 - 1),
    ],
)
def test_integer_ranges_equal_torch(low: int, high: int) -> None:
    torch = pytest.importorskip("torch")
    expected = torch.randint(low, high, (50,), generator=torch.Generator().manual_seed(7))
    drawn = TorchGenerator(7).randint(high, 50, low=low)
    assert drawn.dtype == np.int64
    np.testing.assert_array_equal(drawn, expected.numpy())


@pytest.mark.parametrize("n", [0, 1, 2, 10, 1000])
def test_permutations_equal_torch(n: int) -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = torch.Generator().manual_seed(5), TorchGenerator(5)
    for _ in range(2):
        np.testing.assert_array_equal(ours.randperm(n), torch.randperm(n, generator=theirs))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("num_samples", [1, 2, 50])
def test_multinomial_equals_torch(dtype: str, num_samples: int) -> None:
    torch = pytest.importorskip("torch")
    probs = np.random.default_rng(3).random((40, 65)).astype(dtype) ** 4
    probs[probs < 0.01] = 0
    theirs, ours = torch.Generator().manual_seed(11), TorchGenerator(11)
    for weights in (probs, probs[3], probs):
        expected = torch.multinomial(
            torch.from_numpy(weights), num_samples, replacement=True, generator=theirs
        )
        drawn = ours.multinomial(weights, num_samples)
        assert drawn.shape == expected.shape
        np.testing.assert_array_equal(drawn, expected.numpy())


def test_a_generator_continues_from_a_saved_state() -> None:
    generator = TorchGenerator(9, multinomial="cumulative")
    generator.randn(3)  # leaves half a pair behind
    generator.rand(700)
    state = json.loads(json.dumps(generator.get_state()))
    copies = [pickle.loads(pickle.dumps(generator)), TorchGenerator(0)]
    copies[1].set_state(state)
    expected = [generator.randn(4), generator.multinomial(np.ones(9), 5), generator.rand(9)]
    for copy in copies:
        assert repr(copy) == repr(generator)
        for value, drawn in zip(
            expected, [copy.randn(4), copy.multinomial(np.ones(9), 5), copy.rand(9)], strict=True
        ):
            np.testing.assert_array_equal(drawn, value)


SOUND = TorchGenerator(3).get_state()


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"key": [1], "pos": 0},
        None,
        {"key": "x"},
        {**SOUND, "multinomial": "alias"},
        {**SOUND, "next_normal": "x"},
    ],
)
def test_a_foreign_state_is_refused(state: Any) -> None:
    with pytest.raises(ValueError, match="not the state of a TorchGenerator"):
        TorchGenerator(1).set_state(state)


def test_errors_name_the_bad_argument() -> None:
    with pytest.raises(TypeError, match="seed is str"):
        TorchGenerator("1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="outside"):
        TorchGenerator(2**64)
    with pytest.raises(ValueError, match="multinomial = 'alias'"):
        TorchGenerator(1, multinomial="alias")  # type: ignore[arg-type]
    generator = TorchGenerator(1)
    with pytest.raises(TypeError, match="wanted float32 or float64"):
        generator.rand(3, dtype=np.int64)
    with pytest.raises(TypeError, match="wanted an int or a tuple"):
        generator.rand(2.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="wanted sizes >= 0"):
        generator.randn((3, -1))
    with pytest.raises(ValueError, match="wanted more than low"):
        generator.randint(0, 3)
    with pytest.raises(ValueError, match="int64"):
        generator.randint(2**63, 3)
    with pytest.raises(ValueError, match="outside"):
        generator.randperm(-1)
    for probs in ([0.0, 0.0], [0.5, -0.5], [np.nan, 1.0], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="probs has a bad row"):
            generator.multinomial(probs)
    with pytest.raises(ValueError, match="shape"):
        generator.multinomial(np.ones((2, 2, 2)))
    with pytest.raises(TypeError, match="complex128"):
        generator.multinomial(np.ones(2, complex))
    with pytest.raises(ValueError, match="num_samples = 0"):
        generator.multinomial([1.0], 0)
