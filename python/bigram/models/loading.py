"""Loading of every kind of file that `save` writes."""

from __future__ import annotations

from typing import Any

from bigram.common.types import StrPath
from bigram.counts.bigram_counts import BigramCounts
from bigram.models.count_model import CountModel
from bigram.models.neural_model import NeuralModel
from bigram.storage.container import load_object

__all__ = ["load"]

_CLASSES = {cls.kind: cls for cls in (BigramCounts, CountModel, NeuralModel)}


def load(path: StrPath) -> Any:
    """Load a model or counts from the file that its ``save`` wrote.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    object
        A `CountModel`, `NeuralModel` or `BigramCounts`, whichever the file holds.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, not a bigram file, or of a newer version.

    Examples
    --------
    >>> import bigram, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bigram.count(["emma", "ava"]).save(f"{folder}/counts.safetensors")
    ...     bigram.load(f"{folder}/counts.safetensors")
    BigramCounts(vocab_size=5, total=9)
    """
    return load_object(path, _CLASSES, mmap=(BigramCounts.kind,))
