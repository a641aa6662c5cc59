"""The line that tells of a long search: on stderr, if that is a terminal, after two seconds."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["search_line"]

PATIENCE = 2.0  # seconds of silence
CLEAR = "\r\x1b[2K"


@contextmanager
def search_line(operands: int) -> Iterator[Callable[[float, float], None]]:
    """A callback for `find`; its line is gone when the search is over."""
    shown = False

    def tell(seconds: float, value: float) -> None:
        nonlocal shown
        if seconds >= PATIENCE and sys.stderr is not None and sys.stderr.isatty():
            text = f"planning {operands:,} operands: best {value:.3g} after {seconds:.0f} s"
            if math.isinf(value):
                text = f"compiling the search, once on each machine: {seconds:.0f} s"
            sys.stderr.write(f"{CLEAR}{text}")
            sys.stderr.flush()
            shown = True

    try:
        yield tell
    finally:
        if shown:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()
