"""`plan` and `Plan`: what is counted adds up, and a plan is a value that travels."""

from __future__ import annotations

import copy
import json
import math
import pickle
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import opt_einsum
import pytest
from hypothesis import strategies as st

import einlab
from einlab import dtypes
from einlab.errors import ArgumentError, EquationError, MemoryLimitError, PlanError, ShapeError
from einlab.forms import Copies
from einlab.orders import choose_orders
from einlab.search.tree import Tree
from einlab.search.value import peak_bytes
from tests.strategies import COMPLEX, PROMOTABLE, WIDE, Case, cases, law, paths, with_paths

ROOT = Path(__file__).resolve().parent.parent
CHAIN = ("ij,jk,kl->il", (1000, 10), (10, 1000), (1000, 1))


def planned(case: Case, path: Any = "auto", **options: Any) -> einlab.Plan:
    return einlab.plan(case.equation, *case.shapes, dtype=case.dtypes, optimize=path, **options)


@law(with_paths(cases(dtypes=(*PROMOTABLE, *WIDE))), quick=100, long=600)
def test_totals_are_the_sums_of_the_rows(case_and_path: tuple[Case, Any]) -> None:
    plan = planned(*case_and_path)
    assert plan.flops == plan.cost.flops == sum(step.cost.flops for step in plan.steps)
    assert plan.macs == sum(step.cost.macs for step in plan.steps)
    assert plan.cost.bytes == sum(step.cost.bytes for step in plan.steps)
    assert plan.peak == max(
        (step.live for step in plan.steps), default=plan.peak
    )  # without a step, operands and result
    table = plan.table()
    for place, column in enumerate(table.columns):
        if table.rows and column.name in ("FLOPs", "MACs", "bytes"):
            assert table.totals[place] == sum(int(str(row[place])) for row in table.rows)


@law(with_paths(cases(dtypes=(*PROMOTABLE, *WIDE, "float8_e5m2"), same_dtype=True)),
     quick=100, long=600)  # fmt: skip
def test_the_peak_holds_operands_intermediates_and_result(case_and_path: tuple[Case, Any]) -> None:
    plan = planned(*case_and_path)
    itemsize = dtypes.itemsize(dtypes.held_in(plan.contraction.dtypes, plan.dtype))
    operands = sum(
        math.prod(shape) * dtypes.itemsize(dtype)
        for shape, dtype in zip(plan.contraction.shapes, plan.contraction.dtypes, strict=True)
    )
    alive: dict[int, int] = {}
    most = operands + math.prod(plan.contraction.shape) * dtypes.itemsize(plan.dtype)
    for step in plan.steps:
        alive[step.result] = math.prod(step.shape) * itemsize
        most = max(most, operands + sum(alive.values()))
        for value in step.operands:
            alive.pop(value, None)
    assert plan.peak >= most
    assert plan.size == max((math.prod(step.shape) for step in plan.steps[:-1]), default=0)


@law(with_paths(cases(most=7, blanks=False)), quick=150, long=600)
def test_a_plan_reads_as_opt_einsums_path_info(case_and_path: tuple[Case, Any]) -> None:
    case, path = case_and_path
    plan = planned(case, path)
    symbols = "".join(dict.fromkeys(case.equation))
    theirs_path, theirs = opt_einsum.contract_path(
        case.equation, *case.shapes, shapes=True, optimize=plan.path
    )
    assert plan.path == [tuple(step) for step in theirs_path], symbols
    assert plan.opt_cost == theirs.opt_cost
    assert plan.naive_cost == theirs.naive_cost
    assert plan.speedup == theirs.speedup
    assert plan.largest_intermediate == theirs.largest_intermediate
    if "..." not in case.equation:
        assert plan.eq == theirs.eq
        assert plan.size_dict == theirs.size_dict


@law(cases(least=2, most=6, sizes=(2, 3, 5, 1), blanks=False), st.randoms(use_true_random=False),
     quick=40, long=600)  # fmt: skip
def test_renaming_and_reordering_keep_the_optimal_cost(case: Case, random: Any) -> None:
    order = list(range(case.count))
    random.shuffle(order)
    names = sorted({index for term in case.terms for index in term})
    new = dict(zip(names, random.sample("pqrstuvwxyzPQRST", len(names)), strict=True))

    def renamed(term: Any) -> str:
        return "".join(new[index] for index in term)

    for objective in ("flops", "size", "peak"):
        options: dict[str, Any] = {"optimize": "optimal", "objective": objective}
        plan = einlab.plan(
            f"{','.join(map(renamed, case.terms))}->{renamed(case.output)}",
            *case.shapes,
            **options,
        )
        twin = einlab.plan(
            f"{','.join(renamed(case.terms[o]) for o in order)}->{renamed(case.output)}",
            *(case.shapes[o] for o in order),
            **options,
        )
        assert value(plan, objective) == value(twin, objective)


def value(plan: einlab.Plan, objective: str) -> int:
    """What a search minimised: products alone, since preparing operands is the same anyhow."""
    products = [step for step in plan.steps if step.is_product]
    if objective == "flops":
        return sum(step.cost.flops for step in products)
    if objective == "size":
        return max(math.prod(step.shape) for step in products)
    alive: dict[int, int] = {}
    most = 0
    for step in plan.steps:
        if step.is_product:
            alive[step.result] = math.prod(step.shape)
            most = max(most, sum(alive.values()))
            for operand in step.operands:
                alive.pop(operand, None)
    return most


@law(cases(least=2, most=4, sizes=(2, 3, 5, 1, 0), dtypes=("float32", *COMPLEX)),
     quick=40, long=600)  # fmt: skip
def test_the_optimal_plan_is_no_dearer_than_any_path(case: Case) -> None:
    best = value(planned(case, "optimal"), "flops")
    for order in permutations(range(case.count)):
        path, live = [], list(range(case.count))
        for number, taken in enumerate(order[1:]):
            last = order[0] if number == 0 else case.count + number - 1
            path.append((live.index(last), live.index(taken)))
            live = [x for x in live if x not in (last, taken)] + [case.count + number]
        assert best <= value(planned(case, path), "flops")


@law(with_paths(cases(dtypes=(*PROMOTABLE, *WIDE))), quick=60, long=500)
def test_a_plan_is_a_value_that_json_and_pickle_keep(case_and_path: tuple[Case, Any]) -> None:
    plan = planned(*case_and_path)
    for other in (
        einlab.Plan.from_json(plan.to_json()),
        pickle.loads(pickle.dumps(plan)),
        copy.deepcopy(plan),
    ):
        assert other == plan
        assert hash(other) == hash(plan)
        assert str(other) == str(plan)
        assert other.steps == plan.steps


@law(cases(most=5, sizes=(2, 3, 4)), st.floats(0, 1), quick=40, long=600)
def test_a_memory_limit_is_kept_or_refused_with_one_that_will_do(case: Case, share: float) -> None:
    free = planned(case)
    given = sum(4 * math.prod(shape) for shape in case.shapes)
    limit = max(given + int(share * (free.peak - given)), 1)
    try:
        plan = planned(case, memory_limit=f"{limit} B")
    except MemoryLimitError as refused:
        words = str(refused).replace(",", "").split()
        limit = int(words[words.index("is", words.index("smallest")) + 1])
        plan = planned(case, memory_limit=f"{limit} B")
    assert plan.peak <= limit
    read = einlab.Plan.from_json(plan.to_json())
    assert (read.sliced, read.peak, read.flops) == (plan.sliced, plan.peak, plan.flops)


@law(cases(dtypes=(*PROMOTABLE, "float8_e5m2"), same_dtype=True), st.data(), quick=80, long=500)
def test_the_search_counts_the_peak_of_the_plan_but_for_copies(case: Case, data: Any) -> None:
    plan = planned(case, data.draw(paths(case.count)))
    indices = sorted(plan.size_dict)
    sliced = data.draw(st.lists(st.sampled_from(indices), unique=True)) if indices else []
    sliced = [index for index in sliced if plan.size_dict[index] > 1]
    wider = data.draw(st.sampled_from((plan.dtype, "complex64")))
    tree = Tree(plan.contraction.one_slice(sliced), plan.pairs)
    plan = replace(plan, sliced=tuple(sliced), orders=choose_orders(tree), dtype=wider)
    plan = replace(plan, product_forms=())
    numbers = [list(plan.size_dict).index(index) for index in sliced]
    counted = peak_bytes(plan.tree, numbers, wider)
    copied = any(step.copies != Copies(False, False, False) for step in plan.steps)
    assert counted <= plan.peak if copied else counted == plan.peak


def test_slices_are_counted_as_often_as_they_run() -> None:
    sizes = dict.fromkeys("ijkl", 8)
    plan = einlab.plan("ij,jk,kl->il", sizes=sizes, memory_limit="1200 B")
    assert plan.slices == math.prod(sizes[index] for index in plan.sliced) > 1
    once = sum(step.cost.flops for step in plan.steps)
    summed = math.prod(sizes[index] for index in plan.sliced if index not in "il")
    assert plan.flops == plan.slices * once + (summed - 1) * 64


def test_the_worked_example_of_three_matrices() -> None:
    plan = einlab.plan(*CHAIN)
    assert plan.path == [(1, 2), (0, 1)]
    assert plan.flops == 2 * 10 * 1000 + 2 * 1000 * 10
    assert plan.left_to_right.flops == 2 * 1000 * 10 * 1000 + 2 * 1000 * 1000
    assert plan.left_to_right.flops == 550 * plan.flops
    assert plan.naive.flops == 3 * 1000 * 10 * 1000
    assert plan.macs == 20_000
    operands = 4 * (10_000 + 10_000 + 1000)
    assert plan.peak == operands + 4 * 10 + 4 * 1000
    assert plan.size == 10


@law(cases(dtypes=("float32", *COMPLEX)), quick=60, long=600)
def test_the_baselines_are_one_loop_and_left_to_right(case: Case) -> None:
    plan = planned(case)
    path = [(0, 1)] + [(0, left) for left in range(case.count - 2, 0, -1)]
    in_order = planned(case, path if case.count > 1 else [(0,)])
    assert plan.left_to_right.flops == in_order.flops
    points = math.prod(plan.size_dict.values())
    summed = any(n > 1 for i, n in plan.size_dict.items() if i not in plan.contraction.output)
    multiply, add = (6, 2) if plan.dtype.startswith("complex") else (1, 1)
    assert plan.naive.flops == points * ((case.count - 1) * multiply + summed * add)


def test_an_outer_product_first_is_found_where_it_pays() -> None:
    # Two small vectors multiplied first let the large array be read once.
    plan = einlab.plan("a,b,abc->c", (2,), (2,), (2, 2, 10_000))
    assert plan.path == [(0, 1), (0, 1)]
    assert plan.flops == 4 + 2 * 4 * 10_000


def test_shapes_arrays_sizes_and_dtypes_say_the_same() -> None:
    by_shape = einlab.plan("ij,jk->ik", (2, 3), (3, 4))
    assert by_shape.contraction.dtypes == ("float32", "float32")
    assert by_shape == einlab.plan("ij,jk->ik", sizes={"i": 2, "j": 3, "k": 4})
    a, b = np.ones((2, 3), "float32"), np.ones((3, 4), "float32")
    assert by_shape == einlab.plan("ij,jk->ik", a, b)
    assert by_shape == einlab.plan("ij,jk", [2, 3], b)
    half = einlab.plan("ij,jk->ik", (2, 3), (3, 4), dtype=["float16", "bfloat16"])
    assert half.contraction.dtypes == ("float16", "bfloat16")
    assert half.dtype == "float32"
    assert einlab.plan("ij,jk->ik", a, (3, 4), dtype="complex64").dtype == "complex64"
    words = einlab.plan("row key, key column -> row column", (2, 3), (3, 4))
    assert words.flops == by_shape.flops
    assert einlab.plan(a, ["x", "y"], b, ["y", "z"]).flops == by_shape.flops


def test_contract_path_gives_the_path_of_its_plan() -> None:
    path, plan = einlab.contract_path(*CHAIN, shapes=True)
    assert path == plan.path == [(1, 2), (0, 1)]
    arrays = [np.ones(shape, "float32") for shape in CHAIN[1:]]
    assert einlab.contract_path(CHAIN[0], *arrays) == (path, plan)
    with pytest.raises(ShapeError):
        einlab.contract_path(*CHAIN)  # tuples of numbers are operands unless shapes=True


def test_a_path_is_followed_as_written() -> None:
    for path in ([(0, 1), (0, 1)], [(0, 2), (0, 1)], [(1, 2), (0, 1)]):
        assert einlab.plan(*CHAIN, optimize=path).path == path
    assert einlab.plan(*CHAIN, optimize=[(0, 1, 2)]).path == [(0, 1), (0, 1)]


def test_a_path_that_takes_one_operand_alone_keeps_the_value() -> None:
    case = ("a,a,a->a", (2,), (2,), (2,))
    plan = einlab.plan(*case, optimize=[(0,), (0, 1), (0, 1)])
    assert len([step for step in plan.steps if step.is_product]) == 2


def test_the_objective_and_the_search_are_told() -> None:
    plan = einlab.plan(*CHAIN, objective="size", optimize="greedy")
    assert plan.objective == "size"
    assert plan.searched_by == "greedy"
    assert plan == einlab.plan(*CHAIN, objective="size", optimize="optimal")


def test_nothing_written_about_the_search_takes_part_in_equality() -> None:
    plan = einlab.plan(*CHAIN)
    data = json.loads(plan.to_json())
    data["searched_by"] = "somebody else"
    other = einlab.Plan.from_json(json.dumps(data))
    assert other == plan
    assert hash(other) == hash(plan)
    assert other.searched_by == "somebody else"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pairs", [[1, 2], [0, 5]]),
        ("pairs", [[1, 2]]),
        ("orders", [["j", "l"], ["l", "i"]]),
        ("orders", [["j"], ["i", "l"]]),
        ("sliced", ["x"]),
        ("dtype", "float33"),
        ("shapes", [[1000, 10], [11, 1000], [1000, 1]]),
        ("output", ["i", "i"]),
        ("version", 99),
        ("format", "something.else"),
        ("dtypes", ["float32"]),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(field: str, value: Any) -> None:
    data = json.loads(einlab.plan(*CHAIN).to_json())
    data[field] = value
    with pytest.raises(PlanError):
        einlab.Plan.from_json(json.dumps(data))


def test_a_damaged_plan_is_refused_wherever_it_breaks_off() -> None:
    text = einlab.plan(*CHAIN).to_json()
    for end in range(0, len(text), 7):
        with pytest.raises(PlanError):
            einlab.Plan.from_json(text[:end])


def test_a_plan_prints_its_steps_its_totals_and_its_baselines() -> None:
    plan = einlab.plan(*CHAIN)
    text = str(plan)
    for wanted in ("jk,kl->jl", "ij,jl->il", "40 kFLOP", "left to right", "float32"):
        assert wanted in text, wanted
    page = plan._repr_html_()
    assert page.count("<svg") == 1
    assert "jk,kl-&gt;jl" in page
    assert plan.svg().startswith("<svg")


def test_a_plan_draws_its_tree_with_matplotlib() -> None:
    pytest.importorskip("matplotlib", reason="needs the extra 'plots'")
    figure = einlab.plan(*CHAIN).figure()
    assert len(figure.axes) == 1


def test_what_cannot_be_planned_is_refused() -> None:
    with pytest.raises(EquationError):
        einlab.plan("ij,jk->iz", (2, 3), (3, 4))
    with pytest.raises(ShapeError):
        einlab.plan("ij,jk->ik", (2, 3), (4, 4))
    with pytest.raises(ArgumentError):
        einlab.plan(*CHAIN, optimize="optimall")
    with pytest.raises(ShapeError):
        einlab.plan("ij,jk->ik", (2, 3), (3, -4))
    with pytest.raises(MemoryLimitError):
        einlab.plan(*CHAIN, memory_limit="1 kB")
