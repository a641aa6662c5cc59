from __future__ import annotations

import time

import numpy as np
import pytest

from einlab.objectives import OBJECTIVES
from einlab.search.anneal import Anneal
from einlab.search.bench import lay_out
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from tests.search.compiled import chain, grid, hypernetwork, left_to_right
from tests.search.networks import brute_force, random_network


@pytest.mark.parametrize("objective", ["flops", "multiplications", "bytes", "combo", "size"])
@pytest.mark.parametrize("seed", range(3))
def test_annealing_never_returns_worse_than_its_start(objective: str, seed: int) -> None:
    contraction = hypernetwork(seed)
    start = Tree(contraction, left_to_right(len(contraction.terms)))
    for moves in (1, 100, 30_000):
        tree = Anneal(moves, seed).search(contraction, objective, start)
        priced = OBJECTIVES[objective]
        assert tree_value(tree, priced) <= tree_value(start, priced)


def test_annealing_finds_the_best_order_of_nearly_all_small_networks() -> None:
    networks = [random_network(seed, most=6) for seed in range(60)]
    found = [Anneal(4000).search(each, "multiplications").multiplications for each in networks]
    best = [brute_force(each, "multiplications") for each in networks]
    assert sum(one == other for one, other in zip(found, best, strict=True)) >= 55
    assert sum(found) <= 1.01 * sum(best)


def test_the_same_seed_and_moves_give_the_same_tree() -> None:
    contraction = hypernetwork(5)
    first = Anneal(20_000, seed=3, restarts=2).search(contraction)
    assert first == Anneal(20_000, seed=3, restarts=2).search(contraction)
    assert first != Anneal(20_000, seed=4, restarts=2).search(contraction)


def test_a_ladder_costs_what_a_sweep_along_it_costs() -> None:
    tree = Anneal(60_000).search(grid(2, 10), "size")
    assert tree_value(tree, OBJECTIVES["size"]) <= 2**3


def test_a_size_limit_makes_the_largest_intermediate_smaller() -> None:
    size, smaller = OBJECTIVES["size"], 0
    for seed in range(6):
        contraction = hypernetwork(seed, operands=60, indices=60)
        free = Anneal(100_000).search(contraction, "multiplications")
        limit = tree_value(free, size) // 8
        tree = Anneal(100_000, size_limit=limit).search(contraction, "multiplications", free)
        assert tree_value(tree, size) <= tree_value(free, size)
        smaller += tree_value(tree, size) < tree_value(free, size)
        assert Anneal(100_000, size_limit=2**60).search(contraction, "multiplications") == free
    assert smaller >= 2


@pytest.mark.parametrize("objective", ["flops", "multiplications", "combo"])
def test_prices_above_a_size_limit_are_kept_move_by_move(objective: str) -> None:
    contraction = hypernetwork(3)
    start = Tree(contraction, left_to_right(len(contraction.terms)))
    bench = lay_out(start, OBJECTIVES[objective])
    limited = bench.priced(bench.prices._replace(limit=4.0, penalty=1.5))
    assert limited.total > tree_value(start, OBJECTIVES[objective])
    for beta in (0.5, 3.0):
        assert limited.anneal(beta, 20_000) > 0
        limited.refine(np.arange(bench.count, 2 * bench.count - 1), 7)
        kept = limited.total
        limited.price()
        assert limited.total == pytest.approx(kept, rel=1e-9)
    bench.price()
    value = tree_value(bench.tree(), OBJECTIVES[objective])
    assert bench.total == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("sizes", [(1,), (0, 2, 3), (1, 2)])
def test_sizes_of_zero_and_one_are_searched_like_others(sizes: tuple[int, ...]) -> None:
    for seed in range(12):
        contraction = random_network(seed, most=7, sizes=sizes)
        tree = Anneal(500, seed).search(contraction)
        assert tree.contraction == contraction


def test_a_deadline_ends_the_search_with_a_valid_tree() -> None:
    contraction = chain(60, 1)
    start = Tree(contraction, left_to_right(60))
    tree = Anneal(10**12).search(contraction, "flops", start, time.perf_counter() + 0.05)
    assert tree.multiplications < start.multiplications
    assert Anneal().search(contraction, "flops", start, time.perf_counter() - 1).path
