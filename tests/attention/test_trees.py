from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.attention import (
    CAUSAL,
    MultiHead,
    from_equinox,
    from_flax,
    fuse,
    init_multi_head,
    multi_head,
    to_equinox,
    to_flax,
)
from einlab.errors import ArgumentError

B, T, S, C, H, D = 2, 6, 4, 12, 4, 3
RANDOM = np.random.default_rng(4)
X = jnp.asarray(RANDOM.normal(size=(B, T, C)), jnp.float32)
Y = jnp.asarray(RANDOM.normal(size=(B, S, C)), jnp.float32)
SEEN = np.tri(T, dtype=bool)

Run = Callable[[Any, Any, Any], Any]
"""What another library computes from its tree, x, and what keys are made from."""


def randomised(tree: Any) -> Any:
    """The tree with random parameters, so that no bias is zero."""

    def random(leaf: Any) -> Any:
        if not jnp.issubdtype(getattr(leaf, "dtype", int), jnp.floating):
            return leaf
        return jnp.asarray(RANDOM.normal(size=leaf.shape), leaf.dtype)

    return jax.tree.map(random, tree)


def same(left: Any, right: Any) -> None:
    """Two trees have the same structure and leaves."""
    one_form, other_form = map(jax.tree.structure, (left, right))
    assert str(one_form) == str(other_form)
    for one, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        np.testing.assert_array_equal(one, other)


def agree(
    tree: Any,
    read: Callable[[Any], MultiHead],
    write: Callable[[Any, Any], Any],
    run: Run,
    other: Any = None,
) -> None:
    """Round trip, values and gradients of another library's module and of the weights read."""
    weights = read(tree)
    same(write(weights, tree), tree)
    same(read(write(weights, randomised(tree))), weights)
    back = jnp.asarray(RANDOM.normal(size=(B, T, C)), jnp.float32)
    leaves, structure = jax.tree.flatten(tree)
    rest = {n: leaf for n, leaf in enumerate(leaves) if not isinstance(leaf, jax.Array)}
    found = jax.jit(partial(with_gradients, mine, back))(weights, X, other)
    tree = {n: leaf for n, leaf in enumerate(leaves) if n not in rest}

    def theirs(tree: Any, x: Any, y: Any) -> Any:
        every = {**tree, **rest}
        return run(jax.tree.unflatten(structure, [every[n] for n in range(len(every))]), x, y)

    expected = jax.jit(partial(with_gradients, theirs, back))(tree, X, other)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-3, atol=1e-3)
    every = {**expected[1], **rest}
    gradients = read(jax.tree.unflatten(structure, [every[n] for n in range(len(every))]))
    for one, two in zip(found[1], gradients, strict=True):
        assert (one is None) == (two is None)
        if one is not None and two is not None:
            np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-3)


def mine(weights: MultiHead, x: Any, y: Any) -> Any:
    """Self-attention is causal in these tests, cross-attention sees all."""
    return multi_head(weights, x, y, mask=CAUSAL if y is None else None)


def with_gradients(run: Run, back: Any, tree: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """The result of a module, and the gradients of a weighed sum of it by its tree and x."""

    def loss(tree: Any, x: Any) -> Any:
        result = run(tree, x, y)
        return jnp.sum(back * result), result

    (_, result), (one, other) = jax.value_and_grad(loss, (0, 1), has_aux=True)(tree, x)
    return result, one, other


@pytest.mark.parametrize("bias", [True, False])
def test_linen_computes_the_same(bias: bool) -> None:
    linen = pytest.importorskip("flax.linen", reason="needs Flax")
    module = linen.MultiHeadDotProductAttention(num_heads=H, use_bias=bias)
    tree = randomised(module.init(jax.random.key(0), X))

    def run(tree: Any, x: Any, y: Any) -> Any:
        mask = SEEN[None, None] if y is None else None
        return module.apply(tree, x, y, mask=mask)

    agree(tree, from_flax, to_flax, run, None if bias else Y)
    same(from_flax(tree["params"]), from_flax(tree))


@pytest.mark.parametrize("groups", [H, 2])
def test_nnx_computes_the_same(groups: int) -> None:
    nnx = pytest.importorskip("flax.nnx", reason="needs Flax")
    try:
        module = nnx.MultiHeadAttention(
            num_heads=H, in_features=C, num_kv_heads=groups, decode=False, rngs=nnx.Rngs(0)
        )
    except TypeError:  # before 0.12.5 or so heads had no groups
        pytest.skip("this Flax has no groups of heads")
    graph, state = nnx.split(module)

    def run(tree: Any, x: Any, y: Any) -> Any:
        mask = SEEN[None, None] if y is None else None
        return nnx.merge(graph, tree)(x, y, mask=mask)

    agree(randomised(state), from_flax, to_flax, run, None if groups == H else Y)
    assert from_flax(state).key.shape == (groups, D, C)


@pytest.mark.parametrize("bias", [True, False])
def test_equinox_computes_the_same(bias: bool) -> None:
    nn = pytest.importorskip("equinox", reason="needs Equinox").nn
    biases = {f"use_{name}_bias": bias for name in ("query", "key", "value", "output")}
    module = nn.MultiheadAttention(H, C, qk_size=5, vo_size=2, **biases, key=jax.random.key(0))
    tree = randomised(module)

    def run(tree: Any, x: Any, y: Any) -> Any:
        def one(x: Any, y: Any) -> Any:
            return tree(x, y, y)

        if y is None:
            return jax.vmap(lambda x: tree(x, x, x, mask=SEEN))(x)
        return jax.vmap(one)(x, y)

    agree(tree, from_equinox, to_equinox, run, None if bias else Y)
    assert from_equinox(tree).query.shape == (H, 5, C)


def test_fused_weights_are_written_apart() -> None:
    weights = init_multi_head(jax.random.key(0), C, H)
    tree = {
        name: {"kernel": np.zeros((C, H, D), np.float32), "bias": np.zeros((H, D), np.float32)}
        for name in ("query", "key", "value")
    }
    out = {"kernel": np.zeros((H, D, C), np.float32), "bias": np.zeros(C, np.float32)}
    same(from_flax(to_flax(fuse(weights), {**tree, "out": out})), weights)


def test_norms_of_queries_and_keys_are_refused() -> None:
    linen = pytest.importorskip("flax.linen", reason="needs Flax")
    module = linen.MultiHeadDotProductAttention(num_heads=H, normalize_qk=True)
    tree = module.init(jax.random.key(0), X)
    with pytest.raises(ArgumentError, match=r"no parameter .*_ln"):
        from_flax(tree)
