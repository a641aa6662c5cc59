"""A contraction tree as a matplotlib figure, for papers and slides; needs the `plots` extra."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from einlab.extras import require
from einlab.search.tree import Tree
from einlab.show.svg import MOST_LABELLED
from einlab.show.tent import HEAT_NAMES, described, heat, pitch
from einlab.show.text import abbreviated

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_tree"]

COLOURS = ("#aeb7c6", "#8fb0dc", "#e0a93a", "#e2711d", "#b3123f")
"""The colours of the SVG picture on paper."""


def draw_tree(tree: Tree, *, title: str | None = None) -> Figure:
    """The tree as a figure of 8 inches in width, in the form of `svg.draw_tree`.

    The figure belongs to no window and to no backend: save it with `figure.savefig("tree.pdf")`.

    Raises MissingPackageError if matplotlib is not installed.
    """
    require("matplotlib")
    figures = importlib.import_module("matplotlib.figure")
    collections = importlib.import_module("matplotlib.collections")
    nodes = pitch(tree)
    count = len(tree.contraction.terms)
    height = min(max(1.8 + 0.6 * nodes[-1].level, 2.6), 6.5)
    figure: Figure = figures.Figure(figsize=(8, height), layout="constrained")
    axes = figure.add_subplot()
    drawn = sorted(
        (node for node in nodes if node.parent is not None),
        key=lambda node: nodes[node.parent or 0].share,
    )
    parents = [nodes[node.parent or 0] for node in drawn]
    axes.add_collection(
        collections.LineCollection(
            [[(a.x, a.y), (b.x, b.y)] for a, b in zip(drawn, parents, strict=True)],
            colors=[COLOURS[heat(parent.share)] for parent in parents],
            linewidths=[max(0.4, node.weight * min(6.0, 120 / count)) for node in drawn],
            capstyle="round",
        )
    )
    if count <= MOST_LABELLED:
        for node in nodes[:count]:
            axes.annotate(
                abbreviated(node.label, 22, middle=True),
                (node.x, 0),
                xytext=(0, -4),
                textcoords="offset points",
                rotation=0 if count <= 10 and len(node.label) <= 8 else 90,
                ha="center",
                va="top",
                family="monospace",
                fontsize=min(9.0, 500 / count),
                parse_math=False,
            )
    for colour, name in zip(COLOURS, HEAT_NAMES, strict=True):
        axes.plot([], [], color=colour, linewidth=4, label=name)
    axes.legend(
        title="share of the multiplications",
        loc="upper right",
        fontsize=8,
        title_fontsize=8,
        frameon=False,
    )
    axes.set_title(title or described(tree)[0], parse_math=False)
    axes.set(xlim=(0, 1), ylim=(-0.02, 1.05))
    axes.axis("off")
    return figure
