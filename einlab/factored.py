"""Operands that stand for a contraction of factors, such as a matrix of low rank.

What has a method `einsum_factors()`, which gives an equation and its operands, may stand as an
operand of `contract`, `contract_expression`, `contract_many` and `plan`. Its factors take its place
in the equation, so that the planner decides whether, and when, they are multiplied out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Protocol

import opt_einsum

from einlab import dtypes
from einlab.contraction import Contraction, Term, equation_of
from einlab.labels import Labelled, parse_labelled
from einlab.operands import specs

__all__ = ["Factored", "Unfolded", "flat", "is_factored", "reason", "unfold"]


class Factored(Protocol):
    """What stands for a contraction of factors."""

    def einsum_factors(self) -> tuple[str, tuple[Any, ...]]:
        """An equation in letters without ellipsis, and its operands; their result is meant."""


@dataclass(frozen=True)
class Unfolded:
    """A contraction in which factors stand in the place of what is made of them."""

    contraction: Contraction
    operands: tuple[Any, ...]
    places: tuple[tuple[int, ...], ...]
    """For each operand as it was written, the numbers of what stands for it here."""

    @cached_property
    def equation(self) -> str:
        """The equation in letters, whatever the axes were called."""
        return _in_letters(self.contraction)


@dataclass(frozen=True)
class _Whole:
    """The shape and dtype of what is made of factors."""

    shape: tuple[int, ...]
    dtype: str


def is_factored(operand: object) -> bool:
    """Whether an operand stands for factors."""
    return hasattr(type(operand), "einsum_factors")


def reason(operand: Any) -> str:
    """Why what stands for factors is refused where an array is needed."""
    _, factors = operand.einsum_factors()
    return (
        f"is a {type(operand).__name__}, which stands for {len(factors)} factors, and this takes "
        "arrays alone; contract, contract_expression, contract_many and plan take it"
    )


def flat(operands: Iterable[Any]) -> tuple[Any, ...]:
    """The operands, with factors in the place of what stands for them."""
    found: list[Any] = []
    for operand in operands:
        found.extend(flat(operand.einsum_factors()[1]) if is_factored(operand) else (operand,))
    return tuple(found)


def unfold(labelled: Labelled, dtype: object, axes: str | None, *, as_shapes: bool) -> Unfolded:
    """The contraction of an equation over all factors of its operands.

    `dtype`, `axes` and `as_shapes` are those of `specs` and `parse`.

    Raises what `specs` and `parse` raise, about the equation and the operands as they were written.
    """
    operands = labelled.operands
    if not any(map(is_factored, operands)):
        contraction = parse_labelled(labelled, *specs(operands, dtype, as_shapes=as_shapes), axes)
        return Unfolded(contraction, operands, tuple((n,) for n in range(len(operands))))
    inner = [_inside(operand) if is_factored(operand) else None for operand in operands]
    written = [
        operand if part is None else _whole(part)
        for operand, part in zip(operands, inner, strict=True)
    ]
    shapes, names = specs(written, dtype, as_shapes=as_shapes)
    outer = parse_labelled(labelled, shapes, names, axes)
    parts = tuple(None if part is None else part.contraction for part in inner)
    if dtype is not None:
        parts = tuple(
            None if part is None else _as_dtype(part, name)
            for part, name in zip(parts, names, strict=True)
        )
    found: list[Any] = []
    places = []
    for operand, part in zip(operands, inner, strict=True):
        given = (operand,) if part is None else part.operands
        places.append(tuple(range(len(found), len(found) + len(given))))
        found.extend(given)
    return Unfolded(_joined(outer, parts), tuple(found), tuple(places))


def _inside(operand: Any) -> Unfolded:
    """The contraction that an operand stands for, itself over arrays alone."""
    equation, factors = operand.einsum_factors()
    return unfold(Labelled(equation, tuple(factors), ()), None, "letters", as_shapes=True)


def _whole(part: Unfolded) -> _Whole:
    return _Whole(part.contraction.shape, dtypes.promote(part.contraction.dtypes))


def _as_dtype(part: Contraction, name: str) -> Contraction:
    return Contraction(part.terms, part.output, part.shapes, (name,) * len(part.dtypes))


@lru_cache(maxsize=4096)
def _joined(outer: Contraction, parts: tuple[Contraction | None, ...]) -> Contraction:
    """The outer contraction with the terms, shapes and dtypes of parts in the place of theirs."""
    used = {index for term in outer.terms for index in term}
    words = any(len(index) > 1 for index in used)
    terms: list[Term] = []
    shapes: list[tuple[int, ...]] = []
    names: list[str] = []
    for place, part in enumerate(parts):
        if part is None:
            terms.append(outer.terms[place])
            shapes.append(outer.shapes[place])
            names.append(outer.dtypes[place])
            continue
        called = dict(zip(part.output, outer.terms[place], strict=True))
        for index in part.sizes:
            if index not in called:
                called[index] = _unused(index, used, words)
                used.add(called[index])
        terms.extend(tuple(called[index] for index in term) for term in part.terms)
        shapes.extend(part.shapes)
        names.extend(part.dtypes)
    return Contraction(tuple(terms), outer.output, tuple(shapes), tuple(names))


def _unused(index: str, used: set[str], words: bool) -> str:
    """The name of an index between factors: its own where that is free."""
    if index not in used:
        return index
    if not words:
        return str(next(opt_einsum.parser.gen_unused_symbols(used, 1)))
    stem = re.sub(r"\d+$", "", index)
    return next(name for n in range(2, len(used) + 3) if (name := f"{stem}{n}") not in used)


@lru_cache(maxsize=4096)
def _in_letters(contraction: Contraction) -> str:
    letters = {index: index if len(index) == 1 else None for index in contraction.sizes}
    if None in letters.values():
        letters = {
            index: opt_einsum.get_symbol(place) for place, index in enumerate(contraction.sizes)
        }

    def renamed(term: Sequence[str]) -> Term:
        return tuple(str(letters[index]) for index in term)

    return equation_of(tuple(map(renamed, contraction.terms)), renamed(contraction.output))
