"""Which steps of a plan share one call of compiled code of our own, and what is alive in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from einlab import dtypes
from einlab.steps import Step

__all__ = ["call_bytes", "native_calls"]

MOST_ENTRIES = 2**18
"""Entries that the results of one call have at most, where it makes more than one product. What
steps take is given up after the call, so large ones run by themselves."""


def native_calls(steps: Sequence[Step]) -> tuple[tuple[Step, ...], ...]:
    """All steps in their order, those of one native call together, every other one by itself.

    Diagonals and sums of operands belong to the call of the product that takes them, if it is one.

    >>> from einlab.planning import plan
    >>> made = plan("ij,jk,kl->il", *[(64, 64)] * 3)
    >>> [len(call) for call in native_calls(made.steps)]
    [2]
    """
    made: list[tuple[Step, ...]] = []
    entries = MOST_ENTRIES
    for group in _groups(steps):
        if not group[-1].is_native or 0 in _sizes(group):
            made += [(step,) for step in group]
            entries = MOST_ENTRIES
            continue
        own = sum(math.prod(step.shape) for step in group if step.form == "native")
        if entries + own <= MOST_ENTRIES:
            made[-1] += group
            entries += own
        else:
            made.append(group)
            entries = own
    return tuple(made)


def _groups(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """Each product with the steps before it that prepare its operands, and what is left.

    Where one of two neighbours runs natively and the other does not, they are in two groups.
    """
    group: tuple[Step, ...] = ()
    for step in steps:
        if group and group[-1].is_native != step.is_native:
            yield group
            group = ()
        group += (step,)
        if step.is_product:
            yield group
            group = ()
    if group:
        yield group


def _sizes(steps: Sequence[Step]) -> Iterator[int]:
    return (size for step in steps for shape in step.shapes for size in shape)


def call_bytes(steps: Sequence[Step], dtype: str) -> int:
    """Most bytes alive in a native call of these steps: what was there before, and all results.

    `dtype` is that of the results; 0 if no step runs natively.

    >>> from einlab.planning import plan
    >>> made = plan("ij,jk,kl->il", *[(64, 64)] * 3)
    >>> call_bytes(made.steps, "float32") // (4 * 64 * 64)
    5
    """
    most = 0
    for call in native_calls(steps):
        if call[-1].form == "native":
            later = sum(math.prod(step.shape) for step in call[1:] if step.form == "native")
            most = max(most, call[0].live + later * dtypes.itemsize(dtype))
    return most
