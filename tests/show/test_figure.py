"""The figure of a tree is matplotlib's, and its absence is told in words."""

from __future__ import annotations

import io
import sys

import pytest

from einlab.errors import ArgumentError, MissingPackageError
from einlab.show import figure, svg
from tests.show.samples import ring_tree, subject, three


@pytest.mark.parametrize("kind", svg.KINDS)
@pytest.mark.parametrize("operands", [10, 100, 300])
def test_every_picture_becomes_a_figure_that_can_be_saved(kind: str, operands: int) -> None:
    pytest.importorskip("matplotlib")
    of = subject(ring_tree(operands), trace=((0.1, 9e9), (0.2, 3e8)), searched_by="a $ sign")
    drawn = figure.draw(of, kind)
    (axes,) = drawn.axes
    written = [text for text in axes.texts if text.get_text()]
    if kind in ("tent", "ring", "network"):
        assert len(written) == (operands if operands <= 100 else 0)
    if kind in ("tent", "ring"):
        branches = axes.collections[0]
        assert len(branches.get_paths()) == len(of.tree.terms) - 1
    if kind == "steps":
        assert len(axes.patches) == len(of.steps)
    file = io.BytesIO()
    drawn.savefig(file, format="svg")
    assert b"</svg>" in file.getvalue()


def test_an_unknown_figure_is_refused() -> None:
    with pytest.raises(ArgumentError, match="no picture 'tree'"):
        figure.draw(subject(three()), "tree")


def test_without_matplotlib_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent("matplotlib"), *sys.meta_path])
    with pytest.raises(MissingPackageError, match=r"einlab\[plots\]"):
        figure.draw(subject(three()))


class Absent:
    """An import system in which one package is not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
