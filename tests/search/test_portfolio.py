import random

import opt_einsum
import pytest

from einlab.contraction import Contraction
from einlab.errors import ArgumentError, ArgumentTypeError, PathError
from einlab.objectives import OBJECTIVES
from einlab.search.budget import Trials
from einlab.search.portfolio import SEARCHES, find
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from tests.search.networks import contraction_of, random_network, recount

ONE_KIND = {"chain", "tree", "star", "connected"}  # refuse networks that are not of theirs


@pytest.mark.parametrize("name", [name for name in SEARCHES if name not in ONE_KIND])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_search_gives_a_tree_whose_value_is_its_recount(name, objective):
    for seed in range(15):
        contraction = random_network(seed, most=8, sizes=(0, 1, 2, 3))
        found = find(contraction, optimize=name, objective=objective)
        value = tree_value(found.tree, OBJECTIVES[objective])
        assert value == recount(contraction, found.tree.pairs, objective)


@pytest.mark.parametrize("operands", ["ab->a", "ab,bc->ac", "ab,bc,cd->ad"])
def test_an_unknown_search_is_refused_for_any_number_of_operands(operands):
    contraction = contraction_of(operands, {"a": 2, "b": 3, "c": 4, "d": 5})
    with pytest.raises(ArgumentError, match="did you mean 'greedy'"):
        find(contraction, optimize="gredy")
    with pytest.raises(ArgumentTypeError, match="not 3"):
        find(contraction, optimize=3)
    with pytest.raises(ArgumentError, match="did you mean 'flops'"):
        find(contraction, objective="flop")


def test_a_path_is_taken_as_it_is():
    contraction = contraction_of("ab,bc,cd->ad", {"a": 2, "b": 3, "c": 4, "d": 5})
    assert find(contraction, optimize=[(0, 2), (0, 1)]).tree.pairs == ((0, 2), (1, 3))
    assert find(contraction, optimize=["einsum_path", (0, 1), (0, 1)]).tree.path == ((0, 1), (0, 1))
    assert find(contraction, optimize=False).tree.pairs == ((0, 1), (2, 3))
    with pytest.raises(PathError, match="leaves 2 of 3"):
        find(contraction, optimize=[(0, 1)])


def test_searches_of_opt_einsum_are_asked_for_their_path():
    contraction = contraction_of("ab,bc,cd->ad", {"a": 20, "b": 30, "c": 4, "d": 2})
    for search in (opt_einsum.RandomGreedy(max_repeats=2), opt_einsum.paths.optimal):
        found = find(contraction, optimize=search)
        assert found.tree.pairs == ((1, 2), (0, 3))


def test_auto_is_never_worse_than_greedy():
    for seed in range(30):
        contraction = random_network(seed, most=14)
        values = [
            tree_value(find(contraction, optimize=name).tree, OBJECTIVES["flops"])
            for name in ("auto", "greedy")
        ]
        assert values[0] <= values[1]


def test_one_operand_needs_no_step():
    contraction = contraction_of("aab->b", {"a": 3, "b": 2})
    assert find(contraction).tree == Tree(contraction, ())


def test_optimal_refuses_what_it_cannot_solve_and_dp_goes_on():
    draw = random.Random(7)
    terms = [[f"e{place}"] for place in range(20)]
    for place in range(20):
        terms[place] += [f"e{(place + 1) % 20}", f"f{draw.randrange(10)}"]
    sizes = {index: 2 for term in terms for index in term}
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    contraction = Contraction(tuple(map(tuple, terms)), (), shapes, ("float32",) * 20)
    with pytest.raises(ArgumentError, match="use optimize='auto'"):
        find(contraction, optimize="optimal")
    assert len(find(contraction, optimize="dp").tree.pairs) == 19


@pytest.mark.parametrize("name", ["anneal", "dissection", "min-fill", "random-greedy"])
def test_searches_by_name_keep_to_trials_and_to_seconds(name):
    contraction = random_network(11, most=40)
    for budget in (Trials(2), 0.05):
        found = find(contraction, optimize=name, budget=budget)
        assert found.name == name
        assert len(found.tree.pairs) == len(contraction.terms) - 1
