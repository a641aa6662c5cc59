from __future__ import annotations

import jax
import numpy as np

from einlab.transformer.config import EncoderConfig
from einlab.transformer.parameters import abstract_weights, init, named_leaves


def test_random_weights_have_the_shapes_beside_the_fields(config: EncoderConfig) -> None:
    weights = jax.eval_shape(lambda key: init(config, key), jax.random.key(0))
    shapes = abstract_weights(config)
    drawn, expected = named_leaves(weights), named_leaves(shapes)
    assert {n: a.shape for n, a in drawn.items()} == {n: a.shape for n, a in expected.items()}


def test_the_number_of_weights_is_the_closed_form(config: EncoderConfig) -> None:
    c, f = config.width, config.feed_forward
    embeddings = (config.vocabulary + config.positions + config.types + 2) * c
    layer = 4 * (c * c + c) + (2 * c * f + f + c) + 4 * c
    sizes = [leaf.size for leaf in jax.tree.leaves(abstract_weights(config))]
    assert sum(sizes) == embeddings + config.layers * layer


def test_biases_start_at_zero_scales_at_one_and_matrices_apart(config: EncoderConfig) -> None:
    leaves = named_leaves(init(config, jax.random.key(0)))
    for name, leaf in leaves.items():
        if name.endswith(("_bias", "shift")):
            assert not leaf.any()
        elif name.endswith("scale"):
            assert (leaf == 1).all()
        else:
            assert 0.01 < np.std(leaf) < 0.03
    assert not np.array_equal(leaves["layers.0.query"], leaves["layers.1.query"])
    assert not np.array_equal(leaves["layers.0.query"], leaves["layers.0.key"])


def test_the_same_key_draws_the_same_weights(config: EncoderConfig) -> None:
    first, second = (init(config, jax.random.key(7)) for _ in range(2))
    assert jax.tree.all(jax.tree.map(np.array_equal, first, second))
