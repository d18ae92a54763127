"""The container: what loading a sound, a damaged or a foreign file does."""

from __future__ import annotations

import json
import os
import pathlib
import pickle
import struct
import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bigram
from bigram.storage.container import load_arrays, open_arrays, save_arrays

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "matrix": np.arange(6, dtype=np.int64).reshape(2, 3),
    "narrow": np.array([1, 2, 255], dtype=np.uint8),
    "weight": np.array([[0.5, -1.5]], dtype=np.float32),
    "flags": np.array([True, False]),
    "empty": np.empty((0, 4)),
    "scalar": np.array(2.5),
}
HEADER = {"tokenizer": {"vocab": [".", "ä", "\ud800", '"\\']}, "smoothing": None, "nan": 1e300}


@pytest.fixture
def saved(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "sound.safetensors"
    save_arrays(path, "counts", ARRAYS, HEADER)
    return path


# ---- sound files


@pytest.mark.parametrize("mmap", [False, True])
def test_arrays_and_header_are_read_as_written(saved: pathlib.Path, mmap: bool) -> None:
    kind, arrays, header = load_arrays(saved, kind=("counts", "count_model"), mmap=mmap)
    provenance = header.pop("provenance")
    assert kind == "counts"
    assert header == HEADER
    assert set(provenance) == {"package", "package_version", "created"}
    assert set(arrays) == set(ARRAYS)
    for name, array in arrays.items():
        assert type(array) is np.ndarray
        assert array.dtype == ARRAYS[name].dtype
        assert array.shape == ARRAYS[name].shape
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.flags.aligned
        assert array.flags.writeable or mmap


def test_mapped_arrays_lie_in_the_file(saved: pathlib.Path) -> None:
    _, arrays, _ = load_arrays(saved, mmap=True)
    base = arrays["matrix"]
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        arrays["matrix"][0, 0] = 1


def test_arrays_of_any_memory_layout_are_saved(tmp_path: pathlib.Path) -> None:
    matrix = np.arange(12, dtype=np.int32).reshape(3, 4)
    views = {
        "columns": matrix[:, ::-2],
        "transposed": matrix.T,
        "big": matrix.astype(">i4"),
        "repeated": np.broadcast_to(np.int64(7), (5,)),
    }
    save_arrays(tmp_path / "a", "counts", views, {})
    _, arrays, _ = load_arrays(tmp_path / "a")
    for name, view in views.items():
        np.testing.assert_array_equal(arrays[name], view)


def test_the_safetensors_package_reads_our_files(saved: pathlib.Path) -> None:
    safetensors_numpy = pytest.importorskip("safetensors.numpy")
    for name, array in safetensors_numpy.load_file(saved).items():
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_a_vocabulary_larger_than_a_safetensors_header_is_saved(tmp_path: pathlib.Path) -> None:
    header = {"vocab": ["x" * 1000] * 2000}
    save_arrays(tmp_path / "a", "counts", ARRAYS, header)
    _, arrays, found = load_arrays(tmp_path / "a")
    assert found["vocab"] == header["vocab"]
    assert set(arrays) == set(ARRAYS)
    damaged = bytearray((tmp_path / "a").read_bytes())
    damaged[-1000] ^= 1
    (tmp_path / "a").write_bytes(damaged)
    with pytest.raises(ValueError, match="differs from its checksum"):
        load_arrays(tmp_path / "a")


def test_a_stored_array_is_read_in_part_and_copied_file_to_file(
    saved: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    _, stored, _ = open_arrays(saved)
    np.testing.assert_array_equal(stored["matrix"].read(2, 5), [2, 3, 4])
    save_arrays(tmp_path / "copy", "counts", stored, {})
    np.testing.assert_array_equal(load_arrays(tmp_path / "copy")[1]["matrix"], ARRAYS["matrix"])


def test_nothing_is_written_when_something_cannot_be_stored(saved: pathlib.Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(TypeError, match=r"arrays\['a'\] has dtype object"):
        save_arrays(saved, "counts", {"a": np.array([None])}, {})
    with pytest.raises(TypeError):
        save_arrays(saved, "counts", {}, {"a": object()})
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == [saved.name]


# ---- damaged and foreign files


def content(path: pathlib.Path) -> tuple[str, dict[str, tuple[str, Any, bytes]], dict[str, Any]]:
    kind, arrays, header = load_arrays(path)
    return kind, {k: (a.dtype.str, a.shape, a.tobytes()) for k, a in arrays.items()}, header


def check_refused_or_identical(path: pathlib.Path, data: bytes, expected: Any) -> None:
    path.write_bytes(data)
    try:
        found = content(path)
    except (ValueError, OSError) as error:
        found = expected if str(path) in str(error) else error
    assert found == expected


def test_every_flipped_bit_is_refused_or_harmless(saved: pathlib.Path) -> None:
    sound, expected = saved.read_bytes(), content(saved)
    for position in range(len(sound)):
        flipped = bytearray(sound)
        flipped[position] ^= 1 << position % 8
        check_refused_or_identical(saved, bytes(flipped), expected)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    save_arrays(path, "counts", ARRAYS, HEADER)
    sound, expected = path.read_bytes(), content(path)
    position = data.draw(st.integers(0, len(sound) - 1))
    replacement = data.draw(st.binary(max_size=4))
    cut = data.draw(st.sampled_from([0, 1, len(replacement)]))
    changed = sound[:position] + replacement + sound[position + cut :]
    check_refused_or_identical(path, changed, expected)
    check_refused_or_identical(path, sound[:position], expected)


def safetensors_file(entries: dict[str, Any], data: bytes = b"") -> bytes:
    head = json.dumps(entries).encode()
    return struct.pack("<Q", len(head)) + head + data


def with_document(text: str, version: str = "1", **entries: Any) -> bytes:
    crc = f"{zlib.crc32(text.encode()):08x}"
    metadata = {"format": "bigram", "format_version": version}
    metadata |= {"document_crc32": crc, "document": text}
    return safetensors_file({"__metadata__": metadata, **entries}, bytes(8))


ENTRY = {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}
FOREIGN = {
    "empty": b"",
    "zeros": bytes(100),
    "pickle": pickle.dumps({"a": [1, 2, 3]}),
    "text": b"a\nb\n" * 30,
    "huge header": struct.pack("<Q", 2**63 - 1) + b"{}",
    "large header": struct.pack("<Q", 99_000_000) + b"{}",
    "deep header": safetensors_file({})[:8] + b"[" * 100_000,
    "other safetensors": safetensors_file({"a": ENTRY}, bytes(8)),
    "other metadata": safetensors_file({"__metadata__": {"format": "pt"}, "a": ENTRY}, bytes(8)),
    "huge tensor": safetensors_file({"a": {**ENTRY, "shape": [2**60]}}, bytes(8)),
    "newer": with_document("{}", version="2", a=ENTRY),
    "no document": with_document("", a=ENTRY),
    "not JSON": with_document("{", a=ENTRY),
    "deep document": with_document("[" * 200_000, a=ENTRY),
    "list document": with_document("[]", a=ENTRY),
    "empty document": with_document("{}", a=ENTRY),
    "long number": with_document("1" * 10_000, a=ENTRY),
    "array missing": with_document(
        '{"kind": "counts", "arrays": {"b": {}}, "header": {}, "provenance": {}}', a=ENTRY
    ),
    "unhashable": with_document('{"kind": [], "arrays": [1], "header": 3}', a=ENTRY),
    "brain float": with_document(
        '{"kind": "counts", "arrays": {"a": {"dtype": "BF16"}}, "header": {}, "provenance": {}}',
        a={"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]},
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("read", [load_arrays, bigram.load])
def test_foreign_files_give_one_clear_error(tmp_path: pathlib.Path, name: str, read: Any) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(FOREIGN[name])
    with pytest.raises(ValueError) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_path_without_a_regular_file_is_an_os_error(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path, tmp_path / "missing", pathlib.Path(os.devnull)):
        with pytest.raises(OSError) as caught:
            load_arrays(path)
        assert str(path) in str(caught.value)


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX's")
def test_a_pipe_is_not_waited_for(tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        bigram.load(tmp_path / "pipe")


def test_versions_and_kinds_are_named(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="holds 'counts', wanted 'neural_model'"):
        load_arrays(saved, kind="neural_model")
    newer = tmp_path / "newer"
    newer.write_bytes(FOREIGN["newer"])
    with pytest.raises(ValueError, match=r"format version 2.*newer bigram"):
        load_arrays(newer)


def test_arrays_that_do_not_make_the_object_are_called_damaged(tmp_path: pathlib.Path) -> None:
    save_arrays(tmp_path / "a", "nonsense", {"x": np.zeros(3)}, {})
    with pytest.raises(ValueError, match="holds 'nonsense', wanted 'counts'"):
        bigram.load(tmp_path / "a")
    save_arrays(tmp_path / "a", ["counts"], {"x": np.zeros(3)}, {})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind is list"):
        bigram.load(tmp_path / "a")


def test_a_damaged_model_never_loads_as_another(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "model"
    model = bigram.CountModel(bigram.AddK(1.0)).fit(["emma", "olivia", "ava"])
    model.save(path)
    sound = path.read_bytes()
    for position in range(len(sound)):
        flipped = bytearray(sound)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        try:
            loaded = bigram.load(path)
        except ValueError as error:
            same = str(path) in str(error)
        else:
            same = loaded.counts == model.counts and loaded.smoothing == model.smoothing
        assert same, position
    for length in range(0, len(sound), 7):
        path.write_bytes(sound[:length])
        with pytest.raises(ValueError, match="not a bigram file"):
            bigram.load(path)


def test_a_file_that_claims_huge_arrays_takes_no_memory(tmp_path: pathlib.Path) -> None:
    resource = pytest.importorskip("resource")
    paths = []
    for name in ("huge header", "large header", "huge tensor"):
        paths.append(str(tmp_path / name))
        pathlib.Path(paths[-1]).write_bytes(FOREIGN[name])
    code = (
        "import resource, sys\n"
        "from bigram.storage.container import load_arrays\n"
        "import safetensors\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for path in sys.argv[1:]:\n"
        "    try: load_arrays(path)\n"
        "    except ValueError: pass\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    assert resource
    done = subprocess.run(
        [sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 20_000
