"""A JAX function and its arguments as a trace: nothing is computed, shapes are enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.extend.core import jaxpr_as_fun

from einlab.errors import ArgumentTypeError
from einlab.native.calling import TARGET, leaving_all_to_xla

__all__ = ["Source", "trace"]

NUMBERS = (int, float, complex, np.generic)


@dataclass(frozen=True)
class Source:
    """The trace of a function, and what XLA makes of it when asked."""

    name: str
    traced: Any
    known: Mapping[int, int] = field(default_factory=dict)
    """Arguments, by place, that were given as whole numbers."""

    @property
    def jaxpr(self) -> Any:
        """The trace as a jaxpr; what the function closed over stands in its `constvars`."""
        closed = self.traced.jaxpr
        return getattr(closed, "jaxpr", closed)

    @property
    def donated(self) -> list[int]:
        """Bytes of each argument that the caller gives away, so that results may lie in it."""
        found = jax.tree.leaves(self.traced.args_info)
        return [math.prod(info.shape) * info.dtype.itemsize for info in found if info.donated]

    @cached_property
    def lowered(self) -> Any:
        """The program as JAX hands it to XLA."""
        return self.traced.lower()

    @cached_property
    def compiled(self) -> Any:
        """The program as XLA runs it."""
        return self.lowered.compile()

    @cached_property
    def countable(self) -> Source:
        """The same where XLA computes all itself: it cannot count what native code does."""
        if TARGET not in self.lowered.as_text():
            return self
        closed, avals = self.traced.jaxpr, jax.tree.leaves(self.traced.args_info)
        specs = [jax.ShapeDtypeStruct(info.shape, info.dtype) for info in avals]
        other = Source(self.name, jax.jit(jaxpr_as_fun(closed)).trace(*specs))
        with leaving_all_to_xla():
            other.lowered  # noqa: B018 - made here, and kept
        return other


def trace(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Source:
    """The trace of a call; leaves that are neither arrays, numbers nor shapes stay as they are.

    Raises ArgumentTypeError if the function cannot be called.
    """
    if not callable(function):
        raise ArgumentTypeError(f"report takes a function first, not {function!r:.60}")
    named = getattr(function, "func", function)  # of a partial: the function itself
    name = str(getattr(named, "__name__", type(named).__name__))
    if isinstance(function, jax.stages.Wrapped):
        return Source(name, function.trace(*args, **kwargs))
    leaves, structure = jax.tree.flatten((args, dict(kwargs)))
    arrays = [place for place, leaf in enumerate(leaves) if _is_array(leaf)]

    def call(*given: Any) -> Any:
        filled = list(leaves)
        for place, array in zip(arrays, given, strict=True):
            filled[place] = array
        positional, named = jax.tree.unflatten(structure, filled)
        return jax.tree.map(_kept, function(*positional, **named))

    given = [leaves[place] for place in arrays]
    known = {n: int(leaf) for n, leaf in enumerate(given) if isinstance(leaf, (int, np.integer))}
    return Source(name, jax.jit(call).trace(*given), known)


def _is_array(leaf: Any) -> bool:
    if isinstance(leaf, bool):  # a flag, nearly always: whether a mask is causal, say
        return False
    return isinstance(leaf, NUMBERS) or (hasattr(leaf, "shape") and hasattr(leaf, "dtype"))


def _kept(leaf: Any) -> Any:
    """A leaf of a result; what is no array, such as a module's activation function, is left out."""
    return leaf if _is_array(leaf) else None
