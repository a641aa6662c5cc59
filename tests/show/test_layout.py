"""A graph is laid out by its distances, quickly, and always alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from einlab.show.layout import parted, spread

Array = NDArray[np.float64]


def lengths(places: Array, edges: list[tuple[int, int]]) -> Array:
    ends = np.array(edges)
    gaps = places[ends[:, 0]] - places[ends[:, 1]]
    return np.asarray(np.hypot(gaps[:, 0], gaps[:, 1]))


def test_a_line_is_straight_and_lies_along_the_longer_side() -> None:
    edges = [(node, node + 1) for node in range(19)]
    places = spread(20, edges)
    assert lengths(places, edges) == pytest.approx(np.ones(19), abs=0.02)
    wide, high = np.ptp(places, axis=0)
    assert wide > 18.5
    assert high < 1
    assert (np.diff(places[:, 0]) > 0).all()


@pytest.mark.parametrize("side", [3, 7])
def test_a_lattice_is_square(side: int) -> None:
    nodes = [(row, column) for row in range(side) for column in range(side)]
    number = {node: place for place, node in enumerate(nodes)}
    edges = [
        (number[row, column], number[end])
        for row, column in nodes
        for end in ((row, column + 1), (row + 1, column))
        if end in number
    ]
    apart = lengths(spread(side * side, edges), edges)
    assert np.min(apart) > 0.75 * np.max(apart)


def test_components_stand_apart() -> None:
    edges = [(0, 1), (1, 2), (0, 2), (3, 4)]
    places = spread(6, edges)
    gaps = np.hypot(*np.moveaxis(places[:, None] - places[None], -1, 0))
    assert np.min(gaps[:3, 3:]) > 0.5
    assert np.min(gaps[3:5, 5]) > 0.5


@given(st.integers(1, 25), st.randoms(use_true_random=False))
def test_any_graph_gets_finite_places_twice_the_same(count: int, random: object) -> None:
    pick = random.randrange  # type: ignore[attr-defined]
    edges = [(pick(count), pick(count)) for _ in range(pick(3 * count))]
    edges = [(one, other) for one, other in edges if one != other]
    places = spread(count, edges)
    assert np.isfinite(places).all()
    assert (places == spread(count, edges)).all()


@given(st.integers(0, 5))
def test_nodes_are_pushed_apart_where_there_is_room(seed: int) -> None:
    places = np.random.default_rng(seed).uniform(0, 300, (100, 2))
    places[:10] = places[0]
    moved = parted(places, 20.0, (800.0, 400.0))
    gaps = np.hypot(*np.moveaxis(moved[:, None] - moved[None], -1, 0))
    assert (gaps + 100 * np.eye(100) >= 20.0).all()
    assert (moved >= 0).all()
    assert (moved <= (800, 400)).all()
