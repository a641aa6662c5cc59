"""What may stand as an operand, and its shape and dtype, without JAX.

Arrays are known by what they offer (`shape` and `dtype`), not by their class, so that arrays of
JAX, NumPy and others are read alike. What looks like an array and is none is refused here with what
to do instead: strings, data frames, sparse matrices, masked and object arrays, ragged lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from numbers import Integral
from typing import Any

import numpy as np

from einlab import dtypes
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    OperandError,
    ShapeError,
)

__all__ = ["as_numpy", "checked_sizes", "refusal", "spec", "specs"]

Spec = tuple[tuple[int, ...], str]
"""Shape and dtype of an operand."""

_NO_NUMBERS = {
    "O": "Python objects",
    "S": "bytes",
    "U": "text",
    "T": "text",
    "M": "dates",
    "m": "durations",
}
"""What an array holds, by the kind of its NumPy dtype."""
_WEAK = {bool: "bool", int: "int*", float: "float*", complex: "complex*"}


def specs(
    operands: Sequence[object], dtype: object, *, as_shapes: bool
) -> tuple[tuple[tuple[int, ...], ...], tuple[str, ...]]:
    """Shapes and dtypes of all operands, weak dtypes resolved.

    With `as_shapes` a tuple of whole numbers is a shape of `dtype` (one, or one each; float32
    unless given); without, it is a list of numbers.

    Raises ArgumentTypeError, ShapeError, DtypeError or OperandError naming the operand.

    >>> specs([(2, 3), np.zeros(3)], None, as_shapes=True)
    (((2, 3), (3,)), ('float32', 'float64'))
    """
    wanted = _dtype_each(dtype, len(operands))
    found = []
    for place, (operand, name) in enumerate(zip(operands, wanted, strict=True)):
        if as_shapes and not hasattr(operand, "shape"):
            found.append((_shape(operand, place), name or "float32"))
        else:
            shape, own = spec(operand, place)
            found.append((shape, name or own))
    shapes, names = tuple(s for s, _ in found), tuple(d for _, d in found)
    if any(name.endswith("*") for name in names):
        common = dtypes.promote(names)
        names = tuple(common if name.endswith("*") else name for name in names)
    return shapes, names


def spec(operand: Any, place: int) -> Spec:
    """Shape and dtype of one operand; Python scalars have weak dtypes.

    Raises OperandError or DtypeError naming the operand by its `place`.
    """
    weak = _WEAK.get(type(operand))
    if weak is not None:
        return (), weak
    reason = refusal(operand)
    if reason is not None:
        raise OperandError(f"operand {place} {reason}")
    shape, dtype = getattr(operand, "shape", None), getattr(operand, "dtype", None)
    if shape is None or dtype is None:
        array = as_numpy(operand, place)
        shape, dtype = array.shape, array.dtype
    try:
        name = dtypes.dtype_name(_without_module(dtype))
    except DtypeError:
        raise OperandError(
            f"operand {place} has dtype {str(dtype)!r:.60}, and JAX has no such numbers"
        ) from None
    if getattr(operand, "weak_type", False):
        name = _weak(name)
    return _shape(shape, place), name


def _weak(name: str) -> str:
    """The weak dtype of the same kind."""
    if dtypes.is_complex(name):
        return "complex*"
    return "int*" if dtypes.is_integer(name) else "float*"


def _without_module(dtype: object) -> object:
    """The dtype, without the module that torch writes before it: 'torch.float32'."""
    text = str(dtype)
    return text.removeprefix("torch.") if text.startswith("torch.") else dtype


def refusal(operand: object) -> str | None:
    """Why something is no operand, or None if nothing speaks against it."""
    kind = type(operand).__name__
    if operand is None or isinstance(operand, (str, bytes, bytearray)):
        equation = isinstance(operand, str) and "->" in operand
        return f"is {operand!r:.60}, no array{'; the equation comes first' if equation else ''}"
    if hasattr(operand, "iloc"):
        return f"is a pandas {kind}; pass its values, {kind.lower()}.to_numpy()"
    if hasattr(operand, "todense") or getattr(operand, "is_sparse", False):
        return (
            f"is a sparse {kind}; einlab contracts dense arrays: pass its dense form, x.todense()"
        )
    if isinstance(operand, np.ma.MaskedArray):
        return "is a masked array, whose mask would be lost; pass x.filled(0), for instance"
    dtype = getattr(operand, "dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind in _NO_NUMBERS:
        return f"holds {_NO_NUMBERS[dtype.kind]} (dtype {str(dtype)!r:.60}), no numbers"
    if isinstance(operand, Iterator):
        return f"is {_a(kind)}, which has no shape; pass list(x)"
    if isinstance(operand, (Mapping, Set)):
        return f"is {_a(kind)}, no array"
    if callable(operand):
        return f"is {getattr(operand, '__name__', kind)!r}, which is to be called, no array"
    return None


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "AEIOUaeiou" else f"a {kind}"


def as_numpy(operand: Any, place: int) -> np.ndarray[Any, Any]:
    """A list, scalar or array-like as a NumPy array of numbers.

    Raises OperandError for what is ragged or no array of numbers.
    """
    kind = type(operand).__name__
    try:
        array = np.asarray(operand)
    except Exception as error:
        if "inhomogeneous" in str(error):
            raise OperandError(
                f"operand {place} is a ragged {kind}: its rows have different lengths"
            ) from None
        raise OperandError(f"operand {place} is {_a(kind)}, no array") from None
    if array.dtype.kind == "O" and array.ndim == 0:
        raise OperandError(f"operand {place} is {_a(kind)}, no array")
    if array.dtype.kind in _NO_NUMBERS:
        raise OperandError(
            f"operand {place} is {_a(kind)} that holds {_NO_NUMBERS[array.dtype.kind]}, not only "
            "numbers"
        )
    return array


def _dtype_each(dtype: object, count: int) -> tuple[str | None, ...]:
    """One dtype name for each operand."""
    if dtype is None:
        return (None,) * count
    if isinstance(dtype, (tuple, list)):
        if len(dtype) != count:
            raise ArgumentError(
                f"dtype= holds {len(dtype)} dtypes, but there are {count} operands; give one for "
                "all, or one for each"
            )
        return tuple(None if one is None else dtypes.dtype_name(one) for one in dtype)
    return (dtypes.dtype_name(dtype),) * count


def _shape(shape: object, place: int) -> tuple[int, ...]:
    """A shape as a tuple of Python integers, checked."""
    if isinstance(shape, (str, bytes)) or not isinstance(shape, Iterable):
        raise ArgumentTypeError(
            f"operand {place}: a shape is a tuple such as (2, 3), not {shape!r:.60}"
        )
    sizes = tuple(shape)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise ArgumentTypeError(
                f"operand {place}: a shape is a tuple of whole numbers, not {sizes!r:.60}"
            )
        if size < 0:
            raise ShapeError(f"operand {place} has shape {sizes}; a size cannot be negative")
    return tuple(int(size) for size in sizes)


def checked_sizes(sizes: object) -> dict[str, int]:
    """Sizes by index name, each a whole number of at least 0.

    Raises ArgumentTypeError or ShapeError naming the index.

    >>> checked_sizes({"i": 3})
    {'i': 3}
    """
    if not isinstance(sizes, Mapping):
        raise ArgumentTypeError(f"sizes is a mapping such as {{'i': 3}}, not {sizes!r:.60}")
    for index, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, Integral):
            raise ArgumentTypeError(f"the size of index {index!r} is {size!r:.60}, no whole number")
        if size < 0:
            raise ShapeError(f"the size of index {index!r} is {size}; a size cannot be negative")
    return {str(index): int(size) for index, size in sizes.items()}
