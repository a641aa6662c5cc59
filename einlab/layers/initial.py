"""First weights: how widely they are drawn, by the numbers of inputs and outputs.

The spreads keep the size of signals about the same from layer to layer, Glorot's forwards and
backwards at once, He's forwards through ReLU, which takes away half of it.
Sources: Glorot and Bengio 2010, eq. 12 and 16; He et al. 2015, eq. 10.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from einlab.arguments import choice
from einlab.dtypes import dtype_name
from einlab.errors import ArgumentTypeError, DtypeError
from einlab.execute.arrays import check_width

__all__ = ["INITIALISERS", "draw_weight", "floating_dtype", "random_key"]

INITIALISERS: dict[str, tuple[str, Callable[[int, int], float]]] = {
    "glorot_normal": ("normal", lambda inputs, outputs: math.sqrt(2 / (inputs + outputs))),
    "glorot_uniform": ("uniform", lambda inputs, outputs: math.sqrt(6 / (inputs + outputs))),
    "he_normal": ("normal", lambda inputs, outputs: math.sqrt(2 / inputs)),
    "he_uniform": ("uniform", lambda inputs, outputs: math.sqrt(6 / inputs)),
}
"""By name: the distribution, and its standard deviation ("normal") or largest value ("uniform").

>>> distribution, largest = INITIALISERS["glorot_uniform"]
>>> distribution, largest(3, 3)
('uniform', 1.0)
"""


def draw_weight(
    key: jax.Array, inputs: int, outputs: int, initialiser: str, dtype: str
) -> jax.Array:
    """A weight of inputs × outputs; one of 16 bits is that of 32 bits, rounded.

    Raises ArgumentError for an unknown initialiser.
    """
    name = choice(initialiser, "initialiser", INITIALISERS)
    distribution, spread = INITIALISERS[name]
    drawn_in = "float64" if dtype == "float64" and jax.config.jax_enable_x64 else "float32"
    draw = jax.random.normal if distribution == "normal" else _symmetric
    drawn = draw(key, (inputs, outputs), jnp.dtype(drawn_in))
    return (drawn * spread(inputs, outputs)).astype(dtype if dtype != "float64" else drawn_in)


def _symmetric(key: jax.Array, shape: tuple[int, int], dtype: Any) -> jax.Array:
    """Evenly from -1 to 1."""
    return jax.random.uniform(key, shape, dtype, minval=-1.0, maxval=1.0)


def random_key(value: Any) -> jax.Array:
    """A single key of JAX's random numbers, new style or old.

    Raises ArgumentTypeError for anything else.
    """
    if isinstance(value, jax.Array):
        if jnp.issubdtype(value.dtype, jax.dtypes.prng_key) and value.ndim == 0:
            return value
        if value.dtype == jnp.uint32 and value.ndim == 1:
            return value
    raise ArgumentTypeError(
        f"key is a single random key, such as jax.random.key(0), not {_shown(value)}"
    )


def _shown(value: Any) -> str:
    if isinstance(value, jax.Array):
        return f"an array of shape {value.shape} in {value.dtype}"
    return f"{value!r:.60}"


def floating_dtype(dtype: Any) -> str:
    """The name of a real floating-point dtype.

    Raises DtypeError for another one.
    """
    name = dtype_name(dtype)
    if not jnp.issubdtype(jnp.dtype(name), jnp.floating):
        raise DtypeError(f"weights are real floating-point numbers, which {name} does not hold")
    check_width(name, "weights of dtype")
    return name
