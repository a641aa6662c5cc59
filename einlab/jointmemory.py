"""The bytes alive while the products of several contractions run one after another. No JAX here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from einlab import dtypes
from einlab.planning import Plan
from einlab.sharing import Member
from einlab.steps import arguments_bytes

__all__ = ["joint_peak", "operand_bytes"]


def joint_peak(
    operands: Mapping[int, int],
    nodes: Sequence[tuple[Plan, tuple[int, ...]]],
    outputs: Sequence[int],
) -> int:
    """Bytes alive at once where the nodes run in this order: operands and results included.

    `operands` are the bytes of each common operand; nodes are plans and the places of what they
    take, numbered from `len(operands)` on; `outputs` are the places of the results.

    >>> from einlab.planning import plan
    >>> product = plan("ij,jk->ik", (2, 3), (3, 4))
    >>> joint_peak({0: 24, 1: 48}, [(product, (0, 1))], [2]) == product.peak
    True
    """
    count = len(operands)
    last = {place: count + number for number, (_, taken) in enumerate(nodes) for place in taken}
    held = dict(operands)
    peak = sum(held.values())
    for number, (plan, taken) in enumerate(nodes, count):
        beside = sum(held.values()) - sum(held[place] for place in set(taken))
        again = arguments_bytes(plan.contraction) - sum(held[place] for place in set(taken))
        peak = max(peak, beside + plan.peak - max(again, 0))  # one array taken twice is there once
        held[number] = math.prod(plan.contraction.shape) * dtypes.itemsize(plan.dtype)
        for place in set(taken):
            if place >= count and last[place] == number and place not in outputs:
                del held[place]
    return max(peak, sum(held.values()))


def operand_bytes(members: Sequence[Member]) -> dict[int, int]:
    """Bytes of each common operand that one of the contractions takes."""
    return {
        place: math.prod(shape) * dtypes.itemsize(dtype)
        for member in members
        for place, shape, dtype in zip(
            member.operands, member.contraction.shapes, member.contraction.dtypes, strict=True
        )
    }
