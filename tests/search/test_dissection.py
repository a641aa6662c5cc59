from __future__ import annotations

import math
import time

import numpy as np
import pytest

from einlab.objectives import OBJECTIVES
from einlab.search.bench import prices_of
from einlab.search.bits import pairs_of
from einlab.search.dissection import Dissection, best_on_line, hypergraph, line_up
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from tests.search.compiled import chain, grid, hypernetwork
from tests.search.networks import random_network

FLOPS = OBJECTIVES["flops"]


def matrix_chain(sizes: list[int]) -> int:
    """Multiplications of the best order of a chain of matrices, by the textbook recurrence."""
    count = len(sizes) - 1
    best = [[0] * count for _ in range(count)]
    for length in range(2, count + 1):
        for i in range(count - length + 1):
            j = i + length - 1
            best[i][j] = min(
                best[i][k] + best[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            )
    return best[0][-1]


@pytest.mark.parametrize("seed", range(5))
def test_a_chain_in_line_is_solved_as_the_textbook_does(seed: int) -> None:
    contraction = chain(25, seed)
    line = np.arange(25)
    children = best_on_line(hypergraph(contraction.network), line, prices_of(FLOPS))
    tree = Tree(contraction, pairs_of(children))
    sizes = [contraction.sizes[f"i{place}"] for place in range(26)]
    assert tree.multiplications == matrix_chain(sizes)


@pytest.mark.parametrize("name", ["flops", "multiplications", "combo"])
def test_no_tree_over_the_same_line_is_cheaper(name: str) -> None:
    objective = OBJECTIVES[name]
    for seed in range(30):
        contraction = random_network(seed, most=6, sizes=(2, 3, 4))
        count = len(contraction.terms)
        if count < 3:
            continue
        graph = hypergraph(contraction.network)
        found = Tree(
            contraction, pairs_of(best_on_line(graph, np.arange(count), prices_of(objective)))
        )
        cheapest = min(
            tree_value(Tree(contraction, pairs), objective) for pairs in planar(0, count, count)
        )
        assert tree_value(found, objective) == cheapest


def planar(low: int, high: int, free: int) -> list[tuple[tuple[int, int], ...]]:
    """All trees over operands low … high - 1 in this order, whose results count from `free`."""
    if high - low == 1:
        return [()]
    trees = []
    for middle in range(low + 1, high):
        for left in planar(low, middle, free):
            for right in planar(middle, high, free + len(left)):
                first = low if not left else free + len(left) - 1
                second = middle if not right else free + len(left) + len(right) - 1
                trees.append((*left, *right, (min(first, second), max(first, second))))
    return trees


def test_bisection_finds_the_thin_middle_of_two_grids() -> None:
    contraction = grid(4, 16)
    line = line_up(hypergraph(contraction.network), 0.05, 0.05, 1).tolist()
    first_half = {place % 16 < 8 for place in line[:32]}
    assert len(first_half) == 1


@pytest.mark.parametrize("seed", range(4))
def test_hypergraphs_in_pieces_get_a_valid_tree(seed: int) -> None:
    contraction = hypernetwork(seed)
    tree = Dissection(2, seed).search(contraction)
    assert tree.terms[-1] == frozenset(contraction.network.output)
    assert tree == Dissection(2, seed).search(contraction)


def test_small_networks_and_sizes_of_zero_and_one_get_a_valid_tree() -> None:
    for seed in range(40):
        contraction = random_network(seed, most=9, sizes=(0, 1, 2, 3) if seed % 2 else (2, 3))
        assert len(Dissection(1, seed).search(contraction).terms) > 0


def test_long_networks_are_solved_in_blocks() -> None:
    contraction = grid(2, 450)
    tree = Dissection().search(contraction, "size", time.perf_counter() - 1)
    assert math.log2(tree_value(tree, OBJECTIVES["size"])) <= 6


def test_operands_in_a_good_order_are_taken_as_given() -> None:
    contraction = grid(24, 24)
    tree = Dissection(as_given=True).search(contraction, "size")
    assert tree_value(tree, OBJECTIVES["size"]) <= 2**25
    swapped = Dissection(2, as_given=True).search(contraction, "multiplications")
    given = Dissection(1, as_given=True).search(contraction, "multiplications")
    assert swapped.multiplications <= given.multiplications
