from itertools import combinations

import pytest

from einlab.objectives import OBJECTIVES
from einlab.search.boltzmann import Boltzmann
from einlab.search.greedy import Greedy
from einlab.search.simplify import simplify
from einlab.search.value import tree_value
from tests.search.networks import contraction_of, random_network, recount


def finished(contraction):
    """The whole tree, each part contracted greedily."""
    simplified = simplify(contraction)
    parts = [Greedy().search(part.contraction, OBJECTIVES["flops"]) for part in simplified.parts]
    return simplified.join([tree.pairs for tree in parts])


@pytest.mark.parametrize("sizes", [(1, 2, 3, 4), (0, 1, 5)], ids=["small", "empty"])
def test_a_simplified_network_joins_to_a_whole_tree(sizes):
    for seed in range(80):
        contraction = random_network(seed, most=20, sizes=sizes)
        tree = finished(contraction)
        value = tree_value(tree, OBJECTIVES["flops"])
        assert value == recount(contraction, tree.pairs, "flops")


def test_no_step_of_a_simplification_makes_a_larger_array():
    for seed in range(80):
        contraction = random_network(seed, most=20)
        simplified = simplify(contraction)
        tree = finished(contraction)
        for step, (left, right) in enumerate(simplified.pairs):
            result = tree.volume(len(contraction.terms) + step)
            assert result <= max(tree.volume(left), tree.volume(right))


def test_a_simplification_goes_on_until_no_step_is_left():
    for seed in range(80):
        for part in simplify(random_network(seed, most=20, sizes=(1, 2, 3))).parts:
            given = part.contraction
            terms = [{i for i in leaf if given.sizes[i] > 1} for leaf in given.leaves]
            for a, b in combinations(range(len(terms)), 2):
                others = set(given.output).union(*terms[:a], *terms[a + 1 : b], *terms[b + 1 :])
                result = given.volume((terms[a] | terms[b]) & others)
                larger = max(given.volume(terms[a]), given.volume(terms[b]))
                assert not terms[a] & terms[b] or result > larger


def test_an_index_of_size_1_joins_no_parts():
    equation = "abcx,adex,bdfx,cefx,ghix,gjkx,hjlx,iklx->"
    contraction = contraction_of(equation, dict.fromkeys("abcdefghijkl", 4) | {"x": 1})
    parts = simplify(contraction).parts
    assert [part.arrays for part in parts] == [(0, 1, 2, 3), (4, 5, 6, 7)]
    tree = finished(contraction)
    value = tree_value(tree, OBJECTIVES["flops"])
    assert value == recount(contraction, tree.pairs, "flops")


@pytest.mark.parametrize(
    ("equation", "left"),
    [
        ("abc,ade,bdf,cef->", 4),
        ("abc,ade,bdf,cef,ab->", 4),  # a subset
        ("abc,abc,abc,ade,bdf,cef->", 4),  # equal terms
        ("abx,xc,ade,bdf,cef->", 4),  # a matrix
        ("abc,ade,bdf,cef,b->", 4),  # a vector of an index that three hold
        ("abc,ade,bdf,cefxy,x,y->", 4),
        (",abc,ade,,bdf,cef->", 4 + 2),  # scalars are parts of their own
        ("abcx,adeyy,bdf,cef->", 4),  # what one operand alone holds
    ],
)
def test_small_and_repeated_operands_are_absorbed(equation, left):
    contraction = contraction_of(equation, dict.fromkeys("abcdefxy", 4))
    assert len(contraction.terms) - len(simplify(contraction).pairs) == left


def test_parts_share_no_index_and_hold_every_array_that_is_left_once():
    for seed in range(80):
        simplified = simplify(random_network(seed, most=20))
        indices = [i for part in simplified.parts for i in {*sum(part.contraction.terms, ())}]
        assert len(indices) == len(set(indices))
        arrays = [array for part in simplified.parts for array in part.arrays]
        left = len(simplified.contraction.terms) - len(simplified.pairs)
        assert len(set(arrays)) == len(arrays) == left


def test_a_tree_of_vectors_and_matrices_is_simplified_away():
    contraction = contraction_of("a,ab,bc,bd,d,c->", dict.fromkeys("abcd", 3))
    assert len(simplify(contraction).pairs) == 5


@pytest.mark.parametrize(
    "sizes", [(1, 2, 3, 4), (0, 1, 5), (10**400,)], ids=["small", "empty", "huge"]
)
def test_compiled_greedy_gives_a_whole_tree_and_the_same_one_each_time(sizes):
    for seed in range(40):
        contraction = random_network(seed, most=20, sizes=sizes)
        search = Boltzmann(trials=4, seed=seed)
        tree = search.search(contraction, OBJECTIVES["flops"])
        assert tree == search.search(contraction, OBJECTIVES["flops"])
        value = tree_value(tree, OBJECTIVES["flops"])
        assert value == recount(contraction, tree.pairs, "flops")


def test_compiled_greedy_trials_are_never_worse_for_being_more():
    objective = OBJECTIVES["multiplications"]
    for seed in range(20):
        contraction = random_network(seed, most=20)
        values = [
            tree_value(Boltzmann(trials, seed).search(contraction, objective), objective)
            for trials in (1, 4, 16)
        ]
        assert values == sorted(values, reverse=True)
