"""Count a stream of token batches, with one chunk and the running sum in memory, or less.

With a memory limit the running sum is written to disk as sorted runs, which are merged at the end.
With a checkpoint the sum and the position in the stream are saved together, in one file, so that a
killed count resumes without losing a pair or counting one twice.
"""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import TracebackType
from typing import Any

import numpy as np

from bigram import kernels
from bigram.common.checks import check_index
from bigram.common.types import Array, Csr, StrPath
from bigram.counting.run_folder import RunFolder, is_run
from bigram.counts.matrix import PAIRS_PER_BLOCK, check_counts, check_sparse, empty_sparse
from bigram.counts.row_files import counts_from_arrays, map_counts, open_rows, write_sparse
from bigram.counts.rows import Rows, merged_blocks, rows_of
from bigram.counts.running_sum import RunningSum
from bigram.kernels import count_bigrams_sparse
from bigram.storage.atomic import remove_leftovers
from bigram.storage.container import load_arrays, save_arrays
from bigram.tokenizers.encoding import TokenBatch

__all__ = ["CountStream"]

_CHUNK_TOKENS = 1 << 24
_LEAST_TOKENS = 1 << 16
_CHECKPOINT_SECONDS = 0.5
_CHECKPOINT_SHARE = 20  # at most one part in 20 of the time goes to checkpoints


class CountStream:
    """A count in progress: `feed` it the batches, then take the `result`.

    Parameters
    ----------
    vocab_size : int
    dense : bool
        Count into a (V, V) array; otherwise into sparse sums.
    memory_limit : int or None
        Bytes of memory for sparse sums and the chunk that is being counted.
    resume : path or None
        Checkpoint: counting resumes from the file if it exists, keeps it up to date, and removes it
        when the ``with`` block ends without an exception.
    header : mapping of str to JSON values
        Saved with the counts; a checkpoint with another header is refused.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        dense: bool,
        memory_limit: int | None = None,
        resume: StrPath | None = None,
        header: Mapping[str, Any] | None = None,
    ) -> None:
        self._vocab_size = vocab_size
        self._matrix = np.zeros((vocab_size, vocab_size), np.int64) if dense else None
        self._limit = memory_limit
        self._checkpoint = None if resume is None else os.fspath(resume)
        self._header = dict(header or {})
        self._sum = RunningSum()
        self._runs: list[str] = []
        self._num_restored = 0  # the first runs, which a process before has written
        self._batches_done = 0
        self._crc = 0  # of all tokens and offsets counted, to detect a stream that differs
        self._next_save = 0.0
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> CountStream:
        if self._checkpoint is None:
            import tempfile  # 2 ms; counts of characters do not come here

            folder = tempfile.TemporaryDirectory(prefix="bigram-", ignore_cleanup_errors=True)
            self._folder = self._cleanup.enter_context(folder)
            return self
        self._folder = self._checkpoint + ".runs"
        if os.path.exists(self._checkpoint):
            self._restore(self._checkpoint)
        else:
            RunFolder(self._folder).check()
        self._next_save = time.monotonic() + _CHECKPOINT_SECONDS
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cleanup.close()
        if self._checkpoint is not None and kind is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._checkpoint)
            remove_leftovers(self._checkpoint)
            RunFolder(self._folder).remove()

    def feed(self, batches: Iterable[TokenBatch]) -> None:
        """Count the batches of a stream, except those that a checkpoint has counted already."""
        iterator = iter(batches)
        self._skip(iterator)
        held: list[TokenBatch] = []
        num_held = 0
        for batch in iterator:
            held.append(batch)
            num_held += len(batch.tokens)
            if self._matrix is not None or num_held >= self._chunk_size():
                self._count(held)
                held, num_held = [], 0
        if held:
            self._count(held)

    def result(self, out: StrPath | None = None) -> Array | Csr:
        """Return the counts, (V, V).

        Sparse counts that were written to disk, or to a file `out`, are memory-mapped.
        """
        if self._matrix is not None:
            return self._matrix
        total = self._sum.total()
        if not self._runs and out is None:
            return empty_sparse(self._vocab_size) if total is None else total
        restored = self._num_restored
        sources: list[Rows] = [
            open_rows(run, verify=k < restored)[0] for k, run in enumerate(self._runs)
        ]
        if total is not None or not sources:
            sources.append(rows_of(empty_sparse(self._vocab_size) if total is None else total))
        size = PAIRS_PER_BLOCK if self._limit is None else max(self._limit // 64, 1 << 14)
        blocks = merged_blocks(sources, min(size, PAIRS_PER_BLOCK))
        bound = sum(source.max_pairs for source in sources)
        path = os.path.join(self._folder, "total") if out is None else out
        write_sparse(path, blocks, self._vocab_size, bound, self._header)
        # On systems that can remove a mapped file, the mapping outlives its folder.
        return map_counts(path)

    def _skip(self, batches: Iterator[TokenBatch]) -> None:
        crc = 0
        for _ in range(self._batches_done):
            batch = next(batches, None)
            if batch is None:
                break
            crc = _crc(batch, crc)
        if crc != self._crc:
            raise ValueError(
                f"{self._checkpoint}: the corpus differs from the one counted so far; remove the "
                "file to start again"
            )

    def _count(self, batches: list[TokenBatch]) -> None:
        tokens, offsets = _joined(batches)
        num_runs = len(self._runs)
        num_chunks = max(1, round(len(tokens) / self._chunk_size()))
        cuts = np.linspace(0, len(tokens), num_chunks + 1).astype(np.int64).tolist()
        for start, cut in pairwise(cuts):
            # Neighbouring chunks share a token, so that no pair is lost.
            stop = min(cut + 1, len(tokens))
            self._count_chunk(tokens[start:stop], np.clip(offsets, start, stop) - start)
        if self._checkpoint is not None:
            for batch in batches:
                self._crc = _crc(batch, self._crc)
        self._batches_done += len(batches)
        due = time.monotonic() >= self._next_save or len(self._runs) > num_runs
        if self._checkpoint is not None and due:
            self._save(self._checkpoint)

    def _chunk_size(self) -> int:
        """Return how many tokens to count at once: as many as the sum has pairs, within limits.

        A larger chunk is merged into the sum fewer times, for memory that the sum takes anyway.
        """
        if self._limit is not None:
            return min(max(self._limit // 64, _LEAST_TOKENS), _CHUNK_TOKENS)
        return min(max(self._sum.num_pairs, _CHUNK_TOKENS), 4 * _CHUNK_TOKENS)

    def _count_chunk(self, tokens: Array, offsets: Array) -> None:
        if self._matrix is not None:
            kernels.count_bigrams(tokens, self._vocab_size, offsets=offsets, out=self._matrix)
            return
        self._sum.add(count_bigrams_sparse(tokens, self._vocab_size, offsets=offsets))
        if self._limit is not None and self._sum.nbytes > self._limit // 4:
            self._spill()

    def _spill(self) -> None:
        """Write the running sum to disk as a sorted run, and begin a new sum.

        The next checkpoint names the run; a run that no checkpoint names is counted again.
        """
        if self._checkpoint is not None:
            RunFolder(self._folder).make()
        run = os.path.join(self._folder, f"run-{len(self._runs):06}")
        total = self._sum.total()
        assert total is not None
        write_sparse(run, [total], self._vocab_size, total.nnz, {})
        self._runs.append(run)
        self._sum = RunningSum()

    def _save(self, path: str) -> None:
        """Write the sum and the position in the stream to one file, so that they always agree."""
        start = time.monotonic()
        arrays: dict[str, Array] = {}
        if self._matrix is not None:
            arrays = {"matrix": self._matrix}
        elif (total := self._sum.total()) is not None:
            arrays = {"indptr": total.indptr, "indices": total.indices, "counts": total.data}
        header = {
            "vocab_size": self._vocab_size,
            "header": self._header,
            "batches_done": self._batches_done,
            "crc32": self._crc,
            "runs": [os.path.basename(run) for run in self._runs],
        }
        save_arrays(path, "checkpoint", arrays, header)
        now = time.monotonic()
        self._next_save = now + max(_CHECKPOINT_SECONDS, _CHECKPOINT_SHARE * (now - start))

    def _restore(self, path: str) -> None:
        """Read a checkpoint, and remove the runs that it does not name."""
        _, arrays, header = load_arrays(path, kind="checkpoint")
        made_by = (header.get("vocab_size"), header.get("header"), "matrix" in arrays)
        if made_by != (self._vocab_size, self._header, self._matrix is not None):
            raise ValueError(
                f"{path}: the checkpoint was made with another tokenizer or other options"
            )
        try:
            self._batches_done = check_index(header["batches_done"], "batches_done", 0)
            self._crc = check_index(header["crc32"], "crc32", 0, 2**32 - 1)
            self._restore_counts(arrays)
            self._restore_runs(header["runs"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: damaged: not a sound checkpoint: {error}") from None

    def _restore_counts(self, arrays: Mapping[str, Array]) -> None:
        if self._matrix is not None:
            matrix = arrays["matrix"]
            if matrix.dtype != np.int64 or matrix.shape != self._matrix.shape:
                raise ValueError(f"a matrix of {matrix.dtype}, shape {matrix.shape}")
            check_counts(matrix.reshape(-1))
            self._matrix = matrix
        elif arrays:
            indptr, indices, counts = (arrays[part] for part in ("indptr", "indices", "counts"))
            check_sparse(indptr, indices, counts, self._vocab_size)
            self._sum.add(counts_from_arrays(arrays))

    def _restore_runs(self, names: Any) -> None:
        if not isinstance(names, list) or not all(map(is_run, names)):
            raise ValueError(f"runs = {names!r}, wanted names of runs")
        self._runs = [os.path.join(self._folder, name) for name in names]
        self._num_restored = len(names)
        for run in self._runs:
            rows, _ = open_rows(run)
            if rows.vocab_size != self._vocab_size:
                raise ValueError(f"{run} is over {rows.vocab_size} ids")
        folder = RunFolder(self._folder)
        if names:
            folder.make(adopt=True)
        else:
            folder.check()
        folder.keep(names)


def _joined(batches: list[TokenBatch]) -> tuple[Array, Array]:
    """Return the tokens and offsets of several batches as those of one."""
    if len(batches) == 1:
        return batches[0].tokens, batches[0].offsets
    tokens = np.concatenate([batch.tokens for batch in batches])
    starts = np.cumsum([0] + [len(batch.tokens) for batch in batches[:-1]])
    ends = [batch.offsets[1:] + start for batch, start in zip(batches, starts, strict=True)]
    return tokens, np.concatenate([np.zeros(1, np.int64), *ends])


def _crc(batch: TokenBatch, crc: int) -> int:
    tokens = np.ascontiguousarray(batch.tokens)
    return zlib.crc32(batch.offsets.data, zlib.crc32(tokens.data, crc))
