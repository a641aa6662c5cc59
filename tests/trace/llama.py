"""A Llama-shaped training step: layers in a scan, each recomputed in the backward pass.

Shapes and names follow Dubey et al. 2024, "The Llama 3 Herd of Models", table 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from einlab.conventions import attention_scope


@dataclass(frozen=True)
class Shape:
    layers: int
    width: int
    forward: int
    heads: int
    groups: int
    head: int
    vocabulary: int
    length: int


LLAMA_405B = Shape(126, 16384, 53248, 128, 8, 128, 128256, 8192)
TINY = Shape(3, 32, 48, 4, 2, 8, 64, 16)

Params = dict[str, Any]


def parameters(s: Shape, dtype: str = "bfloat16") -> Params:
    def array(*shape: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(shape, jnp.dtype(dtype))

    queries, keys = s.heads * s.head, s.groups * s.head
    layers = {
        "norm": array(s.layers, 2, s.width),
        "q": array(s.layers, s.width, queries),
        "k": array(s.layers, s.width, keys),
        "v": array(s.layers, s.width, keys),
        "o": array(s.layers, queries, s.width),
        "gate": array(s.layers, s.width, s.forward),
        "up": array(s.layers, s.width, s.forward),
        "down": array(s.layers, s.forward, s.width),
    }
    table, head = array(s.vocabulary, s.width), array(s.width, s.vocabulary)
    return {"embedding": table, "layers": layers, "norm": array(s.width), "head": head}


def count(params: Params) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def norm(x: jax.Array, scale: jax.Array) -> jax.Array:
    return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5) * scale


def attention(x: jax.Array, w: Params, s: Shape) -> jax.Array:
    batch, length, _ = x.shape
    per_group = s.heads // s.groups
    q = (x @ w["q"]).reshape(batch, length, s.groups, per_group, s.head)
    k = (x @ w["k"]).reshape(batch, length, s.groups, s.head)
    v = (x @ w["v"]).reshape(batch, length, s.groups, s.head)
    pairs = attention_scope(length, length, causal=True)
    with jax.named_scope(pairs):
        scores = jnp.einsum("btghd,bsgd->bghts", q, k) / s.head**0.5
    seen = jnp.tril(jnp.ones((length, length), bool))
    with jax.named_scope("softmax"):
        weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf))
    with jax.named_scope(pairs):
        mixed = jnp.einsum("bghts,bsgd->btghd", weights, v)
    out: jax.Array = mixed.reshape(batch, length, -1) @ w["o"]
    return out


def forward(params: Params, ids: jax.Array, s: Shape) -> jax.Array:
    def block(x: jax.Array, w: Params) -> tuple[jax.Array, None]:
        with jax.named_scope("attention"):
            x = x + attention(norm(x, w["norm"][0]), w, s)
        with jax.named_scope("mlp"):
            h = norm(x, w["norm"][1])
            x = x + (jax.nn.silu(h @ w["gate"]) * (h @ w["up"])) @ w["down"]
        return x, None

    with jax.named_scope("embedding"):
        x = params["embedding"][ids]
    with jax.named_scope("layers"):
        x, _ = lax.scan(jax.checkpoint(block), x, params["layers"])
    with jax.named_scope("logits"):
        logits: jax.Array = norm(x, params["norm"]) @ params["head"]
    return logits


def train_step(params: Params, ids: jax.Array, s: Shape) -> tuple[jax.Array, Params]:
    def loss(p: Params) -> jax.Array:
        logits = jax.nn.log_softmax(forward(p, ids[:, :-1], s))
        return -jnp.take_along_axis(logits, ids[:, 1:, None], -1).mean()

    value, gradient = jax.value_and_grad(loss)(params)
    return value, jax.tree.map(lambda p, g: p - 1e-4 * g, params, gradient)
