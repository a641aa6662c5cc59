"""All subsets of a few operands at once: their volumes, their splits in two, which are alike.

A subset is a bit mask and its place in every table. Volumes obey two identities that make a split
cost a few arithmetic operations: with V(S) the volume of the result of S, K(S) the volume of all
indices summed within S and S = A ∪ B, the multiplications of the last step are
V(S)·K(S) / (K(A)·K(B)).

Operands are alike if exchanging two of them, and with them the indices that only one of the two
holds, maps the network to itself: equal terms, the equal leaves of a star, all tensors of a
complete graph. Subsets that hold as many of each kind have equal volumes and equal best trees, so
one of them, the one that holds the first of each kind, is solved for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from einlab.contraction import Network

__all__ = ["Floats", "Masks", "Subsets", "Twins", "levels", "splits", "subsets_of", "twins_of"]

Floats = NDArray[np.float64]
Masks = NDArray[np.int64]

BLOCK = 1 << 15  # splits looked at together: their tables fit a processor's cache
EMPTY = 2.0**-80  # stands for a size of 0: vanishes in sums, and division by it stays exact


@dataclass(frozen=True, eq=False)
class Subsets:
    """Volumes by subset of operands."""

    volume: Floats
    """V(S): elements of the result of S."""
    summed: Floats
    """K(S): volume of the indices summed within S."""


def subsets_of(network: Network) -> Subsets:
    """Both volumes of every subset; the logarithms are avoided so that whole numbers stay exact.

    >>> subsets_of(Network(((0, 1), (1, 2)), (0, 2), (2, 3, 5))).volume.tolist()
    [1.0, 6.0, 15.0, 10.0]
    """
    count = len(network.terms)
    masks = np.arange(1 << count, dtype=np.int64)
    volume = np.ones(1 << count)
    summed = np.ones(1 << count)
    output = set(network.output)
    outside: dict[tuple[int, bool], float] = {}
    for index, mask in _holders(network).items():
        key = mask, index in output
        outside[key] = outside.get(key, 1.0) * (float(network.sizes[index]) or EMPTY)
    with np.errstate(over="ignore"):
        for (mask, is_output), size in outside.items():
            inside = (masks & mask) == mask
            touched = (masks & mask) != 0
            volume[touched if is_output else touched & ~inside] *= size
            if not is_output:
                summed[inside] *= size
    return Subsets(volume, summed)


def _holders(network: Network) -> dict[int, int]:
    """The operands that hold each index."""
    held: dict[int, int] = {}
    for operand, term in enumerate(network.terms):
        for index in term:
            held[index] = held.get(index, 0) | 1 << operand
    return held


def levels(count: int, made: Masks) -> Iterator[Masks]:
    """The subsets that may be made, for each number of members from 2 up."""
    members = np.bitwise_count(made)
    for size in range(2, count + 1):
        yield made[members == size]


def splits(subsets: Masks) -> Iterator[tuple[slice, Masks]]:
    """The halves of subsets of equally many members, a block of subsets at a time.

    A half holds the lowest member; a row of halves belongs to a subset, which itself is left out.
    """
    if not len(subsets):
        return
    size = int(subsets[0]).bit_count()
    rows = max(BLOCK >> (size - 1), 1)
    for first in range(0, len(subsets), rows):
        block = slice(first, first + rows)
        some = subsets[block]
        rest, halves = some & (some - 1), (some & -some)[:, None]
        for _ in range(size - 1):
            low = rest & -rest
            halves = np.concatenate([halves, halves | low[:, None]], axis=1)
            rest ^= low
        yield block, halves[:, :-1]


@dataclass(frozen=True, eq=False)
class Twins:
    """Groups of operands that are alike, and the subset that stands for each."""

    groups: tuple[tuple[int, ...], ...]
    stands_for: Masks
    """By subset: the one with as many of each group, the first ones."""

    @property
    def solved(self) -> NDArray[np.bool_]:
        """By subset: whether it stands for itself."""
        solved: NDArray[np.bool_] = self.stands_for == np.arange(len(self.stands_for))
        return solved

    def translated(self, part: int, subset: int) -> int:
        """A part of the subset that stands for `subset`, as a part of `subset` itself."""
        for group in self.groups:
            held = [member for member in group if subset >> member & 1]
            chosen = [mine for mine, its in zip(held, group, strict=False) if part >> its & 1]
            part = part & ~sum(1 << member for member in group) | sum(1 << m for m in chosen)
        return part


def twins_of(network: Network) -> Twins | None:
    """The operands that are alike; None if no two are.

    >>> twins_of(Network(((0, 1), (0,), (1,)), (), (2, 2))).groups
    ((1, 2),)
    """
    output = set(network.output)
    profiles: list[dict[tuple[int, bool], int]] = [{} for _ in network.terms]
    for index, mask in _holders(network).items():
        for operand in (place for place in range(len(profiles)) if mask >> place & 1):
            key = mask ^ 1 << operand, index in output
            profiles[operand][key] = profiles[operand].get(key, 1) * network.sizes[index]
    groups: list[list[int]] = []
    for operand in range(len(profiles)):
        for group in groups:
            if _alike(profiles, group[0], operand):
                group.append(operand)
                break
        else:
            groups.append([operand])
    found = tuple(tuple(group) for group in groups if len(group) > 1)
    return Twins(found, _representatives(len(network.terms), found)) if found else None


def _alike(profiles: list[dict[tuple[int, bool], int]], one: int, other: int) -> bool:
    """Whether two operands share the same indices with the same others."""
    if len(profiles[one]) != len(profiles[other]):
        return False
    mine, its = (
        {key: volume for key, volume in profiles[a].items() if not key[0] >> b & 1}
        for a, b in ((one, other), (other, one))
    )
    return mine == its


def _representatives(count: int, groups: tuple[tuple[int, ...], ...]) -> Masks:
    masks = np.arange(1 << count, dtype=np.int64)
    found = masks.copy()
    for group in groups:
        mask = sum(1 << member for member in group)
        firsts = np.cumsum([0, *(1 << member for member in group)], dtype=np.int64)
        found = found & ~mask | firsts[np.bitwise_count(masks & mask)]
    return found
