from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from einlab.errors import ShapeError
from einlab.transformer.config import EncoderConfig
from einlab.transformer.encoder import apply, pool
from einlab.transformer.parameters import Norm, Tokens, Weights, abstract_weights
from einlab.transformer.sentences import encode_tokens

erf = np.vectorize(math.erf)
states_of = jax.jit(apply, static_argnums=2)


@pytest.fixture
def weights(config: EncoderConfig) -> Weights:
    """Random weights, none of them zero or one, so that a term left out is noticed."""
    random = np.random.default_rng(5)
    drawn: Weights = jax.tree.map(
        lambda leaf: random.normal(size=leaf.shape).astype(np.float32), abstract_weights(config)
    )
    return drawn


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(
        ids=jnp.array([[2, 4, 5, 3, 0], [2, 6, 3, 0, 0], [2, 8, 7, 6, 3]]),
        mask=jnp.array([[1, 1, 1, 1, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]),
        types=jnp.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1]]),
    )


def norm64(norm: Norm, x: np.ndarray, eps: float) -> np.ndarray:
    out = np.empty_like(x)
    for place, row in enumerate(x):
        deviation = math.sqrt(sum((row - row.mean()) ** 2) / len(row) + eps)
        out[place] = (row - row.mean()) / deviation * norm.scale + norm.shift
    return out


def sentence64(
    weights: Weights, ids: np.ndarray, types: np.ndarray, config: EncoderConfig
) -> list[np.ndarray]:
    """Hidden states of one sentence without padding, head by head, in NumPy float64."""
    tables = weights.embeddings
    x = np.asarray(tables.word[ids] + tables.position[: len(ids)] + tables.type[types])
    states = [norm64(tables.norm, x, config.norm_eps)]
    for layer in weights.layers:
        x = states[-1]
        attended = np.zeros_like(x) + np.asarray(layer.output_bias)
        for head in range(config.heads):
            q = x @ layer.query[head].T + layer.query_bias[head]
            k = x @ layer.key[head].T + layer.key_bias[head]
            v = x @ layer.value[head].T + layer.value_bias[head]
            weight = np.exp(q @ k.T / math.sqrt(config.width // config.heads))
            attended += (weight / weight.sum(1, keepdims=True)) @ v @ layer.output[:, head].T
        inner = norm64(layer.attention_norm, x + attended, config.norm_eps)
        wide = inner @ layer.widen.T + layer.widen_bias
        active = wide * (1 + erf(wide / math.sqrt(2))) / 2
        added = np.asarray(active @ layer.narrow.T + layer.narrow_bias)
        states.append(norm64(layer.feed_forward_norm, inner + added, config.norm_eps))
    return states


def test_hidden_states_and_pooling_agree_with_numpy_in_float64(
    config: EncoderConfig, weights: Weights, tokens: Tokens
) -> None:
    wide = jax.tree.map(lambda array: np.asarray(array, np.float64), weights)
    states = states_of(weights, tokens, config)
    pooled = pool(states[-1], tokens.mask)
    for row in range(3):
        count = int(tokens.mask[row].sum())
        expected = sentence64(
            wide, np.asarray(tokens.ids[row, :count]), np.asarray(tokens.types[row, :count]), config
        )
        assert len(expected) == len(states) == config.layers + 1
        for state, reference in zip(states, expected, strict=True):
            np.testing.assert_allclose(state[row, :count], reference, rtol=2e-5, atol=2e-5)
        mean = expected[-1].mean(axis=0)
        np.testing.assert_allclose(pooled[row], mean / np.sqrt(mean @ mean), atol=2e-6)


def test_every_matrix_product_is_a_contraction(
    config: EncoderConfig, weights: Weights, tokens: Tokens
) -> None:
    traced = jax.make_jaxpr(partial(encode_tokens, config=config))(weights, tokens)
    names = Counter(primitives(traced.jaxpr))
    assert names["einlab_contract"] == 8 * config.layers + 1
    assert not [name for name in names if "dot" in name or "conv_" in name]


def primitives(jaxpr: Any) -> Iterator[str]:
    """The names of the operations of a trace; those within a contraction are its own affair."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jaxprs_in_params(equation.params):
            yield from primitives(getattr(inner, "jaxpr", inner))


def test_filling_a_batch_up_changes_no_sentence(
    config: EncoderConfig, weights: Weights, tokens: Tokens
) -> None:
    longer = Tokens(*(jnp.pad(array, ((0, 1), (0, 4))) for array in tokens))
    longer = longer._replace(ids=jnp.where(longer.mask == 0, 7, longer.ids))
    short, long = (
        pool(states_of(weights, batch, config)[-1], batch.mask) for batch in (tokens, longer)
    )
    np.testing.assert_allclose(long[:3], short, atol=1e-6)


def test_a_sentence_without_a_token_is_embedded_as_zeros(
    config: EncoderConfig, weights: Weights
) -> None:
    nothing = Tokens(*(jnp.zeros((1, 4), jnp.int32),) * 3)
    hidden = states_of(weights, nothing, config)[-1]
    assert np.isfinite(hidden).all()
    assert not pool(hidden, nothing.mask).any()


def test_compiled_values_are_those_of_single_operations(
    config: EncoderConfig, weights: Weights, tokens: Tokens
) -> None:
    plain = apply(weights, tokens, config)
    for fast, slow in zip(states_of(weights, tokens, config), plain, strict=True):
        np.testing.assert_allclose(fast, slow, atol=2e-6)


def test_the_gradient_is_the_slope(config: EncoderConfig, weights: Weights, tokens: Tokens) -> None:
    config, weights = replace(config, layers=1), weights._replace(layers=weights.layers[:1])

    @jax.jit
    def first_component(word: jax.Array) -> jax.Array:
        filled = weights._replace(embeddings=weights.embeddings._replace(word=word))
        return pool(apply(filled, tokens, config)[-1], tokens.mask)[:, 0].sum()

    word, step = jnp.asarray(weights.embeddings.word), 1e-2
    slopes = jax.jit(jax.grad(first_component))(word)
    assert np.isfinite(slopes).all()
    ahead, behind = (first_component(word.at[4, 1].add(way * step)) for way in (1, -1))
    np.testing.assert_allclose((ahead - behind) / (2 * step), slopes[4, 1], rtol=0.02, atol=1e-4)


@pytest.mark.parametrize("number", [9, 10**6, -1])
def test_a_token_out_of_range_gives_nan_and_leaves_other_sentences_alone(
    config: EncoderConfig, weights: Weights, tokens: Tokens, number: int
) -> None:
    odd = tokens._replace(ids=tokens.ids.at[0, 1].set(number))
    pooled = pool(states_of(weights, odd, config)[-1], odd.mask)
    assert np.isnan(pooled[0]).all()
    assert np.isfinite(pooled[1:]).all()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_weights_give_half_precision_states_near_those_of_float32(
    config: EncoderConfig, weights: Weights, tokens: Tokens, dtype: jnp.dtype
) -> None:
    weights = jax.tree.map(lambda array: array / 4, weights)
    half = states_of(jax.tree.map(lambda array: array.astype(dtype), weights), tokens, config)
    for state, full in zip(half, states_of(weights, tokens, config), strict=True):
        assert state.dtype == dtype
        np.testing.assert_allclose(
            np.asarray(state, np.float32), full, atol=0.1 if dtype == jnp.bfloat16 else 0.02
        )


def test_shapes_that_do_not_fit_are_refused_with_both(
    config: EncoderConfig, weights: Weights, tokens: Tokens
) -> None:
    with pytest.raises(ShapeError, match=r"ids has \(3, 5\).*mask has \(3, 4\)"):
        apply(weights, tokens._replace(mask=tokens.mask[:, :4]), config)
    with pytest.raises(ShapeError, match=r"ids has \(5,\)"):
        apply(weights, Tokens(*(array[0] for array in tokens)), config)
    with pytest.raises(ShapeError, match="13 tokens is longer than the 12 positions"):
        apply(weights, Tokens(*(jnp.zeros((1, 13), jnp.int32),) * 3), config)
    with pytest.raises(ShapeError, match=r"layers\.1\.query is not in the weights"):
        apply(weights._replace(layers=weights.layers[:1]), tokens, config)
    with pytest.raises(ShapeError, match=r"layers\.2\.query is not in the config"):
        apply(weights._replace(layers=weights.layers * 2), tokens, config)
    layer = weights.layers[0]._replace(widen=weights.layers[0].narrow)
    with pytest.raises(ShapeError, match=r"layers\.0\.widen has shape \(6, 10\).* \(10, 6\)"):
        apply(weights._replace(layers=(layer, weights.layers[1])), tokens, config)
