from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from einlab import embedding, machinestore
from einlab.config import config
from einlab.embedding import calibrating, choosing
from einlab.embedding.choosing import ROWS, WIDTHS, RowFigures
from einlab.machinestore import Stored
from tests.calibration.samples import stored


def figures(look_up: float, start: float = 0.0) -> RowFigures:
    """A look-up that takes the same at every width, a product that takes 1 ns for each row."""
    product = tuple((rows * 1e-9,) * len(WIDTHS) for rows in ROWS)
    return RowFigures((look_up,) * len(WIDTHS), product, start)


SLOW_LOOK_UP, FAST_LOOK_UP = figures(1e-8, start=2e-5), figures(1e-9)


def calibrated(found: RowFigures | None) -> Stored:
    """A calibration of this host with these figures, or with none, as before there were any."""
    sample = stored()
    own = SLOW_LOOK_UP.to_dict()
    known = {k: v for k, v in sample.machine.measured["float32"].items() if k not in own}
    known |= {} if found is None else found.to_dict()
    return replace(sample, machine=replace(sample.machine, measured={"float32": known}))


@pytest.fixture
def store(tmp_path: Path):
    with config.using(cache_dir=tmp_path):
        yield


def test_auto_follows_the_calibration_of_this_machine(store):
    machinestore.save(calibrated(SLOW_LOOK_UP))
    assert choosing.figures_of("float32") == SLOW_LOOK_UP
    assert choosing.chosen_method(10**5, 8, 64, "float32") == "one_hot"
    assert choosing.chosen_method(10**5, 10, 64, "float32") == "gather"
    assert choosing.chosen_method(10, 8, 64, "float32") == "gather"  # a product takes more to start
    machinestore.save(calibrated(FAST_LOOK_UP))
    assert choosing.chosen_method(10**5, 8, 64, "float32") == "gather"


def test_what_auto_takes_is_in_the_program(store):
    ids, rows = jnp.zeros(10**5, int), jnp.ones((4, 8))
    for found, looks_up in ((SLOW_LOOK_UP, False), (FAST_LOOK_UP, True)):
        machinestore.save(calibrated(found))
        traced = jax.make_jaxpr(lambda ids, rows: embedding.embed(ids, rows))(ids, rows)
        assert ("gather" in str(traced)) == looks_up


def test_where_nothing_was_measured_rows_are_looked_up():
    assert choosing.figures_of("int8") is None
    assert choosing.chosen_method(10**6, 2, 64, "int8") == "gather"
    assert embedding.predicted_seconds(9, 5, 8, "int8") == {}


def test_a_calibration_without_these_figures_leaves_those_of_another_cpu(store):
    machinestore.save(calibrated(None))
    assert choosing.figures_of("float32") == choosing.MEASURED


def test_times_grow_with_ids_and_lie_between_measured_rows_and_widths():
    widths = tuple(map(float, range(7)))
    found = RowFigures(widths, ((1.0,) * 7, (7.0,) * 7, (39.0,) * 7), 3.0)
    assert found.seconds(2, 5, WIDTHS[2]) == {"gather": 4.0, "one_hot": 3.0 + 2 * 4.0}
    assert found.seconds(1, 26, WIDTHS[2])["one_hot"] == 3.0 + 43.0  # on, as between 8 and 24
    assert found.seconds(1, 1, WIDTHS[2])["one_hot"] == 3.0 + 1.0  # as with two rows
    assert found.seconds(1, 1, (WIDTHS[2] + WIDTHS[3]) // 2)["gather"] == 2.5
    assert found.seconds(1, 1, 2 * WIDTHS[-1] - WIDTHS[-2])["gather"] == 7.0
    assert found.seconds(1, 1, 1)["gather"] == 0.0


def test_the_crossover_is_where_both_predictions_meet():
    for look_up in (3.5e-9, 1.25e-8, 1.005e-7):
        found = figures(look_up)
        most = found.crossover(64)
        assert most == int(look_up * 1e9)
        for rows in (most, most + 1):
            seconds = found.seconds(1000, rows, 64)
            assert (seconds["one_hot"] < seconds["gather"]) == (rows == most)
    assert FAST_LOOK_UP.crossover(64) == 0
    assert RowFigures((1.0,) * 7, ((0.0,) * 7,) * 3, 0.0).crossover(64) == 10**6


def test_measuring_finds_figures_that_are_kept(store, monkeypatch):
    monkeypatch.setattr(calibrating, "ENTRIES", 2**12)
    monkeypatch.setattr(calibrating, "ROUNDS", 2)
    machinestore.save(calibrated(None))
    shown = embedding.calibrate_embedding()
    kept = machinestore.load(stored().machine.name, "float32")
    assert kept is not None
    assert choosing.figures_of("float32", kept.machine) == choosing.figures_of("float32")
    assert shown.table.column("width") == WIDTHS
    again = calibrating.with_figures(kept)
    assert again is kept  # what is known is not measured again


def test_the_comparison_says_what_each_method_costs_and_which_is_taken(store):
    machinestore.save(calibrated(SLOW_LOOK_UP))
    shown = embedding.compare_methods(jnp.zeros(10**5, int), jnp.ones((6, 64))).table
    assert shown.column("FLOPs")[:2] == (0, 2 * 10**5 * 6 * 64)
    predicted = embedding.predicted_seconds(10**5, 6, 64)
    assert shown.column("predicted") == (predicted["gather"], predicted["one_hot"], None, None)
    assert [fact.value for fact in shown.facts] == ["one_hot", "up to 9 rows"]


def test_a_gradient_costs_an_addition_an_entry_or_a_product():
    ids, rows = jnp.zeros(50, int), jnp.ones((6, 8))
    flops = embedding.compare_methods(ids, rows).table.column("FLOPs")
    assert flops[2:] == (50 * 8, 2 * 50 * 6 * 8)
