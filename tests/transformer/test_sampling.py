from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.transformer.sampling import GREEDY, Sampling, adjust_logits, next_token

VOCABULARY = 9
LOGITS = st.lists(
    st.integers(-60, 60).map(lambda n: n / 8), min_size=VOCABULARY, max_size=VOCABULARY, unique=True
)
"""Logits that are exact in float32, no two of them equal."""
SETTINGS = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    top_k=st.sampled_from([None, 1, 3, VOCABULARY, 99]),
    top_p=st.sampled_from([None, 0.05, 0.6, 0.95, 1.0]),
    min_p=st.sampled_from([None, 0.0, 0.02, 0.4, 1.0]),
    repetition_penalty=st.sampled_from([0.5, 1.0, 1.5]),
)


def plain(logits: list[float], sampling: Sampling, seen: list[bool]) -> tuple[Any, float]:
    """The adjusted logits in float64, and how near any choice was to the other."""
    wide: Any = np.array(logits, float)
    for token, there in enumerate(seen):
        if there:
            times = sampling.repetition_penalty
            wide[token] = wide[token] * times if wide[token] < 0 else wide[token] / times
    wide = wide / (sampling.temperature or 1.0)
    near = np.inf
    if sampling.top_k is not None:
        order = sorted(range(len(wide)), key=lambda token: -wide[token])
        wide[order[sampling.top_k :]] = -np.inf
    if sampling.top_p is not None and sampling.top_p < 1:
        shares = np.exp(wide - wide.max())
        shares /= shares.sum()
        total = 0.0
        for token in sorted(range(len(wide)), key=lambda token: -shares[token]):
            near = min(near, abs(total - sampling.top_p))
            if total >= sampling.top_p:
                wide[token] = -np.inf
            total += shares[token]
    if sampling.min_p:
        least = wide.max() + np.log(sampling.min_p)
        others = np.abs(wide - least)[np.isfinite(wide) & (wide < wide.max())]
        near = min(near, *others.tolist(), 9.0)
        wide[wide < least - 1e-12] = -np.inf
    return wide, near


@settings(max_examples=60)
@given(logits=LOGITS, sampling=SETTINGS, seen=st.lists(st.booleans(), min_size=9, max_size=9))
def test_logits_are_adjusted_as_a_plain_float64_reading_says(
    logits: list[float], sampling: Sampling, seen: list[bool]
) -> None:
    expected, near = plain(logits, sampling, seen)
    ordered = np.sort(expected[np.isfinite(expected)])
    if near < 1e-5 or (np.diff(ordered) < 1e-5).any():
        return  # a choice that rounding, or a tie that a penalty made, decides
    found = np.asarray(adjust_logits(jnp.array([logits]), sampling, jnp.array([seen])))[0]
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_all_tokens_that_are_as_likely_as_the_last_one_are_kept() -> None:
    logits = jnp.array([[2.0, 1.0, 1.0, 0.0]])
    for sampling in (Sampling(top_k=2), Sampling(top_p=0.6)):
        assert np.isfinite(adjust_logits(logits, sampling))[0].tolist() == [True, True, True, False]


def test_no_setting_leaves_out_the_likeliest_token() -> None:
    logits = jnp.array([[0.0, 3.0, -1.0]])
    for sampling in (Sampling(top_p=1e-6), Sampling(top_k=1), Sampling(min_p=1.0)):
        assert np.isfinite(adjust_logits(logits, sampling))[0].tolist() == [False, True, False]


def test_tokens_are_drawn_as_often_as_their_shares_say() -> None:
    logits = jnp.tile(jnp.array([1.0, 0.0, 2.0, -1.0]), (20_000, 1))
    sampling = Sampling(temperature=0.8, top_k=3)
    drawn = np.bincount(next_token(logits, sampling, jax.random.key(3)), minlength=4)
    shares = np.exp(np.array([1.0, 0.0, 2.0, -np.inf]) / 0.8)
    expected = shares / shares.sum()
    # Four deviations of a binomial count.
    bound = 4 * np.sqrt(expected * (1 - expected) / 20_000)
    assert (np.abs(drawn / 20_000 - expected) <= bound).all()
    assert drawn[3] == 0


def test_a_temperature_of_zero_takes_the_likeliest_token_whatever_the_rest() -> None:
    logits = jax.random.normal(jax.random.key(0), (5, VOCABULARY))
    best = np.argmax(logits, axis=1)
    np.testing.assert_array_equal(next_token(logits), best)
    np.testing.assert_array_equal(next_token(logits, Sampling(temperature=0, top_p=0.5)), best)
    assert GREEDY.greedy


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_logits_of_half_precision_are_adjusted_in_float32(dtype: Any) -> None:
    logits = jnp.array([[1.0, 3.0]], dtype)
    assert adjust_logits(logits, Sampling(temperature=0.3)).dtype == jnp.float32
