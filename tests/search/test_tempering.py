from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from einlab.objectives import OBJECTIVES
from einlab.search.bench import Bench, lay_out, worth
from einlab.search.budget import Trials
from einlab.search.portfolio import find
from einlab.search.tempering import Tempering
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from tests.search.compiled import grid, hypernetwork, left_to_right
from tests.search.networks import brute_force, random_network


@pytest.mark.parametrize("objective", ["flops", "combo", "size"])
def test_tempering_never_returns_worse_than_its_start(objective: str) -> None:
    for seed in range(3):
        contraction = hypernetwork(seed)
        start = Tree(contraction, left_to_right(len(contraction.terms)))
        tree = Tempering(rungs=3, seed=seed).improve(start, objective, sweeps=2)
        priced = OBJECTIVES[objective]
        assert tree_value(tree, priced) <= tree_value(start, priced)


def test_any_number_of_threads_finds_the_same_tree() -> None:
    contraction = hypernetwork(5, operands=60, indices=50)
    start = Tree(contraction, left_to_right(len(contraction.terms)))
    found = [Tempering(rungs=5, seed=2, workers=n).improve(start, sweeps=12) for n in (1, 2, 3)]
    assert found[0] == found[1] == found[2]
    assert found[0] != Tempering(rungs=5, seed=3).improve(start, sweeps=12)


def test_the_best_order_of_small_networks_is_found() -> None:
    for seed in range(20):
        contraction = random_network(seed, most=6)
        if len(contraction.terms) > 2:
            start = Tree(contraction, left_to_right(len(contraction.terms)))
            tree = Tempering(rungs=4).improve(start, "multiplications", sweeps=20)
            assert tree.multiplications == brute_force(contraction, "multiplications")


def bench_of(tree: Tree) -> Bench:
    return lay_out(tree, OBJECTIVES["multiplications"])


def test_colder_rungs_end_with_cheaper_trees() -> None:
    contraction = grid(8, 8)
    start = bench_of(Tree(contraction, left_to_right(64)))
    ladder, seen = Tempering(rungs=6), list[list[float]]()

    def exchange(self: Tempering, trees: list[Bench], *rest: object) -> None:
        original(self, trees, *rest)
        seen.append([worth(tree) for tree in trees])

    original: Callable[..., None] = Tempering._exchange
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Tempering, "_exchange", exchange)
        best = ladder.run([start], 40)
    hottest = sum(worths[0] for worths in seen[20:]) / 20
    coldest = sum(worths[-1] for worths in seen[20:]) / 20
    assert hottest > coldest + 1
    assert worth(best) <= min(worths[-1] for worths in seen)


def test_ctrl_c_ends_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    start, benches = bench_of(Tree(grid(5, 5), left_to_right(25))), list[Bench]()

    def interrupted(self: Tempering, trees: list[Bench], *_: object) -> None:
        benches.extend(trees)
        raise KeyboardInterrupt

    monkeypatch.setattr(Tempering, "_exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Tempering(rungs=3, workers=2).run([start], 5)
    with pytest.raises(KeyboardInterrupt):
        benches[0].anneal(2.0, 10)


def test_a_deadline_ends_the_search_with_the_best_so_far() -> None:
    contraction = grid(8, 8)
    start = Tree(contraction, left_to_right(64))
    begin = time.perf_counter()
    tree = Tempering().improve(start, deadline=begin + 0.1)
    assert tree.multiplications < start.multiplications
    assert Tempering().improve(start, deadline=begin - 1.0).multiplications <= (
        start.multiplications
    )


def test_the_portfolio_knows_it_by_name_and_repeats_it() -> None:
    contraction = hypernetwork(7)
    first, second = (find(contraction, optimize="tempering", budget=Trials(1)) for _ in range(2))
    assert first.name == "tempering"
    assert first.tree == second.tree
    greedy = find(contraction, optimize="greedy").tree
    assert first.tree.multiplications <= greedy.multiplications
