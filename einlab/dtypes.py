"""Dtypes by name, and how they are promoted: JAX's rules without JAX.

A dtype is its name ("float32", "bfloat16", "float8_e4m3fn"). Python scalars have the weak dtypes
"int*", "float*" and "complex*", which give way to any dtype of their kind.

Source of the lattice: JAX documentation, "Type promotion semantics", read 2026-11-21.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import ml_dtypes
import numpy as np

from einlab.errors import DtypeError

__all__ = [
    "dtype_name",
    "held_in",
    "is_complex",
    "is_integer",
    "itemsize",
    "largest_integer",
    "narrowed",
    "promote",
]

# Each dtype with the next larger ones; the promotion of two is their least upper bound.
_LARGER: dict[str, tuple[str, ...]] = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float*",),
    "float*": ("float16", "bfloat16", "complex*"),
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex*": ("complex64",),
    "complex64": ("complex128",),
    "complex128": (),
}
_WEAK = {"int*": "int64", "float*": "float64", "complex*": "complex128"}
_NARROW_FLOATS = tuple(
    name for name in dir(ml_dtypes) if name.startswith(("float4_", "float6_", "float8_"))
)
_NARROW_INTEGERS = tuple(
    name for name in ("int2", "int4", "uint2", "uint4") if hasattr(ml_dtypes, name)
)
_NARROWED = {
    "float64": "float32",
    "int64": "int32",
    "uint64": "uint32",
    "complex128": "complex64",
}


def dtype_name(dtype: object) -> str:
    """The name of a dtype given as text, NumPy dtype, scalar type or JAX scalar type.

    Raises DtypeError if there is no such dtype, or no array of it can be contracted.

    >>> dtype_name("f4"), dtype_name(np.complex64), dtype_name(ml_dtypes.bfloat16)
    ('float32', 'complex64', 'bfloat16')
    """
    try:
        return _name(dtype)
    except DtypeError:
        raise
    except Exception:  # NumPy parses text: what goes wrong there has many types
        near = difflib.get_close_matches(str(dtype), all_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "'float32' or 'bfloat16', for instance"
    raise DtypeError(f"{dtype!r:.60} is no dtype; {hint}")


@lru_cache(maxsize=256)
def _name(dtype: object) -> str:
    custom = getattr(ml_dtypes, dtype, None) if isinstance(dtype, str) else None
    own = getattr(dtype, "dtype", None)  # of JAX's scalar types; of NumPy's it is a descriptor
    given: Any = custom if custom is not None else own if isinstance(own, np.dtype) else dtype
    name = str(np.dtype(given).name)
    if name not in _LARGER and name not in _NARROW_FLOATS and name not in _NARROW_INTEGERS:
        raise DtypeError(f"arrays of dtype {name!r} cannot be contracted: JAX has no such numbers")
    return name


@lru_cache(maxsize=1024)
def promote(dtypes: tuple[str, ...]) -> str:
    """The dtype that holds the product of arrays of these dtypes, as JAX promotes them.

    Weak dtypes are resolved to 64 bits if nothing stronger is there.

    Raises DtypeError where JAX has no implicit promotion (float8 with float32, int4 with int8).

    >>> promote(("int32", "float16")), promote(("int8", "int*")), promote(("uint8", "int8"))
    ('float16', 'int8', 'int16')
    """
    narrow = sorted({d for d in dtypes if d in _NARROW_FLOATS or d in _NARROW_INTEGERS})
    if narrow:
        others = set(dtypes) - set(narrow)
        if narrow[0] in _NARROW_FLOATS:
            give_way = all(d in ("bool", "int*", "float*") or is_integer(d) for d in others)
        else:
            give_way = others <= {"bool", "int*"}
        if len(narrow) > 1 or not give_way:
            raise DtypeError(
                f"no implicit promotion from {', '.join(sorted(set(dtypes)))} to one dtype; "
                "convert the operands first, for instance with x.astype('float32')"
            )
        return narrow[0]
    common = frozenset.intersection(*(_above(dtype) for dtype in dtypes))
    least = min(common, key=lambda dtype: -len(_above(dtype)))
    return _WEAK.get(least, least)


@lru_cache(maxsize=64)
def _above(dtype: str) -> frozenset[str]:
    """The dtype and all that are larger."""
    return frozenset({dtype}.union(*(_above(larger) for larger in _LARGER[dtype])))


def narrowed(dtype: str) -> str:
    """The 32-bit counterpart of a 64-bit dtype, any other unchanged: JAX without 64 bits."""
    return _NARROWED.get(dtype, dtype)


@lru_cache(maxsize=64)
def itemsize(dtype: str) -> int:
    """Bytes of one element.

    >>> itemsize("bfloat16"), itemsize("complex64")
    (2, 8)
    """
    return np.dtype(getattr(ml_dtypes, dtype, dtype)).itemsize


def is_complex(dtype: str) -> bool:
    """Whether a dtype holds complex numbers."""
    return dtype.startswith("complex")


def is_integer(dtype: str) -> bool:
    """Whether a dtype holds integers; bool does not."""
    return dtype.startswith(("int", "uint"))


def largest_integer(dtype: str) -> int:
    """The largest magnitude of an integer dtype.

    >>> largest_integer("int8"), largest_integer("uint8")
    (128, 255)
    """
    info = ml_dtypes.iinfo(getattr(ml_dtypes, dtype, dtype))  # type: ignore[no-untyped-call]
    return max(int(info.max), -int(info.min))


@lru_cache(maxsize=1024)
def held_in(operands: tuple[str, ...], result: str) -> str:
    """The dtype in which a contraction of these operands is computed before it becomes `result`.

    It holds both, so that what the operands hold is not lost before it is multiplied: floats of
    which an integer is asked, or floats asked for in fewer bits, are computed as they are. Floats
    of 8 bits and less are computed in float32.

    >>> held_in(("bfloat16",), "float32"), held_in(("float32",), "int8"), held_in(("int8",), "int8")
    ('float32', 'float32', 'int8')
    """
    common, wanted = (_widened(dtype) for dtype in (promote(operands), result))
    if common == wanted or common in _NARROW_INTEGERS:
        return wanted
    if is_integer(common) and is_integer(wanted):  # which wrap around alike in any width
        return wanted if itemsize(wanted) >= itemsize(common) else common
    return common if wanted in _NARROW_INTEGERS else promote((common, wanted))


def _widened(dtype: str) -> str:
    return "float32" if dtype in _NARROW_FLOATS else dtype


def all_names() -> Iterable[str]:
    """Every dtype that can be contracted, weak ones apart."""
    return (*(d for d in _LARGER if not d.endswith("*")), *_NARROW_FLOATS, *_NARROW_INTEGERS)
