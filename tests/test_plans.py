"""A plan shows itself, and says how its order was found."""

from __future__ import annotations

import json
import pickle
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import einlab
from einlab.config import config
from einlab.errors import ArgumentError, PlanError
from einlab.objectives import OBJECTIVES
from einlab.search.value import tree_value
from einlab.show.svg import KINDS
from tests.show.samples import random_tree

CHAIN = ("ij,jk,kl->il", (1000, 10), (10, 1000), (1000, 1))
TRACE = ((0.25, 8e9), (0.5, 2e9), (1.5, 1e9))


def searched(**options: Any) -> einlab.Plan:
    """A plan whose search notes its course."""
    contraction = random_tree(20, seed=3).contraction
    return einlab.plan(contraction.equation, *contraction.shapes, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("equation", ["ij,jk,kl->il", "iij,jk,->k", "i->", "i->i"])
def test_every_plan_has_every_picture(kind: str, equation: str) -> None:
    plan = einlab.plan(equation, sizes=dict.fromkeys("ijkl", 8))
    root = ElementTree.fromstring(plan.svg(kind))
    assert root.get("role") == "img"
    if kind in ("tent", "steps", "search"):
        assert plan.text(kind)


def test_unknown_pictures_are_refused() -> None:
    plan = einlab.plan(*CHAIN)
    for draw in (plan.svg, plan.figure, plan.text):
        with pytest.raises(ArgumentError, match="there is no picture 'pie'"):
            draw("pie")


def test_the_pictures_of_a_sliced_plan_are_those_of_a_slice() -> None:
    free = searched()
    plan = searched(memory_limit=free.size // 4)
    assert plan.slices > 1
    for kind in ("tent", "network", "steps"):
        told = ElementTree.fromstring(plan.svg(kind))[1].text or ""
        assert f"run {plan.slices:,} times, sliced over {', '.join(plan.sliced)}" in told
    assert "stroke-dasharray" in plan.svg("network")
    assert "stroke-dasharray" not in free.svg("network")


def test_the_course_of_a_search_falls_to_the_value_of_its_plan() -> None:
    plan = searched(budget=einlab.Trials(20), optimize="auto")
    assert plan.trace
    times, values = zip(*plan.trace, strict=True)
    assert list(times) == sorted(times)
    assert list(values) == sorted(values, reverse=True)
    assert values[-1] >= tree_value(plan.tree, OBJECTIVES["flops"])


def test_the_course_is_kept_with_the_order_and_takes_no_part_in_equality(tmp_path: Path) -> None:
    with config.using(cache_dir=tmp_path):
        options: dict[str, Any] = {"budget": einlab.Trials(19), "seed": 4}
        first = searched(**options)
        einlab.planning.make_plan.cache_clear()
        again = searched(**options)
    assert again.trace == first.trace != ()
    other = replace(first, trace=TRACE)
    assert other == first
    assert hash(other) == hash(first)
    assert einlab.Plan.from_json(other.to_json()).trace == TRACE
    assert pickle.loads(pickle.dumps(other)).trace == TRACE


def test_the_table_says_which_search_found_the_order_and_how_the_cost_fell() -> None:
    text = str(replace(einlab.plan(*CHAIN), trace=TRACE, searched_by="portfolio"))
    assert "portfolio" in text
    assert "the search: flops fell to 12 % of its first value in 1.5 s, 2 better orders" in text
    assert "the search" not in str(einlab.plan(*CHAIN))


@pytest.mark.parametrize("trace", [3, [[1]], [["a", "b"]], [[0.1, float("inf")]], [[1, 2, 3]]])
def test_a_stored_course_that_is_none_is_refused(trace: object) -> None:
    data = {**json.loads(einlab.plan(*CHAIN).to_json()), "trace": trace}
    with pytest.raises(PlanError, match="'trace'"):
        einlab.Plan.from_json(json.dumps(data))


def test_a_plan_stored_without_its_course_is_read() -> None:
    plan = einlab.plan(*CHAIN)
    data = json.loads(plan.to_json())
    del data["trace"]
    assert einlab.Plan.from_json(json.dumps(data)) == plan
