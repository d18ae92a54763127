"""Reading ARPA files of order 2, as KenLM does, but strictly: errors name the line."""

from __future__ import annotations

import itertools
import os
import re
import warnings
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

from bigram.arpa.conventions import BEGIN, END, UNKNOWN, ZERO
from bigram.arpa.packed import unpacked
from bigram.common.threads import resolve_num_threads
from bigram.common.types import StrPath
from bigram.kernels.arpa import ArpaWords
from bigram.tables.backoff import BackoffTable
from bigram.tokenizers.protocol import check_tokenizer
from bigram.tokenizers.word import WordTokenizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bigram.tokenizers.protocol import Tokenizer

__all__ = ["read_arpa"]

_MISSING_UNKNOWN = -100.0  # KenLM's log10 probability of <unk> if a file has none
_LARGEST = 308.0  # log10 of the largest float64, rounded down
_COUNT = re.compile(rb"ngram[ \t]+(\d+)[ \t]*=[ \t]*(\d+)")
_START = re.compile(rb"^[ \t]*\\data\\[ \t\r]*$", re.MULTILINE)
_BLANKS = b" \t\r\0"
_BLANK = re.compile(rb"[ \t\r\n\0]*")
_BLANK_LINE = re.compile(rb"^[ \t\r\0]*\n", re.MULTILINE)
_MINUS_INFINITY = re.compile(rb"^[ \t]*-inf(?:inity)?(?=[ \t])", re.MULTILINE | re.IGNORECASE)
_INFINITE_BACKOFF = re.compile(
    rb"^([ \t]*[^ \t\r\n]+[ \t]+[^ \t\r\n]+[ \t]+)-inf(?:inity)?[ \t\r]*$",
    re.MULTILINE | re.IGNORECASE,
)
_ERRORS = {
    1: "the section ends before the {wanted} {order}-grams that the header declares",
    2: "not a number",
    3: "the log-probability is positive",
    4: "wanted a number, {order} word(s) and perhaps a backoff",
    5: "a word is not among the 1-grams",
    6: "the word occurs twice",
    7: "the backoff is not 0, but 2-grams have none",
}


def read_arpa(path: StrPath, tokenizer: Tokenizer | None = None) -> tuple[BackoffTable, Tokenizer]:
    r"""Read an ARPA file of order 2, gzipped or not.

    Parameters
    ----------
    path : str or path-like
    tokenizer : Tokenizer, optional
        It gives the words their ids. Its symbols must be those of the file: its boundary is
        ``<s>`` and ``</s>``, its unknown symbol is ``<unk>``, which is left out if it has none.
        None: a `WordTokenizer` with the words in the order of the file.

    Returns
    -------
    table : BackoffTable
        Rows of files by other programs need not sum to one.
    tokenizer : Tokenizer

    Raises
    ------
    ValueError
        If anything is wrong with the file; the message names the line.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If there is no ``<unk>``: it gets the log10 probability -100, as in KenLM.
    """
    check_tokenizer(tokenizer)
    file = _File(path)
    try:
        words, pairs = file.ngrams()
    except _UnusualError:
        file.simplify()
        words, pairs = file.ngrams()
    names = file.decode(words.joined())
    ids, tokenizer = _ids(file, names, tokenizer)
    return _assemble(file, words, pairs, names, ids, tokenizer), tokenizer


class _Pairs(NamedTuple):
    """The 2-grams; contexts and nexts are positions among the 1-grams."""

    log10: NDArray[np.float64]
    contexts: NDArray[np.int64]
    nexts: NDArray[np.int64]
    begin: int  # the first one's byte


class _UnusualError(Exception):
    """What the parser takes for an error may be a blank line within a section, or -inf."""


class _File:
    """The text of a file, whole in memory, and the byte that is read next."""

    def __init__(self, path: StrPath) -> None:
        self.name = os.fspath(path)
        with open(path, "rb") as file:
            self.text = unpacked(file.read(), self.name)
        self.original: bytes | None = None
        self.position = 0

    def simplify(self) -> None:
        """Leave out blank lines, and write zero as KenLM does where SRILM may write -inf."""
        self.original, self.position = self.text, 0
        text = _MINUS_INFINITY.sub(b"-99", _BLANK_LINE.sub(b"", self.text))
        start = text.find(b"\\1-grams:")
        stop = text.find(b"\\2-grams:", start)
        stop = len(text) if stop < 0 else stop
        unigrams = _INFINITE_BACKOFF.sub(rb"\g<1>-99", text[start:stop])
        self.text = text[:start] + unigrams + text[stop:] if start >= 0 else text

    def ngrams(self) -> tuple[ArpaWords, _Pairs]:
        """Read the sections."""
        order, counts = self.header()
        words = self.unigrams(counts[0])
        if order == 1:
            none = np.zeros(0, np.int64)
            pairs = _Pairs(np.zeros(0), none, none, self.position)
        else:
            pairs = self.bigrams(words, counts[1])
        self.end(order)
        return words, pairs

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        """Raise ValueError with the line of a byte, that of the present position if None."""
        line = self.text.count(b"\n", 0, self.position if position is None else position) + 1
        if self.original is not None:
            lines = enumerate(self.original.split(b"\n"), 1)
            kept = (number for number, text in lines if text.strip(_BLANKS))
            line = next(itertools.islice(kept, line - 1, None), self.original.count(b"\n") + 1)
        raise ValueError(f"{self.name}, line {line}: {message}")

    def line(self) -> bytes:
        """Return the next line that is not empty, without reading past it; b"" at the end."""
        blank = _BLANK.match(self.text, self.position)
        assert blank is not None
        # To the start of the line that is not empty, not to its first word.
        self.position = max(self.position, self.text.rfind(b"\n", 0, blank.end()) + 1)
        return self.rest_of_line().strip(b" \t\r\n\0")

    def rest_of_line(self) -> bytes:
        """Return the line from the present position on."""
        end = self.text.find(b"\n", self.position)
        return self.text[self.position : end if end >= 0 else len(self.text)]

    def _skip(self) -> None:
        end = self.text.find(b"\n", self.position)
        self.position = end + 1 if end >= 0 else len(self.text)

    def expect(self, wanted: bytes, more: str = "") -> None:
        """Read past a line that must be there."""
        line = self.line()
        if line != wanted:
            got = f"got {_shown(line)}" if line else "the file ends"
            self.fail(f"{got}, wanted {_shown(wanted)}{more}")
        self._skip()

    def header(self) -> tuple[int, list[int]]:
        r"""Read the order, and the numbers of 1-grams and perhaps 2-grams, after \data\."""
        start = _START.search(self.text)  # after comments and whatever else there is, as in SRILM
        self.position = 0 if start is None else start.start()
        self.expect(b"\\data\\")
        counts: list[int] = []
        while match := _COUNT.fullmatch(self.line()):
            order, count = int(match[1]), int(match[2])
            if order != len(counts) + 1:
                self.fail(f"got {_shown(self.line())}, wanted ngram {len(counts) + 1}=...")
            if order > 2:
                self.fail(f"the model is of order {order} or more, wanted order 2")
            if count > len(self.text):
                self.fail(f"{count} {order}-grams are more than the file can hold")
            counts.append(count)
            self._skip()
        if len(counts) == 1 and b"\n\\2-grams:" not in self.text:
            return 1, counts
        if len(counts) < 2:
            got = f"got {_shown(self.line())}" if self.line() else "the file ends"
            self.fail(f"{got}, wanted ngram {len(counts) + 1}=...")
        return 2, counts

    def unigrams(self, count: int) -> ArpaWords:
        self.expect(b"\\1-grams:")
        begin = self.position
        words = ArpaWords(self.text, begin, count)
        self._check(words.error, words.position, 1, count)
        large = words.backoffs > _LARGEST
        if large.any():
            self.position = begin
            self.position = _line_start(self, int(np.argmax(large)))
            self.fail(f"the backoff is above 10^{_LARGEST:.0f}: {_shown(self.rest_of_line())}")
        return words

    def bigrams(self, words: ArpaWords, count: int) -> _Pairs:
        self.expect(b"\\2-grams:", self._more(1))
        begin = self.position
        log10, contexts, nexts, error, position = words.bigrams(
            begin, count, resolve_num_threads(None)
        )
        self._check(error, position, 2, count)
        return _Pairs(log10, contexts, nexts, begin)

    def _check(self, error: int, position: int, order: int, count: int) -> None:
        self.position = position
        if error in (1, 2) and self.original is None:
            raise _UnusualError
        if error:
            message = _ERRORS[error].format(order=order, wanted=count)
            self.fail(f"{message}: {_shown(self.rest_of_line())}")

    def _more(self, order: int) -> str:
        if self.line().startswith(b"\\"):
            return ""
        return f": are there more {order}-grams than the header declares?"

    def end(self, order: int) -> None:
        r"""Read \end\, which must be the last line."""
        self.expect(b"\\end\\", self._more(order))
        if self.line():
            self.fail(f"got {_shown(self.line())} after \\end\\, wanted the end of the file")

    def decode(self, joined: bytes) -> list[str]:
        """Return the words of the 1-grams, joined by newlines in the file's encoding."""
        try:
            return joined.decode("utf-8", "surrogatepass").split("\n")[:-1]
        except UnicodeDecodeError as error:
            word = joined[: error.start].count(b"\n")
            raise ValueError(f"{self.name}: 1-gram {word + 1} is not UTF-8") from None


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip("\r\n")
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _ids(
    file: _File, names: list[str], tokenizer: Tokenizer | None
) -> tuple[NDArray[np.int64], Tokenizer]:
    """Return the id of each 1-gram, -1 for one that is left out, and the tokenizer.

    The ids are those of the tokenizer, or of a new one with the words in the order of the file.
    """
    # Files by SRILM and others may have <UNK>.
    unknown = UNKNOWN if UNKNOWN in names or "<UNK>" not in names else "<UNK>"
    for name in (BEGIN, END):
        if name not in names:
            raise ValueError(f"{file.name}: the 1-grams lack {name}")
    if unknown not in names and (tokenizer is None or tokenizer.unknown_id is not None):
        message = f"{file.name} has no {UNKNOWN}: it gets the log10 probability -100, as in KenLM"
        warnings.warn(message, UserWarning, stacklevel=4)
    if tokenizer is None:
        words = [name for name in names if name not in (BEGIN, END, unknown)]
        tokenizer = WordTokenizer((END, UNKNOWN, *words), unknown=UNKNOWN)
    if tokenizer.boundary_id is None:
        raise ValueError(
            "an ARPA file needs a boundary symbol for <s> and </s>, and the tokenizer has none"
        )
    known = {symbol: k for k, symbol in enumerate(tokenizer.vocab)}
    del known[tokenizer.vocab[tokenizer.boundary_id]]
    known[BEGIN] = known[END] = tokenizer.boundary_id
    if tokenizer.unknown_id is not None:
        del known[tokenizer.vocab[tokenizer.unknown_id]]
    known[unknown] = -1 if tokenizer.unknown_id is None else tokenizer.unknown_id
    try:
        return np.array([known[name] for name in names], np.int64), tokenizer
    except KeyError as error:
        file.position = file.text.index(b"\\1-grams:")
        file.position = _line_start(file, names.index(error.args[0]) + 1)
        file.fail(f"the tokenizer has no symbol {error.args[0]!r}")


def _line_start(file: _File, lines: int) -> int:
    """Return the byte where a line begins, counted from the present one."""
    position = file.position
    for _ in range(lines):
        position = file.text.index(b"\n", position) + 1
    return position


def _assemble(
    file: _File,
    words: ArpaWords,
    pairs: _Pairs,
    names: list[str],
    ids: NDArray[np.int64],
    tokenizer: Tokenizer,
) -> BackoffTable:
    """Return the table, with each number at its id."""
    size, begin, end = tokenizer.vocab_size, names.index(BEGIN), names.index(END)
    base, backoff = np.full(size, np.nan), np.ones(size)
    if tokenizer.unknown_id is not None:
        base[tokenizer.unknown_id] = 10.0**_MISSING_UNKNOWN
    # <s> and </s> have one id: its base is that of </s>, its backoff that of <s>.
    is_next, is_context = ids >= 0, ids >= 0
    is_next[begin] = is_context[end] = False
    base[ids[is_next]] = _power(words.log10[is_next])
    backoff[ids[is_context]] = _power(words.backoffs[is_context])
    if np.isnan(base).any():
        symbol = tokenizer.vocab[int(np.argmax(np.isnan(base)))]
        raise ValueError(f"{file.name}: the 1-grams lack {symbol!r}, a symbol of the tokenizer")
    wrong = (pairs.nexts == begin) | (pairs.contexts == end)
    _refuse_pair(file, pairs, wrong, f"a pair must not end in {BEGIN} or begin with {END}")
    wrong = (ids[pairs.nexts] < 0) | (ids[pairs.contexts] < 0)
    _refuse_pair(file, pairs, wrong, "the tokenizer has no unknown symbol")
    keys, order = _sorted_keys(file, pairs, ids[pairs.contexts] * size + ids[pairs.nexts])
    rows, columns = np.divmod(keys, size)
    indptr = np.searchsorted(rows, np.arange(size + 1))
    probs = _power(pairs.log10[order])
    return BackoffTable(indptr, columns.astype(np.int32), probs, backoff, base)


def _sorted_keys(
    file: _File, pairs: _Pairs, keys: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the keys of the pairs in ascending order, and that order; refuse a repeated key."""
    order = np.arange(len(keys))
    if np.any(keys[1:] <= keys[:-1]):  # a file that this package wrote is in order
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        repeated = np.zeros(len(keys), np.bool_)
        repeated[order[1:][keys[1:] == keys[:-1]]] = True
        _refuse_pair(file, pairs, repeated, "the 2-gram occurs twice")
    return keys, order


def _refuse_pair(file: _File, pairs: _Pairs, wrong: NDArray[np.bool_], message: str) -> None:
    """Raise ValueError with the line of the first pair that is wrong, if there is one."""
    if wrong.any():
        file.position = pairs.begin
        file.position = _line_start(file, int(np.argmax(wrong)))
        file.fail(f"{message}: {_shown(file.rest_of_line())}")


def _power(log10: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(log10 == ZERO, 0.0, np.power(10.0, log10))
