"""What XLA says of a program, as lowered and as compiled, and of one operation by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
from jax.extend.core import Literal

from einlab.native.calling import leaving_all_to_xla

__all__ = ["XlaCount", "alone", "compiled_count", "lowered_count", "memory"]


@dataclass(frozen=True, slots=True)
class XlaCount:
    """The numbers of XLA's cost analysis; None where it gives none."""

    flops: int | None
    transcendentals: int | None
    bytes: int | None


def lowered_count(lowered: Any) -> XlaCount:
    """XLA's count of a lowered program: the body of each loop counted once, nothing fused."""
    return _read(lowered.cost_analysis())


def compiled_count(compiled: Any) -> XlaCount:
    """XLA's count of a compiled program, after it was simplified and fused."""
    return _read(compiled.cost_analysis())


def memory(compiled: Any) -> int | None:
    """Bytes that a compiled program needs: arguments, results and temporaries, less aliases.

    None if the backend does not say.
    """
    stats = compiled.memory_analysis()
    if stats is None:
        return None
    return int(
        stats.argument_size_in_bytes
        + stats.output_size_in_bytes
        + stats.temp_size_in_bytes
        - stats.alias_size_in_bytes
    )


def alone(equation: Any, used: tuple[bool, ...] | None = None) -> XlaCount:
    """XLA's count of one equation of a jaxpr, lowered as a program of its own.

    Lowered operations are not fused, so that counts add up: this is what it adds to any program
    that uses these of its results; None: all.
    """
    literals = tuple(atom.val if isinstance(atom, Literal) else None for atom in equation.invars)
    avals = tuple(
        (tuple(atom.aval.shape), atom.aval.dtype)
        for atom in equation.invars
        if not isinstance(atom, Literal)
    )
    used = used or (True,) * len(equation.outvars)
    key = _Key(equation.primitive, equation.params, literals, avals, used)
    return _measured(key)


@dataclass(frozen=True)
class _Key:
    """An equation without its variables; equal where their text is."""

    primitive: Any
    params: Mapping[str, Any]
    literals: tuple[Any, ...]
    avals: tuple[Any, ...]
    used: tuple[bool, ...]

    def _text(self) -> str:
        return (
            f"{self.primitive}{sorted(self.params.items())}{self.literals}{self.avals}{self.used}"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._text() == other._text()

    def __hash__(self) -> int:
        return hash(self._text())


@lru_cache(maxsize=4096)
def _measured(key: _Key) -> XlaCount:
    def run(*arrays: Any) -> Any:
        rest = iter(arrays)
        operands = [next(rest) if value is None else value for value in key.literals]
        results = key.primitive.bind(*operands, **key.params)
        several = results if key.primitive.multiple_results else [results]
        return [result for result, read in zip(several, key.used, strict=True) if read]

    specs = [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in key.avals]
    with leaving_all_to_xla():
        found = lowered_count(jax.jit(run).lower(*specs))
    return XlaCount(found.flops or 0, found.transcendentals or 0, found.bytes or 0)


def _read(found: Any) -> XlaCount:
    """A cost analysis; older versions give one dictionary for each program of a list."""
    numbers = (found[0] if isinstance(found, list) else found) or {}
    flops, functions, moved = (
        None if name not in numbers else int(numbers[name])
        for name in ("flops", "transcendentals", "bytes accessed")
    )
    # A custom call counts -1 FLOPs, which add up like all others; -1 bytes mean nothing.
    return XlaCount(flops, functions, None if moved is None or moved < 0 else moved)
