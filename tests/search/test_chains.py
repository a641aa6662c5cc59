import random

import pytest

from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES
from einlab.search.chains import Chain, line_of, of_matrices
from einlab.search.exact import Exact
from einlab.search.portfolio import find
from einlab.search.value import tree_value
from tests.search.networks import contraction_of


def chain(seed, count, most=9, opened=0.0):
    """A shuffled chain of matrices, some with open indices."""
    draw = random.Random(seed)
    sizes = {
        f"b{place}": draw.randint(0 if seed % 5 == 0 else 1, most) for place in range(count + 1)
    }
    terms: list[tuple[str, ...]] = [(f"b{place}", f"b{place + 1}") for place in range(count)]
    output = ["b0", f"b{count}"]
    for place in range(count):
        if draw.random() < opened:
            sizes[f"o{place}"] = draw.randint(1, 3)
            terms[place] += (f"o{place}",)
            output.append(f"o{place}")
    draw.shuffle(terms)
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    return Contraction(tuple(terms), tuple(output), shapes, ("float32",) * count)


@pytest.mark.parametrize("name", ["flops", "multiplications"])
@pytest.mark.parametrize("opened", [0.0, 0.4])
def test_chains_are_solved_as_well_as_by_trying_everything(name, opened):
    objective = OBJECTIVES[name]
    for seed in range(40):
        contraction = chain(seed, 3 + seed % 6, opened=opened)
        if line_of(contraction.network) is None:
            continue
        value = tree_value(Chain().search(contraction, objective), objective)
        assert value == tree_value(Exact().search(contraction, objective), objective)


def textbook(sizes):
    """The matrix-chain programme as every textbook has it."""
    count = len(sizes) - 1
    best = {(i, i): 0 for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best[i, j] = min(
                best[i, k] + best[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]
                for k in range(i, j)
            )
    return best[0, count - 1]


def test_a_long_chain_is_found_and_solved_by_the_portfolio():
    draw = random.Random(1)
    sizes = [draw.randint(2, 50) for _ in range(61)]
    terms = tuple((f"b{place}", f"b{place + 1}") for place in range(60))
    shapes = tuple((sizes[place], sizes[place + 1]) for place in range(60))
    contraction = Contraction(terms, ("b0", "b60"), shapes, ("float32",) * 60)
    found = find(contraction, objective="multiplications")
    assert found.name == "chain"
    assert tree_value(found.tree, OBJECTIVES["multiplications"]) == textbook(sizes)


@pytest.mark.parametrize(
    "equation", ["ab,bc,ca->", "ab,ac,ad->bcd", "ab,bc,bd->acd", "ab,cd->abcd"]
)
def test_rings_stars_hyperedges_and_strangers_are_no_chains(equation):
    assert line_of(contraction_of(equation, dict.fromkeys("abcd", 2)).network) is None


def test_an_outer_product_of_the_ends_is_found_where_it_pays():
    # dgasmith/opt_einsum#254: with an open index between them, a times b comes first.
    contraction = contraction_of("a,b,abc->c", {"a": 2, "b": 2, "c": 1000})
    for name in ("auto", "optimal"):
        found = find(contraction, optimize=name)
        assert found.tree.path == ((0, 1), (0, 1))
        assert tree_value(found.tree, OBJECTIVES["flops"]) == 4 + 2 * 4 * 1000


@pytest.mark.parametrize("name", ["flops", "multiplications"])
def test_chains_of_matrices_need_no_outer_product(name):
    for seed in range(60):
        draw = random.Random(seed)
        count = 3 + seed % 6
        sizes = [draw.randint(1, 6) for _ in range(count + 1)]
        terms: list[tuple[str, ...]] = [(f"b{n}", f"b{n + 1}") for n in range(count)]
        if seed % 3 == 0:
            terms[0], terms[-1] = terms[0][1:], terms[-1][:1]
        named = {f"b{place}": size for place, size in enumerate(sizes)}
        held = {index for term in terms for index in term}
        output = tuple(i for i in ("b0", f"b{count}") if i in held and draw.random() < 0.8)
        shapes = tuple(tuple(named[index] for index in term) for term in terms)
        contraction = Contraction(tuple(terms), output, shapes, ("float32",) * count)
        line = line_of(contraction.network)
        if line is None or not of_matrices(contraction.network, line):
            continue
        value = tree_value(Chain().search(contraction, OBJECTIVES[name]), OBJECTIVES[name])
        assert value == tree_value(Exact().search(contraction, OBJECTIVES[name]), OBJECTIVES[name])
