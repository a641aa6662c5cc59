"""Name stacks of a trace, read: the scopes as the author wrote them, and the pass they belong to.

JAX wraps a scope in the transformations that it went through, as in `transpose(jvp(layer))/mlp`,
and inner traces name their scopes relative to the caller's.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

__all__ = ["CONTRACTION", "Phase", "phase_of", "scopes_of"]

Phase = Literal["forward", "backward", "recomputed"]
"""forward; backward: a transposed operation; recomputed: a forward one that remat runs again."""

TRANSFORMATIONS = ("jvp", "transpose", "vmap", "linearize", "remat", "checkpoint", "pmap")
RECOMPUTED = "rematted_computation"
CONTRACTION = "einlab:"
"""What the scope of a step of a planned contraction begins with; its equation follows."""

_OPENING = re.compile(rf"(?:{'|'.join(TRANSFORMATIONS)})\(")


@lru_cache(maxsize=65536)
def scopes_of(stack: str) -> tuple[str, ...]:
    """The scopes of a name stack without the transformations around them.

    >>> scopes_of("transpose(jvp(model))/layer(1)/rematted_computation/jvp(mlp)")
    ('model', 'layer(1)', 'mlp')
    """
    text, place, parts = stack, 0, [""]
    opened: list[bool] = []  # of each open bracket, whether a transformation opened it
    while place < len(text):
        found = _OPENING.match(text, place) if not parts[-1] else None
        char = text[place]
        place = found.end() if found else place + 1
        if found:
            opened.append(True)
        elif char == "/" and False not in opened:
            parts.append("")
        elif char == ")" and opened:
            parts[-1] += "" if opened.pop() else char
        else:
            opened.extend([False] if char == "(" else [])
            parts[-1] += char
    return tuple(part for part in parts if part and part != RECOMPUTED)


@lru_cache(maxsize=65536)
def phase_of(stack: str, outer: Phase) -> Phase:
    """The pass that an operation belongs to, from its name stack and that of its caller.

    >>> phase_of("transpose(jvp(loss))", "forward"), phase_of("layer", "backward")
    ('backward', 'backward')
    >>> phase_of("rematted_computation/layer", "backward")
    'recomputed'
    """
    if RECOMPUTED in stack:
        return "recomputed"
    if "transpose(" in stack and outer != "recomputed":
        return "backward"
    return outer
