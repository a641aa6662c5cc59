"""What every complaint of einlab must be, checked without einlab's own code."""

from __future__ import annotations

import ast
import re
import traceback
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

import einlab
from einlab.errors import EinlabError

PACKAGE = Path(einlab.__file__).parent
INSIDE = re.compile(
    r"(?i)tracer|\baval|xla\b|jax\._src|jaxpr|shapedarray|site-packages|traceback|object at 0x"
    r"|<class |unhashable|not iterable|NoneType|__\w+__|\bzip\("
)
"""What belongs to JAX's, NumPy's or Python's inside, and not into a message."""


def complaint(
    call: Callable[[], object],
    error: type[EinlabError] = EinlabError,
    says: tuple[str, ...] = (),
    *,
    transformed: bool = False,
) -> str:
    """The message with which a call is refused, once it has passed every general check.

    `transformed` is for calls inside of `jax.jit` and its like, which add a note of their own to
    whatever passes.
    """
    with pytest.raises(error) as caught:
        call()
    raised, text = caught.value, str(caught.value)
    assert isinstance(raised, ValueError)
    assert type(raised).__module__ == "einlab.errors", type(raised)
    type_at_fault = type(raised).__name__ in ("OperandError", "ArgumentTypeError", "DtypeError")
    assert isinstance(raised, TypeError) == type_at_fault
    assert not INSIDE.search(text), text
    for phrase in says:
        assert phrase in text
    assert text.strip() == text
    assert max(map(len, text.splitlines())) <= 400
    frames = traceback.extract_tb(raised.__traceback__)
    assert Path(frames[-1].filename).is_relative_to(PACKAGE)
    if not transformed:
        assert not getattr(raised, "__notes__", [])
        assert raised.__cause__ is None
        assert raised.__suppress_context__ or raised.__context__ is None
        assert not [frame for frame in frames if "/jax/" in frame.filename]
    return text


def suggestion(text: str) -> str | None:
    """What a message proposes after "did you mean", unquoted."""
    found = re.search(r"did you mean ('.*?'|\".*?\"|\w+=)(\?| for)", text)
    if found is None:
        return None
    return found[1] if found[1].endswith("=") else str(ast.literal_eval(found[1]))


def columns(char: str) -> int:
    """The columns of a character in a terminal, from the Unicode database."""
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def marked(text: str) -> list[str]:
    """The pieces of the equation under which carets stand, in order; "" past its end."""
    lines = text.splitlines()
    (place,) = (i for i, line in enumerate(lines) if line and not line.strip(" ^") and "^" in line)
    below, above = lines[place], lines[place - 1]
    starts = [char for char in above if columns(char)]
    # For each column the number of the character that it shows.
    spread = [number for number, char in enumerate(starts) for _ in range(columns(char))]
    runs = [found.span() for found in re.finditer(r"\^+", below)]
    pieces = []
    for start, stop in runs:
        numbers = list(dict.fromkeys(spread[start:stop]))
        for number in numbers:  # a wide character is marked whole or not at all
            wide = [column for column, other in enumerate(spread) if other == number]
            assert start <= wide[0]
            assert wide[-1] < stop
        pieces.append("".join(starts[number] for number in numbers))
    return pieces
