"""The figure of a tree is matplotlib's, and its absence is told in words."""

from __future__ import annotations

import io
import sys

import pytest

from einlab.errors import MissingPackageError
from einlab.show import figure
from tests.show.samples import random_tree, three


@pytest.mark.parametrize("operands", [10, 100, 300])
def test_a_tree_becomes_a_figure_that_can_be_saved(operands: int) -> None:
    pytest.importorskip("matplotlib")
    tree = random_tree(operands)
    drawn = figure.draw_tree(tree, title="a $ sign, 100 %")
    (axes,) = drawn.axes
    (branches,) = axes.collections
    assert len(branches.get_paths()) == len(tree.terms) - 1
    labels = {text.get_text() for text in axes.texts}
    assert bool(labels) == (operands <= 100)
    file = io.BytesIO()
    drawn.savefig(file, format="svg")
    assert b"</svg>" in file.getvalue()


def test_without_matplotlib_the_extra_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent("matplotlib"), *sys.meta_path])
    with pytest.raises(MissingPackageError, match=r"einlab\[plots\]"):
        figure.draw_tree(three())


class Absent:
    """An import system in which one package is not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
