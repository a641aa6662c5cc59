"""The page of settings leaves none out."""

from __future__ import annotations

import re
from pathlib import Path

from einlab.config import VARIABLES, Config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")


def test_every_variable_that_the_code_names_is_a_setting_or_explained_on_the_page():
    named: set[str] = set()
    for folder in ("einlab", "tests", "benchmarks", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            named |= set(re.findall(r"environ(?:\.get\(|\[)\s*\"(_?EINLAB_[A-Z_]+)\"", text))
            named |= set(re.findall(r"\b_EINLAB_[A-Z]+\b", text))
    assert "EINLAB_TEST_DEVICE" in named
    assert {name for name in named if name not in PAGE} <= set(VARIABLES.values())


def test_every_setting_is_a_property_with_a_default_and_a_meaning():
    for name in VARIABLES:
        owner = getattr(Config, name)
        assert isinstance(owner, property)
        assert owner.fset is not None
        assert (owner.__doc__ or "").strip()
    assert "VARIABLES.items()" in PAGE


def test_no_setting_of_the_class_is_without_a_variable():
    settable = {
        name
        for name, value in vars(Config).items()
        if isinstance(value, property) and value.fset is not None
    }
    assert settable == set(VARIABLES)
