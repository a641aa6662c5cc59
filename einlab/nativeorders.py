"""How the arrays of one native call lie, which need not be as the plan says.

What leaves a call lies as the plan says. What is made and used up within it is nobody else's: it
lies as its own operands do, so that it is written in runs as long as can be, and a permutation or
a diagonal is only a way of looking at what it is taken of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from einlab.contraction import Term
from einlab.nativecalls import native_calls
from einlab.steps import Step

__all__ = ["as_run", "settled"]

VIEWS = ("diagonal", "permute")
"""Kinds of steps for which nothing is done within a native call."""


def settled(kept: Iterable[str], small: Iterable[str], large: Iterable[str]) -> list[str]:
    """The order of a result that is used up within its call.

    Its axes lie as in the larger operand, those of the smaller one before them: what was side by
    side remains so. `small` and `large` are the axes of the operands, the outermost first.

    >>> settled("aedcg", small="bd", large="abceg")
    ['d', 'a', 'c', 'e', 'g']
    """
    kept, large = list(kept), list(large)
    order = [index for index in small if index in kept and index not in large]
    order += [index for index in large if index in kept]
    return order + [index for index in kept if index not in order]


@lru_cache(maxsize=1024)
def as_run(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Each step with its arrays lying as they do when it runs.

    >>> from einlab.planning import plan
    >>> made = plan("abc,bd,cd->a", (25, 12, 14), (12, 20), (14, 20), optimize=[(0, 1), (0, 1)])
    >>> [step.equation for step in made.steps], [step.equation for step in as_run(made.steps)]
    (['abc,bd->acd', 'cd,acd->a'], ['abc,bd->dac', 'cd,dac->a'])
    """
    found: list[Step] = []
    for call in native_calls(steps):
        found += _within(call) if len(call) > 1 and call[-1].is_native else call
    return tuple(found)


def _within(call: tuple[Step, ...]) -> list[Step]:
    """The steps of one native call as they run."""
    used = {value for step in call for value in step.operands}
    lying: dict[int, Term] = {}
    found: list[Step] = []
    for step in call:
        sizes = dict(zip(step.output, step.shape, strict=True))
        for term, shape in zip(step.terms, step.shapes, strict=True):
            sizes.update(zip(term, shape, strict=True))
        terms = tuple(map(lying.get, step.operands, step.terms))
        if step.kind in VIEWS and step.result in used:
            lying[step.result] = _outermost_first(terms[0], sizes)
            found.append(replace(step, form="view"))
            continue
        output = step.output
        if step.result in used:
            ordered = sorted(terms, key=lambda term: math.prod(sizes[i] for i in set(term)))
            sides = ["", *ordered] if len(ordered) == 1 else ordered
            output = tuple(settled(output, *(_outermost_first(side, sizes) for side in sides)))
            lying[step.result] = output
        shapes = tuple(_shape(term, sizes) for term in terms)
        found.append(
            replace(step, terms=terms, shapes=shapes, output=output, shape=_shape(output, sizes))
        )
    return found


def _outermost_first(term: Iterable[str], sizes: Mapping[str, int]) -> Term:
    """The axes of an array that lies row by row, by how far neighbours along them are apart."""
    strides: dict[str, int] = {}
    step = 1
    for index in reversed(tuple(term)):
        strides[index] = strides.get(index, 0) + step
        step *= sizes[index]
    return tuple(sorted(strides, key=strides.__getitem__, reverse=True))


def _shape(term: Term, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes[index] for index in term)
