"""Cross-entropy of logits that are rows of a table, without building them."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from bigram import _core
from bigram.common.checks import bad_token, check_out, check_table, check_tokens
from bigram.common.threads import resolve_num_threads

__all__ = ["embedding_cross_entropy_grad"]


@overload
def embedding_cross_entropy_grad(
    weight: npt.NDArray[Any],
    contexts: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    sparse: Literal[False] = False,
    out: npt.NDArray[Any] | None = None,
    num_threads: int | None = None,
) -> tuple[float, npt.NDArray[Any]]: ...
@overload
def embedding_cross_entropy_grad(
    weight: npt.NDArray[Any],
    contexts: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    sparse: Literal[True],
    out: None = None,
    num_threads: int | None = None,
) -> tuple[float, npt.NDArray[np.int64], npt.NDArray[Any]]: ...
def embedding_cross_entropy_grad(
    weight: npt.NDArray[Any],
    contexts: npt.NDArray[Any],
    targets: npt.NDArray[Any],
    *,
    sparse: bool = False,
    out: npt.NDArray[Any] | None = None,
    num_threads: int | None = None,
) -> tuple[float, npt.NDArray[Any]] | tuple[float, npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Compute the mean cross-entropy of ``logits = weight[contexts]``, and its gradient.

    Equal contexts share one softmax, so the cost is one row for each distinct context, and the
    logits (n, C) are never built. ``grad[i, j] = (k_i softmax(weight[i])[j] - c_ij) / n``, where
    ``k_i`` examples have the context i, and ``c_ij`` of them the target j.

    Parameters
    ----------
    weight : ndarray, shape (V, C), float32 or float64
        Row i has the logits of the successors of i.
    contexts, targets : ndarray, shape (n,), uint8, uint16, uint32, int32 or int64
        In [0, V) and [0, C).
    sparse : bool, default False
        Return only the rows of the gradient whose context has an example.
    out : ndarray, shape (V, C), dtype of weight, optional
        Receives the dense gradient and is returned.
    num_threads : int, optional
        See :func:`bigram.set_num_threads`. The bits do not depend on it.

    Returns
    -------
    loss : float
        Nats an example; nan if n = 0.
    grad : ndarray, shape (V, C)
        If sparse, ``rows`` (the distinct contexts, int64, ascending) and ``values`` of shape
        (len(rows), C) instead: ``grad[rows] = values``.

    Raises
    ------
    TypeError
        If an argument has another type or dtype.
    ValueError
        If lengths or shapes differ, or an id is out of its range (the first is named).

    Examples
    --------
    >>> import numpy as np
    >>> from bigram.kernels import embedding_cross_entropy_grad
    >>> contexts, targets = np.array([1, 1]), np.array([0, 1])
    >>> loss, grad = embedding_cross_entropy_grad(np.zeros((2, 4)), contexts, targets)
    >>> grad
    array([[ 0.  ,  0.  ,  0.  ,  0.  ],
           [-0.25, -0.25,  0.25,  0.25]])
    """
    table = check_table(weight)
    x = check_tokens(contexts, "contexts")
    y = check_tokens(targets, "targets")
    if len(x) != len(y):
        raise ValueError(f"contexts has {len(x)} elements, targets has {len(y)}")
    if out is not None:
        if sparse:
            raise ValueError("out is for the dense gradient; the sparse one has its own rows")
        check_out(out, table.shape, table.dtype, weight)
    result = _core.embedding_cross_entropy_grad(
        out, table, x, y, sparse, resolve_num_threads(num_threads)
    )
    if isinstance(result, int):
        if result < len(x):
            raise bad_token(x, result, table.shape[0], "contexts")
        raise bad_token(y, result - len(x), table.shape[1], "targets")
    return result
