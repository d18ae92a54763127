"""The compiled kernels, which check only what protects memory; a section for each binding file."""

from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

# arpa
def format_ngrams(
    log10: npt.NDArray[np.float64],
    contexts: npt.NDArray[np.int64] | None,
    nexts: npt.NDArray[np.int64],
    backoffs: npt.NDArray[np.float64] | None,
    context_text: bytes,
    context_offsets: npt.NDArray[np.int64],
    next_text: bytes,
    next_offsets: npt.NDArray[np.int64],
    num_threads: int,
) -> npt.NDArray[np.uint8]: ...

class ArpaWords:
    def __init__(self, text: Buffer, begin: int, count: int) -> None: ...
    @property
    def error(self) -> int: ...
    @property
    def position(self) -> int: ...
    @property
    def log10(self) -> npt.NDArray[np.float64]: ...
    @property
    def backoffs(self) -> npt.NDArray[np.float64]: ...
    def joined(self) -> bytes: ...
    def bigrams(
        self, begin: int, count: int, num_threads: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int64], int, int]: ...

# backoff_rows
def backoff_rows(
    out: npt.NDArray[np.float64],
    contexts: npt.NDArray[np.int64],
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32] | npt.NDArray[np.int64],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    num_threads: int,
) -> int: ...
def backoff_top_k(
    ids: npt.NDArray[np.int64],
    values: npt.NDArray[np.float64],
    contexts: npt.NDArray[np.int64],
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32] | npt.NDArray[np.int64],
    log_probs: npt.NDArray[np.float64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    base_order: npt.NDArray[np.int64],
    num_threads: int,
) -> int: ...

# backoff_sampling
class BackoffSampler:
    def __init__(
        self,
        indptr: npt.NDArray[np.int64],
        indices: npt.NDArray[np.int32] | npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
        backoff: npt.NDArray[np.float64],
        base: npt.NDArray[np.float64],
        top_k: int,
        top_p: float,
        num_threads: int,
    ) -> None: ...
    def sample(
        self,
        starts: npt.NDArray[np.uint32],
        dtype: np.dtype[np.unsignedinteger],
        max_length: int,
        stop: int,
        seed: int,
        num_threads: int,
    ) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.int64], int]: ...

# backoff_scoring
def index_pairs(
    slots: npt.NDArray[np.uint64],
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32] | npt.NDArray[np.int64],
    log_probs: npt.NDArray[np.float64],
    num_threads: int,
) -> None: ...
def score_backoff_pairs(
    out: npt.NDArray[np.float64],
    contexts: npt.NDArray[np.int64],
    nexts: npt.NDArray[np.int64],
    slots: npt.NDArray[np.uint64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    num_threads: int,
) -> None: ...
def score_backoff_sequences(
    out: npt.NDArray[np.float64],
    tokens: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64] | None,
    slots: npt.NDArray[np.uint64],
    log_backoff: npt.NDArray[np.float64],
    log_base: npt.NDArray[np.float64],
    num_threads: int,
) -> int: ...

# build
def compiler() -> str: ...
def openmp_version() -> int: ...
def best_isa() -> str: ...
def active_isa() -> str: ...
def set_isa(name: str) -> None: ...

# characters
def encode_characters(
    ids: npt.NDArray[np.unsignedinteger],
    text: npt.NDArray[np.uint8],
    table: npt.NDArray[np.unsignedinteger],
    missing: int,
) -> tuple[int, int]: ...

# count_addition
def add_counts(
    a: tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int64]],
    b: tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int64]],
    num_threads: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[np.int64]]: ...

# count_cross_entropy
def count_cross_entropy_grad(
    grad: npt.NDArray[np.floating],
    weight: npt.NDArray[np.floating],
    counts: npt.NDArray[np.int64],
    total: int,
    l2: float,
    num_threads: int,
) -> tuple[bool, int, float]: ...
def count_cross_entropy_grad_csr(
    grad: npt.NDArray[np.floating],
    weight: npt.NDArray[np.floating],
    indptr: npt.NDArray[np.signedinteger],
    indices: npt.NDArray[np.signedinteger],
    data: npt.NDArray[np.int64],
    total: int,
    l2: float,
    num_threads: int,
) -> tuple[bool, int, float]: ...

# counting
def count_bigrams(
    counts: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64] | None,
    num_threads: int,
) -> int: ...

# cross_entropy
def softmax_cross_entropy(
    loss: npt.NDArray[np.float64] | bool | None,
    grad: npt.NDArray[np.floating] | None,
    logits: npt.NDArray[np.floating],
    targets: npt.NDArray[np.signedinteger],
    weight: npt.NDArray[np.float64] | None,
    ignore_index: int,
    label_smoothing: float,
    num_threads: int,
) -> tuple[int, float]: ...

# embedding_cross_entropy
def embedding_cross_entropy_grad(
    out: npt.NDArray[np.floating] | None,
    weight: npt.NDArray[np.floating],
    contexts: npt.NDArray[np.integer],
    targets: npt.NDArray[np.integer],
    sparse: bool,
    num_threads: int,
) -> (
    int | tuple[float, npt.NDArray[Any]] | tuple[float, npt.NDArray[np.int64], npt.NDArray[Any]]
): ...

# multinomial
def multinomial(
    out: npt.NDArray[np.int64],
    probs: npt.NDArray[np.float32] | npt.NDArray[np.float64],
    seed: int,
    num_threads: int,
) -> tuple[str, int]: ...

# normalization
def normalize_rows(
    out: npt.NDArray[np.floating],
    counts: npt.NDArray[np.int64] | npt.NDArray[np.float64],
    alpha: float,
    num_threads: int,
) -> int: ...

# optimizers
def adamw_update(
    weight: npt.NDArray[np.floating],
    grad: npt.NDArray[np.floating],
    m: npt.NDArray[np.floating],
    v: npt.NDArray[np.floating],
    step: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    num_threads: int,
) -> None: ...
def sgd_update(
    weight: npt.NDArray[np.floating],
    grad: npt.NDArray[np.floating],
    velocity: npt.NDArray[np.floating] | None,
    learning_rate: float,
    momentum: float,
    nesterov: bool,
    weight_decay: float,
    num_threads: int,
) -> None: ...

# philox
def philox(seed: int, block: int, sequence: int) -> npt.NDArray[np.uint32]: ...

# sample_sequences
def sample_sequences(
    probs: npt.NDArray[np.float32] | npt.NDArray[np.float64],
    starts: npt.NDArray[np.integer],
    dtype: np.dtype[Any],
    max_length: int,
    stop: int,
    seed: int,
    num_threads: int,
) -> tuple[Any, Any, int]: ...

class DenseSampler:
    def __init__(self, probs: npt.NDArray[np.float32] | npt.NDArray[np.float64]) -> None: ...
    @property
    def vocab_size(self) -> int: ...
    def check(self, num_threads: int) -> int: ...
    def sample(
        self,
        starts: npt.NDArray[np.integer],
        dtype: np.dtype[Any],
        max_length: int,
        stop: int,
        seed: int,
        num_threads: int,
    ) -> tuple[Any, Any, int]: ...

# scoring
def score_sequences(
    out: npt.NDArray[np.float64],
    log_probs: npt.NDArray[np.floating],
    tokens: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64] | None,
    num_threads: int,
) -> int: ...

# sparse_counting
def count_bigrams_sparse(
    tokens: npt.NDArray[np.integer],
    vocab_size: int,
    offsets: npt.NDArray[np.int64] | None,
    num_threads: int,
) -> tuple[Any, Any, Any, int]: ...

# training
def train_on_counts(
    weight: npt.NDArray[np.float32],
    first: npt.NDArray[np.float32] | None,
    second: npt.NDArray[np.float32] | None,
    counts: npt.NDArray[np.int64],
    losses: npt.NDArray[np.float64],
    learning_rates: npt.NDArray[np.float64],
    steps_before: int,
    rule: int,
    settings: npt.NDArray[np.float64],
    num_threads: int,
) -> None: ...
def train_on_windows(
    weight: npt.NDArray[np.float32],
    first: npt.NDArray[np.float32] | None,
    second: npt.NDArray[np.float32] | None,
    tokens: npt.NDArray[np.integer],
    positions: npt.NDArray[np.int64],
    block_size: int,
    losses: npt.NDArray[np.float64],
    learning_rates: npt.NDArray[np.float64],
    steps_before: int,
    rule: int,
    settings: npt.NDArray[np.float64],
    num_threads: int,
) -> int: ...

# words
class Words:
    def __init__(self) -> None: ...
    def add(self, text: npt.NDArray[np.uint8]) -> int: ...
    def size(self) -> int: ...
    def __getstate__(self) -> tuple[bytes, npt.NDArray[np.int64]]: ...
    def __setstate__(self, state: tuple[bytes, npt.NDArray[np.int64]]) -> None: ...
    def words(self) -> bytes: ...
    def counts(self) -> npt.NDArray[np.int64]: ...
    def ranked(self) -> npt.NDArray[np.int64]: ...
    def encode(
        self,
        text: npt.NDArray[np.uint8],
        ids: npt.NDArray[np.uint32],
        vocab_size: int,
        unknown: int,
        boundary: int,
        lines: bool,
        num_threads: int,
    ) -> tuple[npt.NDArray[np.unsignedinteger], npt.NDArray[np.int64], int]: ...
