"""Laws that every compiled search keeps when it is asked for by name."""

from __future__ import annotations

import pytest

from einlab.objectives import OBJECTIVES
from einlab.search.budget import Trials
from einlab.search.portfolio import find
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from tests.search.compiled import grid, hypernetwork
from tests.search.networks import recount

COMPILED = [
    "auto",
    "anneal",
    "refine",
    "windows",
    "tempering",
    "dissection",
    "min-fill",
    "min-degree",
    "random-greedy",
]
NETWORKS = {
    "lattice": grid(6, 6, size=3),
    "hypergraph": hypernetwork(4),
    "hypergraph of one size": hypernetwork(8, operands=60, indices=80),
}


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("objective", ["flops", "size", "combo"])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_search_gives_a_whole_tree_of_the_value_it_states(
    name: str, objective: str, network: str
) -> None:
    contraction = NETWORKS[network]
    tree = find(contraction, optimize=name, objective=objective, budget=Trials(2)).tree
    assert len(tree.pairs) == len(contraction.terms) - 1
    value = tree_value(tree, OBJECTIVES[objective])
    assert value == recount(contraction, tree.pairs, objective)


@pytest.mark.parametrize("name", COMPILED)
def test_a_search_repeats_itself_for_a_seed_and_a_number_of_trials(name: str) -> None:
    contraction = hypernetwork(6, operands=60, indices=50)

    def asked(seed: int) -> Tree:
        found = find(contraction, optimize=name, budget=Trials(3), seed=seed)
        return found.tree

    assert asked(5) == asked(5)


@pytest.mark.parametrize("name", ["auto", "anneal", "refine", "windows", "tempering"])
def test_what_improves_a_start_is_no_worse_than_it(name: str) -> None:
    for network in NETWORKS.values():
        greedy = find(network, optimize="greedy").tree
        tree = find(network, optimize=name, budget=Trials(2)).tree
        assert tree_value(tree, OBJECTIVES["flops"]) <= tree_value(greedy, OBJECTIVES["flops"])


@pytest.mark.parametrize("name", [*COMPILED, "greedy"])
def test_a_search_in_seconds_gives_a_whole_tree(name: str) -> None:
    contraction = grid(7, 7)
    assert len(find(contraction, optimize=name, budget=0.05).tree.pairs) == 48
