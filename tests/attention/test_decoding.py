from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.attention import Cache, decode, init_cache, prefill, rollback
from tests.attention.reference import Setting, attention

B, H, G, D, E, LENGTH = 2, 4, 2, 4, 3, 15
WINDOW = 4
RANDOM = np.random.default_rng(5)
Q = RANDOM.normal(size=(B, LENGTH, H, D)).astype(np.float32)
K = RANDOM.normal(size=(B, LENGTH, G, D)).astype(np.float32)
V = RANDOM.normal(size=(B, LENGTH, G, E)).astype(np.float32)
SLOPES = np.array([0.5, 0.25, 0.125, 0.0], np.float32)
OPTIONS: dict[str, Any] = {"slopes": SLOPES, "sinks": SLOPES, "soft_cap": 2.0, "scale": 0.7}

prefilled = jax.jit(partial(prefill, **OPTIONS))
decoded = jax.jit(partial(decode, **OPTIONS))
rolled = jax.jit(rollback)


def full(window: int | None) -> np.ndarray:
    """Causal attention of the whole sequences, in float64."""
    sides = None if window is None else (window - 1, 0)
    return np.asarray(attention(Setting(causal=True, window=sides, **OPTIONS), Q, K, V))


EXACT = {window: full(window) for window in (None, WINDOW)}


def empty(window: int | None, capacity: int) -> Cache:
    return init_cache(B, capacity if window else LENGTH, G, D, E, window=window)


def at(array: np.ndarray, starts: np.ndarray, count: int) -> np.ndarray:
    """`count` tokens of each sequence, from its own start."""
    return np.stack([row[start : start + count] for row, start in zip(array, starts, strict=True)])


@settings(max_examples=30)
@given(
    window=st.sampled_from([None, WINDOW]),
    capacity=st.sampled_from([WINDOW, WINDOW + 2]),
    prompt=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    steps=st.lists(st.tuples(st.sampled_from([1, 3]), st.integers(0, 2)), max_size=6),
)
def test_decoding_in_any_steps_equals_attention_to_the_whole_sequence(
    window: int | None, capacity: int, prompt: tuple[int, int], steps: list[tuple[int, int]]
) -> None:
    lengths = np.array(prompt)
    cache = empty(window, capacity)
    got, cache = prefilled(Q[:, :5], K[:, :5], V[:, :5], cache, lengths=jnp.asarray(lengths))
    for row in range(B):
        np.testing.assert_allclose(
            got[row, : lengths[row]], EXACT[window][row, : lengths[row]], rtol=1e-4, atol=1e-5
        )
    for count, back in steps:
        if lengths.max() + count > LENGTH:
            break
        got, cache = decoded(
            at(Q, lengths, count), at(K, lengths, count), at(V, lengths, count), cache
        )
        np.testing.assert_allclose(got, at(EXACT[window], lengths, count), rtol=1e-4, atol=1e-5)
        back = min(back, count - 1, cache.capacity - WINDOW + 1 if window else count)
        lengths = lengths + count - back
        cache = rolled(cache, jnp.asarray(lengths))
        assert cache.lengths.tolist() == lengths.tolist()


@pytest.mark.parametrize("window", [None, WINDOW])
def test_a_donated_cache_decodes_in_a_scan(window: int | None) -> None:
    def run(cache: Cache, q: Any, k: Any, v: Any) -> tuple[Cache, Any]:
        def step(cache: Cache, token: Any) -> tuple[Cache, Any]:
            q, k, v = (part[:, None] for part in token)
            y, cache = decode(q, k, v, cache, **OPTIONS)
            return cache, y[:, 0]

        cache, ys = jax.lax.scan(step, cache, [x.swapaxes(0, 1) for x in (q, k, v)])
        return cache, ys.swapaxes(0, 1)

    cache = empty(window, WINDOW)
    compiled = jax.jit(run, donate_argnums=0).lower(cache, Q, K, V).compile()
    memory: Any = compiled.memory_analysis()
    assert memory.alias_size_in_bytes >= cache.keys.nbytes + cache.values.nbytes
    cache, got = compiled(cache, Q, K, V)
    assert cache.lengths.tolist() == [LENGTH] * B
    np.testing.assert_allclose(got, EXACT[window], rtol=1e-4, atol=1e-5)


def test_inside_jit_a_token_without_a_place_gives_nan_and_no_other_does() -> None:
    cache = init_cache(B, 6, G, D, E)
    _, cache = prefilled(Q[:, :5], K[:, :5], V[:, :5], cache, lengths=jnp.array([5, 2]))
    got, cache = decoded(at(Q, np.array([5, 2]), 3), K[:, 5:8], V[:, 5:8], cache)
    assert np.isnan(got).any(axis=(2, 3)).tolist() == [[False, True, True], [False] * 3]
    assert cache.lengths.tolist() == [8, 5]


def test_a_cache_of_halves_is_not_widened_and_results_keep_the_dtype_of_queries() -> None:
    cache = init_cache(B, LENGTH, G, D, E, dtype=jnp.bfloat16)
    _, cache = prefilled(Q[:, :5], K[:, :5], V[:, :5], cache)
    got, cache = decoded(Q[:, 5:6], K[:, 5:6], V[:, 5:6], cache)
    assert got.dtype == jnp.float32
    assert cache.keys.dtype == cache.values.dtype == jnp.bfloat16
    np.testing.assert_allclose(got, EXACT[None][:, 5:6], atol=0.05)


def test_gradients_pass_through_a_cache() -> None:
    def late(k: Any) -> Any:
        _, cache = prefill(Q[:, :5], k[:, :5], V[:, :5], empty(None, 0), **OPTIONS)
        return decode(Q[:, 5:8], k[:, 5:8], V[:, 5:8], cache, **OPTIONS)[0].sum()

    def whole(k: Any) -> Any:
        y, _ = prefill(Q[:, :8], k[:, :8], V[:, :8], empty(None, 0), **OPTIONS)
        return y[:, 5:8].sum()

    found, expected = (jax.jit(jax.grad(each))(K) for each in (late, whole))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
