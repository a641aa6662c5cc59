"""Contractions without a product of matrices: permutations, sums, diagonals, entry by entry.

They move or add up entries, so that memory and the way in which it is walked through decide. Each
form comes small, where a call costs more than the work, middling, and large, beyond the caches.
"""

from __future__ import annotations

import math
import random

from benchmarks.cases import Case

__all__ = ["plain"]

ENTRIES = {"small": (100, 4_000), "middling": (3e4, 3e5), "large": (2e6, 2e7)}
"""Entries of the largest array of a case."""

FORMS = {
    "permutation": (
        "ij->ji",
        "ijk->jik",
        "ijk->kij",
        "ijk->ikj",
        "ijkl->ljki",
        "ijklm->mkjil",
    ),
    "sum": ("ij->", "ij->i", "ij->j", "ijk->ik", "ijk->j", "ijkl->lj"),
    "diagonal": ("ii->i", "ii->", "iij->j", "iji->ij", "iij->ji"),
    "element-wise": ("i,i->i", "ij,ij->ij", "ij,j->ij", "ij,i->ij", "ij,ji->ij", "ijb,jb->ibj"),
    "outer": ("i,j->ij", "i,jk->jik", "ia,ja->aij"),
}


def plain(seed: int, dtype: str) -> tuple[Case, ...]:
    """Each form in three sizes, the extents drawn from the seed."""
    return tuple(
        _case(seed, dtype, family, equation, size)
        for family, equations in FORMS.items()
        for equation in equations
        for size in ENTRIES
    )


def _case(seed: int, dtype: str, family: str, equation: str, size: str) -> Case:
    draw = random.Random(f"plain:{equation}:{size}:{seed}")
    low, high = ENTRIES[size]
    volume = math.exp(draw.uniform(math.log(low), math.log(high)))
    *terms, output = equation.replace("->", ",").split(",")
    largest = max((*terms, output), key=len)
    shares = [draw.uniform(0.5, 1.5) for _ in largest]
    sizes = {i: volume ** (part / sum(shares)) for i, part in zip(largest, shares, strict=True)}
    extents = {index: max(2, round(extent)) for index, extent in sizes.items()}
    shapes = tuple(tuple(extents[index] for index in term) for term in terms)
    return Case(f"{equation} {size}", family, equation, shapes, dtype)
