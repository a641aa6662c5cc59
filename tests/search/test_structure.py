"""Trees, stars, connected sets and small treewidth, against programmes over all trees."""

from __future__ import annotations

import math
import random

import pytest

from einlab.contraction import Contraction
from einlab.errors import ArgumentError
from einlab.objectives import OBJECTIVES
from einlab.search import structure
from einlab.search.connected import Connected, _Sets
from einlab.search.exact import Exact
from einlab.search.named import SEARCHES, Request
from einlab.search.portfolio import find
from einlab.search.structure import TreeNetwork, is_closed, is_star, tree_graph
from einlab.search.tree import Tree
from einlab.search.treewidth import Treewidth, eliminated
from einlab.search.value import tree_value
from tests.search.networks import (
    Volumes,
    contraction_of,
    objective_named,
    programme,
    random_network,
    steps_of,
)

ADDED = ("flops", "multiplications", "combo", "bytes", "seconds")


def graph_network(edges: list[tuple[int, int]], seed: int, opened: float = 0.0) -> Contraction:
    """A network of a graph, with bonds of random sizes and some open indices."""
    draw = random.Random(seed)
    count = 1 + max(map(max, edges))
    size = {f"b{a}-{b}": draw.randint(2, 9) for a, b in edges}
    terms = [[f"b{a}-{b}" for a, b in edges if node in (a, b)] for node in range(count)]
    output: list[str] = []
    for node, term in enumerate(terms):
        if draw.random() < opened and len(output) < 6:
            size[f"o{node}"] = draw.randint(2, 5)
            term.append(f"o{node}")
            output.append(f"o{node}")
    shapes = tuple(tuple(size[index] for index in term) for term in terms)
    return Contraction(tuple(map(tuple, terms)), tuple(output), shapes, ("float32",) * count)


def random_tree(count: int, seed: int) -> list[tuple[int, int]]:
    draw = random.Random(seed)
    return [(draw.randrange(node), node) for node in range(1, count)]


def ladder(length: int) -> list[tuple[int, int]]:
    """Two rails of so many nodes, and the rungs."""
    rails = [
        (side + 2 * rung, side + 2 * rung + 2) for rung in range(length - 1) for side in (0, 1)
    ]
    return rails + [(2 * rung, 2 * rung + 1) for rung in range(length)]


def series_parallel(count: int, seed: int) -> list[tuple[int, int]]:
    """A triangle whose edges are parted by nodes, or grow ears: treewidth 2, degree at most 5."""
    draw = random.Random(seed)
    edges = [(0, 1), (1, 2), (0, 2)]
    degree = dict.fromkeys(range(3), 2)
    for node in range(3, count):
        a, b = draw.choice(edges)
        if draw.random() < 0.5 and max(degree[a], degree[b]) < 5:
            degree[a], degree[b] = degree[a] + 1, degree[b] + 1
        else:
            edges.remove((a, b))
        edges += [(a, node), (b, node)]
        degree[node] = 2
    return edges


@pytest.mark.parametrize("objective", ["flops", "multiplications"])
def test_messages_are_the_best_of_a_closed_tree_without_outer_products(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "LOCAL", 2)  # nodes absorb their messages one by one
    for seed in range(40):
        contraction = graph_network(random_tree(3 + seed % 7, seed), seed)
        graph = tree_graph(contraction.network)
        assert graph is not None
        assert is_closed(graph)
        tree = TreeNetwork().search(contraction, OBJECTIVES[objective])
        best = programme(contraction, objective, outer=False)
        assert tree_value(tree, OBJECTIVES[objective]) == best


@pytest.mark.parametrize("objective", ["flops", "multiplications"])
def test_the_best_order_of_a_stars_leaves_is_found_whatever_is_open(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structure, "LOCAL", 2)
    for seed in range(30):
        edges = [(0, leaf) for leaf in range(1, 3 + seed % 6)]
        contraction = graph_network(edges, seed, opened=0.6)
        graph = tree_graph(contraction.network)
        assert graph is not None
        assert is_star(graph)
        tree = TreeNetwork().search(contraction, OBJECTIVES[objective])
        best = programme(contraction, objective, outer=False)
        assert tree_value(tree, OBJECTIVES[objective]) == best


@pytest.mark.parametrize("opened", [0.0, 0.4])
def test_outer_products_of_messages_are_taken_where_they_pay(opened: float) -> None:
    better = 0
    for seed in range(40):
        contraction = graph_network(random_tree(3 + seed % 6, seed), seed, opened)
        objective = OBJECTIVES["flops"]
        value = tree_value(TreeNetwork().search(contraction, objective), objective)
        assert value >= tree_value(Exact().search(contraction, objective), objective)
        if opened == 0.0:
            without = programme(contraction, "flops", outer=False)
            assert value <= without
            better += value < without
    assert better or opened


@pytest.mark.parametrize("objective", ADDED)
def test_connected_sets_give_the_best_tree_without_outer_products(objective: str) -> None:
    for seed in range(24):
        count = 4 + seed % 5
        edges = (random_tree, series_parallel)[seed % 2](count, seed)
        contraction = graph_network(edges, seed, opened=0.2 * (seed % 3))
        sets = _Sets(contraction.network, objective_named(objective), math.inf, 10**6)
        assert sets.is_connected
        assert sets.grow()
        pairs = sets.pairs()
        assert pairs is not None
        value = tree_value(Tree(contraction, pairs), objective_named(objective))
        best = programme(contraction, objective, outer=False)
        assert abs(value - best) <= (count if objective == "seconds" else 0)


@pytest.mark.parametrize("objective", ADDED)
@pytest.mark.parametrize("count", [12, 16])
def test_connected_is_nearly_exact_on_networks_of_up_to_sixteen(objective: str, count: int) -> None:
    given = objective_named(objective)
    for edges in (random_tree(count, 1), series_parallel(count, 2), ladder(count // 2)):
        contraction = graph_network(edges, count, opened=0.1)
        value = tree_value(Connected().search(contraction, given), given)
        best = tree_value(Exact().search(contraction, given), given)
        assert best - count <= value <= 1.05 * best  # outer products are worth little here


def least_width(contraction: Contraction) -> int:
    """The fewest multiplications that the largest step of any tree has."""
    volumes = Volumes(contraction)
    full = (1 << volumes.count) - 1
    best = [0] * (full + 1)
    for whole in range(1, full + 1):
        half, found = (whole - 1) & whole, list[int]()
        while half > whole ^ half:
            product = volumes.step(half, whole ^ half)[3]
            found.append(max(best[half], best[whole ^ half], product))
            half = (half - 1) & whole
        best[whole] = min(found, default=0)
    return best[full]


def test_a_proven_elimination_order_has_the_smallest_largest_step() -> None:
    proven = 0
    for seed in range(90):
        contraction = random_network(seed, most=7, sizes=(1, 2, 3, 4, 5))
        if seed % 3 == 0:
            contraction = graph_network(series_parallel(5 + seed % 4, seed), seed, opened=0.2)
        if len(contraction.terms) < 2:
            continue
        found, least = eliminated(contraction.network), least_width(contraction)
        tree = Treewidth().search(contraction, OBJECTIVES["flops"])
        largest = max(product for *_, product in steps_of(contraction, tree.pairs))
        assert found.bound <= math.log2(least) + 1e-6
        assert math.log2(largest) <= found.width + 1e-6
        if found.proven:
            assert largest == least
            proven += 1
    assert proven > 50


@pytest.mark.parametrize("edges", [series_parallel(60, 1), ladder(40), random_tree(80, 2)])
def test_small_treewidth_is_proven_on_large_networks(edges: list[tuple[int, int]]) -> None:
    contraction = graph_network(edges, 0)
    same = tuple(tuple(2 for _ in shape) for shape in contraction.shapes)
    uniform = Contraction(contraction.terms, contraction.output, same, contraction.dtypes)
    assert eliminated(uniform.network).proven
    tree = Treewidth().search(contraction, OBJECTIVES["flops"])
    largest = max(product for *_, product in steps_of(contraction, tree.pairs))
    assert math.log2(largest) <= eliminated(contraction.network).width + 1e-6


@pytest.mark.parametrize(
    ("edges", "name"),
    [([(0, leaf) for leaf in range(1, 24)], "star"), (random_tree(40, 3), "tree")],
)
def test_trees_are_recognised_and_never_worse_than_greedy(
    edges: list[tuple[int, int]], name: str
) -> None:
    contraction = graph_network(edges, 5)
    found = find(contraction)
    objective = OBJECTIVES["flops"]
    alone, _ = SEARCHES[name](contraction, Request(objective))
    if name not in found.name:  # an outer product, which that search leaves out, is cheaper
        assert tree_value(found.tree, objective) < tree_value(alone, objective)
    greedy, _ = SEARCHES["greedy"](contraction, Request(objective))
    assert tree_value(found.tree, objective) <= tree_value(greedy, objective)
    for search in (name, "connected", "treewidth"):
        if search != "connected" or name == "tree":
            tree = find(contraction, optimize=search).tree
            assert tree_value(tree, objective) > 0


@pytest.mark.parametrize("name", ["chain", "tree", "star", "connected"])
def test_a_search_of_one_kind_refuses_other_networks(name: str) -> None:
    contraction = contraction_of("ab,bc,ca,de,ef->df", dict.fromkeys("abcdef", 3))
    with pytest.raises(ArgumentError, match="use optimize='auto'"):
        find(contraction, optimize=name)


def test_a_tree_of_a_thousand_nodes_is_solved_without_recursion() -> None:
    contraction = graph_network([(node - 1, node) for node in range(1, 1000)], 0)
    value = tree_value(TreeNetwork().search(contraction, OBJECTIVES["flops"]), OBJECTIVES["flops"])
    chain, _ = SEARCHES["chain"](contraction, Request(OBJECTIVES["flops"]))
    assert value == tree_value(chain, OBJECTIVES["flops"])


@pytest.mark.parametrize(
    ("equation", "is_tree"),
    [
        ("ab,bc,cd->", True),
        ("ab,bc,cd->ad", True),
        ("ab,bc,ca->", False),
        ("ab,bc,bd->", False),  # b is held by three
        ("ab,bc->b", False),  # b is shared and kept
        ("ab,cd->", False),  # two parts
        ("ab,ab,cd,cd,de->", False),  # as many bonds as a tree, but two parts
    ],
)
def test_tree_networks_are_recognised(equation: str, is_tree: bool) -> None:
    network = contraction_of(equation, dict.fromkeys("abcde", 3)).network
    assert (tree_graph(network) is not None) == is_tree
