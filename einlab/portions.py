"""A plan cut into portions, each of which is a program of its own; alike ones share it.

A portion is a connected part of the tree of steps and makes one value. Networks repeat themselves,
site by site, and so do their trees: cut into portions of a suitable size, most portions are copies
of a few. No JAX here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from einlab.steps import Step

__all__ = ["Portion", "largest_within", "numbered", "portions", "signature"]

SIZES = (64, 48, 32, 24, 20, 18, 16, 15, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3, 2)
"""Steps that a portion has at most, the sizes that are tried, so that the periods of most networks
divide one of them."""

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Portion:
    """Steps in an order in which they can run, which make the value of the last one."""

    steps: tuple[int, ...]
    """Their places in the plan."""
    taken: tuple[int, ...]
    """The values that come from outside, in the order in which the steps first take them."""
    form: tuple[tuple[int, Place], ...]
    """What alike portions share: of each step a number for its kind, and its operands: n is the nth
    that is `taken`, ~n the result of the nth step."""


def signature(step: Step) -> tuple[Any, ...]:
    """What two steps share that one kernel serves: kind and axes by place and size, not by name."""
    number: dict[str, int] = {}
    parts = step.roles
    roles = () if parts is None else (parts.batch, parts.m, parts.k, parts.n)
    terms = tuple(
        tuple(number.setdefault(index, len(number)) for index in term)
        for term in (*step.terms, step.output, step.looped, *roles)
    )
    return step.kind, step.form, step.blocks, terms, step.shapes, step.shape


def portions(steps: Sequence[Step], most: int) -> tuple[Portion, ...]:
    """The steps in portions of at most `most` steps, in an order in which they can run.

    >>> from einlab.planning import plan
    >>> chain = plan("ab,bc,cd,de,ef->af", *[(3, 3)] * 5, optimize=[(0, 1), (0, 3), (0, 2), (0, 1)])
    >>> [portion.steps for portion in portions(chain.steps, 2)]
    [(0, 1), (2, 3)]
    """
    return _cut(steps, numbered(steps), most)


def largest_within(
    steps: Sequence[Step], budget: float, seconds_of: Callable[[Sequence[int]], float]
) -> tuple[int, float, int]:
    """The largest portions whose programs keep a budget: their size, seconds, and how many.

    `seconds_of` says what a program takes from the kinds of its steps. If no size keeps the budget,
    the one that takes least.
    """
    numbers = numbered(steps)
    least = (1, math.inf, 0)
    for most in SIZES:
        if most < len(steps):
            cut = _cut(steps, numbers, most)
            forms = {portion.form for portion in cut}
            seconds = sum(seconds_of([kind for kind, _ in form]) for form in forms)
            if seconds <= budget:
                return most, seconds, len(cut)
            least = min(least, (most, seconds, len(cut)), key=lambda found: found[1])
    return least


def numbered(steps: Sequence[Step]) -> list[int]:
    """A number for the kind of each step; steps of one signature have the same."""
    known: dict[Hashable, int] = {}
    return [known.setdefault(signature(step), len(known)) for step in steps]


def _cut(steps: Sequence[Step], numbers: Sequence[int], most: int) -> tuple[Portion, ...]:
    """Portions from the leaves up: a step joins those of its operands that still have room.

    Where not all fit, the largest one before it is closed.
    """
    open_at: dict[int, list[int]] = {}
    closed: list[list[int]] = []
    for place, step in enumerate(steps):
        below = [open_at.pop(value) for value in step.operands if value in open_at]
        while below and 1 + sum(map(len, below)) > most:
            largest = max(below, key=len)
            below.remove(largest)
            closed.append(largest)
        open_at[step.result] = [*(inner for part in below for inner in part), place]
    closed += open_at.values()
    return tuple(_portion(steps, numbers, part) for part in sorted(closed, key=lambda p: p[-1]))


def _portion(steps: Sequence[Step], numbers: Sequence[int], places: list[int]) -> Portion:
    inside = {steps[place].result: number for number, place in enumerate(places)}
    taken: dict[int, int] = {}
    form = []
    for place in places:
        sources = tuple(
            ~inside[value] if value in inside else taken.setdefault(value, len(taken))
            for value in steps[place].operands
        )
        form.append((numbers[place], sources))
    return Portion(tuple(places), tuple(taken), tuple(form))
