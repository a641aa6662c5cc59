"""Among trees that multiply as little, the one that moves least."""

from __future__ import annotations

import random

import numpy as np
import pytest

import einlab
from einlab.arranging import arrange, seconds_of
from einlab.contraction import Contraction
from einlab.permuting import form_costs
from einlab.search.tree import Tree
from einlab.ties import of_least_moving

CPU = form_costs("cpu", "float32")


def network(seed: int) -> Tree:
    """A core of four axes with a matrix on each, in any order, and a tree in any order too."""
    draw = random.Random(seed)
    core = draw.sample("abcd", 4)
    terms = [tuple(core), *((index, index.upper()) for index in "abcd")]
    output = tuple(draw.sample("ABCD", 4))
    shapes = ((20,) * 4, *((20, 12),) * 4)
    contraction = Contraction(tuple(terms), output, shapes, ("float32",) * 5)
    pairs = [
        (0 if step == 0 else 4 + step, other)
        for step, other in enumerate(draw.sample((1, 2, 3, 4), 4))
    ]
    return Tree(contraction, tuple(pairs))


@pytest.mark.parametrize("seed", range(8))
def test_the_tree_multiplies_as_little_and_is_predicted_no_slower(seed: int) -> None:
    tree = network(seed)
    found = of_least_moving(tree, CPU)
    assert found.contraction == tree.contraction
    assert found.multiplications == tree.multiplications
    before, after = (seconds_of(one, arrange(one, CPU), CPU) for one in (tree, found))
    assert found == tree or after < before


def test_some_trees_are_changed() -> None:
    assert any(of_least_moving(network(seed), CPU) != network(seed) for seed in range(8))


def test_the_last_axis_of_the_large_array_is_summed_first() -> None:
    operands = (28,) * 4, (12, 28), (12, 28)
    plan = einlab.plan("abcd,ic,jd->ijab", *(np.zeros(shape, "complex64") for shape in operands))
    assert plan.path == [(0, 2), (0, 1)]
    assert [step.copies.right for step in plan.steps] == [False, False]


def test_an_order_that_was_asked_for_is_kept() -> None:
    path = [(0, 1), (0, 1)]
    sizes = dict.fromkeys("abcd", 28) | {"i": 12, "j": 12}
    assert einlab.plan("abcd,ic,jd->ijab", sizes=sizes, optimize=path).path == path


def test_small_trees_and_pairs_are_left_alone() -> None:
    small = Tree(network(0).contraction, network(0).pairs)
    tiny = Contraction(
        small.contraction.terms,
        small.contraction.output,
        ((2,) * 4, *((2, 2),) * 4),
        ("float32",) * 5,
    )
    tree = Tree(tiny, small.pairs)
    assert of_least_moving(tree, CPU) is tree
