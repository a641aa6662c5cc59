"""What went wrong, where, and what to type instead.

Every error of the library is an `EinlabError`, which is a `ValueError`; where a type is at fault it
is a `TypeError` as well. A message states the fact in its first line, then shows the offending text
with carets beneath it, then says what to try.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from types import FrameType

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

WIDEST = 90
"""Characters of a text that a message shows; a longer one is cut around its fault."""


class EinlabError(ValueError):
    """The base of every error that einlab raises for a bad input.

    >>> from einlab import plan
    >>> try:
    ...     plan("ij,jk->ik", (2, 3), (4, 5))
    ... except EinlabError as error:
    ...     print(type(error).__name__)
    ShapeError
    """


class EquationError(EinlabError):
    """The equation cannot be read: a bad character, a misplaced arrow, an unknown output index.

    >>> from einlab import plan
    >>> plan("ij,jk=>ik", (2, 3), (3, 4))
    Traceback (most recent call last):
        ...
    einlab.errors.EquationError: ...
    """


class ShapeError(EinlabError):
    """Ranks or sizes do not fit the equation, or each other.

    >>> from einlab import plan
    >>> plan("ij,jk->ik", (2, 3), (4, 5))
    Traceback (most recent call last):
        ...
    einlab.errors.ShapeError: index 'j' has size 3 in operand 0 and 4 in operand 1...
    """


class OperandError(EinlabError, TypeError):
    """An operand is no array: a string, a sparse matrix, a data frame, a ragged list.

    >>> from einlab import contract
    >>> contract("i->", "three")
    Traceback (most recent call last):
        ...
    einlab.errors.OperandError: operand 0 is ...
    """


class DtypeError(EinlabError, TypeError):
    """A dtype is unknown, or the operation is not defined for it.

    >>> from einlab import plan
    >>> plan("i->", (3,), dtype="float31")
    Traceback (most recent call last):
        ...
    einlab.errors.DtypeError: ...'float31'...
    """


class ArgumentError(EinlabError):
    """A setting has a value that it cannot have, for instance a memory limit of "2 bananas".

    >>> from einlab import plan
    >>> plan("i->", (3,), memory_limit="2 bananas")
    Traceback (most recent call last):
        ...
    einlab.errors.ArgumentError: ...'2 bananas'...
    """


class ArgumentTypeError(EinlabError, TypeError):
    """An argument is unknown, refused, or of the wrong type.

    >>> from einlab import plan
    >>> plan("i->", (3,), optimise="greedy")
    Traceback (most recent call last):
        ...
    einlab.errors.ArgumentTypeError: unknown argument optimise=; did you mean optimize=?
    """


class PathError(EinlabError):
    """An explicit contraction path repeats, skips or invents an operand.

    >>> from einlab import plan
    >>> plan("ij,jk->ik", (2, 3), (3, 4), optimize=[(0, 2)])
    Traceback (most recent call last):
        ...
    einlab.errors.PathError: ...operand 2...
    """


class PlanError(EinlabError):
    """A stored plan cannot be read, or the arrays given do not fit it.

    >>> from einlab import Plan
    >>> Plan.from_json("{}")
    Traceback (most recent call last):
        ...
    einlab.errors.PlanError: the text is no plan of einlab: it has no 'format': 'einlab.plan'
    """


class FileError(EinlabError):
    """An input file is missing, damaged, or holds something else than it should.

    >>> from einlab.machines import machines_from
    >>> machines_from("missing.toml")
    Traceback (most recent call last):
        ...
    einlab.errors.FileError: missing.toml cannot be read: ...
    """


class MissingPackageError(EinlabError, ImportError):
    """A package that an extra of einlab installs is not there; the message says how to get it.

    >>> issubclass(MissingPackageError, ImportError)
    True
    """


class MemoryLimitError(EinlabError):
    """No contraction order keeps the memory limit; the message names the smallest that would do.

    >>> from einlab import plan
    >>> try:
    ...     plan("ij,jk->ik", (100, 100), (100, 100), memory_limit="1KiB")
    ... except MemoryLimitError as error:
    ...     print(error.smallest, error.plan.peak <= error.smallest)
    120000 True
    """

    smallest: int | None = None
    """The smallest limit in bytes that would do; None where the limit was one of elements."""
    plan: object | None = None
    """The `Plan` for that limit."""


def display_width(text: str) -> int:
    """Columns that `text` takes in a terminal: two for wide characters, none for combining marks.

    Source: Unicode Standard Annex 11, East Asian Width; marks are the categories Mn and Me.

    >>> display_width("ij"), display_width("行列")
    (2, 4)
    """
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    # The vowels and final consonants of Korean syllables join the letter before them.
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def underline(text: str, spans: Iterable[Span], indent: str = "    ") -> str:
    """`text` on one line and carets under the characters of `spans` on the next.

    Of a text longer than `WIDEST` characters only the part around the first span is shown.

    >>> print(underline("ij,jk->ik", [(1, 2), (3, 4)]))
        ij,jk->ik
         ^ ^
    """
    marked = {place for start, stop in spans for place in range(start, max(stop, start + 1))}
    first, last = 0, len(text)
    if last > WIDEST:
        first = max(0, min(min(marked, default=0) - WIDEST // 2, last - WIDEST))
        last = first + WIDEST
    at_end = last == len(text)
    cells = [char if char.isprintable() else " " for char in text[first:last]]
    if cells and not _columns(cells[0]):
        cells[0] = f"◌{cells[0]}"  # what a mark without a letter stands on
    carets: list[str] = []
    for place, char in enumerate([*cells, " "] if at_end else cells, first):
        width = display_width(char)
        carets.extend(("^" if place in marked else " ") * width)
        if not width and carets and place in marked:
            carets[-1] = "^"  # a mark without a column of its own stands on the one before
    lines = ["".join(cells), "".join(carets)]
    if len(cells) < len(text):
        lines[0] = f"{'…' if first else ' '}{lines[0]}{'' if at_end else '…'}"
        lines[1] = f" {lines[1]}"
        lines.append(f"(characters {first} to {last - 1} of {len(text)})")
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


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


def outside() -> int:
    """The level of the first frame beyond einlab, as `warnings.warn` counts from its caller."""
    frame: FrameType | None = sys._getframe(1)
    level = 1
    while frame is not None and frame.f_globals.get("__name__", "").startswith("einlab."):
        frame, level = frame.f_back, level + 1
    return level


def listing(words: Iterable[object]) -> str:
    """Words joined for a sentence.

    >>> listing("ab"), listing(["flops"]), listing([1, 2, 3])
    ('a and b', 'flops', '1, 2 and 3')
    """
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
