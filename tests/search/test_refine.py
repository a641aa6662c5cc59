from __future__ import annotations

import time

import pytest

from einlab.errors import ArgumentError
from einlab.objectives import OBJECTIVES
from einlab.search.refine import Refine
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from tests.search.compiled import chain, hypernetwork, left_to_right
from tests.search.networks import brute_force, random_network


@pytest.mark.parametrize("objective", ["flops", "multiplications", "combo", "bytes"])
def test_a_network_within_the_width_is_solved_exactly(objective: str) -> None:
    for seed in range(60):
        contraction = random_network(seed, most=7, sizes=(2, 3, 4, 5))
        count = len(contraction.terms)
        if count < 2:
            continue
        tree = Refine((8,)).improve(Tree(contraction, left_to_right(count)), objective)
        assert tree_value(tree, OBJECTIVES[objective]) == brute_force(contraction, objective)


@pytest.mark.parametrize("seed", range(4))
def test_refinement_never_returns_worse_and_repeats_itself(seed: int) -> None:
    contraction = hypernetwork(seed)
    start = Tree(contraction, left_to_right(len(contraction.terms)))
    tree = Refine((8, 10), interchanges=20).improve(start)
    assert tree_value(tree, OBJECTIVES["flops"]) < tree_value(start, OBJECTIVES["flops"])
    assert tree == Refine((8, 10), interchanges=20).improve(start)
    again = Refine((8, 10)).improve(tree)
    assert tree_value(again, OBJECTIVES["flops"]) <= tree_value(tree, OBJECTIVES["flops"])


def test_a_past_deadline_leaves_the_tree_as_it_is() -> None:
    contraction = chain(30, 2)
    start = Tree(contraction, left_to_right(30))
    assert Refine().improve(start, deadline=time.perf_counter() - 1) == start


def test_widths_out_of_range_are_refused() -> None:
    with pytest.raises(ArgumentError, match="widths are 3 to 16"):
        Refine((8, 40))
