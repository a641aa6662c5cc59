"""An independent count of what an order costs, from its path and the index sets alone.

It shares no code with the package: sets of names, exact integers, one operand after the other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Counted", "recount"]


@dataclass(frozen=True)
class Counted:
    """What a path costs."""

    multiplications: int
    """Of all slices."""
    largest: int
    """Elements of the largest result of one slice, the last one apart."""
    size: int
    """The same with the last result."""
    peak: int
    """Bytes of arguments, intermediates and result alive at once, float32, nothing sliced."""


def recount(
    terms: Sequence[Sequence[str]],
    output: Sequence[str],
    sizes: Mapping[str, int],
    path: Sequence[Sequence[int]],
    sliced: Collection[str] = (),
) -> Counted:
    """Count a path in opt_einsum's form, over terms without repeated or lone indices.

    Raises ValueError if a step takes more than two arrays, or more than one is left in the end.
    """
    gone, slices = set(sliced), math.prod(sizes[index] for index in sliced)
    live = [(frozenset(term) - gone, 0) for term in terms]
    holders = Counter(index for term, _ in live for index in term)
    holders.update(set(output) - gone)
    now = peak = 4 * sum(_volume(term, sizes) for term in terms)
    multiplications, results = 0, []
    for step in path:
        taken = [live.pop(place) for place in sorted(step, reverse=True)]
        if len(taken) == 1:
            live.append(taken[0])
            continue
        if len(taken) > 2:
            raise ValueError(f"a step of {len(taken)} operands")
        (a, held_a), (b, held_b) = taken
        multiplications += _volume(a | b, sizes)
        for index in a & b:
            holders[index] -= 1
        made = frozenset(index for index in a | b if holders[index] > 1)
        results.append(_volume(made, sizes))
        now += 4 * results[-1]
        peak = max(peak, now)
        now -= held_a + held_b
        live.append((made, 4 * results[-1]))
    if len(live) != 1:
        raise ValueError(f"{len(live)} arrays are left")
    return Counted(
        multiplications * slices, max(results[:-1], default=0), max(results, default=0), peak
    )


def _volume(term: Collection[str], sizes: Mapping[str, int]) -> int:
    return math.prod(sizes[index] for index in term)
