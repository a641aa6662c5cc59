"""The suites: which cases a name given to `--suite` stands for."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases import Case, shrink
from benchmarks.families import FAMILIES
from benchmarks.plain import plain
from benchmarks.tccg import tccg, tccg_full

__all__ = ["SUITES"]


def _families(seed: int, dtype: str) -> tuple[Case, ...]:
    return tuple(case for make in FAMILIES.values() for case in make(seed, dtype))


def _quick(seed: int, dtype: str) -> tuple[Case, ...]:
    """One case of each family and six of TCCG, no extent above 12."""
    families = [make(seed, dtype)[0] for make in FAMILIES.values()]
    return tuple(shrink(case, 12) for case in (*tccg(seed, dtype)[::8], *families))


def _all(seed: int, dtype: str) -> tuple[Case, ...]:
    return tccg(seed, dtype) + _families(seed, dtype)


SUITES: dict[str, Callable[[int, str], tuple[Case, ...]]] = {
    "all": _all,
    "quick": _quick,
    "tccg": tccg,
    "tccg-full": tccg_full,
    "families": _families,
    "plain": plain,
    **FAMILIES,
}
"""Every suite by name; each takes a seed and a dtype."""
