"""Whether the weights of a layer fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from einlab.errors import DtypeError, OperandError, ShapeError

__all__ = ["sizes_of"]


def sizes_of(weights: Any, axes: Mapping[str, str]) -> dict[str, int]:
    """The size of each axis that the fields of a named tuple have, by name.

    `axes` names the axes of each field, "h d c"; a field that is None has none.

    Raises OperandError, DtypeError or ShapeError for a field that is no array of real
    floating-point numbers, has other axes, or a size that differs from another field's.
    """
    sizes: dict[str, tuple[int, str]] = {}
    for field, names in axes.items():
        value = getattr(weights, field)
        if value is None:
            continue
        shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
        if shape is None or dtype is None:
            raise OperandError(f"weights.{field} is no array, but {value!r:.60}")
        if not jnp.issubdtype(dtype, jnp.floating):
            raise DtypeError(f"weights.{field} has dtype {dtype}; weights are floating-point")
        if len(shape) != len(names.split()):
            raise ShapeError(f"weights.{field} has shape {shape}; its axes are ({names})")
        for name, size in zip(names.split(), shape, strict=True):
            first, where = sizes.setdefault(name, (size, field))
            if first != size:
                raise ShapeError(
                    f"weights.{field} has shape {shape}, with axes ({names}): its {name} is "
                    f"{size}, but that of weights.{where} is {first}"
                )
    return {name: size for name, (size, _) in sizes.items()}
