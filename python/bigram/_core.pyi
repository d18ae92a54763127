"""The compiled kernels, unvalidated but for what protects memory."""

import numpy as np
import numpy.typing as npt

# build
def compiler() -> str: ...
def openmp_version() -> int: ...
def best_isa() -> str: ...
def active_isa() -> str: ...
def set_isa(name: str) -> None: ...

# counting
def count_bigrams(
    counts: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.integer],
    offsets: npt.NDArray[np.int64] | None,
    num_threads: int,
) -> int: ...

# normalization
def normalize_rows(
    out: npt.NDArray[np.floating],
    counts: npt.NDArray[np.int64] | npt.NDArray[np.float64],
    alpha: float,
    num_threads: int,
) -> int: ...
