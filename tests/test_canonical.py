"""Twins share a key, and a plan found for one fits the other."""

import random

import opt_einsum

from einlab.canonical import canonical
from einlab.contraction import Contraction
from einlab.objectives import OBJECTIVES
from einlab.search.greedy import Greedy
from einlab.search.tree import Tree


def drawn(seed: int, count: int = 12) -> Contraction:
    """A random network with hyperedges, some of its sizes alike."""
    draw = random.Random(seed)
    names = [opt_einsum.get_symbol(i) for i in range(count + 4)]
    sizes = {name: draw.choice([1, 2, 2, 3]) for name in names}
    terms = [tuple(draw.sample(names, draw.randint(1, 4))) for _ in range(count)]
    held = sorted({index for term in terms for index in term})
    output = tuple(draw.sample(held, 2))
    shapes = tuple(tuple(sizes[index] for index in term) for term in terms)
    return Contraction(tuple(terms), output, shapes, ("float32",) * count)


def twin(contraction: Contraction, seed: int) -> tuple[Contraction, list[int]]:
    """The same contraction with operands, axes, output and names shuffled; and where each went."""
    draw = random.Random(seed)
    names = list(contraction.sizes)
    renamed = dict(zip(names, draw.sample(names, len(names)), strict=True))
    places = draw.sample(range(len(contraction.terms)), len(contraction.terms))
    terms, shapes = [], []
    for place in places:
        axes = draw.sample(range(len(contraction.terms[place])), len(contraction.terms[place]))
        terms.append(tuple(renamed[contraction.terms[place][axis]] for axis in axes))
        shapes.append(tuple(contraction.shapes[place][axis] for axis in axes))
    output = [renamed[index] for index in contraction.output]
    draw.shuffle(output)
    return Contraction(tuple(terms), tuple(output), tuple(shapes), contraction.dtypes), places


def test_renamed_reordered_and_transposed_twins_share_a_key():
    for seed in range(60):
        contraction = drawn(seed)
        other, _ = twin(contraction, seed + 1000)
        assert canonical(other).key == canonical(contraction).key, seed


def test_a_symmetric_ring_has_one_key_however_it_is_written():
    ring = tuple((opt_einsum.get_symbol(i), opt_einsum.get_symbol((i + 1) % 9)) for i in range(9))
    contraction = Contraction(ring, (), ((2, 2),) * 9, ("float32",) * 9)
    keys = {canonical(twin(contraction, seed)[0]).key for seed in range(20)}
    assert keys == {canonical(contraction).key}


def test_another_size_output_or_dtype_has_another_key():
    base = Contraction((("i", "j"), ("j", "k")), ("i",), ((2, 3), (3, 4)), ("float32",) * 2)
    others = [
        Contraction((("i", "j"), ("j", "k")), ("i",), ((2, 3), (3, 5)), ("float32",) * 2),
        Contraction((("i", "j"), ("j", "k")), ("i", "k"), ((2, 3), (3, 4)), ("float32",) * 2),
        Contraction((("i", "j"), ("j", "k")), ("i",), ((2, 3), (3, 4)), ("float64",) * 2),
        Contraction((("i", "j"), ("i", "k")), ("i",), ((2, 3), (2, 4)), ("float32",) * 2),
    ]
    assert len({canonical(c).key for c in (base, *others)}) == 5


def test_a_tree_of_one_twin_is_a_tree_of_the_other_at_the_same_cost():
    for seed in range(20):
        contraction = drawn(seed)
        other, _ = twin(contraction, seed + 5)
        tree = Greedy(4, seed).search(contraction, OBJECTIVES["flops"])
        stored = canonical(contraction).pairs_there(tree.pairs)
        found = Tree(other, canonical(other).pairs_here(stored))
        assert found.multiplications == tree.multiplications


def test_ten_thousand_operands_are_told_apart_without_trouble():
    terms = tuple((opt_einsum.get_symbol(i), opt_einsum.get_symbol(i + 1)) for i in range(10_000))
    chain = Contraction(terms, ("a",), ((2, 2),) * 10_000, ("float32",) * 10_000)
    form = canonical(chain)
    assert sorted(form.operands) == list(range(10_000))
