import math
import random
import time

import pytest

from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES
from einlab.search import halting
from einlab.search.anytime import Anytime
from einlab.search.boltzmann import Boltzmann
from einlab.search.budget import Budget, Interrupted, Trials
from einlab.search.portfolio import SearchInterrupted, find
from einlab.search.tournament import Tournament
from einlab.search.value import tree_value
from tests.search.networks import random_network, recount


def graph(seed, nodes=60, edges=100, parts=1, sizes=(2, 3, 4)):
    """Random graphs side by side, as one network."""
    draw = random.Random(seed)
    terms: list[list[str]] = [[] for _ in range(nodes * parts)]
    length = {}
    for number in range(edges * parts):
        first = draw.randrange(parts) * nodes
        left, right = draw.sample(range(first, first + nodes), 2)
        length[f"e{number}"] = draw.choice(sizes)
        terms[left].append(f"e{number}")
        terms[right].append(f"e{number}")
    shapes = tuple(tuple(length[index] for index in term) for term in terms)
    inputs = tuple(map(tuple, terms))
    return Contraction(inputs, ("e0",), shapes, ("float32",) * len(terms))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_rounds_are_repeatable_whole_and_better_than_greedy(objective):
    contraction = graph(1)
    first, second = (
        find(contraction, objective=objective, budget=Trials(4), seed=3) for _ in range(2)
    )
    assert first.tree == second.tree
    value = tree_value(first.tree, OBJECTIVES[objective])
    assert value == recount(contraction, first.tree.pairs, objective)
    greedy = find(contraction, optimize="greedy", objective=objective).tree
    assert value <= tree_value(greedy, OBJECTIVES[objective])


def test_a_budget_in_seconds_gives_a_whole_tree_and_a_falling_trace():
    seen = []
    contraction = graph(2, parts=2)
    found = find(contraction, budget=0.2, progress=lambda *point: seen.append(point))
    assert found.tree.pairs
    heard = tuple(point for point in seen if point[1] < math.inf)
    assert heard == found.trace
    assert [value for _, value in heard] == sorted({value for _, value in heard}, reverse=True)


def test_hypergraphs_empty_indices_and_strangers_are_searched():
    for seed in range(12):
        contraction = random_network(seed, most=40, sizes=(0, 1, 2, 3) if seed % 3 else (2, 3))
        tree = Anytime(seed).search(contraction, OBJECTIVES["flops"], Budget(0.0, rounds=2))
        assert tree_value(tree, OBJECTIVES["flops"]) == recount(contraction, tree.pairs, "flops")


@pytest.mark.parametrize("count", [13, 20, 29])
def test_a_few_dozen_operands_are_searched_without_compiled_code(count):
    contraction = graph(count, nodes=count, edges=2 * count)
    found = find(contraction, budget=Trials(3))
    greedy = find(contraction, optimize="greedy").tree
    assert found.tree.multiplications <= greedy.multiplications


def test_more_workers_find_the_same_when_rounds_are_counted():
    contraction = graph(4)
    trees = [
        Anytime(seed=1, workers=workers).search(
            contraction, OBJECTIVES["flops"], Budget(0.0, rounds=6)
        )
        for workers in (1, 2)
    ]
    assert trees[0] == trees[1]


def test_the_best_tree_so_far_outlives_an_interruption(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    contraction = graph(5, parts=2)
    monkeypatch.setattr(Tournament, "run", interrupted)
    with pytest.raises(SearchInterrupted) as stopped:
        find(contraction, budget=5.0, size_limit=64)
    found = stopped.value.found
    assert found.name == "auto, interrupted"
    assert len(found.tree.pairs) == len(contraction.terms) - 1
    assert isinstance(stopped.value, KeyboardInterrupt)
    assert not isinstance(stopped.value, Exception)


def test_a_budget_too_short_for_any_search_gives_the_operands_from_left_to_right(monkeypatch):
    monkeypatch.setattr(halting, "LARGE", 1)
    contraction = graph(7, nodes=400, edges=1200)
    tree = Anytime().search(contraction, OBJECTIVES["flops"], Budget(time.perf_counter(), -1.0))
    assert len(tree.pairs) == 399
    assert tree_value(tree, OBJECTIVES["flops"]) == recount(contraction, tree.pairs, "flops")


def test_an_interruption_before_there_is_any_tree_is_passed_on(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Boltzmann, "improvements", interrupted)
    with pytest.raises(KeyboardInterrupt) as stopped:
        find(graph(6), budget=5.0, optimize="random-greedy")
    assert not isinstance(stopped.value, Interrupted | SearchInterrupted)
