"""Keys and masks that make no difference are left out before anything else is done."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from einlab.attention.blocks import spans
from einlab.attention.masks import reach
from einlab.attention.problem import Problem

__all__ = ["trimmed"]


def trimmed(one: Problem) -> Problem:
    """The same attention with the keys alone that causality and window let some query see.

    A step of decoding with a window looks at the keys of the window only, however long the cache,
    and is not masked, for it sees all of these. Keys of one head for all lie head by head.
    """
    found = _unmasked(_cut(one))
    if found.by_head or found.k.shape[2] > 1:
        return found
    keys, values = found.heads_of_keys
    return replace(found, k=keys, v=values, by_head=True)


def _cut(one: Problem) -> Problem:
    """The keys that some query may see."""
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
        k=some(one.k, one.places),
        v=some(one.v, one.places),
        mask=replace(
            one.mask,
            offset=seen.first - start,
            key_lengths=None if lengths is None else lengths - start,
            key_segments=some(one.mask.key_segments, 1),
            seen=some(one.mask.seen, 3),
        ),
        terms=replace(one.terms, bias=some(one.terms.bias, 3)),
    )


def _unmasked(one: Problem) -> Problem:
    """Without causality and window where every query sees every key whatever they say."""
    _, t, s, *_ = one.sizes
    first, left, right = reach(one.mask, t, s)
    if first is None or (right is not None and first + right < s - 1):
        return one
    if left is not None and first + t - 1 > left:
        return one
    # Slopes still ask for the distance of a query to a key.
    offset = None if one.terms.slopes is None else first
    return replace(one, mask=replace(one.mask, causal=False, window=None, offset=offset))
