from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.errors import ArgumentError
from einlab.transformer import decoder
from einlab.transformer.budgets import budget
from einlab.transformer.decoder import RECOMPUTE
from einlab.transformer.decoder_config import DecoderConfig, Training
from einlab.transformer.decoder_parameters import init_decoder
from einlab.transformer.families import config_of
from einlab.transformer.keeping import drop
from einlab.transformer.memory import activation_bytes
from tests.transformer.models import gpt2, small

IDS = jnp.arange(10).reshape(2, 5)


def decoder_of(fields: dict[str, Any]) -> DecoderConfig:
    config = config_of(fields)
    assert isinstance(config, DecoderConfig)
    return config


def trained(model: str, **settings: Any) -> DecoderConfig:
    config = small(model)
    assert isinstance(config, DecoderConfig)
    return replace(config, training=Training(**settings))


def test_dropout_keeps_the_mean_and_drops_its_share() -> None:
    config = trained("gpt2", dropout=0.25)
    x = jnp.ones((100, 200))
    found = np.asarray(drop(x, config, jax.random.key(0)))
    assert set(np.unique(found)) == {np.float32(0), np.float32(1 / 0.75)}
    assert np.mean(found == 0) == pytest.approx(0.25, abs=0.01)
    assert drop(x, config, None) is x
    assert drop(x, small("gpt2"), jax.random.key(0)) is x


def test_only_a_key_drops_and_every_key_drops_other_entries() -> None:
    config = trained("Llama-3-8B", dropout=0.5)
    weights = init_decoder(config, jax.random.key(1))
    plain = decoder.apply(weights, IDS, config)
    assert (plain == decoder.apply(weights, IDS, replace(config, training=Training()))).all()
    one, two = (decoder.apply(weights, IDS, config, key=jax.random.key(n)) for n in (2, 3))
    assert not jnp.allclose(one, two)
    assert not jnp.allclose(one, plain)


@pytest.mark.parametrize("model", ["gpt2", "Llama-3-8B", "gemma-2-2b"])
def test_fused_functions_give_the_same_gradient_and_keep_less(model: str) -> None:
    config, lean = trained(model), trained(model, fused=True)
    weights = init_decoder(config, jax.random.key(1))
    plain = decoder.gradient(weights, IDS, IDS, config)
    found = decoder.gradient(weights, IDS, IDS, lean)
    for left, right in zip(jax.tree.leaves(plain), jax.tree.leaves(found), strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-4, atol=1e-6)
    assert activation_bytes(lean, 1, 5) < activation_bytes(config, 1, 5)


def test_a_softmax_in_the_models_dtype_and_masks_of_dropout_change_what_is_kept() -> None:
    config = trained("gpt2", fused=True)
    narrow = replace(config, training=Training(fused=True, softmax="model"))
    dropped = replace(config, training=Training(fused=True, softmax="model", dropout=0.1))
    wide, less, masked = (activation_bytes(c, 1, 8) for c in (config, narrow, dropped))
    shares = config.layers * config.heads * 8 * 8
    hidden = config.layers * 8 * config.width
    rows = config.layers * config.heads * 8  # their sums, and these to the power of -2
    assert wide - less == 2 * shares + 2 * 2 * rows
    # Of attention's shares a mask and what is left of them; of each sum and the embedding a mask.
    # What the softmax keeps of a row is a few numbers more or less.
    masks = 3 * shares + 2 * hidden + 8 * config.width
    assert abs(masked - less - masks) <= 4 * rows


def test_a_layer_keeps_what_megatron_counts() -> None:
    """Korthikanti et al. 2022, equation 2 and table 2: (34 + 5·a·s/h)·s·b·h, 34·s·b·h, 2·s·b·h.

    The softmax keeps two numbers of a row too, which the paper leaves out as small.
    """
    a, s, h = 96, 2048, 12288
    training = Training(dropout=0.1, softmax="model", fused=True)
    more, less = (
        replace(decoder_of(gpt2(h, layers, a, 8, s)), training=training) for layers in (3, 2)
    )
    expected = {
        "none": 34 * s * h + 5 * a * s * s + 4 * a * s,
        "attention": 34 * s * h,
        "layer": 2 * s * h,
    }
    for level in RECOMPUTE:
        one, two = (activation_bytes(config, 1, s, "bfloat16", level) for config in (less, more))
        assert two - one == expected[level], level


def test_dropout_is_counted_in_training_alone() -> None:
    plain, found = budget(small("gpt2"), prompt=5), budget(trained("gpt2", dropout=0.1), prompt=5)
    assert found.forward.flops == plain.forward.flops
    assert found.training.flops > plain.training.flops
    assert found.model_flops() == plain.model_flops()
    found.training.check(compiled=False)


@pytest.mark.parametrize("settings", [{"dropout": 1.0}, {"dropout": -0.1}, {"softmax": "float8"}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="expected"):
        trained("gpt2", **settings)
