"""Which keys each block of queries may see, as far as positions alone say it. No JAX here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

__all__ = ["MOST_WIDTHS", "Group", "Reach", "Spans", "spans"]

MOST_WIDTHS = 16
"""Different numbers of keys that blocks may have; each is compiled by itself."""


@dataclass(frozen=True)
class Group:
    """Blocks of queries, one after the other, that look at equally many keys."""

    starts: tuple[int, ...]
    """The first key of each block."""
    width: int
    """The keys of each."""


@dataclass(frozen=True)
class Spans:
    """All blocks of `size` queries, the last one perhaps with fewer, in groups."""

    size: int
    groups: tuple[Group, ...]

    @property
    def count(self) -> int:
        """The number of blocks."""
        return sum(len(group.starts) for group in self.groups)


class Reach(NamedTuple):
    """Which keys queries may see by their positions: query i stands at i + first."""

    first: int | None
    """None where it is not known: all keys are looked at."""
    left: int | None = None
    """Keys seen before the position; None: all."""
    right: int | None = None
    """Keys seen after it."""


@lru_cache(maxsize=1024)
def spans(queries: int, keys: int, size: int, reach: Reach) -> Spans:
    """The keys of each block of `size` queries: those of which one of its queries sees some.

    >>> spans(4, 4, 2, Reach(0, right=0)).groups
    (Group(starts=(0,), width=2), Group(starts=(0,), width=4))
    >>> spans(8, 8, 2, Reach(0, left=2, right=0)).groups
    (Group(starts=(0,), width=2), Group(starts=(0, 2, 4), width=4))
    """
    first, left, right = reach
    step = -(-keys // MOST_WIDTHS)
    found = []
    for start in range(0, queries, size):
        lowest, highest = 0, keys
        if first is not None and left is not None:
            lowest = min(max(start + first - left, 0), keys - 1)
        if first is not None and right is not None:
            last = min(start + size, queries) - 1
            highest = max(min(last + first + right + 1, keys), lowest + 1)
        width = min(-(-(highest - lowest) // step) * step, keys)
        found.append((min(lowest, keys - width), width))
    groups = [
        Group(tuple(start for start, _ in members), width)
        for width, members in groupby(found, key=lambda pair: pair[1])
    ]
    return Spans(min(size, queries), tuple(groups))
