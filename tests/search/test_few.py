from __future__ import annotations

import random
import time

import pytest

from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES
from einlab.search.budget import Budget, Trials
from einlab.search.connected import Connected
from einlab.search.few import Few
from einlab.search.greedy import Greedy
from einlab.search.portfolio import find
from einlab.search.sweeps import Sweep
from einlab.search.value import tree_value
from tests.search.networks import contraction_of

FLOPS = OBJECTIVES["flops"]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def network(operands: int, bonds: int, size: int, seed: int) -> Contraction:
    """A connected graph of operands: a path through all of them and bonds between random ones."""
    draw = random.Random(seed)
    path = [(one - 1, one) for one in range(1, operands)]
    pairs = path + [tuple(draw.sample(range(operands), 2)) for _ in range(bonds - len(path))]
    terms = [""] * operands
    for letter, ends in zip(LETTERS, pairs, strict=False):
        for end in ends:
            terms[end] += letter
    return contraction_of(",".join(terms) + "->", dict.fromkeys(LETTERS, size))


@pytest.mark.parametrize("seed", range(4))
def test_the_shortest_budget_gives_no_dearer_order_than_greedy_or_a_sweep(seed: int) -> None:
    contraction = network(22, 33, 6, seed)
    over = Budget(time.perf_counter(), seconds=0.0)
    tree, name = Few(seed).search(contraction, FLOPS, over)
    greedy = Greedy(1, seed).search(contraction, FLOPS)
    assert tree_value(tree, FLOPS) <= tree_value(greedy, FLOPS)
    assert name == "greedy and subtrees"
    tree, _ = Few(seed).search(contraction, FLOPS, Budget(time.perf_counter(), rounds=1))
    best = min(tree_value(each, FLOPS) for each in (greedy, Sweep().search(contraction, FLOPS)))
    assert tree_value(tree, FLOPS) <= best


def test_better_values_are_reported_as_they_are_found() -> None:
    contraction = network(20, 40, 4, 1)
    heard: list[float] = []
    budget = Budget(time.perf_counter(), rounds=6)
    tree, _ = Few().search(contraction, FLOPS, budget, heard.append)
    assert heard == sorted(heard, reverse=True)
    assert len(heard) > 1
    assert tree_value(tree, FLOPS) <= heard[-1]


def test_connected_sets_are_given_up_when_time_is_over() -> None:
    contraction = network(24, 40, 4, 2)
    start = Greedy(1).search(contraction, FLOPS)
    over = time.perf_counter()
    assert Connected().attempt(contraction, FLOPS, start, over) is None
    assert Connected().attempt(contraction, FLOPS, start) is not None


def test_without_a_budget_two_dozen_operands_are_worth_more_than_greedy() -> None:
    worse = 0
    for seed in range(6):
        contraction = network(20, 30, 4, seed)
        found = find(contraction).tree
        assert found == find(contraction).tree  # repeatable
        greedy = find(contraction, optimize="greedy").tree
        careful = find(contraction, budget=Trials(10)).tree
        assert found.multiplications <= greedy.multiplications
        worse += found.multiplications > 1.5 * careful.multiplications
    assert worse <= 1
