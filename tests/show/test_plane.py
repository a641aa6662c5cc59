"""Planes: long names in the legend take fewer columns, and never run into one another."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from einlab.show import sheet
from einlab.show.plane import Line, Plane, Point, draw_plane
from tests.show.boxes import corners, overlapping, texts

NAMES = ("A100", "4 × 4096 by 4096 × 4096, bfloat16 (bound by memory)", "a" * 200)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_two_entries_of_the_legend_overlap_and_all_are_in_the_picture(
    name: str, count: int
) -> None:
    lines = tuple(Line(f"{i} {name}", ((1, 1), (100, 100))) for i in range(count))
    points = tuple(Point(10, 10 + i, "told", f"group {i} {name}") for i in range(count))
    root = ElementTree.fromstring(
        draw_plane(Plane("title", "sentence", "FLOP/B", "FLOP/s", lines, points))
    )
    assert overlapping(root) == []
    height = float(root.get("height") or 0)
    for text in texts(root):
        for x, y in corners(text):
            assert 0 <= x <= sheet.WIDTH, text.text
            assert 0 <= y <= height, text.text


def test_short_names_stand_three_in_a_row() -> None:
    lines = tuple(Line(f"line {i}", ((1, 1), (100, 100))) for i in range(6))
    root = ElementTree.fromstring(draw_plane(Plane("t", "s", "x", "y", lines)))
    rows = {text.get("y") for text in texts(root) if (text.text or "").startswith("line")}
    assert len(rows) == 2
