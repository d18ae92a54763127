"""Token ids on disk: shards of nanoGPT, llm.c and NumPy, read in chunks or memory-mapped."""

from __future__ import annotations

import io
import mmap
import os
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from bigram.common.types import Ids
from bigram.corpus.formats import binary_kind, looks_like_text
from bigram.corpus.opening import total_bytes
from bigram.corpus.units import Tokens

__all__ = ["CHUNK_TOKENS", "TokenFiles", "check_shard_dtype"]

CHUNK_TOKENS = 1 << 24

_HEADER_BYTES = 1024  # 256 int32: magic, version, number of tokens, zeros
_HEADERS: dict[int, tuple[int, np.dtype[Any]]] = {  # of llm.c: magic number to version and dtype
    20240520: (1, np.dtype("<u2")),
    20240801: (7, np.dtype("<u4")),
}
_DTYPES = ("uint8", "uint16", "uint32", "int32", "int64")


@dataclass(frozen=True)
class TokenFiles:
    """Files of token ids, each one sequence, or documents that `eod_id` separates."""

    paths: tuple[str, ...]
    dtype: np.dtype[Any] | None
    vocab_size: int
    eod_id: int | None
    mapped: bool = False

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same tokens: always, as these are regular files."""
        return True

    def total(self) -> int | None:
        """Return the number of bytes in all files."""
        return total_bytes(self.paths)

    def units(self) -> Iterator[Tokens]:
        """Yield the files in chunks.

        Where `eod_id` separates documents, a file reads as if it began and ended with it.
        """
        for path in self.paths:
            if os.path.exists(path) and not os.path.isfile(path):
                raise ValueError(f"{path}: is not a regular file, wanted a file of token ids")
            with open(path, "rb", buffering=0) as file:
                yield from self._units_of(_Shard(file, path, self.dtype, self.mapped), path)

    def _units_of(self, shard: _Shard, path: str) -> Iterator[Tokens]:
        eod, last = self.eod_id, None
        for start in range(0, shard.num_tokens, CHUNK_TOKENS):
            stop = min(start + CHUNK_TOKENS, shard.num_tokens)
            before = max(0, start - 1)  # the last token of the chunk before: no pair is lost
            chunk = shard.read(before, stop)
            self._check(chunk, shard, path, before)
            if eod is not None and start == 0 and chunk[0] != eod:
                yield Tokens(np.array([eod, chunk[0]], dtype=np.int64), 1)
            num_started = int(start == 0) if eod is None else int((chunk[:-1] == eod).sum())
            last = chunk[-1]
            yield Tokens(chunk, num_started, chunk.itemsize * (stop - start))
            shard.forget(stop)
        if eod is not None and last is not None and last != eod:
            yield Tokens(np.array([last, eod], dtype=np.int64), 0)

    def _check(self, chunk: Ids, shard: _Shard, path: str, start: int) -> None:
        if chunk.max() < self.vocab_size and (chunk.dtype.kind == "u" or chunk.min() >= 0):
            return
        place = int(((chunk < 0) | (chunk >= self.vocab_size)).argmax())
        index = start + place
        offset = shard.offset + index * chunk.itemsize
        raise ValueError(
            f"{path}: token {index} (byte {offset}) = {chunk[place]} is outside "
            f"[0, {self.vocab_size})"
        )


def check_shard_dtype(dtype: npt.DTypeLike | None) -> np.dtype[Any] | None:
    """Return the dtype of token files, checked to be one that tokens have."""
    if dtype is None:
        return None
    result = np.dtype(dtype)
    if result.name not in _DTYPES:
        raise TypeError(f"dtype = {result}, wanted one of {', '.join(_DTYPES)}")
    return result


class _Shard:
    """An open file and where its tokens are.

    Chunks are read into memory of their own: another process that rewrites the file cannot change
    tokens that are checked, and one that shortens it is an error. Of a mapped file the former is
    not true, and the latter ends the process.
    """

    def __init__(
        self, file: io.FileIO, path: str, dtype: np.dtype[Any] | None, mapped: bool
    ) -> None:
        size = os.fstat(file.fileno()).st_size
        if path.endswith(".npy"):
            self.dtype, self.offset, count = _npy_layout(file, path)
        else:
            head = file.read(_HEADER_BYTES) or b""
            self.dtype, self.offset, count = _raw_layout(head, size, path, dtype)
        if dtype is not None and self.dtype.newbyteorder("=") != dtype.newbyteorder("="):
            raise ValueError(f"dtype = {dtype}, but {path} contains {self.dtype}")
        if self.offset + count * self.dtype.itemsize != size:
            raise ValueError(
                f"{path}: size = {size} bytes, wanted {self.offset + count * self.dtype.itemsize}: "
                f"{count} tokens of {self.dtype} from byte {self.offset}"
            )
        self.num_tokens = count
        self._file, self._path = file, path
        self._map = None
        if mapped and count:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._forgotten = 0

    def read(self, start: int, stop: int) -> Ids:
        """Return some of the tokens."""
        place = self.offset + start * self.dtype.itemsize
        if self._map is not None:
            tokens: Ids = np.frombuffer(self._map, self.dtype, stop - start, place)
            return tokens
        tokens = np.empty(stop - start, self.dtype)
        view, done = tokens.view(np.uint8).data, 0
        self._file.seek(place)
        while done < len(view):
            count = self._file.readinto(view[done:])
            if not count:
                raise ValueError(
                    f"{self._path}: ends at byte {place + done}, wanted "
                    f"{self.offset + self.num_tokens * self.dtype.itemsize} bytes: it was "
                    "shortened while it was read"
                )
            done += count
        return tokens

    def forget(self, count: int) -> None:
        """Release the pages of the first `count` tokens, so that a large file does not fill memory.

        They are read again from the file if they are used.
        """
        if self._map is None or not hasattr(mmap, "MADV_DONTNEED"):
            return
        end = (self.offset + count * self.dtype.itemsize) // mmap.PAGESIZE * mmap.PAGESIZE
        end = min(end, len(self._map))
        if end > self._forgotten:
            self._map.madvise(mmap.MADV_DONTNEED, self._forgotten, end - self._forgotten)
            self._forgotten = end // mmap.PAGESIZE * mmap.PAGESIZE


def _raw_layout(
    head: bytes, size: int, path: str, dtype: np.dtype[Any] | None
) -> tuple[np.dtype[Any], int, int]:
    """Return dtype, offset and number of tokens of a file with or without llm.c's header."""
    if len(head) == _HEADER_BYTES:
        magic, version, count = np.frombuffer(head, "<i4", 3).tolist()
        if magic in _HEADERS:
            wanted, by_header = _HEADERS[magic]
            if version != wanted:
                raise ValueError(f"{path}: byte 4: version = {version}, wanted {wanted}")
            if count < 0:
                raise ValueError(f"{path}: byte 8: number of tokens = {count}, wanted 0 or more")
            return by_header, _HEADER_BYTES, count
        if 20_200_000 < magic < 20_400_000 and not any(head[12:]):
            known = " or ".join(map(str, _HEADERS))
            raise ValueError(f"{path}: byte 0: magic number = {magic}, wanted {known}")
    found: np.dtype[Any] = np.dtype("<u2") if dtype is None else dtype.newbyteorder("<")
    kind = binary_kind(head) or ("text" if found.itemsize > 1 and looks_like_text(head) else None)
    if kind == "NumPy":
        raise ValueError(f"{path}: is a NumPy file, wanted a name that ends in .npy for it")
    if kind is not None:
        raise ValueError(f"{path}: is a {kind} file, wanted token ids")
    if size % found.itemsize:
        end = size - size % found.itemsize
        raise ValueError(
            f"{path}: size = {size} bytes, wanted a multiple of {found.itemsize}; the last whole "
            f"{found.name} ends at byte {end}"
        )
    return found, 0, size // found.itemsize


def _npy_layout(file: io.FileIO, path: str) -> tuple[np.dtype[Any], int, int]:
    try:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(file)
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        raise ValueError(f"{path}: byte 0: damaged .npy header: {error}") from None
    if dtype.name not in _DTYPES:
        raise ValueError(f"{path}: contains {dtype}, wanted one of {', '.join(_DTYPES)}")
    if len(shape) != 1:
        raise ValueError(f"{path}: contains an array of shape {shape}, wanted one dimension")
    found: np.dtype[Any] = dtype
    return found, file.tell(), shape[0]
