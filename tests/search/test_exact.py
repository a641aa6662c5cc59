import random
from itertools import combinations

import numpy as np
import pytest

from einlab.contraction import Contraction, Network
from einlab.errors import MemoryLimitError
from einlab.objectives import OBJECTIVES
from einlab.search.exact import Exact
from einlab.search.portfolio import find
from einlab.search.subsets import subsets_of, twins_of
from einlab.search.value import largest_before_last, tree_value
from tests.search.networks import (
    PRICED,
    broadcast,
    brute_force,
    contraction_of,
    objective_named,
    programme,
    random_network,
    recount,
)


def assert_best(contraction: Contraction, objective: str, best: int) -> None:
    """The exact search says what its tree is worth, and that is the best; picoseconds round."""
    tree = Exact().search(contraction, objective_named(objective))
    found = tree_value(tree, objective_named(objective))
    slack = len(contraction.terms) if objective == "seconds" else 0
    assert found == recount(contraction, tree.pairs, objective), contraction
    assert abs(found - best) <= slack, contraction


@pytest.mark.parametrize("objective", PRICED)
@pytest.mark.parametrize("sizes", [(1, 2, 3, 4, 5), (0, 1, 2, 7), (2,)], ids=str)
def test_exact_equals_brute_force_on_random_networks(
    objective: str, sizes: tuple[int, ...]
) -> None:
    for seed in range(50):
        contraction = broadcast(random_network(seed, most=6, sizes=sizes), seed)
        assert_best(contraction, objective, brute_force(contraction, objective))


@pytest.mark.parametrize("objective", PRICED)
def test_exact_equals_brute_force_on_networks_of_seven(objective: str) -> None:
    for seed in range(150):
        contraction = random_network(seed)
        if len(contraction.terms) == 7:
            assert_best(contraction, objective, brute_force(contraction, objective))


@pytest.mark.long
@pytest.mark.parametrize("objective", PRICED)
@pytest.mark.parametrize("block", range(5))
def test_exact_equals_brute_force_on_5000_networks_of_up_to_seven(
    objective: str, block: int
) -> None:
    for seed in range(1000 * (block + 1), 1000 * (block + 2)):
        sizes = (0, 1, 2, 7) if seed % 5 == 0 else (1, 2, 3, 4, 5)
        contraction = random_network(seed, sizes=sizes)
        contraction = broadcast(contraction, seed) if seed % 2 else contraction
        assert_best(contraction, objective, brute_force(contraction, objective))


def kinds(count: int, seed: int) -> list[Contraction]:
    """Networks of so many operands: a hypergraph, a sparse graph, a star, a lattice, twins."""
    draw = random.Random(seed)
    size = {f"i{number}": draw.choice((1, 2, 3, 5)) for number in range(count)}
    hyper = [tuple(draw.sample(list(size), draw.choice((1, 2, 3)))) for _ in range(count)]
    edges = [(draw.randrange(place), place) for place in range(1, count)]
    edges += draw.sample(list(combinations(range(count), 2)), count // 2)
    star = [(0, place) for place in range(1, count)]
    wide = count // 2
    grid = [(place, place + wide) for place in range(wide)]
    grid += [(place, place + 1) for place in range(2 * wide - 1) if place + 1 != wide]
    made = [_network(hyper, tuple(draw.sample(list(size), 2)), size)]
    for pairs in (edges, star, grid):
        names = {pair: f"e{pair}" for pair in pairs}
        size = {name: draw.randint(1, 4) for name in names.values()}
        terms = [tuple(n for pair, n in names.items() if place in pair) for place in range(count)]
        made.append(_network(terms, (), size))
    half = hyper[: count // 2]
    size = {f"i{number}": 1 + number % 3 for number in range(count)}
    made.append(_network([*half, *half, *half][:count], (half[0][0],), size))
    return made


def _network(
    terms: list[tuple[str, ...]], output: tuple[str, ...], size: dict[str, int]
) -> Contraction:
    held = {index for term in terms for index in term}
    shapes = tuple(tuple(size[index] for index in term) for term in terms)
    output = tuple(index for index in output if index in held)
    return Contraction(tuple(terms), output, shapes, ("float32",) * len(terms))


@pytest.mark.parametrize("objective", PRICED)
@pytest.mark.parametrize("count", [8, 9, 10])
def test_exact_equals_an_independent_programme(objective: str, count: int) -> None:
    for contraction in kinds(count, seed=count):
        assert_best(contraction, objective, programme(contraction, objective))


@pytest.mark.long
@pytest.mark.parametrize("objective", PRICED)
@pytest.mark.parametrize(("count", "seeds"), [(11, 5), (12, 3), (13, 2), (14, 1), (16, 1)])
def test_exact_equals_an_independent_programme_on_more_operands(
    objective: str, count: int, seeds: int
) -> None:
    for seed in range(seeds):
        for contraction in kinds(count, seed)[seed % 2 :: 2 if count < 15 else 5]:
            assert_best(contraction, objective, programme(contraction, objective))


@pytest.mark.parametrize("objective", PRICED)
@pytest.mark.parametrize("count", [13, 16])
def test_auto_is_exact_up_to_sixteen_operands(objective: str, count: int) -> None:
    for contraction in kinds(count, seed=3)[::2]:
        found = find(contraction, objective=objective_named(objective))
        assert found.name == "exact"
        # Operands in another order are pruned and grouped otherwise; the value stays.
        turned = Contraction(
            contraction.terms[::-1],
            contraction.output,
            contraction.shapes[::-1],
            contraction.dtypes,
        )
        other = Exact().search(turned, objective_named(objective))
        mine, its = (tree_value(t, objective_named(objective)) for t in (found.tree, other))
        assert abs(mine - its) <= (count if objective == "seconds" else 0)


def test_exact_takes_an_outer_product_where_it_pays() -> None:
    # dgasmith/opt_einsum#254: the two small vectors are multiplied first.
    contraction = contraction_of("a,b,abc->c", {"a": 2, "b": 2, "c": 1000})
    tree = Exact().search(contraction, OBJECTIVES["flops"])
    assert tree.pairs[0] == (0, 1)
    assert tree_value(tree, OBJECTIVES["flops"]) == 4 + 2 * 4000


def test_exact_keeps_a_size_limit_and_names_the_least_that_would_do() -> None:
    contraction = contraction_of("ab,bc,cd,da->", {"a": 9, "b": 8, "c": 7, "d": 6})
    with pytest.raises(MemoryLimitError, match="48 would do"):
        Exact(size_limit=47).search(contraction, OBJECTIVES["flops"])
    kept = Exact(size_limit=48).search(contraction, OBJECTIVES["flops"])
    assert largest_before_last(kept) <= 48


def test_operands_that_are_alike_can_be_exchanged() -> None:
    for seed in range(60):
        contraction = kinds(8, seed)[seed % 5]
        network = contraction.network
        sets, twins = subsets_of(network), twins_of(network)
        if twins is None:
            continue
        assert np.array_equal(sets.volume, sets.volume[twins.stands_for])
        assert np.array_equal(sets.summed, sets.summed[twins.stands_for])
        first, second = twins.groups[0][:2]
        swapped = list(network.terms)
        swapped[first], swapped[second] = swapped[second], swapped[first]
        other = subsets_of(Network(tuple(swapped), network.output, network.sizes))
        assert sorted(sets.volume) == sorted(other.volume)


@pytest.mark.parametrize(
    ("equation", "groups"),
    [
        ("ab,ab,bc->ac", ((0, 1),)),
        ("abc,a,b,c->", ((1, 2, 3),)),
        ("ab,bc,ca->", ((0, 1, 2),)),
        ("ab,bc,ca->a", ((0, 2),)),
    ],
)
def test_operands_that_are_alike_are_found(
    equation: str, groups: tuple[tuple[int, ...], ...]
) -> None:
    twins = twins_of(contraction_of(equation, dict.fromkeys("abc", 4)).network)
    assert twins is not None
    assert twins.groups == groups
    assert twins_of(contraction_of("ab,bc,ca->", {"a": 2, "b": 3, "c": 4}).network) is None
