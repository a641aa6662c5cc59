from __future__ import annotations

import math
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab import layers, report
from tests.layers.cases import key

pytestmark = pytest.mark.usefixtures("device")

SIZES = (8, 16, 8, 4)
CONVENTIONS = tuple(layers.CONVENTIONS)


def inputs(*shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(7), shape)


def by_hand(params: Any, x: Any, convention: str) -> np.ndarray:
    """The network in float64 with NumPy, a column at a time."""
    rows = np.asarray(x, np.float64).reshape(-1, np.shape(x)[-1])
    results = []
    for column in rows:
        for place, layer in enumerate(params):
            weight = np.asarray(layer["weight"], np.float64)
            matrix = weight if convention == "Wx" else weight.T
            column = matrix @ column + np.asarray(layer.get("bias", 0.0), np.float64)
            if place < len(params) - 1:
                column = np.maximum(column, 0.0)
        results.append(column)
    return np.array(results).reshape(*np.shape(x)[:-1], -1)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("bias", [True, False])
def test_a_network_is_its_layers_one_after_the_other(convention, bias):
    params = layers.init_mlp(key(), SIZES, bias=bias, convention=convention)
    if bias:
        params = tuple({**layer, "bias": layer["bias"] + 0.5} for layer in params)
    for shape in ((8,), (32, 8), (2, 3, 8)):
        made = layers.mlp(params, inputs(*shape), convention=convention)
        assert made.shape == (*shape[:-1], 4)
        wanted = by_hand(params, inputs(*shape), convention)
        np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)


def test_both_conventions_are_one_layer_for_one_key():
    x = inputs(5, 8)
    rows, columns = (layers.init_mlp(key(), SIZES, convention=each) for each in CONVENTIONS)
    for one, other in zip(rows, columns, strict=True):
        np.testing.assert_array_equal(one["weight"], other["weight"].T)
    made = layers.mlp(rows, x)
    np.testing.assert_allclose(made, layers.mlp(columns, x, convention="Wx"), rtol=1e-5, atol=1e-6)


def test_a_square_layer_tells_the_conventions_apart_by_its_name_alone():
    params = {"weight": [[0.0, 1.0], [0.0, 0.0]]}
    assert layers.linear(params, [1.0, 2.0], convention="xW").tolist() == [0.0, 1.0]
    assert layers.linear(params, [1.0, 2.0], convention="Wx").tolist() == [2.0, 0.0]


def test_kept_values_are_those_of_every_layer():
    params = layers.init_mlp(key(), SIZES)
    x = inputs(32, 8)
    kept = jax.jit(layers.mlp_values)(params, x)
    np.testing.assert_array_equal(kept.inputs, x)
    assert [each.shape for each in kept.outputs] == [(32, 16), (32, 8), (32, 4)]
    for sums, outputs in zip(kept.sums[:-1], kept.outputs[:-1], strict=True):
        np.testing.assert_array_equal(outputs, np.maximum(sums, 0.0))
        assert sums.min() < 0 <= outputs.min()  # ReLU leaves nothing negative
    assert kept.outputs[-1].min() < 0 < kept.outputs[-1].max()  # nothing follows the last layer
    np.testing.assert_array_equal(kept.outputs[-1], kept.sums[-1])
    np.testing.assert_allclose(kept.sums[-1], layers.mlp(params, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", layers.ACTIVATIONS)
def test_activations_are_the_functions_of_their_names(name):
    x = np.linspace(-3, 3, 13)
    exact = {
        "relu": np.maximum(x, 0),
        "gelu": [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x],
        "gelu_tanh": 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        "silu": x / (1 + np.exp(-x)),
        "sigmoid": 1 / (1 + np.exp(-x)),
        "tanh": np.tanh(x),
        "identity": x,
    }
    params = [{"weight": jnp.eye(13)}, {"weight": jnp.eye(13)}]
    made = layers.mlp(params, x.astype("float32"), activation=name)
    np.testing.assert_allclose(made, exact[name], rtol=1e-5, atol=1e-6)
    same = layers.mlp(params, x.astype("float32"), activation=layers.ACTIVATIONS[name])
    np.testing.assert_array_equal(made, same)


@pytest.mark.parametrize("initialiser", layers.INITIALISERS)
def test_weights_are_spread_as_their_papers_say(initialiser):
    k, n = 300, 500
    weight = layers.init_linear(key(), k, n, initialiser=initialiser)["weight"]
    variance = {"glorot": 2 / (k + n), "he": 2 / k}[initialiser.split("_")[0]]
    assert float(jnp.mean(weight)) == pytest.approx(0, abs=4 * math.sqrt(variance / weight.size))
    assert float(jnp.var(weight)) == pytest.approx(variance, rel=0.02)
    most = float(jnp.abs(weight).max()) / math.sqrt(variance)
    if initialiser.endswith("uniform"):  # variance = limit² / 3
        assert 1.72 < most <= math.sqrt(3) * (1 + 1e-6)
    else:
        assert most > 4  # a normal distribution that is not cut off


def test_he_keeps_the_size_of_signals_through_relu_where_glorot_loses_half_a_layer():
    x = inputs(64, 256)
    sizes = (256,) * 9
    he, glorot = (
        layers.mlp_values(layers.init_mlp(key(), sizes, initialiser=name), x).sums[-1]
        for name in ("he_normal", "glorot_normal")
    )
    assert 0.5 < float(jnp.var(he)) < 8
    assert float(jnp.var(glorot) / jnp.var(he)) == pytest.approx(2.0**-8, rel=1e-3)


def test_draws_follow_the_key_alone_and_layers_differ():
    first, second = (layers.init_mlp(key(), (6, 6, 6)) for _ in range(2))
    assert all(map(np.array_equal, jax.tree.leaves(first), jax.tree.leaves(second)))
    assert not np.array_equal(first[0]["weight"], first[1]["weight"])
    old = layers.init_linear(jax.random.PRNGKey(0), 6, 6)
    assert old["weight"].shape == (6, 6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_of_16_bits_are_those_of_32_rounded(dtype):
    wide = layers.init_linear(key(), 5, 4)
    narrow = layers.init_linear(key(), 5, 4, dtype=dtype)
    assert {each.dtype for each in narrow.values()} == {jnp.dtype(dtype)}
    np.testing.assert_array_equal(
        narrow["weight"].astype("float32"), wide["weight"].astype(dtype).astype("float32")
    )


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_gradients_are_products_with_the_errors(convention):
    """The gradient of the weight is xᵀδ under "xW" and δᵀx under "Wx"; that of b is the sum."""
    params = layers.init_linear(key(), 4, 3, convention=convention)
    x, errors = inputs(10, 4), inputs(10, 3)
    _, pull = jax.vjp(partial(layers.linear, convention=convention), params, x)
    found, back = pull(errors)
    product = x.T @ errors
    wanted = product if convention == "xW" else product.T
    np.testing.assert_allclose(found["weight"], wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["bias"], errors.sum(0), rtol=1e-5, atol=1e-5)
    matrix = params["weight"].T if convention == "xW" else params["weight"]
    np.testing.assert_allclose(back, errors @ matrix, rtol=1e-5, atol=1e-5)


def test_a_step_down_the_gradient_lowers_the_loss_and_keeps_the_tree():
    params = layers.init_mlp(key(), (8, 16, 1))
    x = inputs(32, 8)

    def loss(params: Any) -> jax.Array:
        return jnp.mean((layers.mlp(params, x)[:, 0] - jnp.sin(x[:, 0])) ** 2)

    before, slopes = jax.jit(jax.value_and_grad(loss))(params)
    after = jax.tree.map(lambda value, slope: value - 0.01 * slope, params, slopes)
    assert loss(after) < before


def test_8_16_8_4_has_316_parameters_in_1264_and_632_bytes():
    table = layers.parameter_table(layers.init_mlp(key(), SIZES), depth=1).table
    assert table.column("parameters") == (144, 136, 36)
    assert table.totals == ("total", None, 316, None, 1264, 1264, 632)
    assert [(fact.name, fact.value) for fact in table.facts] == [("held in float32", 1264)]


def test_a_parameter_table_names_every_array_and_every_dtype():
    params = {"a": jnp.zeros((2, 3), "bfloat16"), "b": [jnp.zeros(5, "int8"), 1.5]}
    table = layers.parameter_table(params, dtypes=["float64"]).table
    assert table.column("name") == ("a", "b.0", "b.1")
    assert table.column("shape") == ("2×3", "5", "1")
    assert table.column("held") == (12, 5, 4)
    assert table.column("in float64") == (48, 40, 8)
    held = {fact.name: fact.value for fact in table.facts}
    assert held == {"held in bfloat16": 12, "held in int8": 5, "held in float32": 4}
    shapes = jax.eval_shape(lambda: layers.init_mlp(key(), (512, 1024, 1024, 256)))
    assert layers.parameter_table(shapes).table.totals[2] == 1_837_312


def test_a_batch_of_1000_costs_what_the_products_say_and_backward_twice_that():
    sizes, batch = (512, 1024, 1024, 256), 1000
    params = jax.eval_shape(lambda: layers.init_mlp(key(), sizes))
    products = 2 * batch * sum(k * n for k, n in pairwise(sizes))
    found = report(layers.mlp, params, jax.ShapeDtypeStruct((batch, 512), jnp.float32))
    assert sum(row.cost.flops for row in found.rows if row.is_product) == products == 3_670_016_000


def test_costs_forward_and_backward_are_those_of_the_closed_form():
    batch, sizes = 32, SIZES
    params = layers.init_mlp(key(), sizes)
    table = layers.cost_table(params, inputs(batch, 8)).table
    macs = batch * sum(k * n for k, n in pairwise(sizes))
    assert table.column("MACs") == (macs, 2 * macs, 3 * macs)
    forward, backward, both = map(int, map(str, table.column("FLOPs")))
    assert both == forward + backward
    hidden, results = batch * sum(sizes[1:-1]), batch * sum(sizes[1:])
    assert 2 * macs + results <= forward <= 2 * macs + results + hidden
    assert 4 * macs < backward < 4 * macs + 4 * results


def test_a_report_of_a_network_names_its_layers():
    found = report(layers.mlp, layers.init_mlp(key(), SIZES), inputs(32, 8))
    scopes = [row.scope for row in found.rows if row.is_product]
    assert [scope[-1] for scope in scopes] == ["layer_0", "layer_1", "layer_2"], scopes
