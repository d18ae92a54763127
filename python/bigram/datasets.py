"""Small data sets: two that come with the package, two that are fetched once and kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bigram.common.optional import needs

if TYPE_CHECKING:
    import pathlib

    from bigram.counts.bigram_counts import BigramCounts

__all__ = ["fetch", "load_makemore_counts", "load_names"]


@dataclass(frozen=True)
class _Remote:
    """A public file and what its bytes must be."""

    file_name: str
    sha256: str
    url: str


_REMOTES = {
    "makemore-names": _Remote(
        "names.txt",
        "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
        "https://raw.githubusercontent.com/karpathy/makemore/master/names.txt",
    ),
    "tinyshakespeare": _Remote(
        "tinyshakespeare.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        "https://raw.githubusercontent.com/karpathy/ng-video-lecture/master/input.txt",
    ),
}


def _embedded(file_name: str) -> str:
    with open(os.path.join(os.path.dirname(__file__), "data", file_name), encoding="utf-8") as file:
        return file.read()


def load_names() -> list[str]:
    """Load 5,163 given names of the United States, the most frequent first.

    They are the first names of the 1990 Census, women's and men's together, in lower case, each
    once. The lists are in the public domain.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from bigram import datasets
    >>> names = datasets.load_names()
    >>> len(names), names[:4]
    (5163, ['james', 'john', 'robert', 'michael'])
    """
    return _embedded("given_names.txt").split("\n")[:-1]


def load_makemore_counts() -> BigramCounts:
    """Load the bigram counts of makemore's 32,033 names, which stand for the names themselves.

    Counts are the sufficient statistics of a bigram model: likelihoods, samples and the training
    of the network of Karpathy's lecture all follow from these 729 figures.

    Returns
    -------
    BigramCounts
        Dense int64 counts, shape (27, 27), symbols ``.abc...z``, row = first symbol of the pair.

    Examples
    --------
    >>> from bigram import datasets
    >>> counts = datasets.load_makemore_counts()
    >>> counts.total
    228146
    """
    from bigram.counts.bigram_counts import BigramCounts
    from bigram.tokenizers.char import CharTokenizer

    lines = _embedded("makemore_counts.csv").splitlines()
    matrix = np.array([line.split(",") for line in lines], dtype=np.int64)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    return BigramCounts(matrix, CharTokenizer.from_texts(letters, boundary="."))


def fetch(name: str, *, progress: bool = False) -> pathlib.Path:
    """Find a public data set on this machine, or download it once.

    The folder that the environment variable BIGRAM_DATA names is searched first, for
    ``names.txt`` or ``tinyshakespeare.txt``; then pooch's cache; then the file is downloaded.

    Parameters
    ----------
    name : {"makemore-names", "tinyshakespeare"}
        32,033 names, one a line; or 1,115,394 characters of Shakespeare.
    progress : bool
        Show a progress bar while downloading.

    Returns
    -------
    pathlib.Path
        The file; its SHA-256 has been checked.

    Raises
    ------
    ValueError
        If the name is not known, or the file is not the one expected.
    OSError
        If the file cannot be read or downloaded.
    ImportError
        If it has to be downloaded and pooch is not installed.

    Examples
    --------
    >>> from bigram import datasets
    >>> datasets.fetch("moby-dick")
    Traceback (most recent call last):
    ValueError: no data set 'moby-dick'; known are 'makemore-names', 'tinyshakespeare'
    """
    import pathlib

    remote = _REMOTES.get(name)
    if remote is None:
        raise ValueError(f"no data set {name!r}; known are {', '.join(map(repr, _REMOTES))}")
    folder = os.environ.get("BIGRAM_DATA")
    if folder and (local := pathlib.Path(folder, remote.file_name)).is_file():
        import hashlib

        found = hashlib.sha256(local.read_bytes()).hexdigest()
        if found != remote.sha256:
            raise ValueError(f"{local}: is not {name!r}: sha256 {found}, wanted {remote.sha256}")
        return local
    with needs("pooch", extra="datasets", purpose="fetching"):
        import pooch
    return pathlib.Path(
        pooch.retrieve(
            remote.url,
            known_hash=f"sha256:{remote.sha256}",
            fname=remote.file_name,
            path=pooch.os_cache("bigram"),
            progressbar=progress,
        )
    )
