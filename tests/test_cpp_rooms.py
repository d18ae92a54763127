"""The C++ folders: which header may be included from where."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ROOT / "cpp" / "bigram"
BINDINGS = ROOT / "cpp" / "bindings"
KERNELS = {
    "counting": ("counting", "sparse_counting", "count_addition"),
    "normalization": ("normalization",),
    "cross_entropy": ("cross_entropy", "embedding_cross_entropy", "count_cross_entropy"),
    "sampling": ("multinomial", "sample_sequences"),
    "scoring": ("scoring",),
    "backoff": ("backoff_rows", "backoff_scoring", "backoff_sampling"),
    "text": ("characters", "words", "arpa"),
    "training": ("training", "optimizers"),
}
SHARED = ("runtime", "numeric")  # rooms without kernels, open to all
PRIVATE = "// Private to this room.\n"
SOURCES = sorted((ROOT / "cpp").rglob("*.cpp"))


def included(source: Path) -> list[tuple[str, str]]:
    """Room and name of each of our headers that a source includes."""
    return re.findall(r'#include "bigram/(\w+)/(\w+)\.hpp"', source.read_text(encoding="utf-8"))


def test_the_rooms_are_those_of_the_kernels_and_the_shared_ones():
    assert {path.name for path in ROOMS.iterdir()} == {*KERNELS, *SHARED}


@pytest.mark.parametrize("room", KERNELS)
def test_a_room_has_a_header_a_source_and_a_binding_for_each_kernel(room):
    for kernel in KERNELS[room]:
        assert (ROOMS / room / f"{kernel}.hpp").is_file()
        assert (ROOMS / room / f"{kernel}.cpp").is_file()
        assert (BINDINGS / f"{kernel}.cpp").is_file()


@pytest.mark.parametrize("room", KERNELS)
def test_every_header_of_a_room_is_a_kernels_or_says_that_it_is_private(room):
    for header in (ROOMS / room).glob("*.hpp"):
        private = header.read_text(encoding="utf-8").startswith(PRIVATE)
        assert private == (header.stem not in KERNELS[room]), header


def test_a_binding_includes_headers_of_kernels_and_shared_rooms_only():
    for source in BINDINGS.glob("*.[ch]pp"):
        for room, name in included(source):
            assert room in SHARED or name in KERNELS[room], (source, room, name)


def test_a_room_includes_itself_and_shared_rooms_only():
    for source in ROOMS.rglob("*.[ch]pp"):
        own = source.parent.name
        allowed = {"runtime": {"runtime"}}.get(own, {own, *SHARED})
        assert {room for room, _ in included(source)} <= allowed, source


def test_no_kernel_includes_python():
    for source in ROOMS.rglob("*.[ch]pp"):
        assert not re.search(r"#include [<\"](pybind11|Python)", source.read_text("utf-8")), source


def test_every_source_is_named_in_cmake():
    named = re.findall(r"cpp/\S+\.cpp", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(path.relative_to(ROOT).as_posix() for path in SOURCES)
