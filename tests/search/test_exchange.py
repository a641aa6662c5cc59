import math

import opt_einsum
import pytest

from einlab.errors import ArgumentError
from einlab.objectives import OBJECTIVES
from einlab.search.budget import Trials
from einlab.search.exchange import Search, cotengra_tree
from einlab.search.greedy import Greedy
from einlab.search.portfolio import find
from tests.search.networks import contraction_of, random_network


def test_opt_einsum_takes_a_search_and_gets_its_path():
    for seed in range(20):
        contraction = random_network(seed, most=9)
        path, _ = opt_einsum.contract_path(
            contraction.equation,
            *contraction.shapes,
            shapes=True,
            optimize=Search("optimal", seed=1, budget=Trials(2)),
        )
        assert sum(len(step) - 1 for step in path) == len(contraction.terms) - 1
        found = find(contraction, optimize=path).tree
        assert found.multiplications >= 0


def test_a_limit_that_only_slicing_keeps_is_refused_in_a_path():
    contraction = contraction_of("ab,bc,cd,da->", {"a": 9, "b": 8, "c": 7, "d": 6})
    with pytest.raises(ArgumentError, match="are sliced"):
        opt_einsum.contract_path(
            contraction.equation,
            *contraction.shapes,
            shapes=True,
            optimize=Search(),
            memory_limit=10,
        )


def test_a_tree_for_cotengra_costs_what_ours_does_and_comes_back():
    pytest.importorskip("cotengra")
    for seed in range(20):
        contraction = random_network(seed, most=9, sizes=(2, 3))
        if len(contraction.terms) < 3 or not contraction.network.terms:
            continue
        tree = Greedy().search(contraction, OBJECTIVES["flops"])
        theirs = cotengra_tree(tree)
        assert math.isclose(theirs.contraction_cost(), tree.multiplications)
        back = find(contraction, optimize=theirs).tree
        assert back.multiplications == tree.multiplications


def test_sliced_indices_travel_with_a_cotengra_tree():
    pytest.importorskip("cotengra")
    contraction = contraction_of("ab,bc,cd,da->", {"a": 9, "b": 8, "c": 7, "d": 6})
    found = find(contraction, size_limit=10)
    again = find(contraction, optimize=cotengra_tree(found.tree, found.sliced))
    assert set(again.sliced) == set(found.sliced)
    assert again.tree.multiplications == found.tree.multiplications
