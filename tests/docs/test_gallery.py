"""The gallery has a page for every script of `examples/`, with its output and its source."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "docs" / "gallery"
SCRIPTS = {path.stem: path for path in (ROOT / "examples").glob("*.py")}
PAGES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in GALLERY.glob("*.md")
    if path.stem != "index"
}
INDEX = (GALLERY / "index.md").read_text(encoding="utf-8")


def test_every_script_has_a_page_and_every_page_a_script():
    assert set(PAGES) == set(SCRIPTS)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_what_the_script_says_prints_and_is(name):
    page = PAGES[name]
    assert f"```{{example}} {name}\n```" in page
    assert f'show("{name}")' in page
    assert f"```{{literalinclude}} ../../examples/{name}.py" in page
    said = ast.get_docstring(ast.parse(SCRIPTS[name].read_text(encoding="utf-8")))
    assert said is not None
    assert f"python examples/{name}.py" in said
    assert ("alt: " in page) == ("[FOLDER]" in said)


def test_the_gallerys_index_lists_every_page():
    assert set(re.findall(r"\]\((\w+)\.md\)", INDEX)) == set(PAGES)


def test_a_script_that_needs_more_than_the_sites_packages_has_its_output_stored():
    source = (ROOT / "docs" / "_ext" / "einlab_examples.py").read_text(encoding="utf-8")
    wanted = re.search(r"^WANTED = (\{.*?\})$", source, re.MULTILINE)
    assert wanted is not None
    for name in ast.literal_eval(wanted[1]):
        assert "FLOP" in (GALLERY / "stored" / f"{name}.txt").read_text(encoding="utf-8")
