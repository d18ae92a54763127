"""Dense bigram counting."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import bad_token, check_offsets, check_out, check_tokens, check_vocab_size
from bigram.common.threads import resolve_num_threads

__all__ = ["count_bigrams"]


def count_bigrams(
    tokens: npt.NDArray[Any],
    vocab_size: int,
    *,
    offsets: npt.NDArray[np.int64] | None = None,
    out: npt.NDArray[np.int64] | None = None,
    num_threads: int | None = None,
) -> npt.NDArray[np.int64]:
    """Count the pairs of neighbouring tokens in a dense table, which takes 8 V**2 bytes.

    Parameters
    ----------
    tokens : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
        Token ids in [0, vocab_size), of any stride; used as they are.
    vocab_size : int
        V, the number of rows and of columns.
    offsets : ndarray, shape (n_sequences + 1,), int64, optional
        Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``. No pair crosses an offset, and
        tokens outside all sequences are not read. None means one sequence.
    out : ndarray, shape (V, V), int64, optional
        The counts are added to it, and it is returned. It must be C-contiguous, writeable and
        apart from the inputs. If an error is raised, it is unchanged.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The counts do not depend on it.

    Returns
    -------
    ndarray, shape (V, V), int64
        ``counts[i, j]`` is how often ``j`` follows ``i``.

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If a token is outside [0, vocab_size) (the first is named), offsets descend or are outside
        the tokens, `out` cannot take the counts, or a count would exceed 2**63 - 1.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import count_bigrams
    >>> count_bigrams(np.array([0, 1, 1, 0, 1]), 2)
    array([[0, 2],
           [1, 1]])
    """
    tokens = check_tokens(tokens)
    size = check_vocab_size(vocab_size)
    if offsets is not None:
        offsets = check_offsets(offsets)
    if out is None:
        counts = np.zeros((size, size), np.int64)
    elif offsets is None:
        counts = check_out(out, (size, size), np.int64, tokens)
    else:
        counts = check_out(out, (size, size), np.int64, tokens, offsets)
    bad = _core.count_bigrams(counts, tokens, offsets, resolve_num_threads(num_threads))
    if bad >= 0:
        raise bad_token(tokens, bad, size)
    return counts
