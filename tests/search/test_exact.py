import pytest

from einlab.errors import MemoryLimitError
from einlab.objectives import OBJECTIVES
from einlab.search.exact import Exact
from einlab.search.value import largest_before_last, tree_value
from tests.search.networks import brute_force, contraction_of, random_network, recount

NAMES = ("flops", "multiplications", "combo", "bytes", "size", "peak")


@pytest.mark.parametrize("objective", NAMES)
@pytest.mark.parametrize("sizes", [(1, 2, 3, 4, 5), (0, 1, 2, 7), (2,)], ids=str)
def test_exact_equals_brute_force_on_random_networks(objective, sizes):
    for seed in range(60):
        contraction = random_network(seed, most=6, sizes=sizes)
        tree = Exact().search(contraction, OBJECTIVES[objective])
        found = tree_value(tree, OBJECTIVES[objective])
        assert found == recount(contraction, tree.pairs, objective), contraction.equation
        assert found == brute_force(contraction, objective), contraction.equation


@pytest.mark.long
@pytest.mark.parametrize("objective", NAMES)
def test_exact_equals_brute_force_on_many_networks_of_up_to_seven(objective):
    for seed in range(1000, 1850):
        contraction = random_network(seed)
        tree = Exact().search(contraction, OBJECTIVES[objective])
        assert tree_value(tree, OBJECTIVES[objective]) == brute_force(contraction, objective), seed


def test_exact_takes_an_outer_product_where_it_pays():
    # dgasmith/opt_einsum#254: the two small vectors are multiplied first.
    contraction = contraction_of("a,b,abc->c", {"a": 2, "b": 2, "c": 1000})
    tree = Exact().search(contraction, OBJECTIVES["flops"])
    assert tree.pairs[0] == (0, 1)
    assert tree_value(tree, OBJECTIVES["flops"]) == 4 + 2 * 4000


def test_exact_keeps_a_size_limit_and_names_the_least_that_would_do():
    contraction = contraction_of("ab,bc,cd,da->", {"a": 9, "b": 8, "c": 7, "d": 6})
    with pytest.raises(MemoryLimitError, match="48 would do"):
        Exact(size_limit=47).search(contraction, OBJECTIVES["flops"])
    kept = Exact(size_limit=48).search(contraction, OBJECTIVES["flops"])
    assert largest_before_last(kept) <= 48
