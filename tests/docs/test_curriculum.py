"""Every item of the curriculum has a home, and every home is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from docs._ext.einlab_anchors import anchors, items
from einlab.drills import PAGES, of_page

DOCS = Path(__file__).parents[2] / "docs"
MAP = tomllib.loads((DOCS / "curriculum.toml").read_text(encoding="utf-8"))
ITEMS = items(MAP)
DROPPED = {61, 62, 64, 89}
DRILLS = {page: {f"drill-{drill.name}" for drill in of_page(page)} for page in PAGES}
ANCHORS = {
    str(page.relative_to(DOCS).with_suffix("")): set(anchors(page))
    for page in DOCS.rglob("*.md")
    if "_build" not in page.parts
}


def faults(of) -> list[str]:
    """What is wrong with the homes of some items."""
    found = []
    for item in of:
        for page, anchor in item.homes:
            if page not in ANCHORS:
                found.append(f"{item.number}: there is no page {page}")
            elif anchor.startswith("drill-"):
                if anchor not in DRILLS.get(page.removeprefix("learn/"), ()):
                    found.append(f"{item.number}: {page} has no {anchor}")
            elif anchor and anchor not in ANCHORS[page]:
                found.append(f"{item.number}: {page} has no #{anchor}")
    return found


def test_no_number_is_missing_and_none_is_new():
    assert {item.number for item in ITEMS} == set(range(1, 158)) - DROPPED


def test_every_item_has_a_title_of_its_own():
    assert len({item.title for item in ITEMS}) == len(ITEMS)


def test_every_home_of_an_item_is_there():
    assert faults(ITEMS) == []


def test_every_claim_put_right_stands_among_the_corrections_and_every_correction_in_the_map():
    homes = {home for item in ITEMS if item.wrong for home in item.homes}
    corrected = {home for home in homes if home.page.startswith("corrections/")}
    without = [
        item.number for item in ITEMS if item.wrong and not corrected.intersection(item.homes)
    ]
    assert without == []
    there = {
        (f"corrections/{page.stem}", target)
        for page in (DOCS / "corrections").glob("*.md")
        for target in re.findall(r"^\(([\w-]+)\)=$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert there == corrected


def test_every_correction_has_a_cell_of_its_own_that_checks_or_measures():
    for page in (DOCS / "corrections").glob("*.md"):
        if page.stem == "index":
            continue
        text = page.read_text(encoding="utf-8")
        for part in re.split(r"^\([\w-]+\)=$", text, flags=re.MULTILINE)[1:]:
            assert "```{code-cell}" in part, part
            assert re.search(r"assert |AssertionError|milliseconds\(", part), part


@pytest.mark.parametrize(
    ("homes", "fault"),
    [
        (["learn/L99"], "no page"),
        (["learn/L1#the-idea", "learn/L1#nowhere"], "#nowhere"),
        (["learn/L1#drill-views-sketch"], "drill-views-sketch"),
    ],
)
def test_a_home_that_is_not_there_is_found(homes, fault):
    (found,) = faults(items({"1": {"title": "made up", "homes": homes}}))
    assert fault in found


@pytest.mark.parametrize(
    "fields", [{"title": "made up"}, {"title": "made up", "homes": []}, {"homes": ["learn/L1"]}]
)
def test_an_item_without_title_or_home_is_refused(fields):
    with pytest.raises(ValueError, match="item 7"):
        items({"7": fields})
