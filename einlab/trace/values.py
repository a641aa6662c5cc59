"""What the walk knows of a value: where it comes from, what it is equal to, and at times its value.

Two operations with the same parameters and operands are equal, so that XLA runs one of them; the
numbers that tell equal values from others are given here.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend.core import Literal

__all__ = ["Environment", "Merger", "Value"]


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a program as the walk sees it."""

    number: int
    """Equal values of one computation have equal numbers."""
    known: int | None = None
    """Its value, if it is a whole number that the trace shows."""
    root: int | None = None
    """The argument of the program that it is, or a part or a view of."""
    producer: int | None = None
    """The row that writes it."""


@dataclass(slots=True)
class Merger:
    """Gives numbers to values, and finds the results of an operation that ran before.

    One merger serves one computation: what calls inline shares it, the body of a loop has its own.
    """

    numbers: itertools.count[int]
    seen: dict[Hashable, tuple[Value, ...]] = field(default_factory=dict)

    def fresh(self, **known: int | None) -> Value:
        """A value that is equal to no other."""
        return Value(next(self.numbers), **known)

    def inner(self) -> Merger:
        """The merger of a computation within this one."""
        return Merger(self.numbers)

    def constant(self, literal: Any) -> Value:
        """The value of a literal; equal literals are one value."""
        value = np.asarray(literal.val)
        key = ("literal", str(literal.aval), value.tobytes())
        if key not in self.seen:
            whole = value.ndim == 0 and value.dtype.kind in "iub"
            self.seen[key] = (self.fresh(known=int(value) if whole else None),)
        return self.seen[key][0]


class Environment:
    """The values of the variables of one jaxpr."""

    def __init__(self, merger: Merger) -> None:
        self.merger = merger
        self.values: dict[Any, Value] = {}

    def bind(self, variables: Iterable[Any], values: Iterable[Value]) -> None:
        """Give each variable its value."""
        self.values.update(zip(variables, values, strict=True))

    def read(self, atoms: Sequence[Any]) -> list[Value]:
        """The values of variables and literals."""
        return [
            self.merger.constant(atom) if isinstance(atom, Literal) else self.values[atom]
            for atom in atoms
        ]


def key_of(name: str, params: Mapping[str, Any], values: Sequence[Value]) -> Hashable | None:
    """What two equal operations share; None if the parameters cannot be compared."""
    key = (name, tuple(sorted(params.items())), tuple(value.number for value in values))
    try:
        hash(key)
    except TypeError:
        return None
    return key
