from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.errors import ArgumentError, ShapeError
from einlab.transformer import decoder
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import (
    abstract_decoder,
    init_decoder,
    leaves_by_name,
)
from tests.transformer import plain_decoder
from tests.transformer.models import SHRUNK, small

IDS = jnp.asarray(np.random.default_rng(20261121).integers(0, 23, (2, 7)))


def random_weights(model: str) -> Any:
    """Weights large enough for every part to matter."""
    shapes = abstract_decoder(small(model))
    random = np.random.default_rng(20261122)
    return jax.tree.map(
        lambda leaf: jnp.asarray(random.normal(0.05, 0.4, leaf.shape), jnp.float32), shapes
    )


@lru_cache
def logits(model: str) -> Any:
    config = small(model)
    return np.asarray(jax.jit(lambda w, i: decoder.apply(w, i, config))(random_weights(model), IDS))


@pytest.mark.parametrize("model", SHRUNK)
def test_logits_are_those_of_a_plain_float64_decoder(model: str) -> None:
    expected = plain_decoder.logits(random_weights(model), IDS, small(model))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(logits(model), expected, rtol=0, atol=2e-5 * scale)


@pytest.mark.parametrize("model", ["gpt2", "gemma-2-2b", "DeepSeek-V3"])
def test_decoding_with_a_cache_gives_the_logits_of_the_whole_sequence(model: str) -> None:
    config, weights = small(model), random_weights(model)
    found, cache = jax.jit(lambda w, i: decoder.prefill(w, i, config, 8))(weights, IDS[:, :5])
    step = jax.jit(lambda w, i, c: decoder.decode(w, i, c, config))
    scale = np.abs(logits(model)).max()
    for place in (4, 5, 6):
        if place > 4:
            found, cache = step(weights, IDS[:, place], cache)
        np.testing.assert_allclose(found, logits(model)[:, place], rtol=0, atol=2e-5 * scale)
    assert int(cache.length) == 7


@pytest.mark.parametrize("model", SHRUNK)
def test_a_cache_has_the_shapes_that_prefill_and_decode_give(model: str) -> None:
    config = small(model)
    weights, ids = abstract_decoder(config), jax.ShapeDtypeStruct((2, 5), jnp.int32)
    empty = jax.eval_shape(lambda: decoder.empty_cache(config, 2, 8))
    _, filled = jax.eval_shape(lambda w, i: decoder.prefill(w, i, config, 8), weights, ids)
    token = jax.ShapeDtypeStruct((2,), jnp.int32)
    after = jax.eval_shape(lambda w, i, c: decoder.decode(w, i, c, config), weights, token, empty)
    assert jax.tree.map(jnp.shape, filled) == jax.tree.map(jnp.shape, empty)
    assert jax.tree.map(jnp.shape, after[1]) == jax.tree.map(jnp.shape, empty)


def test_the_loss_is_the_mean_cross_entropy() -> None:
    config, targets = small("gpt2"), jnp.roll(IDS, -1, axis=1)
    found = jax.jit(lambda w: decoder.loss(w, IDS, targets, config))(random_weights("gpt2"))
    wide = logits("gpt2").astype(np.float64)
    shares = np.exp(wide) / np.exp(wide).sum(-1, keepdims=True)
    picked = np.take_along_axis(shares, np.asarray(targets)[..., None], axis=-1)
    assert float(found) == pytest.approx(-np.log(picked).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("model", "recompute"),
    [("Llama-3-8B", "none"), ("Qwen1.5-MoE-A2.7B", "attention"), ("DeepSeek-V3", "layer")],
)
def test_the_gradient_is_the_slope_of_a_plain_float64_loss(
    model: str, recompute: decoder.Recompute
) -> None:
    config, targets, weights = small(model), jnp.roll(IDS, -1, axis=1), random_weights(model)
    value, slope = jax.jit(lambda w: decoder.gradient(w, IDS, targets, config, recompute))(weights)
    direction = jax.tree.map(lambda leaf: np.asarray(leaf, float) / math.sqrt(leaf.size), slope)
    wide = jax.tree.map(lambda leaf: np.asarray(leaf, float), weights)
    step = 1e-5  # small: the choice of experts must not change on the way
    ahead, here, back = (
        _cross_entropy(plain_decoder.logits(_moved(wide, direction, e), IDS, config), targets)
        for e in (step, 0.0, -step)
    )
    expected = sum(
        float((one * other).sum())
        for one, other in zip(jax.tree.leaves(slope), jax.tree.leaves(direction), strict=True)
    )
    assert (ahead - back) / (2 * step) == pytest.approx(expected, rel=1e-3)
    assert float(value) == pytest.approx(here, rel=1e-4)


def _moved(weights: Any, direction: Any, length: float) -> Any:
    return jax.tree.map(lambda w, d: w + length * d, weights, direction)


def _cross_entropy(wide: Any, targets: Any) -> float:
    shares = np.exp(wide) / np.exp(wide).sum(-1, keepdims=True)
    return float(
        -np.log(np.take_along_axis(shares, np.asarray(targets)[..., None], axis=-1)).mean()
    )


def test_first_weights_follow_the_published_deviation() -> None:
    config = DecoderConfig(
        vocabulary=32, positions=32, width=32, layers=1, heads=1, groups=1, head_size=32,
        feed_forward=32, norm_eps=1e-5, norm_bias=True, attention_bias=True,
    )  # fmt: skip
    leaves = leaves_by_name(init_decoder(config, jax.random.key(0)))
    assert float(np.std(leaves["embedding.word"])) == pytest.approx(0.02, rel=0.1)
    assert float(np.min(leaves["norm.scale"])) == 1
    assert not np.any(leaves["stacks.0.0.attention.query_bias"])
    less = leaves_by_name(init_decoder(replace(config, norm_offset=True), jax.random.key(0)))
    assert not np.any(less["norm.scale"])


def test_what_does_not_fit_the_config_is_named() -> None:
    config, weights = small("gpt2"), random_weights("gpt2")
    with pytest.raises(ShapeError, match=r"10 tokens is longer than the 9 positions"):
        decoder.apply(weights, jnp.zeros((1, 10), int), config)
    with pytest.raises(ShapeError, match=r"ids have shape \(3,\)"):
        decoder.apply(weights, jnp.zeros(3, int), config)
    with pytest.raises(ShapeError, match=r"targets have shape \(1, 2\)"):
        decoder.loss(weights, jnp.zeros((1, 3), int), jnp.zeros((1, 2), int), config)
    with pytest.raises(ShapeError, match="prompt of 5 tokens is longer than the cache, 4"):
        decoder.prefill(weights, jnp.zeros((1, 5), int), config, 4)
    cache = decoder.empty_cache(config, 1, 4)
    with pytest.raises(ShapeError, match=r"ids have shape \(1, 1\); .* in a step"):
        decoder.decode(weights, jnp.zeros((1, 1), int), cache, config)
    cut = weights._replace(embedding=weights.embedding._replace(word=jnp.zeros((22, 12))))
    with pytest.raises(ShapeError, match=r"fit: embedding.word has shape \(22, 12\)"):
        decoder.apply(cut, IDS, config)
    with pytest.raises(ShapeError, match="fit"):
        decoder.apply(weights, IDS, small("Llama-3-8B"))
    with pytest.raises(ArgumentError, match="expected none, attention and layer"):
        decoder.apply(weights, IDS, config, "all")  # type: ignore[arg-type]


def test_a_token_out_of_range_gives_nan() -> None:
    config, weights = small("gpt2"), random_weights("gpt2")
    assert np.isnan(decoder.apply(weights, jnp.array([[0, 23]]), config)[0, 1]).all()
