"""Laws of `attend`: every implementation is the reference's, forward and gradient."""

from __future__ import annotations

from functools import cache, partial

import jax
import numpy as np
import pytest

from einlab.attention import Choice, Mask
from einlab.attention.attending import run
from einlab.attention.problem import problem
from einlab.attention.trimming import trimmed
from tests.attention.reference import attention, gradients
from tests.attention.settings import ALIKE, SHARED, SQUARE, Drawn, draw

MASKING = (
    "causal", "window", "align", "offset", "prefix", "query_lengths", "key_lengths",
    "query_segments", "key_segments", "seen",
)  # fmt: skip
LEARNED = ("bias", "slopes", "sinks")

COMPILING = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""What is compared here are formulas: XLA compiles them in two thirds of the time without LLVM's
optimizations, and compiling is nearly all that these tests do."""

JAX = Choice("jax", 0.0, 0)
WAYS = {
    "plain": Choice("plain", 0.0, 0),
    "sequential": Choice("sequential", 0.0, 0),
    "small blocks": Choice("blockwise", 0.0, 0, size=4, keys=5),
    "one block": Choice("blockwise", 0.0, 0, size=16, keys=16),
}


@partial(jax.jit, static_argnames=("fixed", "chosen"), compiler_options=COMPILING)
def pulled(values, arrays, back, *, fixed, chosen):
    """The result of an attention, and its derivatives by all that can be learned."""
    settings = arrays | dict(fixed)
    mask = Mask(**{name: settings.pop(name) for name in MASKING if name in settings})

    def function(values):
        return run(trimmed(problem(**values, mask=mask, **settings)), chosen)

    out, pull = jax.vjp(function, values)
    return out, pull(back)[0]


def found(drawn: Drawn, chosen: Choice):
    """The result and the derivatives of an attention in float32."""
    setting = {name: value for name, value in vars(drawn.setting).items() if value is not None}
    values = {"q": drawn.q, "k": drawn.k, "v": drawn.v}
    values |= {name: setting.pop(name) for name in LEARNED if name in setting}
    arrays = {name: value for name, value in setting.items() if isinstance(value, np.ndarray)}
    fixed = tuple(pair for pair in setting.items() if pair[0] not in arrays)
    narrow = {name: np.float32(value) for name, value in values.items()}
    return pulled(narrow, arrays, np.float32(drawn.back), fixed=fixed, chosen=chosen)


@cache
def expected(seed: int):
    drawn = draw(seed)
    operands = drawn.q, drawn.k, drawn.v
    return attention(drawn.setting, *operands), gradients(drawn.setting, *operands, drawn.back)


def check(seed: int, way: str) -> None:
    out, slopes = found(draw(seed), WAYS[way])
    result, exact = expected(seed)
    np.testing.assert_allclose(out, result, rtol=2e-5, atol=2e-5)
    for name, value in slopes.items():
        size = np.abs(exact[name]).max(initial=1.0)
        np.testing.assert_allclose(value, exact[name], rtol=1e-4, atol=4e-5 * size, err_msg=name)


@pytest.mark.parametrize("seed", range(0, 12 * ALIKE, ALIKE))
def test_plain_attention_and_its_gradient_are_those_of_the_reference(seed):
    check(seed, "plain")


@pytest.mark.parametrize(
    ("seed", "way"), [(16, "one block"), (21, "small blocks"), (26, "sequential")]
)
def test_attention_in_parts_and_its_gradient_are_those_of_the_reference(seed, way):
    check(seed, way)


def check_against_jax(seed: int, way: str) -> None:
    drawn = draw(seed, SHARED, SQUARE)
    theirs, their_slopes = found(drawn, JAX)
    ours, slopes = found(drawn, WAYS[way])
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)
    for name, value in their_slopes.items():
        np.testing.assert_allclose(slopes[name], value, rtol=1e-4, atol=4e-5, err_msg=name)


@pytest.mark.parametrize(("seed", "way"), [(4, "plain"), (9, "small blocks"), (22, "plain")])
def test_attention_and_its_gradient_are_jax_s_where_both_define_them(seed, way):
    check_against_jax(seed, way)


@pytest.fixture
def forgotten():
    """Programs are forgotten after each test: a process has room for so many pieces of code."""
    yield
    jax.clear_caches()


@pytest.mark.long
@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("start", range(0, 500, 50))
def test_attention_and_its_gradient_are_jax_s_over_500_settings(start):
    for seed in range(start, start + 50):
        check_against_jax(seed, "small blocks" if seed // ALIKE % 4 > 1 else "plain")


@pytest.mark.long
@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("start", range(0, 500, 20))
def test_attention_is_the_reference_over_500_settings(start, way):
    for seed in range(start, start + 20):
        check(seed, way)
