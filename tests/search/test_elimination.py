from __future__ import annotations

import time
from typing import Literal

import pytest

from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES
from einlab.search.elimination import Elimination
from einlab.search.value import tree_value
from tests.search.compiled import grid, hypernetwork
from tests.search.networks import random_network

RULES: tuple[Literal["min-fill", "min-degree"], ...] = ("min-fill", "min-degree")


def star_of_trees(arms: int, length: int) -> Contraction:
    """Vectors on the nodes and matrices on the edges of a tree: a graphical model of width 1."""
    names = ["hub", *(f"{arm}.{step}" for arm in range(arms) for step in range(length))]
    edges = [
        ("hub" if step == 0 else f"{arm}.{step - 1}", f"{arm}.{step}")
        for arm in range(arms)
        for step in range(length)
    ]
    terms = (*((name,) for name in names), *edges)
    shapes = tuple((5,) * len(term) for term in terms)
    return Contraction(terms, (), shapes, ("float32",) * len(terms))


@pytest.mark.parametrize("rule", RULES)
def test_a_model_on_a_tree_never_makes_more_than_a_matrix(
    rule: Literal["min-fill", "min-degree"],
) -> None:
    tree = Elimination(rule).search(star_of_trees(12, 5))
    assert tree_value(tree, OBJECTIVES["size"]) <= 25
    assert tree.multiplications <= 25 * len(tree.pairs)


@pytest.mark.parametrize("rule", RULES)
def test_every_network_gets_a_valid_tree(rule: Literal["min-fill", "min-degree"]) -> None:
    for seed in range(40):
        contraction = random_network(seed, most=9, sizes=(0, 1, 2, 3) if seed % 2 else (2, 3))
        assert len(Elimination(rule, seed, trials=3).search(contraction).terms) > 0
    for seed in range(4):
        contraction = hypernetwork(seed)
        tree = Elimination(rule, seed).search(contraction)
        assert tree.terms[-1] == frozenset(contraction.network.output)


def test_more_trials_never_make_it_worse_and_repeat_themselves() -> None:
    contraction = grid(7, 7, 3)
    best = [Elimination(trials=trials).search(contraction) for trials in (1, 4, 12)]
    costs = [tree_value(tree, OBJECTIVES["flops"]) for tree in best]
    assert costs == sorted(costs, reverse=True)
    assert best[2] == Elimination(trials=12).search(contraction)


def test_a_past_deadline_still_gives_one_tree() -> None:
    contraction = grid(5, 5)
    tree = Elimination(trials=10**9).search(contraction, deadline=time.perf_counter() - 1)
    assert tree == Elimination().search(contraction)
