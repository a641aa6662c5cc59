"""Random programs of products and what stands between them, and models that tests measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from tests.trace.operations import spec

SIZES = (2, 3, 4, 6)
Map = Callable[[jax.Array], jax.Array]


def random_program(seed: int) -> tuple[Callable[..., Any], tuple[jax.ShapeDtypeStruct, ...]]:
    """A function of a few arrays, without loops, that returns their mixture; and its arguments."""
    rng = np.random.default_rng(seed)
    dtype = str(rng.choice(["float32", "float32", "bfloat16", "complex64"]))
    arguments = tuple(
        spec(*rng.choice(SIZES, int(rng.integers(2, 4))), dtype=dtype)
        for _ in range(int(rng.integers(2, 4)))
    )
    choices = rng.integers(0, 2**31, size=int(rng.integers(3, 9)))

    def program(*operands: jax.Array) -> jax.Array:
        held = list(operands)
        for choice in choices:
            held.append(_step(np.random.default_rng(int(choice)), held))
        return jnp.stack([jnp.real(x).astype(jnp.float32).sum() for x in held]).sum()

    return program, arguments


def _step(rng: np.random.Generator, held: Sequence[jax.Array]) -> jax.Array:
    """One more array from those held."""
    x, y = (held[int(place)] for place in rng.integers(0, len(held), 2))
    kind = rng.choice(["product"] * 4 + ["map", "pair", "move", "part", "again"])
    if kind == "product":
        return _product(rng, x, y)
    if kind == "map":
        maps: tuple[Map, ...] = (jnp.tanh, lambda v: v * v, lambda v: -v, lambda v: v + 2)
        return maps[int(rng.integers(4))](x)
    if kind == "pair":
        return x * jnp.sum(y)
    if kind == "move":
        return jnp.transpose(x) if rng.integers(2) else jnp.concatenate([x, x], 0)
    if kind == "part":
        return x[: max(x.shape[0] // 2, 1)]
    again: jax.Array = jax.jit(lambda v: _product(np.random.default_rng(7), v, v))(x)
    return again


def _product(rng: np.random.Generator, x: jax.Array, y: jax.Array) -> jax.Array:
    """A product of two arrays over axes of one size, with batch axes where that goes."""
    pairs = [(i, j) for i in range(x.ndim) for j in range(y.ndim) if x.shape[i] == y.shape[j]]
    if not pairs:
        return lax.dot_general(
            x, jnp.ones((x.shape[-1], 3), x.dtype), (((x.ndim - 1,), (0,)), ((), ()))
        )
    i, j = pairs[int(rng.integers(len(pairs)))]
    batch = [(a, b) for a, b in pairs if a != i and b != j][:1] if rng.integers(2) else []
    numbers = (((i,), (j,)), (tuple(a for a, _ in batch), tuple(b for _, b in batch)))
    product = lax.dot_general(x, y, numbers)
    while product.ndim > 3 or product.size > 5000:
        product = product[0]
    return product.reshape(product.shape or (1,))


def layer(x: jax.Array, w: jax.Array) -> jax.Array:
    return jnp.tanh(x @ w)


def blockwise_attention(q: jax.Array, k: jax.Array, v: jax.Array, block: int) -> jax.Array:
    """Softmax attention over blocks of queries and of keys, (t, d) each; nothing of size t·s."""

    def rows(carry: None, query: jax.Array) -> tuple[None, jax.Array]:
        def columns(held: Any, pair: Any) -> tuple[Any, None]:
            total, weight, largest = held
            key, value = pair
            scores = query @ key.T
            new = jnp.maximum(largest, scores.max(-1))
            scale, part = jnp.exp(largest - new), jnp.exp(scores - new[:, None])
            total = total * scale[:, None] + part @ value
            return (total, weight * scale + part.sum(-1), new), None

        d = v.shape[-1]
        start = (jnp.zeros((block, d)), jnp.zeros(block), jnp.full(block, -jnp.inf))
        pairs = (k.reshape(-1, block, d), v.reshape(-1, block, d))
        state: Any = lax.scan(columns, start, pairs)[0]
        total, weight, _largest = state
        return None, total / weight[:, None]

    stacked: Any = lax.scan(rows, None, q.reshape(-1, block, q.shape[-1]))[1]
    out: jax.Array = stacked.reshape(q.shape[0], -1)
    return out
