"""Tuning: the fastest of several plans is remembered, found again, and right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import einlab
from einlab import tuned
from einlab.config import Config, config
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.execute import tuning
from einlab.execute.tuning import tuned_plan
from einlab.planning import forget_plans
from einlab.settings import Settings
from einlab.variants import other_forms, other_orders
from tests.formed import with_random_forms
from tests.strategies import Case, cases, law, with_paths

EQUATION, SHAPES = "abc,cd,bd->da", ((3, 4, 5), (5, 6), (4, 6))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with config.using(cache_dir=tmp_path):
        yield tmp_path / "tuned"


def arrays() -> list[jax.Array]:
    random = np.random.default_rng(0)
    return [jnp.asarray(random.standard_normal(shape), "float32") for shape in SHAPES]


@law(with_paths(cases(dtypes=("float32",), least=2)), quick=40, long=400)
def test_every_other_plan_is_one_of_the_same_contraction(
    case_and_path: tuple[Case, object],
) -> None:
    case, _ = case_and_path
    plan = einlab.plan(case.equation, *case.shapes, axes="letters")
    for other in (*other_orders(plan, Settings()), *other_forms(plan)):
        assert other != plan
        assert other.contraction == plan.contraction
        assert einlab.Plan.from_json(other.to_json()) == other  # every field is checked there


@law(with_paths(cases(dtypes=("float32",), least=2)), quick=40, long=400)
def test_a_plan_that_is_kept_is_found_again_under_other_names(
    case_and_path: tuple[Case, object],
) -> None:
    case, path = case_and_path
    plan = einlab.plan(case.equation, *case.shapes, axes="letters")
    formed = with_random_forms(
        einlab.plan(case.equation, *case.shapes, optimize=path, axes="letters"), case.seed
    )
    tuned.keep(formed)
    forget_plans()
    assert tuned.is_kept(plan)
    found = tuned.remembered(plan, Settings())
    assert (found.pairs, found.orders) == (formed.pairs, formed.orders)
    assert any(found.product_forms) == any(formed.product_forms)
    assert not any(formed.product_forms) or found.product_forms == formed.product_forms
    swapped = case.equation.translate(str.maketrans("abcdefghij", "jihgfedcba"))
    twin = einlab.plan(swapped, *case.shapes, axes="letters")
    assert twin.pairs == formed.pairs
    assert [step.form for step in twin.steps] == [step.form for step in formed.steps]


def test_the_fastest_plan_is_taken_from_then_on(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    before = einlab.plan(EQUATION, *SHAPES)
    slow = {before.pairs: 2.0}
    monkeypatch.setattr(
        tuning,
        "_measured",
        lambda plans, *_: [tuning.Trial(p, slow.get(p.pairs, 1.0)) for p in plans],
    )
    found = einlab.tune(EQUATION, *arrays())
    assert found.before == before
    assert found.plan.pairs != before.pairs
    assert found.gain == 2.0
    assert einlab.plan(EQUATION, *SHAPES).pairs == found.plan.pairs
    assert einlab.plan(EQUATION, *SHAPES).searched_by == "measured"
    assert len(list(folder.glob("*.json"))) == 1
    np.testing.assert_allclose(
        einlab.contract(EQUATION, *arrays()), jnp.einsum(EQUATION, *arrays()), rtol=1e-4, atol=1e-4
    )
    asked: list[dict[str, Any]] = [
        {"optimize": "greedy"},
        {"memory_limit": "1MB"},
        {"objective": "size"},
    ]
    for options in asked:
        assert einlab.plan(EQUATION, *SHAPES, **options).searched_by != "measured"


def test_a_plan_that_is_hardly_faster_does_not_take_the_place_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = einlab.plan(EQUATION, *SHAPES)
    monkeypatch.setattr(
        tuning,
        "_measured",
        lambda plans, *_: [tuning.Trial(p, 1 - (p != before) / 50) for p in plans],
    )
    assert tuned_plan(before, Settings(), arrays())[0].plan == before


def test_measured_plans_have_seconds_and_the_fastest_stands_first() -> None:
    found = einlab.tune(EQUATION, *arrays())
    assert found.trials[0].plan == found.plan
    assert all(trial.seconds > 0 for trial in found.trials)
    assert len(found.table().rows) == len(found.trials) > 2
    assert "gained" in str(found)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"pairs": [[0, 1]], "orders": [], "product_forms": []}', "damaged"]
)
def test_an_entry_that_does_not_fit_is_as_good_as_absent(folder: Path, text: str) -> None:
    plan = einlab.plan(EQUATION, *SHAPES)
    tuned.keep(plan)
    (place,) = folder.glob("*.json")
    place.write_text(text)
    assert tuned.remembered(plan, Settings()) is plan


def test_an_entry_with_orders_of_other_products_is_passed_over(folder: Path) -> None:
    plan = einlab.plan(EQUATION, *SHAPES)
    tuned.keep(plan)
    (place,) = folder.glob("*.json")
    data = json.loads(place.read_text())
    place.write_text(json.dumps({**data, "orders": data["orders"][::-1]}))
    assert tuned.remembered(plan, Settings()) is plan


def test_other_shapes_dtypes_and_machines_have_plans_of_their_own() -> None:
    tuned.keep(einlab.plan(EQUATION, *SHAPES))
    assert not tuned.is_kept(einlab.plan(EQUATION, *SHAPES, dtype="float64"))
    assert not tuned.is_kept(einlab.plan("abc,cd,bd->ad", *SHAPES))
    assert not tuned.is_kept(einlab.plan(EQUATION, *SHAPES, machine="H100 SXM"))
    assert einlab.plan(EQUATION, *SHAPES, machine="H100 SXM").searched_by != "measured"


def test_the_setting_tunes_at_the_first_call_and_never_again(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    made: list[int] = []

    def counted(plan: einlab.Plan, settings: Settings, operands: Any) -> list[tuning.Trial]:
        made.append(1)
        return tuned_plan(plan, settings, operands, 0.0)

    monkeypatch.setattr(tuning, "tuned_plan", counted)
    wanted = jnp.einsum(EQUATION, *arrays())
    config.tune = True
    try:
        for _ in range(2):
            got = einlab.contract(EQUATION, *arrays())
            np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
        numpy = [np.asarray(x) for x in arrays()]
        np.testing.assert_allclose(einlab.contract(EQUATION, *numpy), wanted, rtol=1e-4, atol=1e-4)
        assert len(made) == len(list(folder.glob("*.json"))) == 1
        einlab.contract(EQUATION, *arrays(), optimize="greedy")
        assert len(made) == 1
        inside = jax.jit(lambda *xs: einlab.contract("ab,bc->ac", *xs))
        np.testing.assert_allclose(inside(jnp.ones((2, 3)), jnp.ones((3, 4))), np.full((2, 4), 3))
        slope = jax.grad(lambda x: einlab.contract("ab,ab->", x, x))(jnp.ones((2, 3)))
        np.testing.assert_allclose(slope, np.full((2, 3), 2))
        assert len(made) == 3  # while a program is traced, too
    finally:
        config.tune = None


def test_the_setting_comes_from_the_environment_and_is_off_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Config().tune is False
    monkeypatch.setenv("EINLAB_TUNE", "1")
    assert Config().tune is True
    monkeypatch.setenv("EINLAB_TUNE", "yes")
    with pytest.raises(ArgumentError, match="EINLAB_TUNE is 0 or 1"):
        _ = Config().tune
    with pytest.raises(ArgumentTypeError, match="True or False"):
        Config().tune = "yes"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("equation", "options"),
    [(EQUATION, {"optimize": "greedy"}), (EQUATION, {"memory_limit": "1GiB"})],
)
def test_what_fixes_the_order_is_not_tuned(equation: str, options: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match="whose order is free"):
        einlab.tune(equation, *arrays(), **options)


def test_an_array_that_stays_as_it_is_has_nothing_to_tune() -> None:
    with pytest.raises(ArgumentError, match="computes nothing"):
        einlab.tune("ij->ij", jnp.ones((2, 3)))


def test_one_array_is_tried_natively_and_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "HOPELESS", 1e9)
    for shape in ((2, 3), (2000, 2000)):
        found = einlab.tune("ij->ji", jnp.ones(shape))
        assert {trial.plan.native_operands for trial in found.trials} == {(), (0,)}
        assert einlab.plan("ij->ji", shape) == found.plan


def test_a_plan_on_a_tape_is_not_tuned() -> None:
    equation = ",".join(f"{a}{b}" for a, b in zip("abcdefgh", "bcdefghi", strict=True)) + "->ai"
    with pytest.raises(ArgumentError, match="programs alone are tuned"):
        einlab.tune(equation, *[jnp.ones((2, 2))] * 8, compile_budget=1e-3)


def test_the_plan_found_without_noise_is_the_same_plan_with_forms_read_back() -> None:
    plan = einlab.plan("gfbc,dega->abcdef", sizes=dict.fromkeys("abcdefg", 18))
    assert plan.product_forms
    tuned.keep(plan)
    found = tuned.remembered(replace(plan, product_forms=()), Settings())
    assert found == plan
