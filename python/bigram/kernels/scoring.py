"""Log-likelihoods of sequences under a dense bigram table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import (
    bad_dtype,
    bad_kind,
    bad_shape,
    bad_token,
    check_offsets,
    check_tokens,
    is_ready,
    native,
    refuse_masked,
)
from bigram.common.threads import resolve_num_threads

__all__ = ["score_sequences"]


def score_sequences(
    log_probs: npt.NDArray[Any],
    tokens: npt.NDArray[Any],
    *,
    offsets: npt.NDArray[np.int64] | None = None,
    num_threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Sum the log-probabilities of the pairs in each sequence.

    ``scores[s] = sum_k log_probs[tokens[k], tokens[k + 1]]`` over the pairs of sequence ``s``, in
    float64 and from left to right. A sequence of more than 32,768 pairs is summed in pieces of
    that many.

    Parameters
    ----------
    log_probs : ndarray, shape (V, V), float32 or float64
        Log-probabilities of the next token (column) after a context (row); may be ``-inf``.
    tokens : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
        Token ids in [0, V), of any stride; used as they are.
    offsets : ndarray, shape (n_sequences + 1,), int64, optional
        Sequence ``s`` is ``tokens[offsets[s]:offsets[s + 1]]``. None means one sequence.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    ndarray, shape (n_sequences,), float64
        In the unit of `log_probs` (nats for natural logarithms); 0 for a sequence without pairs.

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If the table is not square, a token is outside [0, V) (the first is named), or offsets
        descend or are outside the tokens.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import score_sequences
    >>> log_probs = np.log([[0.5, 0.5], [0.25, 0.75]])
    >>> np.exp(score_sequences(log_probs, np.array([0, 1, 1, 0]), offsets=np.array([0, 3, 4])))
    array([0.375, 1.   ])
    """
    table = _checked_table(log_probs)
    tokens = check_tokens(tokens)
    if offsets is None:
        scores = np.empty(1)
    else:
        offsets = check_offsets(offsets)
        scores = np.empty(max(len(offsets) - 1, 0))
    bad = _core.score_sequences(scores, table, tokens, offsets, resolve_num_threads(num_threads))
    if bad >= 0:
        raise bad_token(tokens, bad, len(table))
    return scores


def _checked_table(log_probs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if not isinstance(log_probs, np.ndarray):
        raise bad_kind(log_probs, "log_probs", "a NumPy array")
    if log_probs.ndim != 2 or log_probs.shape[0] != log_probs.shape[1]:
        raise bad_shape(log_probs, "log_probs", "(V, V)")
    if is_ready(log_probs, np.float64) or is_ready(log_probs, np.float32):
        return log_probs
    refuse_masked(log_probs, "log_probs")
    table = np.ascontiguousarray(native(log_probs))
    if table.dtype not in (np.float32, np.float64):
        raise bad_dtype(log_probs, "log_probs", "float32 or float64")
    return table
