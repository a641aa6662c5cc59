"""Ridge regression: least squares with a price on the length of the solution."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Inexact

from einlab.arguments import choice, real, whole
from einlab.errors import ShapeError
from einlab.linalg.operands import SMALLEST, exact_product, right_side, together, wide, wide_matrix
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.trace.reporting import report

__all__ = ["compare_ridge", "ridge"]


def ridge(a: Any, b: Any, strength: Any, form: str = "auto") -> Inexact[Array, "n ..."]:
    """The x that makes ‖a·x − b‖² + strength·‖x‖² least.

    a: (m, n). b: (m,) or (m, p). strength: a positive number. Two forms give the same x:

    primal: (aᵀa + strength)·x = aᵀb, a system of n equations.
    dual: x = aᵀ·(aaᵀ + strength)⁻¹·b, a system of m equations.

    "auto" takes the one with fewer FLOPs, counted from their traces: `compare_ridge` shows both.
    There is no intercept: centre a and b first, or add a column of ones and accept its price.

    Raises OperandError or ShapeError if a and b do not fit, ArgumentError for another form or a
    strength that is not positive (inside of `jax.jit` a traced strength is not looked at).

    Source: Hoerl and Kennard 1970; the dual form: Saunders, Gammerman and Vovk 1998.

    >>> ridge([[1.0], [1.0]], [1.0, 3.0], 2.0).tolist()
    [1.0]
    """
    matrix = wide_matrix(a, "a")
    matrix, sides = together(matrix, right_side(b, "b", matrix.shape[0], "a"))
    price = _strength(strength).astype(matrix.real.dtype)
    flat = sides.ndim == 1
    sides = sides[:, None] if flat else sides
    if choice(form, "form", ("auto", *FORMS)) == "auto":
        form = _cheaper(matrix.shape, sides.shape[1], str(matrix.dtype))
    found = FORMS[form](matrix, sides, price)
    return found[:, 0] if flat else found


def compare_ridge(m: int, n: int, columns: int = 1, dtype: Any = "float32") -> Shown:
    """The primal beside the dual form for a (m, n) and b (m, columns): FLOPs and memory as traced.

    Raises ArgumentError or ArgumentTypeError for sizes that cannot be.

    >>> primal, dual = compare_ridge(1000, 10).table.column("FLOPs")
    >>> primal < dual
    True
    """
    m, n, columns = whole(m, "m"), whole(n, "n"), whole(columns, "columns")
    reports = _reports((m, n), columns, str(jnp.dtype(dtype)))
    rows = [(name, one.flops, one.cost.bytes, one.peak) for name, one in reports.items()]
    head = [
        Column("form"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("bytes, unfused", "bytes"),
        Column("peak memory", "bytes"),
    ]
    chosen = _cheaper((m, n), columns, str(jnp.dtype(dtype)))
    return Shown(Table(f"ridge with a ({m}×{n})", head, rows, notes=[f"chosen: {chosen}"]))


def _primal(a: jax.Array, b: jax.Array, strength: jax.Array) -> jax.Array:
    gram = exact_product("mi,mj->ij", a.conj(), a)
    return _solve(gram, exact_product("mi,mp->ip", a.conj(), b), strength)


def _dual(a: jax.Array, b: jax.Array, strength: jax.Array) -> jax.Array:
    weights = _solve(exact_product("in,jn->ij", a, a.conj()), b, strength)
    return exact_product("mn,mp->np", a.conj(), weights)


def _solve(gram: jax.Array, right: jax.Array, strength: jax.Array) -> jax.Array:
    factor = jnp.linalg.cholesky(gram + strength * jnp.eye(len(gram), dtype=gram.dtype))
    return cho_solve((factor, True), right)


FORMS: dict[str, Callable[..., jax.Array]] = {"primal": _primal, "dual": _dual}


def _strength(value: Any) -> jax.Array:
    if isinstance(value, (int, float)):
        return wide(real(value, "strength", SMALLEST), "strength")
    found = wide(value, "strength")
    if found.ndim:
        raise ShapeError(f"strength has shape {found.shape}; it is a single number")
    if not isinstance(found, jax.core.Tracer):
        real(found.item(), "strength", SMALLEST)
    return found


def _reports(shape: tuple[int, ...], columns: int, dtype: str) -> dict[str, Any]:
    a = jax.ShapeDtypeStruct(shape, dtype)
    b = jax.ShapeDtypeStruct((shape[0], columns), dtype)
    strength = jax.ShapeDtypeStruct((), jnp.zeros(0, dtype).real.dtype)
    return {name: report(form, a, b, strength) for name, form in FORMS.items()}


@lru_cache(maxsize=1024)
def _cheaper(shape: tuple[int, ...], columns: int, dtype: str) -> str:
    found = _reports(shape, columns, dtype)
    return min(found, key=lambda name: found[name].flops)
