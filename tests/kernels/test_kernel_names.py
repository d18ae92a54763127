"""A kernel has one name in all trees: C++, bindings, Python, its twin, its tests, its benchmark."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

from bigram import _core, kernels, reference

ROOT = Path(__file__).resolve().parents[2]
ROOMS = {
    "counting": ("counting", "sparse_counting", "count_addition"),
    "normalization": ("normalization",),
    "cross_entropy": ("cross_entropy", "embedding_cross_entropy", "count_cross_entropy"),
    "sampling": ("multinomial", "sample_sequences"),
    "scoring": ("scoring",),
    "backoff": ("backoff_rows", "backoff_scoring", "backoff_sampling"),
    "text": ("characters", "words", "arpa"),
    "training": ("training", "optimizers"),
}
KERNELS = [(room, kernel) for room, names in ROOMS.items() for kernel in names]
# The generator is bound, and has a twin, but belongs to no room.
NAMES = sorted([*(kernel for _, kernel in KERNELS), "philox"])
BUILD = {"compiler", "openmp_version", "best_isa", "active_isa", "set_isa"}
# What is bound under another name than the function that calls it, or as a class.
CALLERS = {
    "ArpaWords": "parse_ngram",
    "BackoffSampler": "prepare_backoff_sampler",
    "DenseSampler": "prepare_sampler",
    "Words": "WordIndex",
    "count_cross_entropy_grad_csr": "count_cross_entropy_grad",
}


def modules_of(package):
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


@pytest.mark.parametrize(("room", "kernel"), KERNELS)
def test_a_kernel_has_its_files_in_every_tree(room, kernel):
    if not (ROOT / "cpp").is_dir():
        pytest.skip("the tests do not run from a checkout: there is no cpp/ beside them")
    for path in (
        f"cpp/bigram/{room}/{kernel}.hpp",
        f"cpp/bigram/{room}/{kernel}.cpp",
        f"cpp/bindings/{kernel}.cpp",
        f"python/bigram/kernels/{kernel}.py",
        f"python/bigram/reference/{kernel}.py",
        f"tests/kernels/test_{kernel}.py",
        f"benchmarks/bench_{room}.py",
    ):
        assert (ROOT / path).is_file(), path


def test_kernels_twins_and_tests_are_those_of_the_rooms():
    assert modules_of(kernels) == NAMES
    assert modules_of(reference) == NAMES
    tests = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert tests == {*NAMES, "kernel_names"}


def test_the_stub_has_a_section_for_each_binding():
    stub = (Path(kernels.__file__).parents[1] / "_core.pyi").read_text(encoding="utf-8")
    assert re.findall(r"^# (.*)$", stub, re.MULTILINE) == sorted([*NAMES, "build"])


@pytest.mark.parametrize("kernel", NAMES)
def test_every_function_of_a_kernel_has_a_twin_of_its_name(kernel):
    module = importlib.import_module(f"bigram.kernels.{kernel}")
    twin = importlib.import_module(f"bigram.reference.{kernel}")
    functions = {name for name in module.__all__ if inspect.isfunction(getattr(module, name))}
    assert functions <= set(twin.__all__)


def test_every_public_kernel_has_a_twin_of_its_name():
    assert set(kernels.__all__) <= set(reference.__all__)


def test_everything_that_is_bound_has_a_twin():
    bound = {name for name in dir(_core) if not name.startswith("_")} - BUILD
    assert {CALLERS.get(name, name) for name in bound} <= set(reference.__all__)


@pytest.mark.parametrize("name", kernels.__all__)
def test_a_twin_takes_the_arguments_of_its_kernel_in_their_order(name):
    ours = inspect.signature(getattr(kernels, name)).parameters
    twins = inspect.signature(getattr(reference, name)).parameters
    if name.startswith("score_backoff_"):  # the arrays in place of what index_pairs makes of them
        assert list(twins)[:3] == list(inspect.signature(kernels.index_pairs).parameters)
        ours, twins = dict(list(ours.items())[1:]), dict(list(twins.items())[3:])
    options = {"num_threads", "out", "dtype", "total"}
    assert [n for n in ours if n not in options] == [n for n in twins if n not in options]
