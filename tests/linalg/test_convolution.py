from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from einlab import linalg, report
from tests.linalg.operands import numbers


def whole(seed: int, *shape: int) -> jax.Array:
    """Small whole numbers, whose convolutions are exact in any order."""
    return jnp.asarray(np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32))


@st.composite
def calls(draw):
    space = draw(st.integers(1, 3))
    axes = st.tuples(*[st.integers(1, 3)] * space)
    groups = draw(st.sampled_from([1, 2]))
    size = [draw(st.integers(5, 7)) for _ in range(space)]
    pairs = st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=space, max_size=space
    )
    return {
        "x": (2, 2 * groups, *size),
        "filters": (3 * groups, 2, *draw(axes)),
        "stride": draw(axes),
        "padding": draw(st.sampled_from(["valid", "same"]) | pairs),
        "dilation": draw(st.tuples(*[st.integers(1, 2)] * space)),
        "groups": groups,
    }


@settings(max_examples=5)
@given(call=calls())
def test_the_product_over_patches_is_the_librarys_convolution(call):
    assert_librarys(call)


@pytest.mark.long
@settings(max_examples=100)
@given(call=calls())
def test_the_product_over_patches_is_the_librarys_convolution_in_many_shapes(call):
    assert_librarys(call)


def assert_librarys(call):
    x, filters = whole(1, *call["x"]), whole(2, *call["filters"])
    padding = call["padding"].upper() if isinstance(call["padding"], str) else call["padding"]
    expected = lax.conv_general_dilated(
        x,
        filters,
        call["stride"],
        padding,
        rhs_dilation=call["dilation"],
        feature_group_count=call["groups"],
    )
    got = linalg.convolve(
        x, filters, call["stride"], call["padding"], call["dilation"], call["groups"]
    )
    assert np.array_equal(got, expected)


def test_it_agrees_to_rounding_on_any_numbers():
    draw = np.random.default_rng(0)
    x = jnp.asarray(draw.normal(size=(2, 3, 9, 9)).astype(np.float32))
    filters = jnp.asarray(draw.normal(size=(4, 3, 3, 3)).astype(np.float32))
    expected = lax.conv_general_dilated(x, filters, (1, 1), "SAME")
    magnitude = lax.conv_general_dilated(jnp.abs(x), jnp.abs(filters), (1, 1), "SAME")
    got = linalg.convolve(x, filters, padding="same")
    assert (np.abs(got - expected) <= 32 * 2.0**-24 * magnitude).all()


def test_gradients_are_those_of_the_library():
    x, filters = whole(3, 1, 2, 5, 5), whole(4, 3, 2, 3, 3)

    def ours(x, filters):
        return (linalg.convolve(x, filters, 2, "same") ** 2).sum()

    def library(x, filters):
        return (lax.conv_general_dilated(x, filters, (2, 2), "SAME") ** 2).sum()

    for got, expected in zip(
        jax.grad(ours, (0, 1))(x, filters), jax.grad(library, (0, 1))(x, filters), strict=True
    ):
        assert np.array_equal(got, expected)


def test_patches_times_flat_filters_are_the_convolution():
    x, filters = whole(5, 2, 3, 6, 7), whole(6, 4, 3, 2, 3)
    matrix = linalg.patch_matrix(x, (2, 3), stride=2)
    expected = linalg.convolve(x, filters, 2)
    got = (matrix @ filters.reshape(4, -1).T).reshape(2, *expected.shape[2:], 4)
    assert np.array_equal(jnp.moveaxis(got, -1, 1), expected)


@pytest.mark.parametrize(
    ("padding", "window", "shape", "expected"),
    [
        ("same", 3, (8, 1, 512, 512), (2_097_152, 9)),
        ("valid", 3, (8, 1, 512, 512), (2_080_800, 9)),
        ("same", 3, (1, 1, 32, 64, 64), (131_072, 27)),
    ],
)
def test_a_batch_of_images_has_a_tall_patch_matrix(padding, window, shape, expected):
    image = jax.ShapeDtypeStruct(shape, jnp.float32)
    found = jax.eval_shape(lambda x: linalg.patch_matrix(x, window, 1, padding), image)
    assert found.shape == expected


def test_the_product_has_the_flops_of_its_patch_matrix():
    x, filters = np.ones((2, 3, 8, 8), np.float32), np.ones((5, 3, 3, 3), np.float32)
    products = [r.cost.flops for r in report(linalg.convolve, x, filters).rows if r.is_product]
    assert products == [2 * (2 * 6 * 6) * (3 * 9) * 5]


def test_the_comparison_tells_how_much_larger_the_patches_are():
    x, filters = np.ones((1, 1, 16, 16), np.float32), np.ones((2, 1, 3, 3), np.float32)
    shown = linalg.compare_convolution(x, filters, padding="same")
    facts = {fact.name: fact.value for fact in shown.table.facts}
    assert facts == {"patch matrix": "256 × 9", "entries over those of x": 9.0}
    assert numbers(shown, "difference") == [0, 0]
    ours, library = numbers(shown, "peak memory")
    assert ours > library
