"""Operands made ready for a jitted function: arrays pass, the rest is read or refused."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab import dtypes, factored
from einlab.errors import ArgumentError, OperandError, outside
from einlab.operands import as_numpy, refusal, spec

__all__ = ["READY", "check_width", "ready"]

READY: set[type] = set()
"""Types whose values need no look: JAX's arrays and tracers, added as they are met."""

_RANGES = {False: 2**31, True: 2**63}
_warned = False


def ready(operands: Sequence[Any]) -> tuple[Any, ...]:
    """Operands that a jitted function takes: JAX and NumPy arrays, and Python scalars in range.

    Warns once a process if 64-bit operands will be computed in 32 bits.

    Raises OperandError or DtypeError naming the operand that is no array of numbers.
    """
    return tuple(
        operand if type(operand) in READY else ready_one(operand, place)
        for place, operand in enumerate(operands)
    )


def ready_one(operand: Any, place: int) -> Any:
    """What `ready` gives for the operand of that number."""
    kind = type(operand)
    if isinstance(operand, jax.Array):
        spec(operand, place)
        if not jnp.issubdtype(operand.dtype, jax.dtypes.extended):
            READY.add(kind)
        return operand
    if kind is np.ndarray or isinstance(operand, np.generic):
        if operand.dtype not in _plain:
            _check_dtype(operand, place)
            if not operand.dtype.isnative:  # a jitted function would read its bytes as they are
                return operand.astype(operand.dtype.newbyteorder("="))
        return operand
    if kind in (bool, int, float, complex):
        beyond = _RANGES[bool(jax.config.jax_enable_x64)]
        if kind is int and not -beyond <= operand < beyond:
            shown = operand if operand.bit_length() < 200 else "a whole number"
            raise OperandError(
                f"operand {place} is {shown}, beyond the integers of {beyond.bit_length()} bits "
                "that JAX computes with here; a float can be larger"
            )
        return operand
    return _read(operand, place)


_plain = {
    np.dtype(name)
    for name in (
        *("bool", "int8", "int16", "int32", "uint8", "uint16", "uint32"),
        *("float16", "float32", "complex64"),
    )
}


def _check_dtype(operand: Any, place: int) -> None:
    """Refuse dtypes that hold no numbers; say so when 64 bits become 32."""
    _, name = spec(operand, place)
    check_width(name, "operands of dtype")


def check_width(name: str | None, what: str) -> None:
    """Warn, once a process, if `what` has 64 bits where JAX computes in 32."""
    global _warned
    if name is None or dtypes.narrowed(name) == name or jax.config.jax_enable_x64:
        return
    if not _warned:
        _warned = True
        warnings.warn(
            f"{what} {name} are computed in {dtypes.narrowed(name)}: JAX uses 32 bits "
            'unless jax.config.update("jax_enable_x64", True) is called first',
            UserWarning,
            stacklevel=outside(),
        )


def _read(operand: Any, place: int) -> Any:
    """A list, or an array of another library, as an array."""
    fault = factored.reason(operand) if factored.is_factored(operand) else refusal(operand)
    if fault is not None:
        raise OperandError(f"operand {place} {fault}")
    if isinstance(operand, (list, tuple)) and any(
        isinstance(leaf, jax.core.Tracer) for leaf in jax.tree_util.tree_leaves(operand)
    ):
        return _stacked(operand, place)
    if not isinstance(operand, (list, tuple)) and hasattr(operand, "__dlpack__"):
        return _from_dlpack(operand, place)
    return ready_one(as_numpy(operand, place), place)


def explain(error: Exception, operands: Sequence[Any], precision: object) -> None:
    """Say in our words what JAX refused because of the caller's operands or settings.

    Returns if the reason is neither a deleted operand nor a precision that the device lacks.

    Raises OperandError or ArgumentError.
    """
    for place, operand in enumerate(operands):
        concrete = isinstance(operand, jax.Array) and not isinstance(operand, jax.core.Tracer)
        if concrete and operand.is_deleted():
            raise OperandError(
                f"operand {place} has been deleted: a call that donates its memory took it"
            ) from None
    if precision is not None and "precision" in str(error):
        raise ArgumentError(
            f"precision {precision!r} cannot be had on this device, "
            f"{jax.default_backend().upper()}; 'default', 'high' and 'highest' can"
        ) from None


def _stacked(operand: Any, place: int) -> jax.Array:
    """A list that holds traced values."""
    try:
        return jnp.asarray(operand)
    except (TypeError, ValueError):
        raise OperandError(f"operand {place} is a ragged list, or holds no numbers") from None


def _from_dlpack(operand: Any, place: int) -> Any:
    """An array of another library, without a copy where JAX can read its memory."""
    _check_dtype(operand, place)
    try:
        return jnp.from_dlpack(operand)
    except Exception:  # a device, layout or dtype that JAX does not read: copy through NumPy
        return as_numpy(operand, place)
