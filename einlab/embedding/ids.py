"""Ids of rows: read from whatever holds whole numbers, held against the rows of a table.

Ids are 32 bits wide here (64 where a JAX array of the caller's is): a narrower dtype could not hold
the number of rows, and an id too large for 32 bits is no row of any table.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab.arguments import choice
from einlab.errors import ArgumentError, DtypeError, OperandError, message

__all__ = ["MODES", "Ids", "has_values", "mode_of", "read_ids", "refuse_outside", "taken_rows"]

MODES = ("error", "clip", "fill")
"""What becomes of an id that is no row: refused, the nearest row, or a row that shows it.

>>> from einlab.embedding import embed
>>> embed([7], [[1.0], [2.0]], mode=MODES[1]).tolist()
[[2.0]]
"""

LEAST, MOST = -(2**31), 2**31 - 1


Ids = jax.Array | np.ndarray


def read_ids(ids: Any) -> Ids:
    """The ids as an array of whole numbers, of 32 bits or more; of NumPy's if they are not JAX's.

    Raises OperandError for what is no array, DtypeError for what holds no whole numbers.
    """
    if not isinstance(ids, jax.Array):
        return _from_outside(ids)
    _check_whole(ids.dtype, ids.size)
    if ids.dtype in (jnp.uint32, jnp.uint64):  # the largest are no rows, and stay none
        return jnp.minimum(ids, MOST).astype(jnp.int32)
    return ids if ids.dtype in (jnp.int32, jnp.int64) else ids.astype(jnp.int32)


def _from_outside(ids: Any) -> np.ndarray:
    """Ids of NumPy, of another library or in lists; beyond 32 bits the nearest number within."""
    try:
        found = np.asarray(ids)
    except ValueError:
        found = np.asarray(None)
    if found.dtype.kind not in "biufcV" or found.dtype.names is not None:
        raise OperandError(f"ids is no array of whole numbers, but {ids!r:.60}")
    _check_whole(found.dtype, found.size)
    return found.clip(LEAST, MOST).astype(np.int32) if found.size else np.zeros(found.shape, "i4")


def _check_whole(dtype: Any, size: int) -> None:
    if not jnp.issubdtype(dtype, jnp.integer) and size:
        raise DtypeError(f"ids has dtype {dtype}; ids are whole numbers, such as int32")


def has_values(ids: Ids) -> bool:
    """Whether the values can be looked at: not inside of jit and its like, nor elsewhere alone."""
    if isinstance(ids, np.ndarray):
        return True
    return not isinstance(ids, jax.core.Tracer) and ids.is_fully_addressable


def mode_of(ids: Ids, mode: str | None) -> str:
    """The mode that holds: that given, else "error" where the ids have values, "fill" where not.

    Raises ArgumentError for another name, and for "error" where there is nothing to look at.
    """
    if mode is None:
        return "error" if has_values(ids) else "fill"
    if choice(mode, "mode", MODES) == "error" and not has_values(ids):
        raise ArgumentError(
            message(
                "mode is 'error', but these ids have no values yet, as inside of jax.jit",
                hint="check them before the call, or take mode='fill' or 'clip' here",
            )
        )
    return mode


def refuse_outside(ids: Ids, rows: int, wrap: bool) -> None:
    """Raises ArgumentError naming the first id that is no row of the table."""
    found = np.asarray(ids)
    least = -rows if wrap else 0
    wrong = (found < least) | (found >= rows)
    if not wrong.any():
        return
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    value = int(found[place])
    hint = "clip them with mode='clip', or mark them with mode='fill'"
    if -rows <= value < 0:
        hint = f"did you mean wrap=True, which counts back from the end? Or {hint}"
    shown = "".join(f"[{', '.join(map(str, place))}]" if place else "")
    raise ArgumentError(
        message(
            f"ids{shown} is {value}; the table has {rows} row{'s' * (rows != 1)}, "
            f"and ids are from {least} to {rows - 1}",
            details=[f"{int(wrong.sum())} of {found.size} ids are no rows"],
            hint=hint,
        )
    )


def taken_rows(ids: Ids, rows: int, mode: str, wrap: bool) -> jax.Array:
    """The ids with those that wrap counted from the front; in mode "clip", within the table."""
    if wrap:
        ids = jnp.where(ids < 0, ids + rows, ids)
    return jnp.clip(ids, 0, rows - 1) if mode == "clip" else jnp.asarray(ids)
