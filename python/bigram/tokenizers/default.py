"""The tokenizer that a corpus gets where none is given."""

from __future__ import annotations

from collections.abc import Collection

from bigram.tokenizers.char import CharTokenizer

__all__ = ["default_tokenizer"]

_BOUNDARIES = ".\n\0"


def default_tokenizer(
    characters: Collection[str], *, running_text: bool, unknown: str | None = None
) -> CharTokenizer:
    r"""Return the tokenizer of a corpus in which exactly these characters occur.

    Parameters
    ----------
    characters : collection of str
    running_text : bool
        Whether the corpus is running text, which has no boundary. Otherwise the boundary is
        ``"."``, or ``"\n"`` where ``"."`` occurs, or ``"\x00"`` where both do.
    unknown : str or None
        A symbol for characters that do not occur; it gets the last id.

    Raises
    ------
    ValueError
        If all three boundaries occur, or running text is empty.

    Examples
    --------
    >>> default_tokenizer(set("a.b"), running_text=False).vocab
    ('\n', '.', 'a', 'b')
    """
    boundary = None
    if not running_text:
        boundary = next((b for b in _BOUNDARIES if b not in characters and b != unknown), None)
        if boundary is None:
            raise ValueError(
                "the texts contain '.', newline and NUL, so none of them can be the boundary: "
                "pass a tokenizer"
            )
    elif not characters:
        raise ValueError("the corpus is empty, wanted at least one character for a vocabulary")
    return CharTokenizer.from_symbols(characters, boundary=boundary, unknown=unknown)
