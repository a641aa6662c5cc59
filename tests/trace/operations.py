"""Operations to count, and programs made of them: what the tests of the walk share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from einlab.trace.reporting import Report
from einlab.trace.tracing import Source
from einlab.trace.walk import Walked, walk

Function = Callable[..., Any]


def spec(*shape: int, dtype: str = "float32") -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))


def source_of(found: Report) -> Source:
    assert found.source is not None
    return found.source


def walked(function: Function, *arguments: Any) -> Walked:
    jaxpr = jax.jit(function).trace(*arguments).jaxpr
    return walk(getattr(jaxpr, "jaxpr", jaxpr))


FLOATS: Mapping[str, Function] = {
    "add": lambda x: x + x,
    "sub": lambda x: x - x * 2,
    "neg": lambda x: -x,
    "div": lambda x: x / x,
    "exp": jnp.exp,
    "tanh": jnp.tanh,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "expm1": jnp.expm1,
    "erf": lax.erf,
    "logistic": lax.logistic,
    "sqrt": jnp.sqrt,
    "rsqrt": lax.rsqrt,
    "cbrt": jnp.cbrt,
    "pow": lambda x: x**2.5,
    "atan2": lambda x: jnp.arctan2(x, x),
    "tan": jnp.tan,
    "sin": jnp.sin,
    "exp2": jnp.exp2,
    "square": jnp.square,
    "max": lambda x: jnp.maximum(x, x * 2),
    "compare": lambda x: x > x,
    "select": lambda x: lax.select(x > x, x, x),
    "clamp": lambda x: lax.clamp(x, x, x),
    "abs": jnp.abs,
    "sign": jnp.sign,
    "floor": jnp.floor,
    "ceil": jnp.ceil,
    "round": lax.round,
    "is_finite": jnp.isfinite,
    "integer_pow": lambda x: lax.integer_pow(x, 7) + lax.integer_pow(x, 4),
    "negative power": lambda x: lax.integer_pow(x, -3),
    "reduce_precision": lambda x: lax.reduce_precision(x, 5, 5),
    "convert": lambda x: (x.astype(jnp.int32), x.astype(bool)),
    "sum": lambda x: (x.sum(), x.sum(0), x.max(1), x.prod(0)),
    "reduce": lambda x: lax.reduce(x, x[0, 0], lambda a, b: a + b, (0,)),
    "window": lambda x: lax.reduce_window(x, 0.0, lax.add, (2, 2), (1, 1), "SAME"),
    "cumulative": lambda x: (lax.cumsum(x, 1), lax.cummax(x, 0), lax.cumprod(x, 0)),
    "transpose": lambda x: (x.T, x.reshape(6, 4), x[::-1], x[1:3]),
    "concatenate": lambda x: (jnp.concatenate([x, x]), jnp.tile(x, (2, 1)), jnp.stack([x, x])),
    "pad": lambda x: lax.pad(x, x[0, 0], [(1, 1, 0), (0, 0, 1)]),
    "dot": lambda x: x @ x.T,
    "convolution": lambda x: lax.conv_general_dilated(
        x[None, None], x[None, None, :3, :3], (1, 2), [(1, 2), (0, 1)], (2, 1), (1, 2)
    ),
}
INTEGERS: Mapping[str, Function] = {
    "add": lambda x: x + x,
    "div": lambda x: lax.div(x, x),
    "abs": jnp.abs,
    "sign": jnp.sign,
    "max": lambda x: jnp.maximum(x, x * 2),
    "logic": lambda x: (x & x, ~x, x | x, x ^ x),
    "shift": lambda x: (x << 2, x >> 1, lax.shift_right_logical(x, x)),
    "bits": lambda x: (lax.population_count(x), lax.clz(x)),
    "sum": lambda x: x.sum(0),
    "convert": lambda x: (x.astype(jnp.float32), x.astype(bool)),
    "power": lambda x: lax.pow(x.astype(jnp.float32), x),
}
COMPLEX: Mapping[str, Function] = {
    "arithmetic": lambda x: (x + x, x * x, x / x, -x),
    "parts": lambda x: lax.complex(x.real, x.imag),
    "sum": lambda x: (x.sum(0), x.prod(0)),
    "dot": lambda x: x @ x.T,
    "functions": lambda x: (jnp.exp(x), jnp.abs(x), jnp.square(x), jnp.conj(x)),
}
