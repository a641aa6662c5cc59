"""Without an objective orders are chosen by seconds where the machine is known, else by FLOPs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from einlab import machinestore
from einlab.config import config
from einlab.machines import machine_for
from einlab.planning import plan
from einlab.settings import settings_from
from tests.calibration.samples import stored

CHAIN = "ij,jk,kl,lm->im"
SHAPES = ((300, 40), (40, 500), (500, 30), (30, 400))


@pytest.fixture
def calibrated(tmp_path: Path) -> Iterator[None]:
    with config.using(cache_dir=tmp_path):
        machinestore.save(stored())
        yield


def test_without_a_calibration_flops_count():
    made = plan(CHAIN, *SHAPES)
    assert (made.objective, made.machine) == ("flops", None)


def test_once_this_machine_is_calibrated_seconds_count(calibrated):
    made = plan(CHAIN, *SHAPES)
    assert made.objective == "seconds"
    assert made.machine == machine_for("here")
    assert made.seconds is not None


def test_a_calibration_takes_effect_on_plans_made_before(tmp_path):
    with config.using(cache_dir=tmp_path):
        assert plan(CHAIN, *SHAPES).objective == "flops"
        machinestore.save(stored())
        assert plan(CHAIN, *SHAPES).objective == "seconds"
    assert plan(CHAIN, *SHAPES).objective == "flops"


def test_what_is_asked_for_is_done(calibrated):
    made = plan(CHAIN, *SHAPES, objective="flops")
    assert made.objective == "flops"
    assert made.flops == min(plan(CHAIN, *SHAPES, optimize=path).flops for path in ("optimal",))


def test_a_dtype_that_was_not_calibrated_goes_by_flops(calibrated):
    assert plan(CHAIN, *SHAPES, dtype="float64").objective == "flops"


def test_a_machine_of_the_table_is_known_too():
    assert plan(CHAIN, *SHAPES, machine="H100 SXM").objective == "seconds"


def test_the_calibration_of_another_kind_of_device_is_not_taken(calibrated):
    assert settings_from({}, "cpu").machine == machine_for("here")
    assert settings_from({}, "gpu").machine is None


def test_no_tree_is_predicted_slower_than_the_one_of_fewest_flops(calibrated):
    for seed in range(12):
        sizes = [7 + (seed * 37 + place * 101) % 300 for place in range(6)]
        shapes = [(sizes[place], sizes[place + 1]) for place in range(5)]
        equation = "ab,bc,cd,de,ef->fa"
        by_seconds = plan(equation, *shapes)
        by_flops = plan(equation, *shapes, objective="flops")
        assert by_seconds.seconds is not None
        assert by_flops.seconds is not None
        assert by_seconds.seconds <= by_flops.seconds * (1 + 1e-9)


def test_the_same_call_gives_the_same_plan(calibrated):
    first = plan(CHAIN, *SHAPES)
    config.changed()
    assert plan(CHAIN, *SHAPES) == first
