"""Pallas' kernel for TPUs, as Pallas' interpreter runs it here: none is needed or measured."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.pallas import tpu

from einlab.attention import CAUSAL, Choice, Mask, attend, choosing
from einlab.attention.attending import run
from einlab.attention.choosing import choice_for
from einlab.attention.dispatching import why_not
from einlab.attention.kernels import HOMES, flash, kernel
from einlab.attention.problem import problem
from einlab.errors import ArgumentError
from tests.wording import complaint

T = 256


def operands(dtype="bfloat16", t=T, d=32):
    rng = np.random.default_rng(0)
    shapes = (1, t, 4, d), (1, t, 2, d), (1, t, 2, d)
    return [jnp.asarray(rng.standard_normal(shape), dtype) for shape in shapes]


@pytest.mark.parametrize("mask", [CAUSAL, Mask()], ids=["causal", "all"])
def test_the_kernel_gives_what_the_plain_form_gives(mask):
    one = problem(*operands(), mask=mask, scale=0.3)
    exact = run(problem(*operands("float32"), mask=mask, scale=0.3), Choice("plain", 0.0, 0))
    with tpu.force_tpu_interpret_mode():
        found = flash(one)
    np.testing.assert_allclose(np.float32(found), exact, atol=0.03)


@pytest.mark.parametrize(
    ("platform", "machine", "taken"),
    [("gpu", "H100 SXM", "cudnn"), ("tpu", "TPU v5e", "pallas"), ("cpu", "cpu", "blockwise")],
)
def test_the_kernel_is_taken_where_it_is_predicted_to_be_faster(
    platform, machine, taken, monkeypatch
):
    """The platform's name and its model stand in for the device."""
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    model = choosing._model_for(platform, machine, "bfloat16", None, 2**34)
    monkeypatch.setattr(choosing, "_model", lambda one: model)
    assert choice_for(problem(*operands(t=2048, d=64), mask=CAUSAL)).implementation == taken
    windowed = problem(*operands(t=2048, d=64), mask=Mask(causal=True, window=(5, 0)))
    assert choice_for(windowed).implementation != "pallas"


def test_what_a_kernel_does_not_define_is_refused_with_the_reason(monkeypatch):
    text = "Pallas has no kernel here"
    complaint(lambda: attend(*operands(), implementation="pallas"), ArgumentError, (text, "cpu"))
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    bias = jnp.zeros((T, T))
    for settings, word in (
        ({"mask": Mask(window=(3, 3))}, "window"),
        ({"bias": bias}, "bias"),
        ({"soft_cap": 2.0}, "soft cap"),
    ):
        assert word in (why_not(problem(*operands(), **settings), "pallas") or "")
    assert "float32" in (why_not(problem(*operands("float32")), "pallas") or "")
    assert "128" in (why_not(problem(*operands(t=100)), "pallas") or "")
    assert "power of two" in (why_not(problem(*operands(d=24)), "pallas") or "")
    assert why_not(problem(*operands()), "pallas") is None


def test_a_kernel_that_this_jax_has_not_is_not_taken(monkeypatch):
    monkeypatch.setitem(HOMES, "tpu", ("no.such", "flash_attention"))
    kernel.cache_clear()
    assert kernel("tpu") is None
    kernel.cache_clear()
