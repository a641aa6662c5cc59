"""The space that the texts of an SVG picture take, turned ones included."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from itertools import combinations

from einlab.errors import display_width
from einlab.show.sheet import ADVANCE

NAME = "{http://www.w3.org/2000/svg}"
Corners = list[tuple[float, float]]
FACES = {"head": (16.0, 0.60), "soft": (13.0, 0.53)}
"""Size of a proportional face, and the mean width of its characters as a part of it."""


def labels(root: ElementTree.Element) -> list[Corners]:
    """The corners of every label in a fixed-width face."""
    return [corners(text) for text in texts(root) if (text.get("class") or "halo") == "halo"]


def texts(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [text for text in root.iter(f"{NAME}text") if text.text]


def corners(text: ElementTree.Element) -> Corners:
    """The corners of a text, from its place, size and turn; letters reach from 0.8 above its base
    line to 0.2 below."""
    glyph, advance = FACES.get(text.get("class") or "", (12.0, ADVANCE))
    sized = re.search(r"font-size:([\d.]+)", text.get("style") or "")
    if sized:
        glyph, advance = float(sized[1]), ADVANCE
    length = advance * glyph * display_width(text.text or "")
    left = {"middle": -length / 2, "end": -length}.get(text.get("text-anchor") or "", 0.0)
    base = float(text.get("y") or 0)
    turned = re.match(
        r"translate\(([-\d.]+) ([-\d.]+)\) rotate\(([-\d.]+)\)", text.get("transform") or ""
    )
    x, y, angle = (float(part) for part in turned.groups()) if turned else (0.0, 0.0, 0.0)
    x += 0.0 if turned else float(text.get("x") or 0)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    box = [
        (left + along, base + up)
        for along, up in ((0, -0.8 * glyph), (length, -0.8 * glyph), (length, 0), (0, 0))
    ]
    return [(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in box]


def overlap(one: Corners, other: Corners) -> bool:
    """Whether two rectangles meet: no side of either separates them."""
    for shape in (one, other):
        for (x, y), (across, down) in zip(shape, [*shape[1:], shape[0]], strict=True):
            normal = (down - y, x - across)
            first, second = (
                [px * normal[0] + py * normal[1] for px, py in points] for points in (one, other)
            )
            if max(first) <= min(second) + 1e-6 or max(second) <= min(first) + 1e-6:
                return False
    return True


def overlapping(root: ElementTree.Element) -> list[tuple[str, str]]:
    """The texts of every two that overlap."""
    boxes = [(text.text or "", corners(text)) for text in texts(root)]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if overlap(one, other)]
