"""The contraction tree as an SVG picture, in two forms: a tent and a ring."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from einlab.show import units
from einlab.show.sheet import (
    ADVANCE,
    GLYPH,
    HEADER,
    LEGEND,
    MARGIN,
    WIDTH,
    Box,
    dots,
    label,
    note,
    px,
    sheet,
    tooltip,
    width_of,
)
from einlab.show.subject import INTENSITY_NAMES, Subject
from einlab.show.tent import Node, described, pitch, told
from einlab.show.text import abbreviated

__all__ = ["MOST_LABELLED", "draw_ring", "draw_tent"]

MOST_LABELLED = 100
"""Operands are labelled up to this many; above, their labels would overlap."""
MOST_MARKED = 24
"""Intermediates are labelled up to this many operands."""
MOST_TOOLTIPS = 400
LONGEST = 22
"""Characters of the label of an operand."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where the picture puts what: pixels for the coordinates of the nodes, and the labels."""

    height: float
    round: bool
    """Whether the tree is bent to a ring."""
    reach: float
    """Pixels from the operands to the result."""
    foot: float
    """The y of the operands of a tent, or of the middle of a ring."""
    glyph: float
    """Size of the labels of the operands; 0 leaves them out."""
    length: int
    """Characters that such a label may have."""
    upright: bool
    """Whether the labels of a tent are turned by a quarter, and those of a ring point outwards."""
    room: float
    """Pixels between operands."""

    def place(self, node: Node) -> tuple[float, float]:
        """The middle of a node, in pixels."""
        if not self.round:
            return MARGIN + node.x * (WIDTH - 2 * MARGIN), self.foot - node.y * self.reach
        return self.polar(self.reach * self.out(node), node.x)

    @staticmethod
    def out(node: Node) -> float:
        """How far from the middle of a ring a node stands; the middle is given more room."""
        return float((1 - node.y) ** 0.75)

    def polar(self, radius: float, turn: float) -> tuple[float, float]:
        """A point of the ring; it begins at the top and goes clockwise."""
        angle = 2 * math.pi * turn - math.pi / 2
        return WIDTH / 2 + radius * math.cos(angle), self.foot + radius * math.sin(angle)


def draw_tent(subject: Subject) -> str:
    """The tree with its operands at the bottom and the result at the top.

    A branch is as wide as the logarithm of the size of its array and has the colour of the FLOPs a
    byte of the step above it; the area of a step's dot is its share of the FLOPs. Labels never
    overlap: operands have none above 100, intermediates only where there is room.
    """
    return _draw(subject, pitch(subject), round_=False)


def draw_ring(subject: Subject) -> str:
    """The tree with its operands on a circle and the result in the middle; else as `draw_tent`."""
    return _draw(subject, pitch(subject), round_=True)


def _draw(subject: Subject, nodes: tuple[Node, ...], round_: bool) -> str:
    count = len(subject.tree.contraction.terms)
    canvas = (_ring_canvas if round_ else _tent_canvas)(nodes, count)
    title, sentence = described(subject)
    y = canvas.height - 18
    body = [
        *_branches(nodes, canvas),
        *_operands(subject, nodes[:count], canvas),
        *_results(subject, nodes[count:], canvas, labelled=count <= MOST_MARKED),
        *dots("FLOP/B of the step", "h", INTENSITY_NAMES, MARGIN, y),
        note("branch width: log of elements · dot area: share of FLOPs", WIDTH - MARGIN, y, "end"),
    ]
    return sheet(title, sentence, canvas.height, body)


def _tent_canvas(nodes: tuple[Node, ...], count: int) -> Canvas:
    """The measures of a tent, from the number of operands, their labels and the levels."""
    room = (WIDTH - 2 * MARGIN) / count
    widest = max(width_of(node.label) for node in nodes[:count])
    reach = min(max(72.0 * nodes[-1].level, 150.0), 440.0) if count > 1 else 0.0
    foot = HEADER + 24 + reach
    if count > MOST_LABELLED:
        return Canvas(foot + 14 + LEGEND, False, reach, foot, 0.0, 0, False, room)
    if widest <= room - 8:
        return Canvas(foot + 28 + LEGEND, False, reach, foot, GLYPH, 1000, False, room)
    glyph = round(min(GLYPH, 0.95 * room), 1)
    below = 14 + min(math.ceil(widest / (GLYPH * ADVANCE)), LONGEST) * glyph * ADVANCE
    height = math.ceil(foot + below + LEGEND)
    return Canvas(height, False, reach, foot, glyph, LONGEST, True, room)


def _ring_canvas(nodes: tuple[Node, ...], count: int) -> Canvas:
    """The measures of a ring."""
    if count > MOST_LABELLED:
        return _ring(250.0, 14.0, 0.0, 0, False, count)
    longest = max(width_of(node.label) / (GLYPH * ADVANCE) for node in nodes[:count])
    length = min(math.ceil(longest), LONGEST)
    radius = 225.0
    upright = count > 12
    glyph = round(min(GLYPH, 0.9 * 2 * math.pi * (radius + 10) / count), 1)
    beyond = 14 + length * glyph * ADVANCE if upright else 14 + GLYPH
    return _ring(radius, beyond, glyph, length, upright, count)


def _ring(
    radius: float, beyond: float, glyph: float, length: int, upright: bool, count: int
) -> Canvas:
    middle = HEADER + beyond + radius
    height = math.ceil(middle + radius + beyond + LEGEND)
    return Canvas(
        height, True, radius, middle, glyph, length, upright, 2 * math.pi * radius / count
    )


def _branches(nodes: tuple[Node, ...], canvas: Canvas) -> Iterator[str]:
    """One path for all branches of one width and colour; the intense ones are drawn last."""
    widest = min(max(canvas.room / 2, 3.0), 10.0)
    runs: dict[tuple[int, float], list[str]] = defaultdict(list)
    for node in nodes:
        if node.parent is not None:
            parent = nodes[node.parent]
            (x, y), (above, high) = canvas.place(node), canvas.place(parent)
            way = f"L{px(above)} {px(high)}"
            if canvas.round and parent.y < 1:
                bend = canvas.polar(canvas.reach * canvas.out(parent), node.x)
                way = f"Q{px(bend[0])} {px(bend[1])} {px(above)} {px(high)}"
            width = round(max(0.6, node.weight * widest), 1)
            runs[parent.warmth, width].append(f"M{px(x)} {px(y)}{way}")
    for (colour, width), lines in sorted(runs.items(), key=lambda item: (item[0][0], -item[0][1])):
        yield f'<path class="h{colour}" stroke-width="{width:g}" d="{"".join(lines)}"/>'


def _operands(subject: Subject, nodes: tuple[Node, ...], canvas: Canvas) -> Iterator[str]:
    """A dot for each operand, its label beyond, its shape as a tooltip."""
    radius = min(4.0, canvas.room / 3)
    for node in nodes:
        x, y = canvas.place(node)
        tip = tooltip(told(subject, node)) if len(nodes) <= MOST_TOOLTIPS else ""
        yield f'<circle class="leaf" cx="{px(x)}" cy="{px(y)}" r="{radius:.3g}">{tip}</circle>'
        if canvas.glyph:
            yield _operand_label(node, canvas)


def _operand_label(node: Node, canvas: Canvas) -> str:
    text = abbreviated(node.label, canvas.length, middle=True)
    glyph = canvas.glyph
    if not canvas.round:
        x, y = canvas.place(node)
        if canvas.upright:
            return label(text, x, y + 10, glyph=glyph, anchor="end", angle=-90)
        return label(text, x, y + 18, glyph=glyph)
    x, y = canvas.polar(canvas.reach + 10, node.x)
    right = node.x < 0.5
    if canvas.upright:
        angle = 360 * node.x - (90 if right else 270)
        return label(text, x, y, glyph=glyph, anchor="start" if right else "end", angle=angle)
    across = math.sin(2 * math.pi * node.x)
    anchor = "middle" if abs(across) < 0.35 else "start" if across > 0 else "end"
    down = 0.4 * GLYPH * -math.cos(2 * math.pi * node.x)
    return label(text, x, y + down, glyph=glyph, anchor=anchor)


def _results(
    subject: Subject, nodes: tuple[Node, ...], canvas: Canvas, labelled: bool
) -> Iterator[str]:
    """A mark for each result; in small trees its indices, where they overlap nothing."""
    taken: dict[int, Box] = {}
    if labelled:
        for node in sorted(nodes, key=lambda node: -node.share):
            box = Box.around(*canvas.place(node), width_of(_named(node)) + 18, 20)
            if not any(box.meets(other) for other in taken.values()):
                taken[node.array] = box
    largest = 16.0
    least = min(2.5, canvas.room / 3)
    for node in sorted(nodes, key=lambda node: node.array in taken):  # labels over dots
        x, y = canvas.place(node)
        tip = tooltip(told(subject, node)) if len(nodes) < MOST_TOOLTIPS else ""
        place = taken.get(node.array)
        if place is None:
            radius = max(least, largest * math.sqrt(node.share))
            yield (
                f'<circle class="fh{node.warmth}" cx="{px(x)}" cy="{px(y)}" '
                f'r="{radius:.3g}">{tip}</circle>'
            )
        else:
            yield (
                f'<g><rect class="pill h{node.warmth}" x="{px(place.left)}" y="{px(place.top)}" '
                f'rx="10" width="{px(place.right - place.left)}" height="20">{tip}</rect>'
                f"{label(_named(node), x, y)}</g>"
            )


def _named(node: Node) -> str:
    """The label of a result: its indices, and its share of the work where that is notable."""
    share = f" · {units.percent(node.share)}" if node.share >= 0.01 else ""
    return f"{abbreviated(node.label, LONGEST, middle=True)}{share}"
