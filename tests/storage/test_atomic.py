"""Atomic writes, and what killed writers leave."""

from __future__ import annotations

import os
import pathlib
import stat
import subprocess
import sys

import pytest

from bigram.storage import atomic as files
from bigram.storage.atomic import atomic_write, remove_leftovers, temporary_folder


def test_atomic_write_replaces_whole_and_leaves_nothing_else(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


def write_half(path: pathlib.Path, error: type[BaseException]) -> None:
    with atomic_write(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_atomic_write_keeps_the_old_file_on_any_exception(
    tmp_path: pathlib.Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(error):
        write_half(path, error)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")
def test_atomic_write_gives_the_permissions_of_open(tmp_path: pathlib.Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "a") as file:
            file.write(b"x")
        (tmp_path / "b").write_bytes(b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
    (tmp_path / "a").chmod(0o604)
    with atomic_write(tmp_path / "a") as file:
        file.write(b"y")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o604


@pytest.mark.skipif(os.name != "posix", reason="links and devices are POSIX's")
def test_atomic_write_follows_links_and_spares_devices(tmp_path: pathlib.Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    with atomic_write(os.devnull) as file:
        file.write(b"gone")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_atomic_write_to_a_bad_place_names_the_path(tmp_path: pathlib.Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "a"):
        with pytest.raises(OSError) as caught, atomic_write(path):
            pass
        assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == []


def test_a_long_file_name_can_be_written(tmp_path: pathlib.Path) -> None:
    with atomic_write(tmp_path / ("n" * 250)) as file:
        file.write(b"x")
    assert len(os.listdir(tmp_path)[0]) == 250


@pytest.mark.parametrize(
    "begun",
    [
        "with files.atomic_write(path) as file: file.write(b'half'); stop()",
        "with files.temporary_folder(path) as folder: open(folder + '/part', 'w'); stop()",
        "files._lock = lambda *args, **options: stop()\nwith files.atomic_write(path): pass",
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="locks and kills are POSIX's")
def test_the_next_write_removes_what_a_killed_writer_left(
    tmp_path: pathlib.Path, begun: str
) -> None:
    path = tmp_path / "a"
    code = (
        "import os, signal, sys\nfrom bigram.storage import atomic as files\npath = sys.argv[1]\n"
        f"def stop(): os.kill(os.getpid(), signal.SIGKILL)\n{begun}"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode < 0
    (left,) = os.listdir(tmp_path)
    with atomic_write(tmp_path / "b") as file:  # another file: nothing of it is touched
        file.write(b"x")
    assert sorted(os.listdir(tmp_path)) == [left, "b"]
    with atomic_write(path) as file:
        file.write(b"whole")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_writers_of_one_file_leave_each_other_alone(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a"
    with atomic_write(path) as first, temporary_folder(path) as folder:
        first.write(b"first")
        with atomic_write(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
        assert os.listdir(folder) == []
        remove_leftovers(path)
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(os.name != "posix", reason="locks are POSIX's")
@pytest.mark.parametrize("opened", [False, True])
def test_a_writer_whose_file_was_taken_for_a_leftover_makes_another(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, opened: bool
) -> None:
    path, lock, made = tmp_path / "a", files._lock, []

    def raced(temporary: str, *, wait: bool) -> int | None:
        if made or not wait:
            return lock(temporary, wait=wait)
        made.append(temporary)
        descriptor = lock(temporary, wait=wait) if opened else None
        os.unlink(temporary)
        return descriptor

    monkeypatch.setattr(files, "_lock", raced)
    with atomic_write(path) as file:
        file.write(b"whole")
    assert made
    assert path.read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["a"]
