"""Several contractions under a memory limit: what may be shared, and what is made again.

A product that is shared stays alive until its last use. Under a limit contractions share in groups,
smaller and smaller; at last one runs after another, sliced if need be. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from einlab import dtypes
from einlab.cost import Cost
from einlab.errors import MemoryLimitError
from einlab.joint import JointPlan, Node, joint_of, plan_together
from einlab.jointmemory import operand_bytes
from einlab.planning import make_plan
from einlab.settings import Settings, result_dtype
from einlab.sharing import Member

__all__ = ["one_by_one", "sharing_less", "too_little"]


def sharing_less(members: Sequence[Member], count: int, settings: Settings) -> Iterator[JointPlan]:
    """Ways to make all results that share less and less: all together, in two groups, in four, …"""
    free, groups = replace(settings, memory_bytes=None), 1
    while groups < len(members):
        size = -(-len(members) // groups)
        chosen = [members[at : at + size] for at in range(0, len(members), size)]
        yield _in_turn(members, count, [plan_together(part, count, free) for part in chosen])
        groups *= 2


def one_by_one(members: Sequence[Member], count: int, settings: Settings, limit: int) -> JointPlan:
    """One contraction after another, each within the bytes that the others leave of a limit.

    Raises MemoryLimitError with the smallest limit that would do by their own counts, where they
    leave too little for one of them.
    """
    operands, parts = operand_bytes(members), []
    smallest = 0
    results = [_result_bytes(member, settings) for member in members]
    for member, result in zip(members, results, strict=True):
        own = sum(operands[place] for place in set(member.operands)) + result
        rest = sum(operands.values()) + sum(results) - own
        left = max(limit - rest, 1)
        try:
            plan = make_plan(member.contraction, replace(settings, memory_bytes=left))
        except MemoryLimitError as error:
            if error.smallest is None:
                raise
            smallest = max(smallest, error.smallest + rest)
            continue
        node = Node(plan, member.operands, 1, left)
        parts.append(JointPlan(count, (node,), (count,), plan.cost))
    if smallest:
        raise too_little(limit, smallest)
    return _in_turn(members, count, parts)


def _result_bytes(member: Member, settings: Settings) -> int:
    given = member.contraction
    dtype = result_dtype(given.dtypes, settings.preferred_element_type)
    return math.prod(given.shape) * dtypes.itemsize(dtype)


def _in_turn(members: Sequence[Member], count: int, parts: Sequence[JointPlan]) -> JointPlan:
    """The joint plan in which nothing is shared between these parts."""
    nodes: list[Node] = []
    outputs: list[int] = []
    stages: list[int] = []
    for part in parts:
        moved = len(nodes)
        number = [*range(count), *range(count + moved, count + moved + len(part.nodes))]
        stages.append(moved)
        nodes += [
            replace(node, inputs=tuple(number[place] for place in node.inputs))
            for node in part.nodes
        ]
        outputs += [number[place] for place in part.outputs]
    apart: Cost = sum((part.apart for part in parts), Cost())
    return joint_of(members, count, nodes, outputs, apart, tuple(stages[1:]))


def too_little(limit: int, smallest: int) -> MemoryLimitError:
    """The error of a limit that no way of making all results keeps."""
    error = MemoryLimitError(
        f"no way to make these results keeps {limit:,} bytes: the smallest memory limit that would "
        f"do is {smallest:,} bytes, operands and results included"
    )
    error.smallest = smallest
    return error
