from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.attention import Rotary, Scaling, frequencies, rotate
from einlab.errors import ArgumentError
from tests.wording import complaint

B, T, H, D = 2, 5, 3, 8
X = np.random.default_rng(0).normal(size=(B, T, H, D)).astype(np.float32)

SCALINGS: list[Scaling | None] = [
    None,
    Scaling(kind="linear", factor=4.0),
    Scaling(kind="ntk", factor=4.0),
    Scaling(kind="llama3", factor=8.0, trained=64, low=1.0, high=4.0),
    Scaling(kind="yarn", factor=8.0, trained=64, low=1.0, high=32.0, attention=1.2),
]
rotaries = st.builds(
    Rotary,
    size=st.sampled_from([4, 6, 8]),
    theta=st.sampled_from([100.0, 10_000.0, 500_000.0]),
    interleaved=st.booleans(),
    scaling=st.sampled_from(SCALINGS),
)


def turned(x: np.ndarray, positions: np.ndarray, rotary: Rotary) -> np.ndarray:
    """Each pair as a complex number times e^(i·angle), in float64; positions (b, t)."""
    wide = x.astype(np.float64)
    pairs = [
        (2 * i, 2 * i + 1) if rotary.interleaved else (i, i + rotary.size // 2)
        for i in range(rotary.size // 2)
    ]
    warmth = rotary.scaling.attention if rotary.scaling else 1.0
    for (first, second), angle in zip(pairs, frequencies(rotary), strict=True):
        number = wide[..., first] + 1j * wide[..., second]
        number = number * np.exp(1j * positions[:, :, None] * angle) * warmth
        wide[..., first], wide[..., second] = number.real, number.imag
    return wide


@settings(max_examples=25)
@given(rotary=rotaries, first=st.integers(-50, 1000))
def test_rotary_is_a_product_with_complex_numbers(rotary: Rotary, first: int) -> None:
    positions = np.stack([np.arange(T) + first, np.arange(T) * 7])
    got = rotate(X, rotary, positions=positions)
    np.testing.assert_allclose(got, turned(X, positions, rotary), atol=1e-3)


@pytest.mark.parametrize("interleaved", [False, True])
def test_products_depend_on_relative_positions_alone(interleaved: bool) -> None:
    rotary = Rotary(size=6, theta=100.0, interleaved=interleaved)

    def products(query: int, key: int) -> Any:
        left = rotate(X[:, :1], rotary, offset=query)
        return jnp.sum(left * rotate(X[:, 1:2], rotary, offset=key), axis=-1)

    np.testing.assert_allclose(products(3, 1), products(40, 38), atol=1e-4)
    assert np.abs(products(3, 1) - products(3, 2)).max() > 1e-2


@pytest.mark.parametrize("interleaved", [False, True])
def test_norms_are_kept_and_unturned_entries_stay(interleaved: bool) -> None:
    got = rotate(X, Rotary(size=6, interleaved=interleaved), offset=9)
    np.testing.assert_allclose(jnp.linalg.norm(got, axis=-1), np.linalg.norm(X, axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(got[..., 6:], X[..., 6:])


def test_an_offset_is_a_slice_and_each_sequence_has_its_own() -> None:
    rotary = Rotary(size=8)
    whole = rotate(X, rotary)
    np.testing.assert_allclose(rotate(X[:, 2:], rotary, offset=2), whole[:, 2:], rtol=1e-6)
    each = jax.jit(lambda x, offset: rotate(x, rotary, offset=offset))(X, jnp.array([0, 7]))
    np.testing.assert_allclose(each[0], whole[0], rtol=1e-5)
    np.testing.assert_allclose(each[1:], rotate(X[1:], rotary, offset=7), rtol=1e-5, atol=1e-6)


def test_the_two_pairings_differ_by_a_permutation_of_entries() -> None:
    order = np.array([0, 2, 4, 1, 3, 5, 6, 7])  # even entries, odd entries, the rest
    split = rotate(X[..., order], Rotary(size=6))
    np.testing.assert_allclose(
        rotate(X, Rotary(size=6, interleaved=True))[..., order], split, rtol=1e-6
    )


def test_the_gradient_turns_back() -> None:
    rotary, weights = Rotary(size=8), X[::-1]
    found = jax.grad(lambda x: jnp.sum(weights * rotate(x, rotary, offset=3)))(X)
    back = rotate(weights, rotary, positions=-(np.arange(T) + 3))
    np.testing.assert_allclose(found, back, rtol=1e-4, atol=1e-5)


def test_halves_stay_halves_and_are_computed_in_float32() -> None:
    got = rotate(X.astype(jnp.bfloat16), Rotary(size=8), offset=300)
    assert got.dtype == jnp.bfloat16
    exact = turned(X.astype(jnp.bfloat16), np.arange(300, 300 + T)[None], Rotary(size=8))
    np.testing.assert_allclose(got.astype(np.float32), exact, atol=2**-8 * 4)


def test_ntk_keeps_the_highest_frequency_and_stretches_the_lowest_by_the_factor() -> None:
    plain = frequencies(Rotary(size=64))
    ratio = plain / frequencies(Rotary(size=64, scaling=Scaling(kind="ntk", factor=8.0)))
    assert ratio[0] == 1
    assert ratio[-1] == pytest.approx(8)
    assert (np.diff(ratio) > 0).all()


def test_llama3_frequencies_agree_with_their_definition_by_wavelength() -> None:
    scaling = Scaling(kind="llama3", factor=8.0, trained=8192, low=1.0, high=4.0)
    rotary = Rotary(size=128, theta=500_000.0, scaling=scaling)
    for pair, found in enumerate(frequencies(rotary)):
        plain = 500_000.0 ** (-2 * pair / 128)
        length = 2 * math.pi / plain
        smooth = min(max((8192 / length - 1) / 3, 0), 1)
        assert found == pytest.approx((1 - smooth) * plain / 8 + smooth * plain)


@pytest.mark.parametrize(
    ("rotary", "says"),
    [
        (Rotary(size=3), "rotary.size is 3"),
        (Rotary(size=4, theta=1.0), "rotary.theta is 1"),
        (Rotary(size=2, scaling=Scaling(kind="ntk", factor=2.0)), "needs 4 or more"),
        (Rotary(size=4, scaling=Scaling(kind="linear", factor=0.0)), "scaling.factor is 0"),
        (Rotary(size=4, scaling=Scaling(kind="yarn", factor=2.0, low=4.0)), "low is above 0"),
        (Rotary(size=4, scaling=Scaling(kind="log", factor=2.0)), "one of linear"),  # type: ignore[arg-type]
    ],
)
def test_what_has_no_angles_is_refused(rotary: Rotary, says: str) -> None:
    complaint(lambda: frequencies(rotary), ArgumentError, (says,))
