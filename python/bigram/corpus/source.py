"""What a corpus reads: one protocol for files, iterables, records and token shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeGuard, TypeVar

from bigram.common.progress import progress
from bigram.corpus.blocks import Block
from bigram.corpus.units import Unit

__all__ = ["BlockSource", "Source", "gives_blocks", "is_running_text", "with_progress"]


class Source(Protocol):
    """A source of sequences."""

    @property
    def can_be_read_again(self) -> bool:
        """Whether a second pass gives the same sequences."""

    @property
    def vocab_size(self) -> int | None:
        """Number of ids of a source of token ids; None for text."""

    def total(self) -> int | None:
        """Return the sum of ``num_read`` over all units, if it is known before reading."""

    def units(self) -> Iterator[Unit]:
        """Yield the sequences in order; between the pieces of a text there is no other unit."""


class BlockSource(Source, Protocol):
    """A source that also gives its text as blocks of bytes, which are faster to count."""

    @property
    def lines(self) -> bool:
        """Whether a sequence is a line; otherwise it is a whole file of running text."""

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks of all files; each is valid until the next one is taken."""


class _Read(Protocol):
    @property
    def num_read(self) -> int: ...


_ReadT = TypeVar("_ReadT", bound=_Read)


def gives_blocks(source: Source) -> TypeGuard[BlockSource]:
    """Tell whether a source is a `BlockSource`."""
    return hasattr(source, "blocks")


def is_running_text(source: Source) -> bool:
    """Tell whether the sequences of a source are whole files of running text."""
    return gives_blocks(source) and not source.lines


def with_progress(
    items: Iterable[_ReadT], source: Source, description: str, enabled: bool
) -> Iterable[_ReadT]:
    """Return the units or blocks of a source, which move a progress bar as they are taken."""
    return _moving_a_bar(items, source.total(), description) if enabled else items


def _moving_a_bar(items: Iterable[_ReadT], total: int | None, description: str) -> Iterator[_ReadT]:
    with progress(description, total=total, enabled=True, unit="B", unit_scale=True) as bar:
        for item in items:
            yield item
            bar.update(item.num_read)
