"""`measure` runs a plan and its steps, and puts predicted beside measured times."""

from __future__ import annotations

import numpy as np
import pytest

from einlab import measure, plan
from einlab.errors import EinlabError
from einlab.machines import Machine
from tests.calibration.samples import stored

MACHINE = Machine("one", {"float32": 1e12}, bandwidth=1e11, memory=1e10, launch=1e-6)
SHAPES = ((8, 9), (9, 10), (10, 3))


def arrays() -> list[np.ndarray]:
    return [np.ones(shape, "float32") for shape in SHAPES]


def test_every_step_and_the_whole_are_measured_beside_their_predictions():
    made = plan("ij,jk,kl->il", *SHAPES, machine=MACHINE)
    found = measure(made, *arrays(), rounds=3)
    assert found.seconds > 0
    assert all(seconds > 0 for seconds in found.steps)
    assert found.predicted == made.seconds
    assert found.predicted_steps == tuple(each.seconds for each in made.predictions)
    table = found.table()
    assert len(table.rows) == len(made.steps)
    assert table.totals[5] == found.seconds
    assert set(table.column("±")) == {None}
    assert table.column("measured / predicted") == tuple(
        seconds / (predicted or 0)
        for seconds, predicted in zip(found.steps, found.predicted_steps, strict=True)
    )
    shares = np.array(found.roofline().table().column("MFU, one"), float)
    assert ((shares > 0) & (shares < 1)).all()


def test_on_a_calibrated_machine_each_step_has_an_error_bar():
    made = plan("ij,jk,kl->il", *SHAPES, machine=stored().machine)
    bars = measure(made, *arrays(), rounds=2).table().column("±")
    assert bars == tuple(f"±{each.error or 0.0:.0%}" for each in made.predictions)


def test_without_a_machine_times_are_shown_alone_and_calibrate_is_named():
    found = measure(plan("ij,jk,kl->il", *SHAPES), *arrays(), rounds=2)
    assert found.predicted is None
    assert any("einlab calibrate" in note for note in found.table().notes)


def test_steps_that_take_one_array_are_measured_too():
    made = plan("iij,jk->k", (4, 4, 5), (5, 6), machine=MACHINE)
    found = measure(made, np.ones((4, 4, 5), "float32"), np.ones((5, 6), "float32"), rounds=2)
    assert [step.kind for step in made.steps] == ["diagonal", "sum", "product"]
    assert all(seconds > 0 for seconds in found.steps)


@pytest.mark.parametrize("shapes", [((8, 9), (9, 10)), ((8, 9), (9, 10), (10, 4))])
def test_operands_that_do_not_fit_are_refused(shapes):
    made = plan("ij,jk,kl->il", *SHAPES)
    with pytest.raises(EinlabError):
        measure(made, *[np.ones(shape, "float32") for shape in shapes])
