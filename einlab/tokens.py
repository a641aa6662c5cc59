"""An equation cut into tokens, each with the place where it stands."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from einlab.errors import Span

__all__ = ["BLANKS", "Part", "Token", "cut", "is_letter", "without_blanks"]

BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0"
"""What separates and means nothing. The blanks of Unicode from U+1680 on are letters: opt_einsum's
symbols, which run through Unicode from number 52 on, hold them."""

_NO_BLANKS = dict.fromkeys(map(ord, BLANKS))
_TOKENS = {
    "letters": re.compile(rf"\.\.\.|[^{BLANKS},]"),
    "named": re.compile(r"\.\.\.|[^\s.,]+"),
}


@dataclass(frozen=True, slots=True)
class Token:
    """An index, an ellipsis, or a sign that is neither, and where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Part:
    """A term or the output as it is written."""

    tokens: tuple[Token, ...]
    span: Span
    """From the first token to the last; of an empty term, the place where one is missing."""

    @property
    def dots(self) -> bool:
        """Whether an ellipsis stands here."""
        return any(token.text == "..." for token in self.tokens)

    @property
    def indices(self) -> int:
        """Number of tokens that are no ellipsis."""
        return sum(token.text != "..." for token in self.tokens)


def is_letter(char: str) -> bool:
    """Whether a character can stand for an index: any letter, any sign from U+00A1 on.

    >>> is_letter("i"), is_letter("行"), is_letter("1"), is_letter(" ")
    (True, True, False, False)
    """
    return char.isalpha() or (char > "\xa0" and unicodedata.category(char) not in ("Cc", "Cs"))


def without_blanks(text: str) -> str:
    """The text without the blanks that mean nothing between letters.

    >>> without_blanks(" i j ")
    'ij'
    """
    return text.translate(_NO_BLANKS)


def cut(equation: str, reading: str) -> tuple[list[Part], Part | None]:
    """The terms of an equation, and its output if there is an arrow.

    >>> terms, output = cut("ij,->i", "letters")
    >>> [term.span for term in terms], output.tokens
    ([(0, 2), (3, 3)], (Token(text='i', span=(5, 6)),))
    """
    head, arrow, tail = equation.partition("->")
    terms, offset = [], 0
    for text in head.split(","):
        terms.append(_part(text, offset, reading))
        offset += len(text) + 1
    return terms, _part(tail, len(head) + len(arrow), reading) if arrow else None


def _part(text: str, offset: int, reading: str) -> Part:
    tokens = tuple(
        Token(found.group(), (found.start() + offset, found.end() + offset))
        for found in _TOKENS[reading].finditer(text)
    )
    if not tokens:
        place = offset + len(text)
        return Part((), (place, place))
    return Part(tokens, (tokens[0].span[0], tokens[-1].span[1]))
