from __future__ import annotations

import io

import pytest

from einlab.errors import ArgumentError, MissingPackageError
from einlab.trace import figures
from einlab.trace.reporting import report
from tests.trace.operations import spec
from tests.trace.test_reporting import REPORTS

KINDS = list(figures.KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["model", "llama", "unknown", "empty"])
def test_every_figure_of_every_report_can_be_saved(kind, name):
    pytest.importorskip("matplotlib")
    drawn = REPORTS[name].on("H100 SXM").figure(kind)
    file = io.BytesIO()
    drawn.savefig(file, format="svg")
    assert b"</svg>" in file.getvalue()


def test_bars_are_the_shares_of_the_scopes():
    pytest.importorskip("matplotlib")
    (axes,) = REPORTS["model"].figure("flops").axes
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(100)  # type: ignore[attr-defined]


def test_a_figure_that_cannot_be_drawn_says_why(monkeypatch):
    with pytest.raises(ArgumentError, match="did you mean 'memory'"):
        REPORTS["model"].figure("memroy")
    pytest.importorskip("matplotlib")
    with pytest.raises(ArgumentError, match="needs a machine"):
        REPORTS["model"].figure("roofline")
    found = report(lambda x: x @ x, spec(3, 3))
    object.__setattr__(found, "source", None)
    with pytest.raises(ArgumentError, match="no trace"):
        found.figure("memory")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingPackageError, match="plots"):
        REPORTS["model"].figure()
