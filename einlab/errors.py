"""What went wrong, where, and what to type instead.

Every error of the library is an `EinlabError`, which is a `ValueError`; where a type is at fault it
is a `TypeError` as well. A message states the fact in its first line, then shows the offending text
with carets beneath it, then says what to try.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "DtypeError",
    "EinlabError",
    "EquationError",
    "FileError",
    "MemoryLimitError",
    "MissingPackageError",
    "OperandError",
    "PathError",
    "PlanError",
    "ShapeError",
]

Span = tuple[int, int]
"""A range of characters of an equation: first character, one past the last."""


class EinlabError(ValueError):
    """The base of every error that einlab raises for a bad input."""


class EquationError(EinlabError):
    """The equation cannot be read: a bad character, a misplaced arrow, an unknown output index."""


class ShapeError(EinlabError):
    """Ranks or sizes do not fit the equation, or each other."""


class OperandError(EinlabError, TypeError):
    """An operand is no array: a string, a sparse matrix, a data frame, a ragged list."""


class DtypeError(EinlabError, TypeError):
    """A dtype is unknown, or the operation is not defined for it."""


class ArgumentError(EinlabError):
    """A setting has a value that it cannot have, for instance a memory limit of "2 bananas"."""


class ArgumentTypeError(EinlabError, TypeError):
    """An argument is unknown, refused, or of the wrong type."""


class PathError(EinlabError):
    """An explicit contraction path repeats, skips or invents an operand."""


class PlanError(EinlabError):
    """A stored plan cannot be read, or the arrays given do not fit it."""


class FileError(EinlabError):
    """An input file is missing, damaged, or holds something else than it should."""


class MissingPackageError(EinlabError, ImportError):
    """A package that an extra of einlab installs is not there; the message says how to get it."""


class MemoryLimitError(EinlabError):
    """No contraction order keeps the memory limit; the message names the smallest that would do."""


def display_width(text: str) -> int:
    r"""Columns that `text` takes in a terminal: two for wide characters, none for combining marks.

    Source: Unicode Standard Annex 11, East Asian Width.

    >>> display_width("ij"), display_width("行列"), display_width("e\u0301")
    (2, 4, 1)
    """
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def underline(text: str, spans: Iterable[Span], indent: str = "    ") -> str:
    """`text` on one line and carets under the characters of `spans` on the next.

    >>> print(underline("ij,jk->ik", [(1, 2), (3, 4)]))
        ij,jk->ik
         ^ ^
    """
    marked = {place for start, stop in spans for place in range(start, max(stop, start + 1))}
    printable = [char if char.isprintable() else " " for char in text]
    carets = "".join(
        ("^" if place in marked else " ") * display_width(char)
        for place, char in enumerate([*printable, " "])
    )
    return f"{indent}{''.join(printable)}\n{indent}{carets}".rstrip()


def message(
    fact: str,
    *,
    equation: str | None = None,
    spans: Sequence[Span] = (),
    details: Iterable[str] = (),
    hint: str | None = None,
) -> str:
    """The text of an error: fact, marked equation, details one a line, and what to try.

    >>> print(message("two arrows", equation="i->j->k", spans=[(4, 6)], hint="keep one"))
    two arrows
        i->j->k
            ^^
        keep one
    """
    lines = [fact]
    if equation is not None:
        lines.append(underline(equation, spans))
    lines.extend(f"    {detail}" for detail in details)
    if hint is not None:
        lines.append(f"    {hint}")
    return "\n".join(lines)


def listing(words: Iterable[object]) -> str:
    """Words joined for a sentence.

    >>> listing("ab"), listing(["flops"]), listing([1, 2, 3])
    ('a and b', 'flops', '1, 2 and 3')
    """
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
