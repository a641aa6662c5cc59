"""A tensor network as an SVG picture: operands are nodes, indices are lines between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from einlab.show import units
from einlab.show.mesh import PHASES, Line, Mesh, described, mesh
from einlab.show.sheet import (
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
from einlab.show.subject import Subject
from einlab.show.text import abbreviated

__all__ = ["draw_network"]

MOST_NUMBERED = 100
"""Operands are numbered up to this many."""
MOST_NAMED = 60
"""Indices are named up to this many operands, where their names overlap nothing."""
MOST_TOOLTIPS = 400
FRAME = (WIDTH - 2 * MARGIN - 24, 470.0)
LEFT, TOP = MARGIN + 12, HEADER + 12
HEIGHT = TOP + FRAME[1] + 16 + LEGEND
HUB = 3.5
OPEN = 320.0
"""Where the legend has the circle of an index of the result."""
ALONG = (0.5, 0.42, 0.58, 0.34, 0.66)
"""Where on its line the name of an index may stand."""


def draw_network(subject: Subject) -> str:
    """The network: operands are numbered nodes, indices lines, coloured by when they are summed.

    An index of three or more operands is a small hub, an index of the result ends in an open
    circle. A line is as wide as the logarithm of the size of its indices; sliced ones are dashed.
    """
    count = len(subject.tree.contraction.terms)
    numbered = count <= MOST_NUMBERED
    radius = (11.0 if count <= 40 else 9.0) if numbered else 3.0 if count <= 400 else 2.0
    net = mesh(subject, FRAME, 2 * radius + 4 if numbered else 0.0)
    title, sentence = described(subject)
    y = HEIGHT - 18
    phases = ("first", *[""] * (PHASES - 2), "last")
    end = "line width: log of size" + (" · dashed: sliced" if subject.sliced else "")
    body = [
        *_lines(net, min(max(500 / (len(net.lines) + 1), 1.6), 5.0)),
        *_hubs(net, HUB if count <= 400 else 1.4),
        *_operands(subject, net, radius, numbered),
        *(_names(net, radius) if count <= MOST_NAMED else ()),
        *dots("index summed", "t", phases, MARGIN, y),
        f'<circle class="open" cx="{px(OPEN)}" cy="{px(y - 4.5)}" r="4"/>',
        note("index of the result", OPEN + 10, y),
        note(end, WIDTH - MARGIN, y, "end"),
    ]
    return sheet(title, sentence, HEIGHT, body)


def _at(net: Mesh, node: int) -> tuple[float, float]:
    x, y = net.places[node]
    return LEFT + x, TOP + y


def _colour(line: Line) -> str:
    return "ring" if line.phase is None else f"t{line.phase}"


def _lines(net: Mesh, widest: float) -> Iterator[str]:
    """One path for all lines of one width and colour; what is summed last is drawn last."""
    runs: dict[tuple[str, float, bool], list[str]] = defaultdict(list)
    for line in net.lines:
        (x, y), (across, down) = (_at(net, end) for end in line.ends)
        width = round(max(0.8, line.weight * widest), 1)
        runs[_colour(line), width, line.sliced].append(f"M{px(x)} {px(y)}L{px(across)} {px(down)}")
    for (colour, width, dashed), parts in sorted(runs.items()):
        dash = f' stroke-dasharray="{px(2 * width)} {px(2.5 * width)}"' if dashed else ""
        yield f'<path class="{colour}" stroke-width="{width:g}"{dash} d="{"".join(parts)}"/>'


def _hubs(net: Mesh, radius: float) -> Iterator[str]:
    phase = {line.ends[1]: line for line in net.lines if line.ends[1] >= net.operands}
    for number, (names, is_open) in enumerate(zip(net.hubs, net.is_open, strict=True)):
        node = net.operands + number
        x, y = _at(net, node)
        name = "open" if is_open else f"f{_colour(phase[node])}"
        tip = tooltip(_named(names)) if len(net.places) <= MOST_TOOLTIPS else ""
        yield f'<circle class="{name}" cx="{px(x)}" cy="{px(y)}" r="{radius:g}">{tip}</circle>'


def _operands(subject: Subject, net: Mesh, radius: float, numbered: bool) -> Iterator[str]:
    contraction = subject.tree.contraction
    for operand, (term, shape) in enumerate(
        zip(contraction.terms, contraction.shapes, strict=True)
    ):
        x, y = _at(net, operand)
        told = f"operand {operand}: {_named(term)}, {units.sizes(shape)}"
        tip = tooltip(abbreviated(told, 120)) if net.operands <= MOST_TOOLTIPS else ""
        name = "pill ring" if numbered else "leaf"
        yield f'<circle class="{name}" cx="{px(x)}" cy="{px(y)}" r="{radius:g}">{tip}</circle>'
        if numbered:
            yield label(str(operand), x, y, glyph=12.0 if radius > 10 else 10.5)


def _names(net: Mesh, radius: float) -> Iterator[str]:
    """The names of the indices beside their lines and hubs, where they overlap nothing."""
    frame = Box(MARGIN, HEADER, WIDTH - MARGIN, HEIGHT - LEGEND + 8)
    size = 2 * radius + 3
    taken = [Box.around(*_at(net, node), size, size) for node in range(net.operands)]
    hubs = range(net.operands, len(net.places))
    taken += [Box.around(*_at(net, hub), 2 * HUB + 2, 2 * HUB + 2) for hub in hubs]
    wanted: list[tuple[str, list[tuple[float, float]]]] = []
    for line in net.lines:
        (x, y), (across, down) = (_at(net, end) for end in line.ends)
        if line.ends[1] < net.operands:
            spots = [(x + t * (across - x), y + t * (down - y)) for t in ALONG]
            wanted.append((_named(line.names), spots))
    for hub in hubs:
        name, (x, y) = _named(net.hubs[hub - net.operands]), _at(net, hub)
        aside = width_of(name) / 2 + HUB + 6
        wanted.append((name, [(x + aside, y), (x - aside, y), (x, y - 14), (x, y + 14)]))
    for name, spots in wanted:
        for x, y in spots:
            box = Box.around(x, y, width_of(name) + 4, 14)
            if box.inside(frame) and not any(box.meets(other) for other in taken):
                taken.append(box)
                yield label(name, x, y, name="halo")
                break


def _named(names: tuple[str, ...]) -> str:
    gap = "" if all(len(name) == 1 for name in names) else " "
    return abbreviated(gap.join(names), 14, middle=True)
