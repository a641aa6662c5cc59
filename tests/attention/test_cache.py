from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.attention import Cache, append, init_cache, rollback
from einlab.attention.cache import prompt
from einlab.errors import ArgumentError
from tests.wording import complaint

B, G, D, E = 2, 2, 3, 4
PLACES = 8
RANDOM = np.random.default_rng(7)
KEYS = RANDOM.normal(size=(B, 40, G, D)).astype(np.float32)
VALUES = RANDOM.normal(size=(B, 40, G, E)).astype(np.float32)

appended = jax.jit(append)
rolled = jax.jit(rollback)
prompted = jax.jit(prompt)


def empty(window: int | None = None, dtype: str = "float32") -> Cache:
    return init_cache(B, PLACES, G, D, E, dtype=dtype, window=window)


def held(cache: Cache, row: int) -> dict[int, tuple[list[Any], list[Any]]]:
    """What a sequence's places hold, by position."""
    if cache.positions is None:
        places = {p: p for p in range(int(cache.lengths[row]))}
    else:
        places = {int(p): s for s, p in enumerate(cache.positions[row]) if p >= 0}
    return {
        p: (cache.keys[row, s].tolist(), cache.values[row, s].tolist()) for p, s in places.items()
    }


def expected(row: int, tokens: list[int], first: int) -> dict[int, tuple[list[Any], list[Any]]]:
    """The same from a list of the tokens that a sequence has."""
    return {
        position: (KEYS[row, token].tolist(), VALUES[row, token].tolist())
        for position, token in enumerate(tokens)
        if position >= first
    }


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("back"), st.integers(0, 2), st.integers(0, 2)),
    ),
    max_size=7,
)


@settings(max_examples=40)
@given(steps=steps, ring=st.booleans())
def test_a_cache_holds_what_a_list_of_tokens_holds(
    steps: list[tuple[str, int, int]], ring: bool
) -> None:
    cache = empty(window=5) if ring else empty()
    lists: list[list[int]] = [[], []]
    lost = [0, 0]  # positions below are given up
    fresh = 0
    for name, one, two in steps:
        if name == "append":
            if not ring and max(len(lists[0]) + one, len(lists[1]) + two) > PLACES:
                continue
            new = slice(fresh, fresh + 3)
            cache = appended(cache, KEYS[:, new], VALUES[:, new], jnp.array([one, two]))
            for row, count in enumerate((one, two)):
                lists[row] += range(fresh, fresh + count)
                lost[row] = max(lost[row], len(lists[row]) - PLACES)
            fresh += 3
        else:
            goal = [max(len(each) - n, 0) for each, n in zip(lists, (one, two), strict=True)]
            cache = rolled(cache, jnp.array(goal))
            lists = [each[:n] for each, n in zip(lists, goal, strict=True)]
    assert cache.lengths.tolist() == [len(each) for each in lists]
    for row in range(B):
        assert held(cache, row) == expected(row, lists[row], lost[row])


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("length", [3, 8, 21])
def test_a_prompt_is_what_appending_to_an_empty_cache_gives(
    window: int | None, length: int
) -> None:
    lengths = jnp.array([length - 2, min(length, PLACES) if window is None else length])
    lengths = jnp.minimum(lengths, PLACES) if window is None else lengths
    dirty = append(empty(window), KEYS[:, -4:], VALUES[:, -4:])
    got = prompted(dirty, KEYS[:, :length], VALUES[:, :length], lengths)
    one_by_one = appended(empty(window), KEYS[:, :length], VALUES[:, :length], lengths)
    assert got.lengths.tolist() == lengths.tolist()
    for row in range(B):
        assert held(got, row) == held(one_by_one, row)
        first = 0 if window is None else max(int(lengths[row]) - PLACES, 0)
        assert held(got, row) == expected(row, list(range(int(lengths[row]))), first)


def test_bytes_are_those_of_the_arrays() -> None:
    halves = empty(dtype="bfloat16")
    assert halves.nbytes == B * PLACES * G * (D + E) * 2 + B * 4
    assert empty(window=5).nbytes == B * PLACES * (G * (D + E) * 4 + 4) + B * 4
    assert jax.eval_shape(lambda: halves).nbytes == halves.nbytes


def test_overflow_is_an_error_outside_jit_and_drops_tokens_inside() -> None:
    full = append(empty(), KEYS[:, :7], VALUES[:, :7])
    new = KEYS[:, 7:10], VALUES[:, 7:10]
    text = complaint(lambda: append(full, *new), ArgumentError, ("8 places", "10 tokens"))
    assert "sequence 0" in text
    over = appended(full, *new)
    assert over.lengths.tolist() == [10, 10]
    back = rollback(over, 8)
    for row in range(B):
        assert held(back, row) == expected(row, list(range(8)), 0)


def test_a_ring_says_when_it_cannot_go_back() -> None:
    ring = append(empty(window=5), KEYS[:, :20], VALUES[:, :20])
    assert rollback(ring, 16).lengths.tolist() == [16, 16]
    complaint(lambda: rollback(ring, 15), ArgumentError, ("from 20 to 15", "8 places"))
    complaint(lambda: rollback(ring, [20, 21]), ArgumentError, ("21", "sequence 1"))


def test_a_donated_cache_is_written_in_place() -> None:
    cache = empty()
    step = jax.jit(append, donate_argnums=0)
    compiled = step.lower(cache, KEYS[:, :1], VALUES[:, :1]).compile()
    memory: Any = compiled.memory_analysis()
    assert memory.alias_size_in_bytes >= cache.keys.nbytes + cache.values.nbytes
    assert memory.temp_size_in_bytes < cache.keys.nbytes
