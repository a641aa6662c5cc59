import time
from itertools import product

import numpy as np
import pytest

from einlab.contraction import Contraction
from einlab.errors import MemoryLimitError
from einlab.objectives import OBJECTIVES
from einlab.planning import plan
from einlab.search.bench import lay_out
from einlab.search.core import core_of
from einlab.search.limits import Limits
from einlab.search.portfolio import SearchInterrupted, find
from einlab.search.slice_anneal import SliceAnneal, lay_out_sliced
from einlab.search.slice_passes import Clock
from einlab.search.sliced import Sliced
from einlab.search.slicing import slice_indices
from einlab.search.tree import Tree
from einlab.search.value import largest_before_last, peak_bytes, tree_value
from tests.search.compiled import grid, hypernetwork
from tests.search.networks import contraction_of, random_network, recount


def sliced_contraction(contraction: Contraction, names: tuple[str, ...]) -> Contraction:
    shapes = tuple(
        tuple(1 if index in names else size for index, size in zip(term, shape, strict=True))
        for term, shape in zip(contraction.terms, contraction.shapes, strict=True)
    )
    return Contraction(contraction.terms, contraction.output, shapes, contraction.dtypes)


@pytest.mark.parametrize("limit", [1, 4, 30])
def test_a_size_limit_is_kept_by_every_slice(limit):
    for seed in range(60):
        contraction = random_network(seed, most=8)
        found = find(contraction, size_limit=limit)
        numbers = [list(contraction.sizes).index(name) for name in found.sliced]
        assert largest_before_last(found.tree, numbers) <= limit


def test_the_value_of_a_sliced_tree_is_that_of_a_slice_times_their_number():
    for seed in range(60):
        contraction = random_network(seed, most=8)
        found = find(contraction, size_limit=4)
        numbers = [list(contraction.sizes).index(name) for name in found.sliced]
        slices = contraction.volume(found.sliced)
        one = recount(sliced_contraction(contraction, found.sliced), found.tree.pairs, "flops")
        assert tree_value(found.tree, OBJECTIVES["flops"], numbers) == slices * one


def test_a_memory_limit_is_kept_or_the_refusal_names_one_that_is():
    refused = 0
    for seed in range(40):
        contraction = random_network(seed, most=8)
        for limit in (16, 300, 2000):
            try:
                found = find(contraction, memory_limit=limit)
            except MemoryLimitError as error:
                refused += 1
                least = int(str(error).split("would do is ")[1].split(" ")[0].replace(",", ""))
                assert least > limit
                limit = least
                found = find(contraction, memory_limit=least)
            numbers = [list(contraction.sizes).index(name) for name in found.sliced]
            assert peak_bytes(found.tree, numbers) <= limit
    assert 0 < refused < 120


def test_no_index_is_sliced_in_vain():
    contraction = contraction_of("ab,bc,cd,da->", {"a": 9, "b": 8, "c": 7, "d": 6})
    tree = find(contraction).tree

    def fits(tree, sliced):
        return largest_before_last(tree, sliced) <= 5

    sliced = slice_indices(tree, OBJECTIVES["flops"], fits)
    assert sliced
    assert not any(fits(tree, [i for i in sliced if i != other]) for other in sliced)


def lattice(width, height, size):
    """A square lattice of tensors."""
    terms: list[list[str]] = [[] for _ in range(width * height)]
    for x, y in product(range(width), range(height)):
        for dx, dy in ((1, 0), (0, 1)):
            if x + dx < width and y + dy < height:
                index = f"e{x}.{y}.{dx}"
                terms[x * height + y].append(index)
                terms[(x + dx) * height + y + dy].append(index)
    shapes = tuple((size,) * len(term) for term in terms)
    return Contraction(tuple(map(tuple, terms)), (), shapes, ("float32",) * len(terms))


@pytest.mark.parametrize("limits", [{"size_limit": 16}, {"memory_limit": 2000}])
def test_large_networks_are_sliced_and_refined_within_a_budget(limits):
    contraction = lattice(6, 6, 2)
    found = find(contraction, budget=0.3, **limits)
    numbers = [list(contraction.sizes).index(name) for name in found.sliced]
    assert numbers
    if "size_limit" in limits:
        assert largest_before_last(found.tree, numbers) <= 16
    else:
        assert peak_bytes(found.tree, numbers) <= 2000


def test_refining_between_slices_costs_no_more_than_slicing_alone():
    contraction = lattice(6, 6, 3)
    objective = OBJECTIVES["flops"]
    tree = find(contraction, optimize="greedy").tree
    limits = Limits(size=200)
    alone = slice_indices(tree, objective, limits.kept)
    refined = Sliced(limits).search(tree, objective)
    assert alone is not None
    assert refined is not None
    assert limits.kept(*refined)
    assert tree_value(refined[0], objective, refined[1]) <= tree_value(tree, objective, alone)


@pytest.mark.parametrize("name", ["flops", "combo", "bytes", "size"])
def test_annealing_with_slices_leaves_a_tree_and_sets_of_one_slice(name):
    for seed in range(3):
        contraction = hypernetwork(seed)
        tree = find(contraction, optimize="greedy").tree
        bench = lay_out_sliced(tree, (), OBJECTIVES[name], 3.0, seed)
        SliceAnneal().run(bench, moves=20_000)
        found, chosen = bench.tree(), bench.chosen()
        one = sliced_contraction(contraction, tuple(list(contraction.sizes)[i] for i in chosen))
        priced = OBJECTIVES["multiplications" if name == "size" else name]
        again = lay_out(Tree(one, found.pairs), priced)
        bench.exchange(0.0, 0.0, 1.0, 0)
        bench.bench.price()
        assert np.isclose(bench.bench.total, again.total)


def test_the_same_seed_and_moves_give_the_same_tree_and_slices():
    contraction = grid(6, 6, 3)
    tree = find(contraction, optimize="greedy").tree
    search = Sliced(Limits(size=100), seed=5)
    assert search.search(tree, OBJECTIVES["flops"]) == search.search(tree, OBJECTIVES["flops"])


def test_a_core_expands_to_the_tree_it_came_from():
    for seed in range(20):
        contraction = hypernetwork(seed)
        tree = find(contraction, optimize="greedy").tree
        for most in (0, 30, 1e9):
            core = core_of(tree, most)
            whole = core.expand(core.tree)
            assert whole.multiplications == tree.multiplications
            assert sorted(map(sorted, whole.terms)) == sorted(map(sorted, tree.terms))
            names, inner = list(contraction.sizes), list(core.tree.contraction.sizes)
            assert [names[i] for i in core.numbers(range(len(inner)))] == sorted(
                inner, key=names.index
            )


def test_slices_that_make_no_difference_are_not_taken():
    contraction = grid(6, 6)
    tree = find(contraction, optimize="greedy").tree
    found = Sliced(Limits(size=2**30)).search(tree, OBJECTIVES["flops"])
    assert found is not None
    assert found[1] == ()


def test_no_slicing_is_found_where_none_keeps_the_limit():
    contraction = grid(6, 6)
    tree = find(contraction, optimize="greedy").tree
    assert Sliced(Limits(memory=100)).search(tree, OBJECTIVES["flops"]) is None


def test_a_plan_reports_what_slicing_costs_beside_the_same_order_without():
    shapes = (30, 40), (40, 50), (50, 30)
    whole = plan("ij,jk,kl->il", *shapes)
    sliced = plan("ij,jk,kl->il", *shapes, memory_limit=600)
    assert whole.overhead == 1.0
    assert sliced.sliced
    again = sliced.slice_tree.multiplications * sliced.slices
    assert sliced.overhead == again / sliced.tree.multiplications
    (fact,) = (fact for fact in sliced.table().facts if fact.name == "slicing overhead")
    assert fact.value == sliced.overhead
    for text in (str(sliced), sliced._repr_html_()):
        assert "slicing overhead" in text
    assert "slicing overhead" not in str(whole)


def test_ctrl_c_during_slicing_gives_the_best_so_far_within_the_limit(monkeypatch):
    anneal, calls = SliceAnneal.run, []

    def interrupted(self, *arguments):
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        anneal(self, *arguments)

    monkeypatch.setattr(SliceAnneal, "run", interrupted)
    contraction = grid(6, 6, 3)
    with pytest.raises(SearchInterrupted) as stopped:
        find(contraction, budget=0.5, size_limit=30)
    found = stopped.value.found
    assert len(calls) >= 2  # others may be at work beside the one that is stopped
    numbers = [list(contraction.sizes).index(name) for name in found.sliced]
    assert numbers
    assert largest_before_last(found.tree, numbers) <= 30


def test_a_limit_between_two_volumes_is_the_lower_one_where_all_sizes_are_equal():
    contraction = grid(5, 5, 7)
    tree = find(contraction, optimize="greedy").tree
    found = [Sliced(Limits(size=size)).search(tree, OBJECTIVES["flops"]) for size in (49, 300)]
    assert found[0] == found[1]


def test_any_number_of_threads_finds_the_same_slices():
    contraction = grid(5, 5, 3)
    tree = find(contraction, optimize="greedy").tree
    found = [
        Sliced(Limits(size=27), seed=1, workers=workers).search(tree, OBJECTIVES["flops"])
        for workers in (1, 2)
    ]
    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0][1]


def test_the_waves_of_passes_share_out_the_time_and_the_last_ends_by_the_deadline():
    start = time.perf_counter()
    for workers in (1, 2, 3):
        clock = Clock(start + 100.0, operands=500, steps=900, workers=workers)
        count, end = clock.wave(0)
        assert count >= workers
        assert end is not None
        first = clock.until(end, 0, count)
        assert first is not None
        waves = -(-count // workers)
        assert first - start == pytest.approx(55.0 / waves, rel=0.1)
        again, last = clock.wave(1)
        assert again == workers
        assert last is not None
        assert start < last < start + 100.0
