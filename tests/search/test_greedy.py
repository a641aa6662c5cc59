import pytest

from einlab.objectives import OBJECTIVES
from einlab.search.greedy import Greedy
from einlab.search.value import tree_value
from tests.search.networks import random_network, recount


@pytest.mark.parametrize(
    "sizes", [(1, 2, 3, 4), (0, 1, 5), (10**9, 10**400)], ids=["small", "empty", "huge"]
)
def test_greedy_gives_a_whole_tree_whose_value_is_its_recount(sizes):
    for seed in range(60):
        contraction = random_network(seed, most=20, sizes=sizes)
        tree = Greedy(trials=3, seed=seed).search(contraction, OBJECTIVES["flops"])
        value = tree_value(tree, OBJECTIVES["flops"])
        assert value == recount(contraction, tree.pairs, "flops")


def test_more_trials_are_never_worse():
    objective = OBJECTIVES["flops"]
    for seed in range(20):
        contraction = random_network(seed, most=20)
        values = [
            tree_value(Greedy(trials, seed).search(contraction, objective), objective)
            for trials in (1, 4, 16)
        ]
        assert values == sorted(values, reverse=True)


def test_the_same_seed_gives_the_same_tree():
    contraction = random_network(5, most=30)
    search = Greedy(8, seed=3)
    first = search.search(contraction, OBJECTIVES["flops"])
    assert first == search.search(contraction, OBJECTIVES["flops"])
