"""The pictures of a plan as matplotlib figures, for papers and slides; needs the `plots` extra.

>>> from einlab import plan
>>> two = plan("ij,jk,kl->il", (9, 8), (8, 7), (7, 1))
>>> type(two.figure("tent")).__name__
'Figure'
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from einlab.errors import ArgumentError, listing
from einlab.extras import require
from einlab.show import charts, mesh, tent
from einlab.show.sheet import COLOURS
from einlab.show.subject import INTENSITY_NAMES, Subject, warmth
from einlab.show.text import abbreviated

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

MOST_LABELLED = 100
WARM = [COLOURS[f"h{number}"][0] for number in range(len(INTENSITY_NAMES))]
"""The colours of the SVG pictures on paper."""
PHASES = [COLOURS[f"t{number}"][0] for number in range(mesh.PHASES)]
INK, SOFT, MARK, PAPER = (COLOURS[name][0] for name in ("ink", "soft", "mark", "paper"))


def draw(subject: Subject, kind: str = "tent") -> Figure:
    """A picture of a plan as a figure of 8 inches in width, in the form of `svg.draw`.

    The figure belongs to no window and to no backend: save it with `figure.savefig("tree.pdf")`.

    Raises ArgumentError for an unknown kind, MissingPackageError if matplotlib is not installed.
    """
    if kind not in KINDS:
        raise ArgumentError(f"there is no picture {kind!r:.40}; pictures are {listing(KINDS)}")
    require("matplotlib")
    figures = importlib.import_module("matplotlib.figure")
    figure: Figure = figures.Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(KINDS[kind](axes, subject), parse_math=False, fontsize=11)
    return figure


def _tent(axes: Axes, subject: Subject) -> str:
    nodes = tent.pitch(subject)
    _tree(axes, subject, nodes, [(node.x, node.y) for node in nodes])
    count = len(subject.tree.contraction.terms)
    if count <= MOST_LABELLED:
        level = count <= 10 and max(len(node.label) for node in nodes[:count]) <= 8
        for node in nodes[:count]:
            _write(axes, node.label, (node.x, 0), count, 0 if level else 90, "center", "top")
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.05))
    return tent.described(subject)[0]


def _ring(axes: Axes, subject: Subject) -> str:
    nodes = tent.pitch(subject)

    def place(node: tent.Node, beyond: float = 0.0) -> tuple[float, float]:
        angle = math.pi / 2 - 2 * math.pi * node.x
        radius = 1 - node.y + beyond
        return radius * math.cos(angle), radius * math.sin(angle)

    _tree(axes, subject, nodes, [place(node) for node in nodes])
    count = len(subject.tree.contraction.terms)
    if count <= MOST_LABELLED:
        for node in nodes[:count]:
            angle, side = (
                (90 - 360 * node.x, "left") if node.x < 0.5 else (270 - 360 * node.x, "right")
            )
            _write(axes, node.label, place(node, 0.03), count, angle, side, "center")
    axes.set(xlim=(-2.1, 2.1), ylim=(-1.3, 1.3), aspect="equal")
    return tent.described(subject)[0]


def _tree(
    axes: Axes,
    subject: Subject,
    nodes: tuple[tent.Node, ...],
    places: list[tuple[float, float]],
) -> None:
    """The branches as lines and the steps as dots."""
    count = len(subject.tree.contraction.terms)
    drawn = sorted(
        (node for node in nodes if node.parent is not None),
        key=lambda node: nodes[node.parent or 0].warmth,
    )
    axes.add_collection(
        _lines(
            [[places[node.array], places[node.parent or 0]] for node in drawn],
            colors=[WARM[nodes[node.parent or 0].warmth] for node in drawn],
            linewidths=[max(0.4, node.weight * min(6.0, 120 / count)) for node in drawn],
        )
    )
    results = nodes[count:]
    axes.scatter(
        [places[node.array][0] for node in results],
        [places[node.array][1] for node in results],
        s=[max(1.0, 220 * node.share) for node in results],
        c=[WARM[node.warmth] for node in results],
        zorder=3,
        linewidths=0,
    )
    axes.axis("off")
    _legend(axes, "FLOP/B of the step", WARM, INTENSITY_NAMES)


def _network(axes: Axes, subject: Subject) -> str:
    count = len(subject.tree.contraction.terms)
    numbered = count <= MOST_LABELLED
    net = mesh.mesh(subject, (8.0, 4.4), 0.28 if numbered else 0.0)
    lines = sorted(net.lines, key=lambda line: -1 if line.phase is None else line.phase)
    axes.add_collection(
        _lines(
            [[net.places[end] for end in line.ends] for line in lines],
            colors=[SOFT if line.phase is None else PHASES[line.phase] for line in lines],
            linewidths=[max(0.4, line.weight * (3 if numbered else 1)) for line in lines],
            linestyles=["dashed" if line.sliced else "solid" for line in lines],
        )
    )
    x, y = zip(*net.places, strict=True)
    hubs = [PAPER if is_open else INK for is_open in net.is_open]
    size = (150 if count <= 40 else 90) if numbered else 4
    dots: dict[str, Any] = {"zorder": 3, "edgecolors": SOFT, "linewidths": 1.0 if numbered else 0.0}
    axes.scatter(x[:count], y[:count], s=size, c=PAPER if numbered else SOFT, **dots)
    dots["linewidths"] = 0.6
    axes.scatter(x[count:], y[count:], s=14 if numbered else 2, c=hubs, **dots)
    for operand in range(count if numbered else 0):
        axes.text(
            x[operand], y[operand], str(operand), ha="center", va="center", zorder=4,
            fontsize=7 if count <= 40 else 5.5, color=INK,
        )  # fmt: skip
    axes.set(xlim=(-0.2, 8.2), ylim=(4.6, -0.2), aspect="equal")
    axes.axis("off")
    _legend(axes, "index summed", PHASES, ["first", *" " * (mesh.PHASES - 2), "last"])
    return mesh.described(subject)[0]


def _steps(axes: Axes, subject: Subject) -> str:
    costs = [cost for _, cost in subject.steps]
    # Logarithms here, since a count of FLOPs may be larger than any float.
    logs = [math.log10(cost.flops) if cost.flops else 0.0 for cost in costs]
    low = math.floor(min((log for log in logs if log), default=0.0))
    axes.bar(
        range(1, len(logs) + 1),
        [max(log - low, 0.01) if log else 0.0 for log in logs],
        bottom=low,
        width=0.8 if len(logs) <= 300 else 1.0,
        color=[WARM[warmth(cost)] for cost in costs],
    )
    axes.set(xlabel="step", ylabel="FLOPs of the step")
    _powers(axes.yaxis)
    axes.spines[["top", "right"]].set_visible(False)
    _legend(axes, "FLOP/B of the step", WARM, INTENSITY_NAMES)
    return charts.steps_told(subject)[0]


def _search(axes: Axes, subject: Subject) -> str:
    title, sentence = charts.search_told(subject)
    if subject.trace:
        times = [seconds for seconds, _ in subject.trace]
        values = [value for _, value in subject.trace]
        axes.step(times, values, where="post", color=MARK, marker="o", markersize=4)
        axes.set_yscale("log")
        if times[-1] > 30 * times[0] > 0:
            axes.set_xscale("log")
    axes.set(xlabel="seconds of search", ylabel=f"best order so far, {subject.unit}")
    axes.spines[["top", "right"]].set_visible(False)
    return f"{title}\n{abbreviated(sentence, 90)}"


KINDS: dict[str, Callable[[Axes, Subject], str]] = {
    "tent": _tent,
    "ring": _ring,
    "network": _network,
    "steps": _steps,
    "search": _search,
}
"""What draws each picture on axes and gives its title."""


def _lines(segments: list[Any], **looks: Any) -> Any:
    collections = importlib.import_module("matplotlib.collections")
    return collections.LineCollection(segments, capstyle="round", **looks)


def _powers(axis: Any) -> None:
    """Marks at whole logarithms, written as powers of ten."""
    ticker = importlib.import_module("matplotlib.ticker")
    axis.set_major_locator(ticker.MaxNLocator(integer=True))
    axis.set_major_formatter(ticker.FuncFormatter(lambda log, _: f"$10^{{{log:.0f}}}$"))


def _write(
    axes: Axes,
    text: str,
    place: tuple[float, float],
    count: int,
    angle: float,
    side: Any,
    height: Any,
) -> None:
    """The label of an operand."""
    axes.annotate(
        abbreviated(text, 22, middle=True),
        place,
        xytext=(0, -4) if height == "top" else (0, 0),
        textcoords="offset points",
        rotation=angle,
        rotation_mode="default" if height == "top" else "anchor",
        ha=side,
        va=height,
        family="monospace",
        fontsize=min(9.0, 500 / count),
        parse_math=False,
    )


def _legend(axes: Axes, title: str, colours: list[str], names: Any) -> None:
    for colour, name in zip(colours, names, strict=True):
        axes.plot([], [], color=colour, linewidth=4, label=name or " ")
    figure: Any = axes.figure
    figure.legend(  # outside of the axes, where nothing is drawn that it could hide
        title=title,
        loc="outside lower center",
        ncols=len(names),
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )
