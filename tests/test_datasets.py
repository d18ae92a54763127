"""Data sets: what the embedded ones hold, and where the others are found."""

from __future__ import annotations

import pathlib
import sys
import types
from typing import Any

import pytest

from bigram import datasets


def test_given_names_are_lower_case_and_unique() -> None:
    names = datasets.load_names()
    assert len(names) == len(set(names)) == 5163
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)
    # The census's most frequent names of men (3.318 % and 3.271 %) come first.
    assert names[:2] == ["james", "john"]
    assert {"mary", "zonia", "alonso"} <= set(names)


def test_fetch_finds_a_local_copy_first(
    names_path: pathlib.Path, shakespeare_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIGRAM_DATA", str(names_path.parent))
    assert datasets.fetch("makemore-names") == names_path
    assert datasets.fetch("tinyshakespeare") == shakespeare_path


def test_fetch_refuses_a_local_copy_with_other_bytes(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "names.txt").write_text("emma\nolivia\n")
    monkeypatch.setenv("BIGRAM_DATA", str(tmp_path))
    with pytest.raises(ValueError, match=r"names\.txt: is not 'makemore-names': sha256 .*wanted"):
        datasets.fetch("makemore-names")


def test_fetch_downloads_a_missing_file_with_pooch(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def retrieve(url: str, **options: Any) -> str:
        asked.update(options, url=url)
        return str(tmp_path / "cached.txt")

    fake = types.SimpleNamespace(retrieve=retrieve, os_cache=lambda name: tmp_path / name)
    monkeypatch.setitem(sys.modules, "pooch", fake)  # type: ignore[arg-type]
    monkeypatch.setenv("BIGRAM_DATA", str(tmp_path))
    assert datasets.fetch("tinyshakespeare", progress=True) == tmp_path / "cached.txt"
    assert asked["url"].endswith("/karpathy/ng-video-lecture/master/input.txt")
    assert asked["known_hash"].startswith("sha256:86c4e6aa")
    assert asked["progressbar"] is True


def test_fetch_without_pooch_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    monkeypatch.delenv("BIGRAM_DATA", raising=False)
    with pytest.raises(ImportError, match=r'pip install "bigram\[datasets\]"'):
        datasets.fetch("makemore-names")


def test_an_unknown_data_set_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'moby-dick'; known are 'makemore-names', 'tiny"):
        datasets.fetch("moby-dick")
