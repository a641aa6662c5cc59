"""What a counting rule sees of an operation, and what it says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from einlab.trace.rows import Kind

__all__ = ["Counted", "Operation", "Rule", "elements", "length", "nbytes"]

KEY_BYTES = 8  # a threefry key is two 32-bit words


@dataclass(frozen=True, slots=True)
class Operation:
    """One equation of a jaxpr: the primitive's name, its parameters, the types in and out."""

    name: str
    params: Mapping[str, Any]
    ins: tuple[Any, ...]
    """Types of the operands, each with `shape` and `dtype`; tokens have neither."""
    outs: tuple[Any, ...]

    @property
    def dtype(self) -> str:
        """The dtype of the first operand, or of the result where there is none."""
        for aval in (*self.ins, *self.outs):
            if hasattr(aval, "dtype"):
                return str(aval.dtype)
        return "none"

    @property
    def is_complex(self) -> bool:
        """Whether an operand is complex."""
        return any(str(getattr(aval, "dtype", "")).startswith("complex") for aval in self.ins)

    @property
    def written(self) -> int:
        """Elements of all results."""
        return sum(map(elements, self.outs))

    def described(self) -> str:
        """Shapes of operands and results.

        >>> import jax, jax.numpy as jnp
        >>> x = jax.ShapeDtypeStruct((2, 3), jnp.float32)
        >>> Operation("neg", {}, (x,), (x,)).described()
        '2×3 -> 2×3'
        """
        return f"{_shapes(self.ins)} -> {_shapes(self.outs)}"


@dataclass(frozen=True, slots=True)
class Counted:
    """What one execution of an operation costs; what is None follows from the operands."""

    kind: Kind
    flops: int = 0
    macs: int = 0
    transcendentals: int = 0
    reads: tuple[int, ...] | None = None
    """Bytes read of each operand; None: all of each."""
    written: int | None = None
    """Bytes written; None: all of the results."""
    xla: tuple[int, int] | None = None
    """FLOPs and transcendentals that XLA counts for the operation as lowered; None: not known."""
    dense: int = 0
    equation: str = ""
    reason: str = ""
    """Of an unknown operation: why."""


Rule = Callable[[Operation], Counted]


def elements(aval: Any) -> int:
    """Elements of an array's type; 0 for a token.

    >>> import jax, jax.numpy as jnp
    >>> elements(jax.ShapeDtypeStruct((2, 3), jnp.float32)), elements(object())
    (6, 0)
    """
    shape = getattr(aval, "shape", None)
    return 0 if shape is None else math.prod(int(size) for size in shape)


def nbytes(aval: Any) -> int:
    """Bytes of an array's type; numbers of fewer than 8 bits take a byte, as on a CPU.

    >>> import jax, jax.numpy as jnp
    >>> nbytes(jax.ShapeDtypeStruct((2, 3), jnp.bfloat16))
    12
    """
    if not hasattr(aval, "dtype"):
        return 0
    itemsize = KEY_BYTES if str(aval.dtype).startswith("key<") else aval.dtype.itemsize
    return elements(aval) * int(itemsize)


def length(aval: Any, axis: int) -> int:
    """The length of an axis."""
    return int(aval.shape[axis])


def _shapes(avals: tuple[Any, ...]) -> str:
    shapes = [aval.shape for aval in avals if hasattr(aval, "shape")]
    return ", ".join("×".join(map(str, shape)) or "scalar" for shape in shapes)
