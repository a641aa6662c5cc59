"""A plane with two logarithmic axes, lines and points: as an SVG picture and as a figure.

Rooflines (attainable FLOP/s over arithmetic intensity) and calibrations (predicted over measured
seconds) are drawn on it.

>>> from einlab import plan
>>> two = plan("ij,jk,kl->il", (9, 8), (8, 7), (7, 1))
>>> two.roofline(["H100 SXM"]).svg().startswith("<svg")
True
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from einlab.extras import require
from einlab.show.axes import Scale, decades, power
from einlab.show.sheet import (
    ADVANCE,
    HEADER,
    LEGEND,
    MARGIN,
    WIDTH,
    label,
    note,
    px,
    sheet,
    tooltip,
    width_of,
)
from einlab.show.text import abbreviated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Line", "Plane", "Point", "draw_plane", "plane_figure"]

LEFT, RIGHT = 84.0, WIDTH - MARGIN
TOP, BOTTOM = HEADER + 34, 470.0
COLOURS = ("h1", "h3", "t2", "h4", "t3", "h2", "t1", "t4", "h0", "t0")
FIGURE_COLOURS = ("#4878a8", "#e2711d", "#2f86b0", "#b3123f", "#3d57a8", "#c08a1a", "#4fb0b0")
MOST_POINTS = 2000
SMALL = 11.0
KEY = 40.0
"""Pixels of an entry of the legend beside its name: the mark, and the space after it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through corners (x, y)."""

    name: str
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A mark at (x, y) and what is said of it; `group` decides its colour."""

    x: float
    y: float
    told: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Plane:
    """What is drawn."""

    title: str
    sentence: str
    x_name: str
    y_name: str
    lines: tuple[Line, ...] = ()
    points: tuple[Point, ...] = ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups of the points, in the order of their first point."""
        return tuple(dict.fromkeys(point.group for point in self.points))

    def scales(self) -> tuple[Scale, Scale]:
        """Both axes, each over whole powers of ten that hold everything."""
        corners = [corner for line in self.lines for corner in line.corners]
        xs = [x for x, _ in corners] + [point.x for point in self.points]
        ys = [y for _, y in corners] + [point.y for point in self.points]
        return decades(xs, 12), decades(ys, 12)


def draw_plane(plane: Plane) -> str:
    """The plane as an SVG element, light or dark as its reader's setting is."""
    across, up = plane.scales()
    names = _names(plane)
    rows = -(-max(len(names), 1) // _columns(names))
    body = [
        *_ground(plane, across, up),
        *_lines(plane.lines, across, up),
        *_points(plane, across, up),
        *_legend(names),
    ]
    return sheet(plane.title, plane.sentence, BOTTOM + 56 + LEGEND / 2 + 20 * rows, body)


def _at(scale: Scale, value: float, low: float, high: float) -> float:
    return low + scale.at(value) * (high - low)


def _ground(plane: Plane, across: Scale, up: Scale) -> Iterator[str]:
    """Grid, marks and names of the axes."""
    yield note(plane.y_name, MARGIN, TOP - 16)
    for mark in up.marks:
        y = BOTTOM - up.along(mark) * (BOTTOM - TOP)
        yield f'<path class="line" stroke-width="1" d="M{px(LEFT)} {px(y)}H{px(RIGHT)}"/>'
        yield note(power(mark), LEFT - 10, y + 4, "end")
    for mark in across.marks:
        x = LEFT + across.along(mark) * (RIGHT - LEFT)
        yield f'<path class="line" stroke-width="1" d="M{px(x)} {px(TOP)}V{px(BOTTOM)}"/>'
        yield note(power(mark), x, BOTTOM + 20, "middle")
    yield note(plane.x_name, (LEFT + RIGHT) / 2, BOTTOM + 42, "middle")


def _lines(lines: Sequence[Line], across: Scale, up: Scale) -> Iterator[str]:
    for number, line in enumerate(lines):
        places = [
            f"{px(_at(across, x, LEFT, RIGHT))} {px(_at(up, y, BOTTOM, TOP))}"
            for x, y in line.corners
        ]
        colour = COLOURS[number % len(COLOURS)]
        path = f'<path class="{colour}" stroke-width="2.5" d="M{"L".join(places)}">'
        yield f"{path}{tooltip(line.name)}</path>"


def _points(plane: Plane, across: Scale, up: Scale) -> Iterator[str]:
    groups = {group: number for number, group in enumerate(plane.groups)}
    for point in plane.points[:MOST_POINTS]:
        x, y = _at(across, point.x, LEFT, RIGHT), _at(up, point.y, BOTTOM, TOP)
        colour = COLOURS[(groups[point.group] + len(plane.lines)) % len(COLOURS)]
        yield (
            f'<circle class="f{colour}" fill-opacity="0.75" cx="{px(x)}" cy="{px(y)}" r="4">'
            f"{tooltip(point.told)}</circle>"
        )


def _names(plane: Plane) -> list[tuple[str, bool]]:
    """Entries of the legend, shortened to what fits a row, and whether each is a line."""
    most = int((WIDTH - 2 * MARGIN - KEY) / (ADVANCE * SMALL))
    names = [(line.name, True) for line in plane.lines]
    names += [(group, False) for group in plane.groups if group]
    return [(abbreviated(name, most, middle=True), is_line) for name, is_line in names]


def _columns(names: Sequence[tuple[str, bool]]) -> int:
    """As many entries in a row, up to three, as the longest of them leaves space for."""
    longest = max((width_of(name, SMALL) for name, _ in names), default=0.0)
    return min(3, max(1, int((WIDTH - 2 * MARGIN) / (longest + KEY))))


def _legend(names: Sequence[tuple[str, bool]]) -> Iterator[str]:
    """Lines and groups of points by name."""
    columns = _columns(names)
    for number, (name, is_line) in enumerate(names):
        x = MARGIN + (WIDTH - 2 * MARGIN) / columns * (number % columns)
        y = BOTTOM + 72 + 20 * (number // columns)
        colour = COLOURS[number % len(COLOURS)]
        if is_line:
            yield f'<path class="{colour}" stroke-width="3" d="M{px(x)} {px(y)}h18"/>'
        else:
            yield f'<circle class="f{colour}" cx="{px(x + 9)}" cy="{px(y)}" r="5"/>'
        yield label(name, x + 26, y, anchor="start", glyph=SMALL)


def plane_figure(plane: Plane) -> Figure:
    """The plane as a matplotlib figure, whose window can be zoomed; needs the `plots` extra.

    Raises MissingPackageError without matplotlib.
    """
    require("matplotlib")
    figure: Figure = importlib.import_module("matplotlib.figure").Figure(
        figsize=(8, 5), layout="constrained"
    )
    axes = figure.add_subplot()
    for number, line in enumerate(plane.lines):
        colour = FIGURE_COLOURS[number % len(FIGURE_COLOURS)]
        axes.plot(*zip(*line.corners, strict=True), color=colour, label=line.name)
    for number, group in enumerate(plane.groups, start=len(plane.lines)):
        points = [point for point in plane.points if point.group == group]
        axes.scatter(
            [point.x for point in points],
            [point.y for point in points],
            color=FIGURE_COLOURS[number % len(FIGURE_COLOURS)],
            alpha=0.75,
            s=20,
            label=group or None,
        )
    axes.set(xscale="log", yscale="log", xlabel=plane.x_name, ylabel=plane.y_name)
    axes.grid(alpha=0.3)
    axes.set_title(plane.title, parse_math=False)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8)
    return figure
