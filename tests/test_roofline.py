"""Rooflines: ridge points as published, no point above its roof, measured points where they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.cost import Cost
from einlab.errors import ArgumentError
from einlab.machines import machine_for, machines
from einlab.planning import plan
from einlab.roofline import Operation, Roofline, attainable, mfu
from tests.cli.calling import call

PUBLISHED = {
    row["id"]: row
    for row in json.loads((Path(__file__).parent / "data" / "published_costs.json").read_text())
}


@pytest.mark.parametrize(
    ("row", "name", "dtype"),
    [("sb.v5e.ridge", "TPU v5e", "bfloat16"), ("sb.q5.h100", "H100 SXM", "bfloat16")],
)
def test_ridge_points_are_those_published(row, name, dtype):
    found = machine_for(name).ridge(dtype)
    assert found == pytest.approx(PUBLISHED[row]["published"], rel=0.02)


@given(
    st.sampled_from(machines()),
    st.floats(1e-3, 1e6),
    st.floats(1e-3, 1e6),
)
def test_the_roof_rises_to_the_ridge_and_is_flat_beyond_it(machine, one, other):
    low, high = sorted((one, other))
    for dtype in machine.peak:
        if dtype == "tf32":
            continue
        ridge = machine.ridge(dtype)
        under, over = attainable(machine, dtype, low), attainable(machine, dtype, high)
        assert under is not None
        assert over is not None
        assert under <= over <= machine.rate(dtype)
        if low >= ridge:
            assert under == over


def test_mfu_is_the_share_of_the_peak():
    a100 = machine_for("A100 80GB SXM")
    assert mfu(156e12, 1.0, a100, "bfloat16") == pytest.approx(0.5)
    assert mfu(1.0, 1.0, machine_for("TPU v4"), "float64") is None
    with pytest.raises(ArgumentError, match="positive"):
        mfu(1.0, 0.0, a100, "bfloat16")


def test_the_table_says_what_bounds_each_step_of_a_plan():
    made = plan("ij,jk,kl->il", (4096, 4096), (4096, 4096), (4096, 1), dtype="bfloat16")
    table = made.roofline(["H100 SXM", "TPU v5e"], [1e-3, 1e-3]).table()
    assert table.column("bound, H100 SXM") == ("memory", "memory")
    assert all(0 < float(share or 0) < 1 for share in table.column("MFU, TPU v5e"))
    square = plan("ij,jk->ik", (8192, 8192), (8192, 8192), dtype="bfloat16")
    assert square.roofline(["H100 SXM"]).table().column("bound, H100 SXM") == ("compute",)


def test_a_picture_has_every_roof_and_every_step():
    made = plan("ij,jk,kl->il", (64, 64), (64, 64), (64, 64))
    plane = made.roofline(["A100 80GB SXM", "H100 SXM"]).plane()
    assert [line.name.split(",")[0] for line in plane.lines] == ["A100 80GB SXM", "H100 SXM"]
    assert len(plane.points) == 2
    machine = machine_for("A100 80GB SXM")
    for point in plane.points:
        assert point.y <= (attainable(machine, "float32", point.x) or 0.0) * (1 + 1e-9)
    assert made.roofline(["H100 SXM"]).svg().startswith("<svg")


def test_a_measured_step_stands_where_it_was_measured():
    one = Operation("ij,jk->ik", Cost(flops=10**9, bytes_read=10**7), "float32", seconds=0.5)
    (point,) = Roofline("r", (machine_for("T4"),), (one,)).plane().points
    assert (point.x, point.y) == (100.0, 2e9)


def test_times_must_be_one_for_each_step_and_a_machine_is_needed():
    made = plan("ij,jk->ik", (4, 4), (4, 4))
    with pytest.raises(ArgumentError, match="2 measured times for 1 operations"):
        made.roofline(["T4"], [1.0, 1.0])
    with pytest.raises(ArgumentError, match="needs a machine"):
        made.roofline()


def test_a_figure_is_drawn_with_matplotlib():
    pytest.importorskip("matplotlib")
    figure = plan("ij,jk->ik", (64, 64), (64, 64)).roofline(["H100 SXM"]).figure()
    assert figure.axes[0].get_xscale() == "log"


def test_the_command_draws_roofs_with_and_without_an_equation(tmp_path):
    picture = tmp_path / "roofs.svg"
    done = call(
        "roofline", "--on", "H100 SXM", "--on", "T4", "--dtype", "float16", "--svg", picture
    )
    assert done.exit_code == 0, done.stderr
    assert "H100 SXM, float16" in picture.read_text()
    done = call("roofline", "ij,jk->ik", "--sizes", "i=9,j=9,k=9", "--on", "T4", "--json")
    assert json.loads(done.stdout)["rows"]
    assert call("roofline", "ij,jk->ik", "--sizes", "i=9,j=9,k=9").exit_code == 2
