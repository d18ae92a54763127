"""Lines of ARPA files: numbers to digits, ids to symbols, and back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram._core import ArpaWords
from bigram.common.threads import resolve_num_threads

__all__ = ["ArpaWords", "format_ngrams"]


def format_ngrams(
    log10: npt.NDArray[np.float64],
    contexts: npt.NDArray[np.int64] | None,
    nexts: npt.NDArray[np.int64],
    backoffs: npt.NDArray[np.float64] | None,
    context_symbols: tuple[bytes, npt.NDArray[np.int64]],
    next_symbols: tuple[bytes, npt.NDArray[np.int64]],
    *,
    num_threads: int | None = None,
) -> npt.NDArray[np.uint8]:
    r"""Write the lines of n-grams: ``log10 [context ]next[\tbackoff]``.

    Parameters
    ----------
    log10 : ndarray, shape (n,), float64
        Finite and of magnitude below 10,000. Numbers are written with nine decimals, or with
        enough for seven significant digits.
    contexts : ndarray, shape (n,), int64, optional
        Ids of `context_symbols`; None writes unigrams.
    nexts : ndarray, shape (n,), int64
        Ids of `next_symbols`.
    backoffs : ndarray, shape (n,), float64, optional
        As `log10`; None writes no backoff.
    context_symbols, next_symbols : (bytes, ndarray of int64, shape (V + 1,))
        Symbol `k` is ``text[offsets[k]:offsets[k + 1]]``.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bytes do not depend on it.

    Returns
    -------
    ndarray, uint8
        The bytes of the lines.

    Raises
    ------
    TypeError
        If an array has another dtype, rank or layout.
    ValueError
        If an id has no symbol, or the arrays do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels.arpa import format_ngrams
    >>> symbols = b"<s>abc", np.array([0, 3, 4, 6])
    >>> format_ngrams(np.array([-0.5]), np.array([0]), np.array([2]), None, symbols,
    ...               symbols).tobytes()
    b'-0.5\t<s> bc\n'
    """
    return _core.format_ngrams(
        log10,
        contexts,
        nexts,
        backoffs,
        *context_symbols,
        *next_symbols,
        resolve_num_threads(num_threads),
    )
