"""Keys that no query may see by its position are left out before anything else is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from einlab.attention.blocks import spans
from einlab.attention.masks import reach
from einlab.attention.problem import Problem

__all__ = ["trimmed"]


def trimmed(one: Problem) -> Problem:
    """The same attention with the keys alone that causality and window let some query see.

    A step of decoding with a window looks at the keys of the window only, however long the cache.
    """
    _, t, s, *_ = one.sizes
    seen = reach(one.mask, t, s)
    (group,) = spans(t, s, t, seen).groups
    (start,) = group.starts
    if seen.first is None or group.width == s:
        return one

    def some(x: Any, axis: int) -> Any:
        if x is None or x.shape[axis] == 1:
            return x
        return x[(slice(None),) * axis + (slice(start, start + group.width),)]

    lengths: Any = one.mask.key_lengths
    return replace(
        one,
        k=some(one.k, 1),
        v=some(one.v, 1),
        mask=replace(
            one.mask,
            offset=seen.first - start,
            key_lengths=None if lengths is None else lengths - start,
            key_segments=some(one.mask.key_segments, 1),
            seen=some(one.mask.seen, 3),
        ),
        terms=replace(one.terms, bias=some(one.terms.bias, 3)),
    )
