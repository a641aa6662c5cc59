"""A calibration is measured once and kept; damaged, stale and noisy ones are told apart."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from einlab import machinestore
from einlab.calibration import calibrating, timing
from einlab.calibration.calibrating import calibrate, figures
from einlab.calibration.probes import probes
from einlab.calibration.showing import calibration_plane, calibration_table
from einlab.calibration.timing import arrays_for, timed_programs
from einlab.config import config
from einlab.contracting import compiled
from einlab.errors import ArgumentError
from einlab.machines import machine_for
from einlab.machinestore import Stored
from einlab.planning import plan
from einlab.predicting import plan_seconds
from einlab.settings import Settings
from einlab.stepmodel import Calling, StepModel
from tests.cli.calling import call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with config.using(cache_dir=tmp_path_factory.mktemp("calibrations")):
        yield config.cache_dir


@pytest.fixture(scope="module")
def stored(folder: Path) -> Stored:
    """A calibration from so few programs that it takes seconds; its figures are rough."""
    patch = pytest.MonkeyPatch()
    patch.setattr(calibrating, "probes", lambda itemsize, quick: probes(itemsize, True)[::3])
    patch.setattr(calibrating, "QUICK_SECONDS", 0.3)
    (found,) = calibrate(["float32"], quick=True)
    patch.undo()
    return found


def of_the_file(folder: Path) -> Path:
    (place,) = (folder / "machines").glob("*float32.json")
    return place


def test_what_was_measured_is_plausible_and_is_the_machine_here(stored):
    assert machine_for("here").measured == stored.machine.measured
    model = StepModel.from_machine(stored.machine, "float32")
    assert model.error is not None
    assert model.calling is not None
    assert 1e-7 < model.calling.call < 1e-2
    assert 1e8 < stored.machine.bandwidth < 1e14
    assert stored.machine.peak["float32"] > 1e8


def test_it_is_reloaded_without_measuring(stored, monkeypatch):
    monkeypatch.setattr(calibrating, "timed", None)
    assert calibrate(["float32"]) == (stored,)


def test_a_plan_on_this_machine_is_predicted_with_an_error_bar(stored):
    made = plan("ij,jk,kl->il", (90, 80), (80, 70), (70, 60), machine="here")
    assert made.seconds is not None
    assert made.seconds > sum(each.seconds for each in made.predictions)
    assert made.seconds_error is not None
    assert 0 < made.seconds_error < 20
    assert "predicted time" in str(made)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: text.replace('"bandwidth": ', '"bandwidth": 1'), "checksum"),
        (lambda text: "[]", "damaged"),
        (lambda text: sealed(text, jax="0.0.1"), "jax '0.0.1'"),
        (lambda text: sealed(text, host="another"), "host 'another'"),
        (lambda text: sealed(text, version=0), "version 0"),
        (lambda text: sealed(text, native="older"), "native 'older'"),
        (lambda text: with_residuals(text, "no JSON"), "residuals are damaged"),
        (lambda text: with_residuals(text, '{"sum": [9, 1, "AA", "AA", "AA"]}'), "are damaged"),
    ],
)
def test_a_damaged_or_stale_file_is_noticed_and_not_trusted(stored, folder, damage, fault):
    place = of_the_file(folder)
    text = place.read_text()
    place.write_text(damage(text))
    try:
        assert machinestore.load(stored.machine.name, "float32") is None
        found = machinestore.fault_of(stored.machine.name, "float32")
        assert found is not None
        assert fault in found
    finally:
        place.write_text(text)
    assert machinestore.load(stored.machine.name, "float32") == stored


def sealed(text: str, **changes: object) -> str:
    """The file with other contents and a checksum that fits them."""
    data = json.loads(text) | changes
    del data["checksum"]
    return json.dumps(data | {"checksum": machinestore._checksum(data)})


def with_residuals(text: str, residuals: str) -> str:
    machine = json.loads(text)["machine"]
    return sealed(text, machine={**machine, "residuals": {"float32": residuals}})


def test_a_new_calibration_takes_the_place_of_a_damaged_one(stored, folder, monkeypatch):
    place = of_the_file(folder)
    place.write_text(place.read_text()[:100])
    told: list[str] = []
    monkeypatch.setattr(calibrating, "measure_device", lambda *_, **__: stored)
    calibrate(["float32"], tell=lambda what, part: told.append(what))
    assert "cannot be used, it is damaged" in told[0]
    assert machinestore.load(stored.machine.name, "float32") == stored


def test_the_command_shows_what_is_known_and_draws_it(stored, tmp_path):
    done = call("calibrate", "--dtype", "float32", "--svg", tmp_path / "here.svg")
    assert done.exit_code == 0, done.stderr
    assert "memory bandwidth" in done.stdout
    assert "<svg" in (tmp_path / "here.svg").read_text()
    document = json.loads(call("calibrate", "--dtype", "float32", "--json").stdout)
    shown, kept = document["machines"]["float32"], stored.machine.to_dict()
    measured = shown.pop("measured")["float32"]  # with what embeddings take, measured meanwhile
    assert measured.items() > kept.pop("measured")["float32"].items()
    assert shown == kept


def test_measured_steps_mend_what_the_formulas_say_of_them(stored):
    model = StepModel.from_machine(stored.machine, "float32")
    bare = replace(model, residuals=None)
    points = [point for point in stored.points if point[0] != "chain"]
    plans = [plan(*read(told), optimize="greedy") for _, told, _, _ in points]
    errors = [
        [
            abs(math.log(plan_seconds(one, made.steps) / measured))
            for made, (_, _, measured, _) in zip(plans, points, strict=True)
        ]
        for one in (bare, model)
    ]
    assert np.median(errors[1]) < np.median(errors[0])


def read(told: str) -> tuple[object, ...]:
    """The equation and the shapes of a program from its text."""
    equation, shapes = told.split(" ", 1)
    return (equation, *(tuple(map(int, one.split("×"))) for one in shapes.split(", ")))


def test_programs_that_would_take_too_long_to_compile_are_left_out(monkeypatch):
    given = [plan("ij,jk->ik", (n, 3), (3, n)) for n in range(2, 5)]
    programs = [compiled(one, Settings()) for one in given]
    arrays = [arrays_for(one) for one in given]
    monkeypatch.setattr(timing, "ALONE", 2)
    times = timed_programs(programs, arrays, rounds=2, seconds=1.0, compile_seconds=math.inf)
    assert len(times.rounds) == 3
    assert len(times.compiling) == 2
    late = timed_programs(programs, arrays, rounds=2, seconds=1.0, compile_seconds=-1.0)
    assert late.rounds == ()


def test_programs_that_take_long_have_fewer_turns_where_time_is_spared(monkeypatch):
    given = [plan("ij,jk->ik", (n, 3), (3, n)) for n in (2, 3)]
    programs, arrays = [compiled(one, Settings()) for one in given], list(map(arrays_for, given))
    took = iter([1.0, 1.0])
    monkeypatch.setattr(timing, "_seconds", lambda *_: next(took, 1e-6))
    times = timed_programs(programs, arrays, rounds=8, seconds=9.0, sparing=True)
    assert [len(each) for each in times.rounds] == [4, 8]


def test_what_was_left_out_for_want_of_time_is_told(stored):
    table = calibration_table([replace(stored, left_out=12)])
    assert any("12 programs in float32 were left out" in note for note in table.notes)
    assert not any("left out" in note for note in calibration_table([stored]).notes)


def test_no_round_is_begun_once_the_whole_time_is_over(monkeypatch):
    given = [plan("ij,jk->ik", (2, 3), (3, 2))]
    programs, arrays = [compiled(one, Settings()) for one in given], list(map(arrays_for, given))
    monkeypatch.setattr(timing, "LEAST_SECONDS", 1e-6)
    times = timed_programs(programs, arrays, rounds=50, seconds=9.0, whole_seconds=0.0)
    assert len(times.rounds[0]) == timing.FEWEST_ROUNDS


def test_the_company_of_a_busy_process_is_noticed():
    assert calibrating._company(0.1) == ()
    (said,) = calibrating._company(0.9)
    assert said == "other processes used 90% of a core"
    before = calibrating._seconds_of_others()
    subprocess.run([sys.executable, "-c", "for _ in range(10**6): pass"], check=True)
    assert calibrating._seconds_of_others() >= before


def test_the_picture_has_a_point_for_each_program(stored):
    plane = calibration_plane([stored])
    assert len(plane.points) == len(stored.points)
    assert calibration_table([stored]).column("float32")


def test_a_dtype_that_is_not_calibrated_is_refused():
    with pytest.raises(ArgumentError, match="'int8' is not calibrated; there are float32"):
        calibrate(["int8"])


BUSY = "while True: pass"


@pytest.mark.long
def test_twice_in_a_row_beside_a_busy_process_agree_or_say_that_it_is_noisy(tmp_path):
    busy = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        with config.using(cache_dir=tmp_path):
            runs = [calibrate(["float32"], again=True, quick=True)[0] for _ in range(2)]
    finally:
        busy.kill()
        busy.wait()
    models = [StepModel.from_machine(run.machine, "float32") for run in runs]
    one, other = (
        figures(model.constants, model.calling or Calling(), model.native) for model in models
    )
    apart = {name: max(one[name], other[name]) / min(one[name], other[name]) for name in one}
    assert max(apart.values()) < 1.2 or any(run.noisy for run in runs), apart
