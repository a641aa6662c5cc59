from __future__ import annotations

import time

import numpy as np
import pytest

from einlab.objectives import OBJECTIVES
from einlab.search import windows
from einlab.search.bench import lay_out
from einlab.search.chains import Chain
from einlab.search.greedy import Greedy
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from einlab.search.windows import Windows
from tests.search.compiled import chain, grid, hypernetwork, left_to_right


@pytest.mark.parametrize("objective", ["multiplications", "flops", "combo", "size"])
@pytest.mark.parametrize("seed", range(3))
def test_windows_never_leave_worse_and_keep_every_price(objective: str, seed: int) -> None:
    contraction = hypernetwork(seed, operands=70, indices=60)
    start = Tree(contraction, left_to_right(len(contraction.terms)))
    bench = lay_out(start, OBJECTIVES[objective], seed)
    Windows(widths=(10, 40), moves=100, seed=seed).run(bench, 12)
    value = tree_value(bench.tree(), OBJECTIVES[objective])
    assert value < tree_value(start, OBJECTIVES[objective])
    again = lay_out(bench.tree(), OBJECTIVES[objective], seed)
    assert bench.total == pytest.approx(again.total, rel=1e-9)
    bench.price()
    assert bench.total == pytest.approx(again.total, rel=1e-9)


def test_sets_and_parents_are_those_of_the_tree() -> None:
    contraction = hypernetwork(7, operands=70, indices=90)
    bench = lay_out(Greedy().search(contraction, OBJECTIVES["flops"]), OBJECTIVES["flops"])
    Windows(widths=(10, 70), moves=50, tolerance=10.0).run(bench, 30)
    sets, children, parents, *_ = bench.arrays
    terms = {frozenset(term) for term in bench.tree().terms}
    sizes = contraction.network.sizes
    long = {frozenset(i for i in term if sizes[i] > 1) for term in terms}
    for node in range(2 * bench.count - 1):
        bits = np.unpackbits(sets[node].view(np.uint8), bitorder="little").astype(bool)
        assert frozenset(bench.packed.indices[bits].tolist()) in long
        if node >= bench.count:
            assert {int(parents[child]) for child in children[node]} == {node}


def test_the_same_seed_and_number_give_the_same_tree() -> None:
    contraction = grid(9, 9, size=3)
    trees = []
    for seed in (1, 1, 2):
        bench = lay_out(Greedy().search(contraction, OBJECTIVES["flops"]), OBJECTIVES["flops"])
        Windows(seed=seed, moves=100).run(bench, 10)
        trees.append(bench.tree())
    assert trees[0] == trees[1]
    assert trees[0] != trees[2]


def test_a_window_over_the_whole_finds_what_annealing_finds() -> None:
    contraction = grid(2, 10)
    bench = lay_out(Tree(contraction, left_to_right(20)), OBJECTIVES["size"])
    Windows(widths=(20, 20), hottest=(1.0, 1.0)).run(bench, 60)
    assert tree_value(bench.tree(), OBJECTIVES["size"]) <= 2**3


@pytest.mark.parametrize("objective", ["multiplications", "size"])
def test_windows_cut_anew_keep_the_tree_whole(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "LARGE", 6)
    monkeypatch.setattr(windows, "CUT_ANEW", 1.0)
    for contraction in (grid(8, 8), hypernetwork(3, operands=70, indices=90)):
        start = Greedy().search(contraction, OBJECTIVES[objective])
        bench = lay_out(start, OBJECTIVES[objective])
        Windows(widths=(8, 70), moves=10).run(bench, 20)
        again = lay_out(bench.tree(), OBJECTIVES[objective])
        assert bench.total == pytest.approx(again.total, rel=1e-9)


def test_a_window_cut_anew_is_the_best_tree_on_a_line() -> None:
    """On a chain every line by cuts is the chain itself, whose best tree is the textbook's."""
    contraction = chain(40, 3)
    start = Tree(contraction, left_to_right(40))
    bench = lay_out(start, OBJECTIVES["multiplications"])
    Windows(widths=(40, 40), moves=1).run(bench, 30)
    best = Chain().search(contraction, OBJECTIVES["multiplications"])
    assert bench.tree().multiplications == best.multiplications


def test_improving_keeps_what_cannot_be_improved() -> None:
    start = Chain().search(chain(40, 3), OBJECTIVES["multiplications"])
    assert Windows(moves=20).improve(start, "multiplications", windows=5) == start


def test_a_past_deadline_leaves_the_tree_as_it_is() -> None:
    contraction = hypernetwork(1)
    start = Tree(contraction, left_to_right(len(contraction.terms)))
    bench = lay_out(start, OBJECTIVES["flops"])
    Windows().run(bench, None, time.perf_counter() - 1)
    assert bench.tree() == start
