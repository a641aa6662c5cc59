from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.transformer import encoder
from einlab.transformer.config import EncoderConfig
from einlab.transformer.inspecting import (
    hidden_states,
    layer_similarities,
    layer_table,
    sequence_similarities,
    state_norms,
    token_similarities,
)
from einlab.transformer.parameters import Tokens, init

STATES = np.random.default_rng(20261122).normal(0.3, 1.0, (3, 2, 4, 5))
MASK = np.array([[1, 1, 1, 0], [1, 1, 0, 0]])


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def test_norms_and_cosines_are_those_of_plain_loops() -> None:
    norms, tokens, layers = (
        np.asarray(each(STATES)) for each in (state_norms, token_similarities, layer_similarities)
    )
    for (layer, row, place), norm in np.ndenumerate(norms):
        state = STATES[layer, row, place]
        assert norm == pytest.approx(np.sqrt(state @ state), rel=1e-5)
        for other in range(4):
            expected = cosine(state, STATES[layer, row, other])
            assert tokens[layer, row, place, other] == pytest.approx(expected, abs=1e-6)
        for other in range(3):
            expected = cosine(state, STATES[other, row, place])
            assert layers[layer, other, row, place] == pytest.approx(expected, abs=1e-6)


def test_sequences_are_compared_by_the_means_of_the_tokens_that_count() -> None:
    found = np.asarray(sequence_similarities(STATES, MASK))
    means = [
        [STATES[layer, row][MASK[row] == 1].mean(axis=0) for row in (0, 1)] for layer in range(3)
    ]
    for layer in range(3):
        expected = cosine(*means[layer])
        assert found[layer, 0, 1] == found[layer, 1, 0] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=20)
@given(power=st.integers(-60, 60))
def test_similarities_do_not_depend_on_the_length_of_states(power: int) -> None:
    found = token_similarities(STATES * 2.0**power)
    np.testing.assert_allclose(found, token_similarities(STATES), atol=2e-6)


def test_a_state_of_zeros_is_like_nothing() -> None:
    states = STATES.copy()
    states[1, 0, 2] = 0
    assert not np.asarray(token_similarities(states))[1, 0, 2].any()
    assert np.isfinite(layer_similarities(states)).all()


def test_the_table_says_the_means_over_the_tokens_that_count() -> None:
    table = layer_table(STATES, MASK).table
    held = MASK == 1
    norms, tokens, layers = (
        np.asarray(each(STATES)) for each in (state_norms, token_similarities, layer_similarities)
    )
    assert table.column("after") == ("embeddings", "layer 1", "layer 2")
    assert table.column("norm")[1] == pytest.approx(norms[1][held].mean(), rel=1e-5)
    assert table.column("cosine to the layer before")[0] is None
    before = table.column("cosine to the layer before")[2]
    assert before == pytest.approx(layers[1, 2][held].mean(), abs=1e-5)
    pairs = [tokens[1, 0, 0, 1], tokens[1, 0, 0, 2], tokens[1, 0, 1, 2], tokens[1, 1, 0, 1]]
    assert table.column("cosine between tokens")[1] == pytest.approx(np.mean(pairs), abs=1e-5)
    between = sequence_similarities(STATES, MASK)[2, 0, 1]
    assert table.column("cosine between sequences")[2] == pytest.approx(float(between), abs=1e-5)
    alone = layer_table(STATES[:, :1, :1]).table
    assert alone.column("cosine between tokens") == (None, None, None)


def test_hidden_states_of_an_encoder_are_what_apply_gives(config: EncoderConfig) -> None:
    weights, ids = init(config, jax.random.key(0)), jnp.array([[2, 4, 3], [2, 5, 3]])
    tokens = Tokens(ids, jnp.ones_like(ids), jnp.zeros_like(ids))
    expected = np.stack(encoder.apply(weights, tokens, config))
    np.testing.assert_array_equal(hidden_states(weights, tokens, config), expected)
    np.testing.assert_array_equal(hidden_states(weights, ids, config), expected)
