"""Exchanges reach other trees of the same contraction, and only ever lower the value."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from einlab.contraction import Contraction
from einlab.exchanging import exchanged, neighbours
from einlab.search.tree import Tree


def chain(count: int, seed: int) -> Tree:
    """A chain of matrices with random sizes, contracted in a random order."""
    drawn = random.Random(seed)
    sizes = [drawn.randint(2, 9) for _ in range(count + 1)]
    terms = tuple((f"i{place}", f"i{place + 1}") for place in range(count))
    shapes = tuple((sizes[place], sizes[place + 1]) for place in range(count))
    output = ("i0", f"i{count}")
    contraction = Contraction(terms, output, shapes, ("float32",) * count)
    live = list(range(count))
    pairs = []
    for step in range(count - 1):
        one, other = drawn.sample(live, 2)
        live = [array for array in live if array not in (one, other)] + [count + step]
        pairs.append((one, other))
    return Tree(contraction, tuple(pairs))


@given(count=st.integers(3, 7), seed=st.integers(0, 999))
def test_neighbours_are_trees_that_differ_in_one_intermediate(count, seed):
    tree = chain(count, seed)
    for other in neighbours(tree):
        assert len(set(tree.terms) ^ set(other.terms)) <= 2
        assert other.terms[-1] == tree.terms[-1]


@given(count=st.integers(3, 7), seed=st.integers(0, 999), trials=st.integers(0, 30))
def test_the_value_never_rises_and_trials_are_kept(count, seed, trials):
    tried: list[Tree] = []

    def value(tree: Tree) -> int:
        tried.append(tree)
        return tree.multiplications

    tree = chain(count, seed)
    found = exchanged(tree, value, trials)
    assert found.multiplications == min(one.multiplications for one in tried)
    assert len(tried) <= trials + 1


def test_with_enough_trials_a_best_tree_has_no_better_neighbour():
    found = exchanged(chain(6, 1), lambda tree: tree.multiplications, 1000)
    assert all(other.multiplications >= found.multiplications for other in neighbours(found))


@given(seed=st.integers(0, 999))
def test_a_tree_that_does_not_promise_is_neither_tried_nor_counted(seed):
    tree, tried = chain(6, seed), []

    def value(one: Tree) -> int:
        tried.append(one)
        return one.multiplications

    limit = tree.multiplications
    exchanged(tree, value, 4, lambda one: one.multiplications < limit)
    assert all(one.multiplications < limit for one in tried[1:])
    assert exchanged(tree, value, 99, lambda one: False) == tree
