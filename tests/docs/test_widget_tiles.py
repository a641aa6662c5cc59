"""The tiles in the page move the numbers that a cache of three tiles would move."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from einlab import plan
from tests.docs.node import evaluate


def moved(n, tile, order):
    """Numbers read and written, counted entry by entry with sets of what the cache holds."""
    a, b, c = np.arange(3 * n * n).reshape(3, n, n)
    cache: set[int] = set()
    begun: set[int] = set()
    read = written = 0
    blocks = range(0, n, tile)
    result = set(c.ravel().tolist())
    for place in product(blocks, repeat=3):
        at = {name: slice(start, start + tile) for name, start in zip(order, place, strict=True)}
        operands = set(a[at["i"], at["k"]].ravel().tolist())
        operands |= set(b[at["k"], at["j"]].ravel().tolist())
        entries = set(c[at["i"], at["j"]].ravel().tolist())
        read += len(operands - cache) + len((entries - cache) & begun)
        written += len((cache & result) - entries)
        begun |= entries
        cache = operands | entries
    return read, written + len(cache & result)


def test_what_moves_is_what_is_missing_from_the_cache():
    random = np.random.default_rng(0)
    cases: list[list[Any]] = []
    for _ in range(500):
        n = int(random.integers(1, 11))
        order = "".join(random.permutation(list("ijk")))
        cases.append([n, int(random.integers(1, n + 1)), order])
    for case, steps in zip(
        cases, evaluate("widgets/tiles.js", "einlabTiles.walk", cases), strict=True
    ):
        assert (steps[-1]["read"], steps[-1]["written"]) == moved(*case)
        assert len(steps) == len(range(0, case[0], case[1])) ** 3


@pytest.mark.parametrize("order", ["ijk", "kij"])
def test_one_tile_moves_the_bytes_of_the_plan_each_once(order):
    sizes = range(1, 13)
    found = evaluate("widgets/tiles.js", "einlabTiles.walk", [[n, n, order] for n in sizes])
    for n, (only,) in zip(sizes, found, strict=True):
        (step,) = plan("ij,jk->ik", (n, n), (n, n)).steps
        assert 4 * (only["read"] + only["written"]) == step.cost.bytes
