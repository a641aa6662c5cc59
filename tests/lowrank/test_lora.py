"""Laws of LoRA: nothing changes at the start, and merged is the same as beside."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab import contract, lowrank
from einlab.lowrank import LoRA

R = np.random.default_rng(3)
X = R.standard_normal((2, 5, 8)).astype(np.float32)
WEIGHT = R.standard_normal((8, 6)).astype(np.float32)


def trained(alpha: float | None = None) -> LoRA:
    """An update that is not zero."""
    made = lowrank.lora_init(0, inputs=8, outputs=6, rank=2, alpha=alpha)
    return replace(made, b=jnp.asarray(R.standard_normal((6, 2)), jnp.float32))


def test_at_the_start_the_layer_is_as_it_was():
    made = lowrank.lora_init(jax.random.key(1), 8, 6, 2, alpha=16)
    np.testing.assert_array_equal(
        lowrank.lora_apply(X, WEIGHT, made), contract("...i,io", X, WEIGHT)
    )
    assert made.scale == 8
    assert np.abs(made.a).max() <= 8**-0.5
    assert np.std(made.a) > 0
    assert not made.b.any()


@pytest.mark.parametrize("convention", ["xW", "Wx"])
@pytest.mark.parametrize("alpha", [None, 3.0])
def test_merged_and_beside_are_the_same_in_both_conventions(convention, alpha):
    update, weight = trained(alpha), WEIGHT if convention == "xW" else WEIGHT.T
    expected = X @ (WEIGHT + update.scale * (np.asarray(update.b) @ update.a).T)
    beside = lowrank.lora_apply(X, weight, update, convention=convention)
    merged = lowrank.lora_merge(weight, update, convention=convention)
    equation = "...i,io->...o" if convention == "xW" else "...i,oi->...o"
    np.testing.assert_allclose(beside, expected, atol=1e-4)
    np.testing.assert_allclose(contract(equation, X, merged), expected, atol=1e-4)
    back = lowrank.lora_unmerge(merged, update, convention=convention)
    np.testing.assert_allclose(back, weight, atol=1e-6)
    np.testing.assert_allclose(
        contract(equation, X, update.update(convention)), expected - X @ WEIGHT, atol=1e-4
    )


def test_only_the_factors_get_a_gradient_and_a_step_changes_the_layer():
    made = lowrank.lora_init(0, 8, 6, 2)

    @jax.jit
    def loss(update: LoRA) -> jax.Array:
        return (lowrank.lora_apply(X, WEIGHT, update) ** 2).mean()

    gradient = jax.grad(loss)(made)
    assert isinstance(gradient, LoRA)
    assert not gradient.a.any(), "B is zero, so that A has no say yet"
    assert np.abs(gradient.b).max() > 0
    step = jax.tree.map(lambda value, slope: value - 0.01 * slope, made, gradient)
    assert loss(step) < loss(made)


def test_numbers_that_are_trained_are_those_of_the_factors():
    made = lowrank.lora_init(0, 8, 6, 2)
    assert lowrank.trainable_count(made) == 2 * (8 + 6)
    assert lowrank.trainable_count([made, {"x": made, "frozen": WEIGHT}]) == 2 * 2 * (8 + 6)


@pytest.mark.parametrize("rows", [2, 100])
def test_costs_are_those_of_the_closed_forms(rows):
    inputs, outputs, rank = 32, 16, 4
    table = lowrank.lora_cost(rows, inputs, outputs, rank).table
    merged, beside, _, merging = table.column("FLOPs")
    low_rank = min(
        2 * rows * rank * (inputs + outputs),
        2 * inputs * outputs * rank + 2 * rows * inputs * outputs,
    )
    assert merged == 2 * rows * inputs * outputs
    # The product with the scale and the sum with the layer are one operation an entry each.
    assert beside == merged + low_rank + 2 * rows * outputs
    assert merging == 2 * inputs * outputs * rank + inputs * outputs + outputs * rank
    assert table.facts[0].value == rank * (inputs + outputs)


def test_dtypes_are_kept():
    made = lowrank.lora_init(0, 8, 6, 2, dtype="bfloat16")
    weight = WEIGHT.astype(jnp.bfloat16)
    assert lowrank.lora_apply(X.astype(jnp.bfloat16), weight, made).dtype == jnp.bfloat16
    assert lowrank.lora_merge(weight, trained()).dtype == jnp.bfloat16
