"""Errors that name the symbol, the text and the position."""

from __future__ import annotations

from collections.abc import Sequence

from bigram.corpus.where import Where

__all__ = ["UnknownSymbolError", "boundary_inside"]


class UnknownSymbolError(ValueError):
    """A text contains a symbol that is not in the vocabulary.

    Attributes
    ----------
    character : str
        The character, or the word if the tokenizer is one of words.
    code_point : int
        Of its first character.
    text_index : int
        Index of the text among those given, from 0.
    position : int
        Index of the character in that text, from 0.

    Examples
    --------
    >>> import bigram
    >>> try:
    ...     bigram.CharTokenizer.from_texts(["abc"]).encode("bad")
    ... except bigram.UnknownSymbolError as error:
    ...     print(error.character, error.position)
    d 2
    """

    def __init__(
        self, character: str, text_index: int, position: int, vocab_size: int, label: str = ""
    ) -> None:
        super().__init__(character, text_index, position, vocab_size, label)
        self.character = character
        self.code_point = ord(character[0])
        self.text_index = text_index
        self.position = position
        self._vocab_size = vocab_size
        self._label = label or f"texts[{text_index}]"

    def __str__(self) -> str:
        named = f" (U+{self.code_point:04X})" if len(self.character) == 1 else ""
        return (
            f"{self._label} has {self.character!r}{named} at position "
            f"{self.position}, which is not among the {self._vocab_size} symbols of the "
            "vocabulary; build the tokenizer with unknown= to map such symbols to one id"
        )


def boundary_inside(
    texts: Sequence[str | bytes], boundary: str | bytes, where: Where
) -> ValueError:
    """Return the error for the first of `texts` that contains the boundary symbol."""
    index, position = next(
        (i, text.find(boundary))  # type: ignore[arg-type]
        for i, text in enumerate(texts)
        if boundary in text  # type: ignore[operator]
    )
    return ValueError(
        f"{where.label(index)} has the boundary symbol {boundary!r} at position "
        f"{position + where.shift(index)}; a boundary cannot occur inside a text: "
        "choose another with boundary="
    )
