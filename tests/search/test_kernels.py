from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import einlab
from einlab.objectives import OBJECTIVES
from einlab.search import kernels
from einlab.search.anneal import Anneal
from einlab.search.bench import lay_out
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from tests.search.compiled import grid, hypernetwork, left_to_right

SUMMED = ["flops", "multiplications", "combo"]


@pytest.mark.parametrize("objective", SUMMED)
@pytest.mark.parametrize("seed", range(4))
def test_prices_on_the_bench_are_the_exact_value(objective: str, seed: int) -> None:
    contraction = hypernetwork(seed)
    tree = Tree(contraction, left_to_right(len(contraction.terms)))
    bench = lay_out(tree, OBJECTIVES[objective])
    assert bench.total == pytest.approx(tree_value(tree, OBJECTIVES[objective]), rel=1e-9)


@pytest.mark.parametrize("objective", SUMMED)
def test_prices_kept_move_by_move_agree_with_a_recount(objective: str) -> None:
    for seed in range(4):
        contraction = hypernetwork(seed)
        bench = lay_out(
            Tree(contraction, left_to_right(len(contraction.terms))), OBJECTIVES[objective], seed
        )
        assert bench.anneal(1.0, 20_000) > 0
        bench.refine(np.arange(bench.count, 2 * bench.count - 1), 7)
        value = tree_value(bench.tree(), OBJECTIVES[objective])
        assert bench.total == pytest.approx(value, rel=1e-9)


def test_prices_beyond_a_float_are_scaled_into_it() -> None:
    contraction = grid(24, 24, size=64)
    checkered = sorted(range(24 * 24), key=lambda place: (place + place // 24) % 2)
    pairs = [(checkered[0], checkered[1])]
    pairs += [(place, 24 * 24 + step) for step, place in enumerate(checkered[2:])]
    tree = Tree(contraction, tuple(pairs))
    assert tree.multiplications > 2**1024
    bench = lay_out(tree, OBJECTIVES["multiplications"])
    logged = math.log2(bench.total) + bench.prices.shift
    assert logged == pytest.approx(math.log2(tree.multiplications), rel=1e-9)
    annealed = Anneal(200_000).search(contraction, "multiplications", tree)
    assert annealed.multiplications.bit_length() < tree.multiplications.bit_length() - 1000


def test_random_numbers_are_splitmix64() -> None:
    state = np.array([1234567], np.uint64)

    @kernels.kernel("uint64(uint64[::1])")
    def next_bits(state: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> int:
        bits: int = kernels.draw(state)
        return bits

    # Reference output of Vigna's splitmix64.c for this seed
    assert next_bits(state) == 6457827717110365317
    assert next_bits(state) == 3203168211198807973


WITHOUT_CACHE = """
import sys
from numba.core.caching import _CacheLocator
for locator in _CacheLocator.__subclasses__() + [
    sub for cls in _CacheLocator.__subclasses__() for sub in cls.__subclasses__()
]:
    locator.from_function = classmethod(lambda cls, function, path: None)
from einlab.search.kernels import kernel
@kernel("int64(int64)")
def double(number):
    return 2 * number
print(double(21))
"""


def test_kernels_compile_where_no_cache_folder_can_be_written() -> None:
    root = Path(einlab.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_CACHE], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "42\n"


def test_searches_are_imported_without_numba() -> None:
    names = "anneal, refine, elimination, dissection"
    code = f"from einlab.search import {names}; import sys; print('numba' in sys.modules)"
    root = Path(einlab.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
