from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab import embedding, report
from einlab.embedding import embed
from einlab.errors import ArgumentError
from tests.embedding.cases import IDS
from tests.wording import complaint

pytestmark = pytest.mark.usefixtures("device")

ROWS, WIDTH = 7, 3
METHODS = ("gather", "one_hot")
DTYPES = ("float32", "bfloat16", "float16", "complex64", "int8", "int32", "uint8", "bool")
FILLS: dict[str, Any] = {"int8": -128, "int32": -(2**31), "uint8": 255, "bool": True}


def table(dtype: str = "float32", rows: int = ROWS) -> jax.Array:
    values = np.random.default_rng(3).integers(-9, 10, (rows, WIDTH))
    return jnp.asarray(np.abs(values) if dtype == "uint8" else values).astype(dtype)


def expected(ids: Any, rows: jax.Array, mode: str, wrap: bool) -> np.ndarray:
    """Row by row in plain Python, from what the documentation says."""
    made = np.empty((*np.shape(ids), rows.shape[1]), rows.dtype)
    for place in np.ndindex(np.shape(ids)):
        row = int(np.asarray(ids)[place])
        if wrap and row < 0:
            row += len(rows)
        if 0 <= row < len(rows):
            made[place] = rows[row]
        elif mode == "clip":
            made[place] = rows[0 if row < 0 else len(rows) - 1]
        else:
            made[place] = FILLS.get(str(rows.dtype), np.nan)
    return made


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("mode", ["clip", "fill"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_both_methods_give_the_rows_and_what_the_mode_says_of_others(dtype, mode, wrap):
    ids = np.array([[0, 6, 7], [-1, -7, -8], [3, 1000, -1000]])
    for method in METHODS:
        found = embed(ids, table(dtype), method=method, mode=mode, wrap=wrap)
        assert found.dtype == jnp.dtype(dtype)
        wanted = expected(ids, table(dtype), mode, wrap)
        if dtype == "bfloat16":  # whose NaN NumPy does not know
            found, wanted = found.astype("float32"), wanted.astype("float32")
        np.testing.assert_array_equal(found, wanted)


@settings(max_examples=60)
@given(
    st.lists(st.integers(-(2**40), 2**40) | st.integers(-9, 9), min_size=1, max_size=6).map(
        lambda ids: (ids * 6)[:6]
    ),
    st.sampled_from(["clip", "fill"]),
    st.booleans(),
)
def test_an_id_is_never_taken_for_another_one(ids, mode, wrap):
    found = [embed(ids, table(), method=method, mode=mode, wrap=wrap) for method in METHODS]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], expected(ids, table(), mode, wrap))


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "uint8", "uint16", "uint32"])
def test_ids_of_every_width_reach_the_last_row_and_stay_outside_beyond_it(dtype):
    largest = np.iinfo(dtype).max
    long = jnp.arange(300 * 2.0).reshape(300, 2)
    for method in METHODS:
        found = embed(np.array([largest], dtype), long, method=method, mode="fill")
        wanted = long[largest] if largest < 300 else np.full(2, np.nan)
        np.testing.assert_array_equal(found[0], wanted)
        inside = embed(jnp.asarray([largest], dtype), long, method=method, mode="fill")
        np.testing.assert_array_equal(inside[0], wanted)


def test_outside_of_jit_an_id_that_is_no_row_is_refused_and_inside_it_is_marked():
    for method in METHODS:
        look_up = partial(embed, table=table(), method=method)
        with pytest.raises(ArgumentError, match="7 rows"):
            look_up(jnp.array([1, 7]))
        found = jax.jit(look_up)(jnp.array([1, 7, -1]))
        np.testing.assert_array_equal(found[0], table()[1])
        assert bool(jnp.isnan(found[1:]).all())


def test_ids_without_values_cannot_be_asked_for_an_error():
    inside = jax.jit(lambda ids: embed(ids, table(), mode="error"))
    says = ("no values yet", "mode='fill'")
    complaint(lambda: inside(jnp.array([1])), ArgumentError, says, transformed=True)


@pytest.mark.parametrize(("mode", "wrap"), [("clip", False), ("fill", True), ("error", True)])
def test_gradients_are_the_segment_sum_by_both_methods(mode, wrap):
    ids = np.array([[0, 6, 3], [3, 3, -1]] if mode == "error" else [[0, 9, 3], [3, 3, -1]])
    weights = jnp.asarray(np.random.default_rng(0).standard_normal((2, 3, WIDTH)), jnp.float32)
    rows = np.where((ids < 0) & wrap, ids + ROWS, ids)
    rows = np.clip(rows, 0, ROWS - 1) if mode == "clip" else rows
    real = ((rows >= 0) & (rows < ROWS)).ravel()
    segments = jnp.asarray(np.where(real, rows.ravel(), 0))
    kept = jnp.where(real[:, None], weights.reshape(-1, WIDTH), 0)
    wanted = jax.ops.segment_sum(kept, segments, ROWS)
    for method in METHODS:

        def loss(rows: jax.Array, method: str = method) -> jax.Array:
            found = embed(ids, rows, method=method, mode=mode, wrap=wrap)
            return jnp.sum(jnp.where(jnp.isnan(found), 0, found) * weights)

        np.testing.assert_allclose(jax.grad(loss)(table()), wanted, rtol=1e-5, atol=1e-5)


def test_second_derivatives_and_stacks_of_tables_agree():
    tables = jnp.stack([table(), 2 * table()])

    def curve(method: str) -> Any:
        def loss(rows: jax.Array) -> jax.Array:
            return jnp.sum(embed(IDS % ROWS, rows, method=method) ** 3)

        return jax.vmap(jax.jacfwd(jax.grad(loss)))(tables)

    np.testing.assert_allclose(curve("gather"), curve("one_hot"), rtol=1e-6)


def test_ids_over_a_mapped_axis_give_stacks_of_rows():
    ids = jnp.array([[0, 2], [6, 9]])
    for method in METHODS:
        found = jax.vmap(lambda row, method=method: embed(row, table(), method=method))(ids)
        np.testing.assert_array_equal(found, expected(ids, table(), "fill", False))


def test_no_ids_give_no_rows():
    for method in METHODS:
        assert embed([], table(), method=method).shape == (0, WIDTH)
        assert embed(np.zeros((2, 0), int), table(), method=method).shape == (2, 0, WIDTH)


def test_the_product_spreads_what_is_not_finite_and_the_look_up_does_not():
    spoilt = table().at[2, 0].set(jnp.nan)
    assert not bool(jnp.isnan(embed([1], spoilt, method="gather")).any())
    assert jnp.isnan(embed([1], spoilt, method="one_hot"))[0].tolist() == [True, False, False]


def test_tied_logits_score_a_row_of_the_table_highest_for_itself():
    directions = table() / jnp.linalg.norm(table(), axis=1, keepdims=True)
    logits = embedding.tied_logits(embed(IDS % ROWS, directions), directions)
    assert logits.shape == (2, 3, ROWS)
    np.testing.assert_allclose(logits, directions[IDS % ROWS] @ directions.T, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(jnp.argmax(logits, -1), IDS % ROWS)


def test_tied_weights_have_the_gradients_of_both_uses():
    def loss(first: jax.Array, last: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(embedding.tied_logits(embed([1, 4], first), last)))

    once, twice = jax.grad(loss, argnums=(0, 1))(table(), table())
    tied = jax.grad(lambda rows: loss(rows, rows))(table())
    np.testing.assert_allclose(tied, once + twice, rtol=1e-6, atol=1e-6)


def test_a_one_hot_product_is_2_v_c_flops_an_id_and_a_look_up_none():
    ids, rows = jnp.array([5]), jnp.ones((600, 64))
    products = report(partial(embed, method="one_hot", mode="clip"), ids, rows)
    assert sum(row.cost.flops for row in products.rows if row.is_product) == 2 * 600 * 64
    looked_up = report(partial(embed, method="gather", mode="fill"), ids, rows)
    assert looked_up.flops == 0
    (read,) = (row for row in looked_up.rows if row.name == "gather")
    assert read.cost.bytes == 2 * 64 * 4 + 4
