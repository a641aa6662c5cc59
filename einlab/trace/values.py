"""What the walk knows of a value: where it comes from, what it is equal to, and at times its value.

Two operations with the same parameters and operands are equal, so that XLA runs one of them; the
numbers that tell equal values from others are given here.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend.core import Literal

__all__ = ["Environment", "Merger", "Value", "computed", "is_folded", "key_of"]


Number = int | float


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a program as the walk sees it."""

    number: int
    """Equal values of one computation have equal numbers."""
    known: Number | None = None
    """The value of all its entries, if the trace shows it."""
    constant: bool = False
    """Whether all entries are one number that does not depend on the arguments."""
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

    def fresh(
        self,
        *,
        known: Number | None = None,
        constant: bool = False,
        root: int | None = None,
        producer: int | None = None,
    ) -> Value:
        """A value that is equal to no other."""
        return Value(next(self.numbers), known, constant, root, producer)

    def inner(self) -> Merger:
        """The merger of a computation within this one."""
        return Merger(self.numbers)

    def constant(self, literal: Any) -> Value:
        """The value of a literal; equal literals are one value."""
        value = np.asarray(literal.val)
        key = ("literal", str(literal.aval), value.tobytes())
        if key not in self.seen:
            plain = value.ndim == 0 and value.dtype.kind in "iubf"
            known = value.item() if plain else None
            self.seen[key] = (self.fresh(known=known, constant=value.size == 1),)
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


NEUTRAL: Mapping[str, Number] = {
    "add": 0,
    "add_any": 0,
    "sub": 0,
    "mul": 1,
    "and": True,
    "or": False,
}
"""Operation → the operand that changes nothing, of numbers or, for logic, of truth values."""


def is_folded(name: str, values: Sequence[Value]) -> bool:
    """Whether XLA drops an element-wise operation on real numbers when a program is lowered.

    It does where all operands are constants, and for x + 0, x - 0, x·1, x & true, x | false and a
    choice that is certain.
    """
    if values and all(value.constant for value in values):
        return True
    if name == "select_n":
        return values[0].constant
    neutral = NEUTRAL.get(name)
    if neutral is None:
        return False
    sides = values[1:] if name == "sub" else values
    return any(value.known == neutral and value.constant for value in sides)


_ARITHMETIC: Mapping[str, Callable[..., Number]] = {
    "add": operator.add,
    "add_any": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "max": max,
    "min": min,
}


def computed(name: str, values: Sequence[Value]) -> Number | None:
    """The result of an operation on known numbers, if it is one of a few; None if not known.

    >>> computed("add", [Value(0, known=2), Value(1, known=-3)])
    -1
    """
    known = [value.known for value in values if value.known is not None]
    operation = _ARITHMETIC.get(name)
    return None if operation is None or len(known) < len(values) else operation(*known)
