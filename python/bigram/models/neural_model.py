"""The bigram model as a network: a V x V table of logits, trained by gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from bigram import kernels
from bigram.common.checks import (
    bad_dtype,
    bad_shape,
    check_inside,
    check_vocab_size,
    refuse_masked,
)
from bigram.common.signatures import takes_options
from bigram.counts.bigram_counts import BigramCounts
from bigram.counts.compatibility import as_counts
from bigram.inference.model import BigramModel
from bigram.randomness.generators import Seed, random_source
from bigram.tables.dense import DenseTable
from bigram.tokenizers.description import from_json as tokenizer_from_json
from bigram.training.data import prepare
from bigram.training.history import History
from bigram.training.loop import Trainer
from bigram.training.options import TrainingOptions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from scipy.sparse import csr_array

    from bigram.tokenizers.protocol import Tokenizer

__all__ = ["NeuralModel"]

_STATE_KEY = "token_embedding_table.weight"  # the name of the weight in the lecture's model


class NeuralModel(BigramModel):
    """A bigram language model trained as a network.

    Row i of the weight holds the logits of the token after i; softmax turns them into
    probabilities. The model can represent exactly what a table of counts can, and training leads
    to that table.

    Parameters
    ----------
    vocab_size_or_tokenizer : int or Tokenizer
        V, or a tokenizer with V symbols. A model without a tokenizer works on ids.
    seed : int, TorchGenerator or None
        For the initial weights, N(0, 1). None takes fresh entropy.
    weight : array, shape (V, V), optional
        The initial weights themselves; copied as float32.

    Raises
    ------
    TypeError
        If the first argument is neither, or `weight` is not of numbers.
    ValueError
        If `weight` has another shape.

    Examples
    --------
    >>> import bigram
    >>> model = bigram.NeuralModel(bigram.CharTokenizer.from_texts(["emma", "ava"]), seed=0)
    >>> history = model.fit(["emma", "ava"], steps=200, learning_rate=5.0)
    >>> bool(history.losses[-1] < history.floor + 0.02)  # counting reaches the floor
    True
    """

    kind: ClassVar[str] = "neural_model"

    def __init__(
        self,
        vocab_size_or_tokenizer: int | Tokenizer,
        *,
        seed: Seed = None,
        weight: ArrayLike | None = None,
    ) -> None:
        given: Any = vocab_size_or_tokenizer
        self.tokenizer: Tokenizer | None = given if hasattr(given, "vocab_size") else None
        size = check_vocab_size(getattr(given, "vocab_size", given))
        if weight is not None:
            self._weight = _as_weight(weight, size)
        else:
            self._weight = random_source(seed).randn((size, size))
        self._table: DenseTable | None = None

    @classmethod
    def from_counts(
        cls,
        counts: BigramCounts | NDArray[Any] | csr_array,
        *,
        alpha: float = 0.0,
        tokenizer: Tokenizer | None = None,
    ) -> NeuralModel:
        """Make the model that training on these counts converges to: weights ln(count / row sum).

        Parameters
        ----------
        counts : BigramCounts, or integer array, shape (V, V), dense or csr_array
        alpha : float
            Added to each count. With 0, the weight of a pair with count 0 is -inf.
        tokenizer : Tokenizer, optional
            None takes that of the counts.

        Returns
        -------
        NeuralModel
            A context that was never seen has weights 0: every successor is equally likely.

        Raises
        ------
        TypeError
            If the array is not of integers.
        ValueError
            If the tokenizer has another vocabulary size, a count is negative, or `alpha` is.

        Examples
        --------
        >>> import numpy as np
        >>> NeuralModel.from_counts(np.array([[1, 3], [0, 0]])).probs()
        array([[0.25, 0.75],
               [0.5 , 0.5 ]])
        """
        counts, tokenizer = as_counts(counts, tokenizer)
        probs = kernels.normalize_rows(counts.to_dense(), alpha=alpha)
        probs[~probs.any(axis=1)] = 1.0
        with np.errstate(divide="ignore"):
            weight = np.log(probs, out=probs)
        return cls(counts.vocab_size if tokenizer is None else tokenizer, weight=weight)

    @property
    def weight(self) -> NDArray[np.float32]:
        """The logits, shape (V, V), float32, as a read-only view; assign an array to set them."""
        view: NDArray[np.float32] = self._weight.view()
        view.flags.writeable = False
        return view

    @weight.setter
    def weight(self, value: ArrayLike) -> None:
        self._weight[...] = _as_weight(value, self.vocab_size)
        self._forget_table()

    @property
    def vocab_size(self) -> int:
        """V, the number of ids."""
        return int(self._weight.shape[0])

    @property
    def table(self) -> DenseTable:
        """The table of P(next | context): the softmax of each row of the weight, in float64."""
        if self._table is None:
            self._table = DenseTable(_softmax(self._weight))
        return self._table

    def forward(
        self, idx: ArrayLike, targets: ArrayLike | None = None
    ) -> tuple[NDArray[np.float32], float | None]:
        """Look up the logits of the next token, and the loss if the next tokens are given.

        Parameters
        ----------
        idx : array of int, shape (B, T)
            Contexts.
        targets : array of int, shape (B, T), optional
            The token after each context.

        Returns
        -------
        logits : float32 ndarray, shape (B, T, V)
        loss : float or None
            Mean cross-entropy in nats; None without targets.

        Raises
        ------
        TypeError
            If the ids are not integers.
        ValueError
            If an id is outside the vocabulary, or the shapes differ.

        Examples
        --------
        >>> logits, loss = NeuralModel(65, weight=np.zeros((65, 65))).forward([[1, 2]], [[2, 3]])
        >>> logits.shape, round(loss, 4)  # ln 65
        ((1, 2, 65), 4.1744)
        """
        refuse_masked(idx, "idx")
        contexts = np.asarray(idx)
        check_inside(contexts, self.vocab_size, "idx")
        logits = self._weight[contexts]
        if targets is None:
            return logits, None
        refuse_masked(targets, "targets")
        nexts = np.asarray(targets)
        check_inside(nexts, self.vocab_size, "targets")
        if nexts.shape != contexts.shape:
            raise bad_shape(nexts, "targets", f"that of idx, {contexts.shape}")
        flat = nexts.reshape(-1).astype(np.int64)
        loss = kernels.softmax_cross_entropy(logits.reshape(-1, self.vocab_size), flat)
        return logits, float(loss)

    @takes_options(TrainingOptions)
    def fit(self, corpus: Any, options: TrainingOptions) -> History:
        """Train on the mean cross-entropy plus ``l2 * mean(weight ** 2)``.

        Parameters
        ----------
        corpus : Corpus, iterable of str, BigramCounts, or arrays
            Text needs the model's tokenizer. Arrays: `tokens`, `(tokens, offsets)`, or counts of
            shape (V, V), dense or csr_array.
        options : TrainingOptions

        Returns
        -------
        History
            The loss of every step, the evaluations, the seconds.

        Raises
        ------
        FloatingPointError
            If a loss is not finite; the last good weights are kept.
        TypeError, ValueError
            If an option or the data are not as described; the model is unchanged.

        Examples
        --------
        >>> import bigram, numpy as np
        >>> tokens = np.array([0, 1, 2] * 50, dtype=np.uint8)
        >>> model = bigram.NeuralModel(3, seed=1)
        >>> history = model.fit(tokens, steps=100, learning_rate=0.1, optimizer="adamw",
        ...                     batch_size=4, validation=0.1, eval_every=50, seed=2)
        >>> [evaluation.step for evaluation in history.evaluations]
        [0, 50, 100]
        >>> bool(history.evaluations[-1].validation_loss < history.evaluations[0].validation_loss)
        True
        """
        data, validation = prepare(corpus, self.vocab_size, self.tokenizer, options)
        return Trainer(self, self._weight, self._forget_table, data, validation, options).run()

    def state_dict(self) -> dict[str, NDArray[np.float32]]:
        """Return a copy of the weight under the name that it has in the lecture's model.

        Returns
        -------
        dict
            ``token_embedding_table.weight``: float32, shape (V, V). `torch.from_numpy` makes it
            a tensor for ``load_state_dict``.

        Examples
        --------
        >>> {name: array.shape for name, array in NeuralModel(3, seed=0).state_dict().items()}
        {'token_embedding_table.weight': (3, 3)}
        """
        return {_STATE_KEY: self._weight.copy()}

    @classmethod
    def from_state_dict(
        cls, state: Mapping[str, Any], tokenizer: Tokenizer | None = None
    ) -> NeuralModel:
        """Make a model of the lecture's ``state_dict()``: tensors or arrays.

        Parameters
        ----------
        state : mapping
            Holds ``token_embedding_table.weight``, shape (V, V).
        tokenizer : Tokenizer, optional

        Returns
        -------
        NeuralModel

        Raises
        ------
        KeyError
            If the weight is missing.
        TypeError
            If the weight is not of numbers.
        ValueError
            If the weight is not square, or of another size than the tokenizer's vocabulary.

        Examples
        --------
        >>> NeuralModel.from_state_dict(NeuralModel(3, seed=0).state_dict())
        NeuralModel(3 symbols)
        """
        if _STATE_KEY not in state:
            raise KeyError(f"{_STATE_KEY!r} is not in the state, which has {list(state)}")
        weight = state[_STATE_KEY]
        if hasattr(weight, "detach"):  # a tensor, perhaps one with a gradient, perhaps on a GPU
            weight = weight.detach().cpu()
        refuse_masked(weight, _STATE_KEY)
        weight = np.asarray(weight)
        return cls(len(weight) if tokenizer is None else tokenizer, weight=weight)

    def __repr__(self) -> str:
        return f"NeuralModel({self.vocab_size:,} symbols)"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_table": None}

    def _forget_table(self) -> None:
        self._table = None

    def _to_arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Return what `save` writes."""
        tokenizer = None if self.tokenizer is None else self.tokenizer.to_json()
        return {"weight": self._weight}, {"tokenizer": tokenizer}

    @classmethod
    def _from_arrays(
        cls, arrays: Mapping[str, NDArray[Any]], header: Mapping[str, Any]
    ) -> NeuralModel:
        """Make the model that `_to_arrays` wrote."""
        weight, described = arrays["weight"], header["tokenizer"]
        tokenizer = None if described is None else tokenizer_from_json(described)
        return cls(len(weight) if tokenizer is None else tokenizer, weight=weight)


def _as_weight(weight: ArrayLike, size: int) -> NDArray[np.float32]:
    """Return a float32 copy of shape (size, size)."""
    refuse_masked(weight, "weight")
    array = np.asarray(weight)
    if array.dtype.kind not in "fiu":
        raise bad_dtype(array, "weight", "numbers")
    if array.shape != (size, size):
        raise bad_shape(array, "weight", f"({size}, {size})")
    return np.array(array, dtype=np.float32, order="C")


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the softmax of each row in float64."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted
