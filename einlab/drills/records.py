"""`Drill`: one question, how it is answered, and the code whose last line is the answer."""

from __future__ import annotations

import ast
import zlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from einlab.drills.verifying import verified

__all__ = ["KINDS", "Drill", "Kind"]

Kind = Literal["number", "shape", "einsum", "choice", "order", "model"]
"""How a drill is answered.

>>> "shape" in get_args(Kind)
True
"""
KINDS: tuple[Kind, ...] = get_args(Kind)
"""How a drill is answered: a number; a shape; an einsum expression, up to the names of its indices;
one of several options; options put in order; "model" is drawn or explained on paper and compared
with a model answer, point by point."""


@dataclass(frozen=True)
class Drill:
    """One question of a page.

    >>> easy = Drill("easy", "L1", "number", prompt="2·3 + 4?", hint="Products first.",
    ...              solution="6 + 4", code="2 * 3 + 4")
    >>> easy.answer, easy.counted, easy.shown_options
    (10, True, {})
    """

    name: str
    """Unique among all drills, such as "order-left"."""
    page: str
    """The page it belongs to, "L1" to "L18"."""
    kind: Kind
    prompt: str
    hint: str
    solution: str
    """The worked solution in words."""
    code: str = ""
    """Python whose last line is the answer; empty for "model"."""
    unit: str = ""
    """What a number counts, such as "FLOP"."""
    tolerance: float = 0.0
    """By how much a number may differ from the answer, relative to it."""
    options: dict[str, str] = field(default_factory=dict)
    """Letter → text as written, of a choice or of steps to put in order; `code` speaks of these."""
    points: tuple[str, ...] = ()
    """What a model answer contains, to tick off."""

    @property
    def shown_options(self) -> dict[str, str]:
        """Letter → text as the reader sees them, moved along so that no letter is a good guess."""
        moved = self._moved
        return {letter: self.options[moved[letter]] for letter in self.options}

    @cached_property
    def answer(self) -> Any:
        """The right answer: a number, a tuple, an expression, a letter or letters as shown.

        Raises whatever the code raises.
        """
        found = self._result
        if not self.options:
            return found
        shown = {written: letter for letter, written in self._moved.items()}
        return shown[found] if self.kind == "choice" else [shown[letter] for letter in found]

    @property
    def _moved(self) -> dict[str, str]:
        """Letter as shown → letter as written."""
        letters = list(self.options)
        by = zlib.crc32(self.name.encode()) % max(len(letters), 1)
        return dict(zip(letters, [*letters[by:], *letters[:by]], strict=True))

    @cached_property
    def _result(self) -> Any:
        """What the code's last line gives."""
        tree = ast.parse(self.code)
        last = tree.body.pop()
        if not isinstance(last, ast.Expr):
            raise SyntaxError(f"the code of drill {self.name!r} ends in no expression")
        names: dict[str, Any] = {"options": dict(self.options), "verified": verified}
        exec(compile(tree, self.name, "exec"), names)
        return eval(compile(ast.Expression(last.value), self.name, "eval"), names)

    @property
    def counted(self) -> bool:
        """Whether an answer can be checked."""
        return self.kind != "model"
