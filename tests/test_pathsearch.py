"""Orders go from einlab to its peers, and from its peers to einlab, at the same cost."""

from __future__ import annotations

import importlib
import math
import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import opt_einsum
import pytest

import einlab
from einlab import PathSearch
from einlab.errors import (
    ArgumentError,
    EquationError,
    MemoryLimitError,
    MissingPackageError,
    ShapeError,
)
from einlab.objectives import OBJECTIVES
from einlab.search.value import tree_value
from tests.show.samples import random_tree
from tests.show.test_figure import Absent

CHAIN = "ab,bc,cd,de->ae"
SHAPES = ((2, 30), (30, 4), (4, 50), (50, 3))


def network(operands: int, seed: int = 0) -> tuple[str, list[tuple[int, ...]]]:
    """The equation and shapes of a ring with chords."""
    contraction = random_tree(operands, seed).contraction
    return contraction.equation, list(contraction.shapes)


def arrays(shapes: Any, seed: int = 0) -> list[np.ndarray[Any, Any]]:
    draw = np.random.default_rng(seed)
    return [draw.standard_normal(shape) / math.sqrt(math.prod(shape)) for shape in shapes]


def cotengra() -> Any:
    return pytest.importorskip("cotengra")


def multiplications(plan: einlab.Plan) -> int:
    numbers = {index: number for number, index in enumerate(plan.contraction.sizes)}
    sliced = [numbers[index] for index in plan.sliced]
    return tree_value(plan.tree, OBJECTIVES["multiplications"], sliced)


def test_a_path_search_is_a_search_of_opt_einsum() -> None:
    equation, shapes = network(24)
    operands = arrays(shapes)
    search = PathSearch(seed=3)
    path, info = opt_einsum.contract_path(equation, *operands, optimize=search)
    ours = einlab.plan(equation, *shapes, seed=3)
    assert [tuple(step) for step in path] == ours.path
    assert info.opt_cost == ours.opt_cost
    got = opt_einsum.contract(equation, *operands, optimize=search)
    np.testing.assert_allclose(got, opt_einsum.contract(equation, *operands, optimize="greedy"))


def test_jax_and_numpy_take_the_search_or_its_path() -> None:
    operands = arrays(SHAPES)
    wanted = np.einsum(CHAIN, *operands)
    plan = einlab.plan(CHAIN, *SHAPES)
    path: Any = plan.path
    for given in (path, PathSearch()):
        np.testing.assert_allclose(jnp.einsum(CHAIN, *operands, optimize=given), wanted, rtol=1e-4)
    numpys: Any = ["einsum_path", *path]
    np.testing.assert_allclose(np.einsum(CHAIN, *operands, optimize=numpys), wanted)


@pytest.mark.parametrize("objective", ["flops", "size"])
def test_the_settings_reach_the_search(objective: str) -> None:
    equation, shapes = network(12, seed=5)
    search = PathSearch("optimal", objective=objective)
    path, _ = opt_einsum.contract_path(equation, *shapes, shapes=True, optimize=search)
    assert path == einlab.plan(equation, *shapes, optimize="optimal", objective=objective).path
    with pytest.raises(ArgumentError, match="did you mean 'greedy'"):
        PathSearch("greddy")([("a",)] * 20, (), {"a": 2})


def test_sets_of_any_names_give_the_same_path_in_every_process() -> None:
    code = (
        "from einlab import PathSearch\n"
        "ring = [{f'x{i}', f'x{(i + 1) % 40}', i % 7} for i in range(40)]\n"
        "sizes = {index: 2 + len(str(index)) for term in ring for index in term}\n"
        "print(PathSearch('random-greedy')(ring, set(), sizes))"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(seen) == 1


def test_what_makes_no_contraction_is_told_in_words() -> None:
    with pytest.raises(ShapeError, match="index 'b' has no size"):
        PathSearch()([("a", "b")], ("a",), {"a": 2})
    with pytest.raises(EquationError, match="output index 'z'"):
        PathSearch()([("a",), ("a",)], ("z",), {"a": 2})


def test_a_limit_is_kept_by_the_path_or_refused() -> None:
    draw = random.Random(0)
    equation, shapes = network(10, seed=draw.randrange(100))
    terms = [set(term) for term in equation.split("->")[0].split(",")]
    output = set(equation.split("->")[1])
    plan = einlab.plan(equation, *shapes)
    smallest = einlab.plan(equation, *shapes, objective="size")
    limit = int(smallest.largest_intermediate)
    path = PathSearch()(terms, output, plan.size_dict, limit)
    kept = opt_einsum.contract_path(equation, *shapes, shapes=True, optimize=path)[1]
    assert kept.largest_intermediate <= limit
    with pytest.raises(MemoryLimitError, match="which a path cannot say"):
        PathSearch()(terms, output, plan.size_dict, max(limit // 4, 8))


@pytest.mark.parametrize("seed", range(3))
def test_a_cotengra_tree_has_the_plans_cost_and_result(seed: int) -> None:
    cotengra()
    equation, shapes = network(15, seed)
    plan = einlab.plan(equation, *shapes)
    tree = plan.cotengra_tree()
    assert tree.contraction_cost() == multiplications(plan)
    assert tree.max_size() == plan.largest_intermediate
    operands = arrays(shapes)
    np.testing.assert_allclose(
        tree.contract(operands), opt_einsum.contract(equation, *operands), rtol=1e-6, atol=1e-12
    )


def test_a_cotengra_tree_has_the_plans_slices() -> None:
    cotengra()
    equation, shapes = network(15, seed=1)
    limit = int(einlab.plan(equation, *shapes).largest_intermediate) // 8
    plan = einlab.plan(equation, *shapes, memory_limit=limit)
    assert plan.slices > 1
    tree = plan.cotengra_tree()
    assert tree.nslices == plan.slices
    assert set(tree.sliced_inds) == set(plan.sliced)
    assert tree.contraction_cost() == multiplications(plan)


def test_cotengra_has_no_broadcasting_and_that_is_said() -> None:
    cotengra()
    with pytest.raises(ShapeError, match="operand 1 has an axis of length 1"):
        einlab.plan("ij,jk->ik", (2, 3), (1, 4)).cotengra_tree()


def test_without_cotengra_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "cotengra"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent("cotengra"), *sys.meta_path])
    with pytest.raises(MissingPackageError, match="pip install cotengra"):
        einlab.plan(CHAIN, *SHAPES).cotengra_tree()


def test_cotengra_takes_a_path_search_by_its_path_and_by_its_tree() -> None:
    theirs = cotengra()
    equation, shapes = network(14, seed=2)
    operands = arrays(shapes)
    search = PathSearch()
    tree = theirs.einsum_tree(equation, *shapes, optimize=search)
    assert tree.contraction_cost() == multiplications(einlab.plan(equation, *shapes))
    np.testing.assert_allclose(
        theirs.einsum(equation, *operands, optimize=search),
        opt_einsum.contract(equation, *operands),
        rtol=1e-6,
        atol=1e-12,
    )


OPT_EINSUM: dict[str, Callable[[], Any]] = {
    "DynamicProgramming": lambda: opt_einsum.DynamicProgramming(minimize="flops"),
    "RandomGreedy": lambda: opt_einsum.RandomGreedy(max_repeats=4),
    "BranchBound": lambda: opt_einsum.BranchBound(nbranch=2),
    "greedy": lambda: opt_einsum.paths.greedy,
    "a function": lambda: lambda inputs, output, sizes, limit: [tuple(range(len(inputs)))],
    "a function without a limit": lambda: (
        lambda inputs, output, sizes: [(0, 1)] * (len(inputs) - 1)
    ),
}


@pytest.mark.parametrize("name", OPT_EINSUM)
def test_searches_of_opt_einsum_are_taken(name: str) -> None:
    equation, shapes = network(8, seed=4)
    plan = einlab.plan(equation, *shapes, optimize=OPT_EINSUM[name]())
    if name in ("DynamicProgramming", "BranchBound"):  # these draw no random numbers
        _, info = opt_einsum.contract_path(
            equation, *shapes, shapes=True, optimize=OPT_EINSUM[name]()
        )
        assert plan.opt_cost == info.opt_cost
    limited = einlab.plan(equation, *shapes, optimize=OPT_EINSUM[name](), memory_limit=64)
    assert limited.size <= 64


COTENGRA: dict[str, Callable[[Any], Any]] = {
    "HyperOptimizer": lambda c: c.HyperOptimizer(max_repeats=3, parallel=False, methods=["greedy"]),
    "ReusableHyperOptimizer": lambda c: c.ReusableHyperOptimizer(
        max_repeats=3, parallel=False, methods=["greedy"]
    ),
    "GreedyOptimizer": lambda c: c.GreedyOptimizer(),
    "RandomGreedyOptimizer": lambda c: c.RandomGreedyOptimizer(max_repeats=3, seed=0),
    "OptimalOptimizer": lambda c: c.OptimalOptimizer(),
    "AutoOptimizer": lambda c: c.AutoOptimizer(),
    "greedy_optimize": lambda c: c.greedy_optimize,
}


@pytest.mark.filterwarnings("ignore")  # cotengra tells of packages that it would like
@pytest.mark.parametrize("name", COTENGRA)
def test_searches_of_cotengra_are_taken(name: str) -> None:
    search = COTENGRA[name](cotengra())
    equation, shapes = network(9, seed=6)
    plan = einlab.plan(equation, *shapes, optimize=search)
    assert multiplications(plan) == plan.cotengra_tree().contraction_cost()
    operands = arrays(shapes)
    np.testing.assert_allclose(
        einlab.contract(equation, *operands, optimize=search),
        opt_einsum.contract(equation, *operands),
        rtol=1e-4,
        atol=1e-6,
    )


@pytest.mark.filterwarnings("ignore")
def test_slices_of_a_cotengra_search_and_of_its_tree_are_kept() -> None:
    theirs = cotengra()
    equation, shapes = network(15, seed=1)
    search = theirs.HyperOptimizer(
        max_repeats=3, parallel=False, methods=["greedy"], slicing_opts={"target_slices": 4}
    )
    by_search = einlab.plan(equation, *shapes, optimize=search)
    tree = theirs.einsum_tree(equation, *shapes, optimize="greedy").slice(target_slices=4)
    by_tree = einlab.plan(equation, *shapes, optimize=tree)
    assert min(by_search.slices, by_tree.slices) >= 4
    assert by_tree.slices == tree.nslices
    assert multiplications(by_tree) == tree.contraction_cost()


def test_names_registered_with_opt_einsum_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = dict(opt_einsum.paths._PATH_OPTIONS)
    monkeypatch.setattr(opt_einsum.paths, "_PATH_OPTIONS", registry)
    opt_einsum.paths.register_path_fn(
        "backwards", lambda inputs, output, sizes, limit: [(0, 1)] * (len(inputs) - 1)
    )
    assert einlab.plan(CHAIN, *SHAPES, optimize="backwards").path == [(0, 1)] * 3
    if importlib.util.find_spec("cotengra") is not None:
        cotengra()
        assert len(einlab.plan(CHAIN, *SHAPES, optimize="optimal-outer").path) == 3
