"""Laws of `attend`: every implementation is the reference's, forward and gradient."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.attention import Choice, Mask
from einlab.attention.attending import run
from einlab.attention.problem import problem
from einlab.attention.trimming import trimmed
from tests.attention.reference import attention, gradients
from tests.attention.settings import SHARED, SQUARE, Drawn, draw

MASKING = (
    "causal", "window", "align", "offset", "prefix", "query_lengths", "key_lengths",
    "query_segments", "key_segments", "seen",
)  # fmt: skip
LEARNED = ("q", "k", "v", "bias", "slopes", "sinks")


JAX = Choice("jax", 0.0, 0)
WAYS = {
    "plain": Choice("plain", 0.0, 0),
    "sequential": Choice("sequential", 0.0, 0),
    "small blocks": Choice("blockwise", 0.0, 0, size=4, keys=5),
    "one block": Choice("blockwise", 0.0, 0, size=16, keys=16),
}


def call(drawn: Drawn, chosen: Choice):
    """Attention as a function of what can be learned, and those values in float32."""
    setting = drawn.setting
    mask = Mask(**{name: getattr(setting, name) for name in MASKING})
    fixed = {"mask": mask, "scale": setting.scale, "soft_cap": setting.soft_cap}
    values = {"q": drawn.q, "k": drawn.k, "v": drawn.v}
    values |= {name: getattr(setting, name) for name in LEARNED[3:]}
    given = {
        name: jnp.asarray(value, jnp.float32) for name, value in values.items() if value is not None
    }

    def function(values):
        return run(trimmed(problem(**values, **fixed)), chosen)

    return function, given


def pulled(function, given, drawn: Drawn):
    """The result of a function of the learned values, and the derivatives by them."""
    out, pull = jax.vjp(function, given)
    return out, pull(jnp.asarray(drawn.back, jnp.float32))[0]


@cache
def expected(seed: int):
    drawn = draw(seed)
    operands = drawn.q, drawn.k, drawn.v
    return attention(drawn.setting, *operands), gradients(drawn.setting, *operands, drawn.back)


def check(seed: int, way: str) -> None:
    drawn = draw(seed)
    function, given = call(drawn, WAYS[way])
    out, found = pulled(function, given, drawn)
    result, slopes = expected(seed)
    np.testing.assert_allclose(out, result, rtol=2e-5, atol=2e-5)
    for name, value in found.items():
        size = np.abs(slopes[name]).max(initial=1.0)
        np.testing.assert_allclose(value, slopes[name], rtol=1e-4, atol=4e-5 * size, err_msg=name)


@pytest.mark.parametrize("seed", range(12))
def test_plain_attention_and_its_gradient_are_those_of_the_reference(seed):
    check(seed, "plain")


@pytest.mark.parametrize(
    ("seed", "way"), [(4, "one block"), (5, "small blocks"), (6, "sequential")]
)
def test_attention_in_parts_and_its_gradient_are_those_of_the_reference(seed, way):
    check(seed, way)


def check_against_jax(seed: int, way: str) -> None:
    drawn = draw(seed, SHARED, SQUARE)
    (function, given), (our_function, our_given) = call(drawn, JAX), call(drawn, WAYS[way])
    theirs, their_slopes = pulled(function, given, drawn)
    ours, slopes = pulled(our_function, our_given, drawn)
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)
    for name, value in their_slopes.items():
        np.testing.assert_allclose(slopes[name], value, rtol=1e-4, atol=4e-5, err_msg=name)


@pytest.mark.parametrize(("seed", "way"), [(1, "plain"), (2, "small blocks"), (5, "plain")])
def test_attention_and_its_gradient_are_jax_s_where_both_define_them(seed, way):
    check_against_jax(seed, way)


@pytest.mark.long
@pytest.mark.parametrize("start", range(0, 500, 50))
def test_attention_and_its_gradient_are_jax_s_over_500_settings(start):
    for seed in range(start, start + 50):
        check_against_jax(seed, "small blocks" if seed % 4 > 1 else "plain")


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("start", range(0, 500, 20))
def test_attention_is_the_reference_over_500_settings(start, way):
    for seed in range(start, start + 20):
        check(seed, way)
