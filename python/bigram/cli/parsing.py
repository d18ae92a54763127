"""Smoothings and tokenizers by their names on the command line."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from bigram.cli.options import TokenizerKind, TokenizerOptions
from bigram.corpus.corpus import Corpus, as_corpus
from bigram.counting.characters import characters_of
from bigram.smoothing.base import Smoothing
from bigram.smoothing.description import METHODS
from bigram.tokenizers.byte import ByteTokenizer
from bigram.tokenizers.default import default_tokenizer
from bigram.tokenizers.word import WordTokenizer

if TYPE_CHECKING:
    from bigram.tokenizers.protocol import Tokenizer

_ALIASES = {"laplace": "addk", "lidstone": "addk", "mkn": "modifiedkneserney", "kn": "kneserney"}


def parse_smoothing(spec: str) -> Smoothing:
    """Read `NAME`, `NAME:VALUE` or `NAME:option=VALUE,option=VALUE`.

    Names are those of the classes; case, hyphens and underscores do not matter.

    Raises
    ------
    ValueError
        If there is no such method, or it does not have such an option.

    Examples
    --------
    >>> parse_smoothing("add-k:0.5")
    AddK(k=0.5)
    >>> parse_smoothing("MLE")
    MLE()
    """
    name, _, rest = spec.partition(":")
    methods = _methods()
    key = _plain(name)
    method = methods.get(_ALIASES.get(key, key))
    if method is None:
        listed = ", ".join(_hyphenated(m.__name__) for m in methods.values())
        raise ValueError(f"smoothing = {name!r}, wanted one of {listed}")
    known = {field.name: field.default for field in fields(method) if field.init}
    names = list(known)
    options: dict[str, Any] = {}
    for index, part in enumerate(filter(None, rest.split(","))):
        option, equals, value = part.partition("=")
        if not equals:
            if not names:
                raise ValueError(f"smoothing = {spec!r}, wanted {name} without options")
            if index:
                raise ValueError(
                    f"smoothing = {spec!r}, wanted OPTION=VALUE after the first value; "
                    f"options: {', '.join(names)}"
                )
            option, value = names[0], option
        if option not in names:
            raise ValueError(f"option = {option!r} of smoothing {name!r}, wanted one of {names}")
        if option in options:
            raise ValueError(f"smoothing = {spec!r}, wanted {option} once")
        options[option] = _value(value, isinstance(known[option], float))
    return method(**options)


def corpus_tokenizer(
    options: TokenizerOptions, corpus: Corpus
) -> tuple[Tokenizer | None, Corpus | list[str]]:
    """Return the tokenizer to fit with, and the texts, to be read (again) from the beginning.

    The tokenizer is None where counting builds the default one itself, in its one pass.
    """
    if options.tokenizer is TokenizerKind.byte:
        return ByteTokenizer(boundary=None if options.text else "\n"), corpus
    if options.tokenizer is TokenizerKind.char and options.unknown is None:
        return None, corpus
    if options.tokenizer is TokenizerKind.char:
        return character_tokenizer(corpus, running_text=options.text, unknown=options.unknown)
    texts = _repeatable(corpus)
    unknown = options.unknown or "<unk>"
    return WordTokenizer.from_texts(texts, min_count=options.min_count, unknown=unknown), texts


def character_tokenizer(
    corpus: Corpus, *, running_text: bool, unknown: str | None = None
) -> tuple[Tokenizer, Corpus | list[str]]:
    """Return the default tokenizer of a corpus, and the texts, to be read again."""
    texts = _repeatable(corpus)
    characters = characters_of(as_corpus(texts))
    return default_tokenizer(characters, running_text=running_text, unknown=unknown), texts


def _repeatable(corpus: Corpus) -> Corpus | list[str]:
    """Return a corpus that can be read twice, in memory where the files cannot."""
    return corpus if corpus.source.can_be_read_again else list(corpus)


def _methods() -> dict[str, type[Smoothing]]:
    return {_plain(name): method for name, method in METHODS.items()}


def _plain(name: str) -> str:
    return re.sub(r"[-_ ]", "", name).lower()


def _hyphenated(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).lower()


def _value(text: str, real: bool) -> Any:
    """Return a number, or the text where it is not one."""
    try:
        return float(text) if real else json.loads(text)
    except ValueError:
        return text
