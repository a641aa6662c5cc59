from __future__ import annotations

from einlab.objectives import OBJECTIVES
from einlab.search.portfolio import find
from einlab.search.sweeps import Sweep
from einlab.search.value import tree_value
from tests.search.compiled import hypernetwork
from tests.search.networks import contraction_of, random_network, recount


def test_every_sweep_takes_in_one_operand_after_the_other() -> None:
    for seed in range(20):
        contraction = random_network(seed, most=9, sizes=(0, 1, 2, 3))
        count = len(contraction.terms)
        trees = Sweep().each(contraction)
        assert 1 <= len(trees) <= count
        for tree in trees:
            assert all(count + step - 1 in pair for step, pair in enumerate(tree.pairs) if step)
            assert tree_value(tree, OBJECTIVES["flops"]) == recount(
                contraction, tree.pairs, "flops"
            )


def test_the_best_sweep_comes_first() -> None:
    trees = Sweep().each(hypernetwork(3))
    costs = [tree.multiplications for tree in trees]
    assert len(costs) > 1
    assert costs[0] == min(costs)


def complete(count: int, size: int) -> str:
    """The equation of a graph in which each of `count` operands shares an index with each other."""
    letters = iter(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + "αβγδεζηθικλμνξοπρστυφχψω"
    )
    bond = {(i, j): next(letters) for i in range(count) for j in range(i)}
    return (
        ",".join("".join(name for pair, name in bond.items() if i in pair) for i in range(count))
        + "->"
    )


def test_dense_networks_are_swept_by_a_budget_and_by_the_automatic_choice() -> None:
    equation = complete(12, 4)
    contraction = contraction_of(equation, dict.fromkeys(equation.replace(",", "")[:-2], 4))
    greedy = find(contraction, optimize="greedy").tree
    assert find(contraction, optimize="sweep").tree.multiplications < greedy.multiplications
