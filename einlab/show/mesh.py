"""A tensor network as nodes and lines: what stands where, and when each index is summed."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from einlab.search.tree import Tree
from einlab.show import units
from einlab.show.layout import parted, spread
from einlab.show.subject import Subject
from einlab.show.text import abbreviated

__all__ = ["PHASES", "Line", "Mesh", "described", "mesh"]

PHASES = 5
"""Colour classes of time: the step that sums an index, over all steps."""


@dataclass(frozen=True, slots=True)
class Line:
    """One or more indices between two nodes."""

    ends: tuple[int, int]
    names: tuple[str, ...]
    weight: float
    """Logarithm of the size of its indices over the largest such logarithm, 0 to 1."""
    phase: int | None
    """When its indices are summed, 0 first to 4 last; None for indices of the result."""
    sliced: bool
    """Whether any of its indices is sliced."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """Nodes and lines of a network; x and y of the nodes lie in a frame."""

    places: tuple[tuple[float, float], ...]
    operands: int
    """The first nodes are operands; then come the hubs of `hubs`."""
    hubs: tuple[tuple[str, ...], ...]
    """The indices of each node that is no operand: one that joins three or more operands, or the
    open end of indices of the result."""
    lines: tuple[Line, ...]

    @property
    def is_open(self) -> tuple[bool, ...]:
        """For each hub whether its indices are those of the result."""
        phases = {line.ends[1]: line.phase for line in self.lines if line.ends[1] >= self.operands}
        return tuple(phases[self.operands + hub] is None for hub in range(len(self.hubs)))


def mesh(subject: Subject, frame: tuple[float, float], least: float) -> Mesh:
    """The network of a plan in a frame of that width and height, nodes at least `least` apart.

    Operands that share only each other's indices are joined by one line for all of them; an index
    of three or more operands, or of the result, has a node of its own.
    """
    contraction = subject.tree.contraction
    count = len(contraction.terms)
    joined: dict[tuple[tuple[int, ...], bool], list[str]] = {}
    holders: dict[str, list[int]] = {index: [] for index in contraction.sizes}
    for operand, term in enumerate(contraction.terms):
        for index in dict.fromkeys(term):
            holders[index].append(operand)
    output = set(contraction.output)
    for index, operands in holders.items():
        if len(operands) > 1 or index in output:
            joined.setdefault((tuple(operands), index in output), []).append(index)
    hubs: list[tuple[str, ...]] = []
    lines: list[tuple[tuple[int, int], tuple[str, ...]]] = []
    for (held, is_output), names in joined.items():
        if len(held) == 2 and not is_output:
            lines.append(((held[0], held[1]), tuple(names)))
            continue
        hub = count + len(hubs)
        hubs.append(tuple(names))
        lines += [((operand, hub), tuple(names)) for operand in held]
    places = _placed(count + len(hubs), [ends for ends, _ in lines], frame, least)
    phases = _phases(subject.tree)
    logs = [math.log2(max(contraction.volume(names), 1)) for _, names in lines]
    most = max([*logs, 1.0])
    made = tuple(
        Line(
            ends, names, log / most, phases.get(names[0]), not set(names).isdisjoint(subject.sliced)
        )
        for (ends, names), log in zip(lines, logs, strict=True)
    )
    return Mesh(places, count, tuple(hubs), made)


def described(subject: Subject) -> tuple[str, str]:
    """A title for the picture of a network, and a sentence that tells what there is to see."""
    contraction = subject.tree.contraction
    count = len(contraction.terms)
    holders = Counter(index for term in contraction.terms for index in set(term))
    many = sum(held > 2 for held in holders.values())
    title = f"Network of {abbreviated(contraction.equation, 60, middle=True)}"
    operands = "1 operand" if count == 1 else f"{units.count(count)} operands"
    indices = f"{units.count(len(contraction.sizes))} indices"
    joins = f", {units.count(many)} of them joining three or more operands" if many else ""
    kept = (
        f"{units.count(len(contraction.output))} in the result"
        if contraction.output
        else ("the result is one number")
    )
    return title, f"{operands} and {indices}{joins}; {kept}{subject.slicing}."


def _phases(tree: Tree) -> dict[str, int]:
    """When each index is summed: the number of the fifth of the steps; none for the result's."""
    names = tuple(tree.contraction.sizes)
    count, steps = len(tree.contraction.terms), len(tree.pairs)
    phases = {}
    for step, (left, right) in enumerate(tree.pairs):
        for index in (tree.terms[left] | tree.terms[right]) - tree.terms[count + step]:
            phases[names[index]] = PHASES * step // steps
    for name in set(names) - set(tree.contraction.output):
        phases.setdefault(name, 0)  # summed in an operand, before the first step
    return phases


def _placed(
    count: int, edges: list[tuple[int, int]], frame: tuple[float, float], least: float
) -> tuple[tuple[float, float], ...]:
    """The places of the nodes in the middle of the frame, edges no longer than a sixth of it."""
    wide, high = frame
    places = spread(count, edges, wide / high)
    box = places.max(axis=0) - places.min(axis=0)
    scale = min(wide / max(float(box[0]), 1e-9), high / max(float(box[1]), 1e-9), max(frame) / 6)
    places = (places - places.min(axis=0)) * scale
    places += (frame - box * scale) / 2
    if least:
        places = parted(places, least, frame)
    return tuple((float(x), float(y)) for x, y in places)
