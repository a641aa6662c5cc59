"""A contraction tree as an SVG picture that is its own light and dark version."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from einlab.errors import display_width
from einlab.search.tree import Tree
from einlab.show import units
from einlab.show.tent import HEAT_NAMES, Node, described, heat, pitch
from einlab.show.text import abbreviated, printable

__all__ = ["MOST_LABELLED", "draw_tree"]

MOST_LABELLED = 100
"""Operands are labelled up to this many; above, their labels would overlap."""
MOST_MARKED = 24
"""Intermediates are labelled up to this many operands."""
MOST_TOOLTIPS = 400

WIDTH, MARGIN = 960.0, 32.0
HEADER, LEGEND = 76.0, 46.0
ADVANCE = 0.602
"""Width of a character of a fixed-width face, as a part of its size."""
GLYPH = 12.0

STYLE = """
.einlab-tree{--paper:#ffffff;--ink:#1d2330;--soft:#5a6475;--pill:#ffffff;
--h0:#aeb7c6;--h1:#8fb0dc;--h2:#e0a93a;--h3:#e2711d;--h4:#b3123f}
@media (prefers-color-scheme:dark){.einlab-tree{--paper:#14181f;--ink:#e4e8f0;--soft:#a2adbf;
--pill:#1c222c;--h0:#4c5667;--h1:#5c86bd;--h2:#d3a03c;--h3:#f08a3c;--h4:#ff6b81}}
.einlab-tree .paper{fill:var(--paper)}
.einlab-tree text{fill:var(--ink);font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,
"DejaVu Sans Mono",monospace}
.einlab-tree .head{font:600 16px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.einlab-tree .soft{fill:var(--soft);font:13px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.einlab-tree path{fill:none;stroke-linecap:round;stroke-linejoin:round}
.einlab-tree .pill{fill:var(--pill);stroke-width:1.5}
.einlab-tree .leaf{fill:var(--soft)}
"""
CLASSES = "".join(
    f".einlab-tree .h{k}{{stroke:var(--h{k})}}.einlab-tree .d{k}{{fill:var(--h{k})}}\n"
    for k in range(len(HEAT_NAMES))
)


@dataclass(frozen=True, slots=True)
class Box:
    """The space that a label takes."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where the picture puts what: pixels for the coordinates of the nodes, and the label size."""

    height: float
    ground: float
    """The y of the operands."""
    rise: float
    """Pixels from the operands to the result."""
    upright: bool
    """Whether the labels of the operands are turned by a quarter."""
    glyph: float
    """Size of the labels of the operands; 0 leaves them out."""
    length: int
    """Characters that such a label may have."""

    def place(self, node: Node) -> tuple[float, float]:
        """The middle of a node, in pixels."""
        x = MARGIN + node.x * (WIDTH - 2 * MARGIN)
        return round(x, 1), round(self.ground - node.y * self.rise, 1)


def draw_tree(tree: Tree, *, title: str | None = None) -> str:
    """The tree as an SVG element: operands at the bottom, the result at the top.

    A branch is as wide as the logarithm of the size of its array, and has the colour of the share
    of all multiplications that the step above it takes. Labels never overlap: those of operands are
    left out above 100 operands, those of intermediates where there is no room.

    >>> from einlab.contraction import Contraction
    >>> c = Contraction((("i", "j"), ("j", "k")), ("i", "k"), ((2, 3), (3, 4)), ("float32",) * 2)
    >>> draw_tree(Tree(c, ((0, 1),))).count("<path")
    2
    """
    nodes = pitch(tree)
    canvas = _canvas(tree, nodes)
    head, sentence = described(tree)
    head = printable(title) if title is not None else head
    size = f"{WIDTH:g} {canvas.height:g}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="einlab-tree" viewBox="0 0 {size}" '
            f'width="{WIDTH:g}" height="{canvas.height:g}" role="img" aria-label="{escape(head)}">',
            f"<title>{escape(head)}</title>",
            f"<desc>{escape(sentence)}</desc>",
            f"<style>{STYLE}{CLASSES}</style>",
            '<rect class="paper" width="100%" height="100%" rx="8"/>',
            f'<text class="head" x="{MARGIN:g}" y="34">{escape(abbreviated(head, 96))}</text>',
            f'<text class="soft" x="{MARGIN:g}" y="56">{escape(sentence)}</text>',
            *_branches(tree, nodes, canvas),
            *_operands(tree, nodes, canvas),
            *_results(tree, nodes, canvas),
            *_legend(canvas),
            "</svg>",
        ]
    )


def _canvas(tree: Tree, nodes: tuple[Node, ...]) -> Canvas:
    """The measures of the picture, from the number of operands, their labels and the levels."""
    count = len(tree.contraction.terms)
    step = (WIDTH - 2 * MARGIN) / count
    widest = max(display_width(printable(node.label)) for node in nodes[:count])
    rise = min(max(78.0 * nodes[-1].level, 150.0), 560.0) if tree.pairs else 0.0
    ground = HEADER + 24 + rise
    if count > MOST_LABELLED:
        return Canvas(ground + 12 + LEGEND, ground, rise, False, 0.0, 0)
    if widest * GLYPH * ADVANCE <= step - 8:
        return Canvas(ground + 28 + LEGEND, ground, rise, False, GLYPH, widest)
    glyph, length = min(GLYPH, 0.95 * step), min(widest, 22)
    below = 14 + length * glyph * ADVANCE
    return Canvas(math.ceil(ground + below + LEGEND), ground, rise, True, round(glyph, 2), length)


def _branches(tree: Tree, nodes: tuple[Node, ...], canvas: Canvas) -> Iterator[str]:
    """One path for all branches of one width and colour; the hot ones are drawn last."""
    step = (WIDTH - 2 * MARGIN) / len(tree.contraction.terms)
    widest = min(max(step / 3, 2.5), 10.0)
    runs: dict[tuple[int, float], list[str]] = defaultdict(list)
    for node in nodes:
        if node.parent is not None:
            (x, y), (above, high) = canvas.place(node), canvas.place(nodes[node.parent])
            width = round(max(0.6, node.weight * widest), 1)
            colour = heat(nodes[node.parent].share)
            runs[colour, width].append(f"M{x:g} {y:g}L{above:g} {high:g}")
    for (colour, width), lines in sorted(runs.items(), key=lambda item: (item[0][0], -item[0][1])):
        yield f'<path class="h{colour}" stroke-width="{width:g}" d="{"".join(lines)}"/>'


def _operands(tree: Tree, nodes: tuple[Node, ...], canvas: Canvas) -> Iterator[str]:
    """A dot for each operand, its label below, its shape as a tooltip."""
    shapes = tree.contraction.shapes
    radius = min(4.0, (WIDTH - 2 * MARGIN) / len(shapes) / 3)
    for node in nodes[: len(shapes)]:
        x, y = canvas.place(node)
        told = f"operand {node.array}: {node.label}, {units.sizes(shapes[node.array])}"
        tip = _tooltip(abbreviated(told, 120)) if len(shapes) <= MOST_TOOLTIPS else ""
        yield f'<circle class="leaf" cx="{x:g}" cy="{y:g}" r="{radius:.3g}">{tip}</circle>'
        if not canvas.glyph:
            continue
        label = escape(abbreviated(node.label, canvas.length, middle=True))
        if canvas.upright:
            yield (
                f'<text style="font-size:{canvas.glyph:g}px" text-anchor="end" '
                f'dominant-baseline="central" transform="translate({x:g} {y + 10:g}) rotate(-90)">'
                f"{label}</text>"
            )
        else:
            yield f'<text text-anchor="middle" x="{x:g}" y="{y + 22:g}">{label}</text>'


def _results(tree: Tree, nodes: tuple[Node, ...], canvas: Canvas) -> Iterator[str]:
    """A mark for each intermediate; in small trees its indices, where they overlap nothing."""
    count = len(tree.contraction.terms)
    results = nodes[count:]
    taken: list[Box] = []
    labelled = set()
    if count <= MOST_MARKED:
        for node in sorted(results, key=lambda node: (node.array != nodes[-1].array, -node.share)):
            box = _pill(node, canvas)
            if not any(box.meets(other) for other in taken):
                taken.append(box)
                labelled.add(node.array)
    radius = min(5.0, (WIDTH - 2 * MARGIN) / count / 2.5)
    for node in results:
        x, y = canvas.place(node)
        colour, box = heat(node.share), _pill(node, canvas)
        tip = _tooltip(_told(tree, node)) if count <= MOST_TOOLTIPS else ""
        if node.array not in labelled:
            mark = f'cx="{x:g}" cy="{y:g}" r="{radius:.3g}"'
            yield f'<circle class="d{colour}" {mark}>{tip}</circle>'
            continue
        yield (
            f'<g><rect class="pill h{colour}" x="{box.left:g}" y="{box.top:g}" rx="10" '
            f'width="{box.right - box.left:.3g}" height="20">{tip}</rect>'
            f'<text text-anchor="middle" x="{x:g}" y="{y + 4:g}">{_short(node)}</text></g>'
        )


def _pill(node: Node, canvas: Canvas) -> Box:
    """The space of the label of an intermediate."""
    x, y = canvas.place(node)
    half = round(display_width(abbreviated(node.label, 24, middle=True)) * GLYPH * ADVANCE / 2 + 9)
    return Box(x - half, y - 10, x + half, y + 10)


def _short(node: Node) -> str:
    return escape(abbreviated(node.label, 24, middle=True))


def _told(tree: Tree, node: Node) -> str:
    """What there is to say about an intermediate."""
    step = node.array - len(tree.contraction.terms)
    left, right = tree.pairs[step]
    return (
        f"step {step}, arrays {left} and {right}: {abbreviated(node.label, 40, middle=True)}, "
        f"{units.count(tree.volume(node.array))} elements, {units.percent(node.share)} of the work"
    )


def _tooltip(text: str) -> str:
    return f"<title>{escape(printable(text))}</title>"


def _legend(canvas: Canvas) -> Iterable[str]:
    """What the colours and the widths mean, along the lower edge."""
    y = canvas.height - 18
    yield f'<text class="soft" x="{MARGIN:g}" y="{y:g}">share of the multiplications</text>'
    x = MARGIN + 190
    for colour, name in enumerate(HEAT_NAMES):
        yield f'<circle class="d{colour}" cx="{x:g}" cy="{y - 4.5:g}" r="5"/>'
        yield f'<text class="soft" x="{x + 10:g}" y="{y:g}">{escape(name)}</text>'
        x += 78
    yield (
        f'<text class="soft" text-anchor="end" x="{WIDTH - MARGIN:g}" y="{y:g}">'
        "branch width: log of elements</text>"
    )
