"""The sheet that every SVG picture is drawn on: colours, texts, legends and the space they take.

Colours are written out, so that a picture looks the same in a paper and on a slide; in a browser
they follow the page's theme, else the reader's light or dark setting. No picture asks for anything
from anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape

from einlab.errors import display_width
from einlab.show.text import abbreviated, printable
from einlab.show.themes import themed

__all__ = [
    "ADVANCE",
    "COLOURS",
    "GLYPH",
    "HEADER",
    "LEGEND",
    "MARGIN",
    "WIDTH",
    "Box",
    "dots",
    "label",
    "note",
    "px",
    "sheet",
    "tooltip",
    "width_of",
]

WIDTH, MARGIN = 960.0, 32.0
HEADER, LEGEND = 76.0, 46.0
ADVANCE = 0.602
"""Width of a character of a fixed-width face, as a part of its size."""
GLYPH = 12.0

COLOURS = {
    "paper": ("#ffffff", "#14181f"),
    "ink": ("#1d2330", "#e4e8f0"),
    "soft": ("#5a6475", "#a2adbf"),
    "line": ("#d5dae3", "#363e4c"),
    "pill": ("#ffffff", "#1c222c"),
    "mark": ("#1f5fbf", "#8ab4f8"),
    "h0": ("#aeb7c6", "#4c5667"),
    "h1": ("#7ba3d8", "#5c86bd"),
    "h2": ("#e0a93a", "#d3a03c"),
    "h3": ("#e2711d", "#f08a3c"),
    "h4": ("#b3123f", "#ff6b81"),
    "t0": ("#8fcfc0", "#2f6f68"),
    "t1": ("#4fb0b0", "#2f9288"),
    "t2": ("#2f86b0", "#4ab8a0"),
    "t3": ("#3d57a8", "#8fd9a3"),
    "t4": ("#4a1f7d", "#eef29a"),
}
"""Name → colour on light and on dark paper; h for FLOPs a byte, t for time, low to high."""

FACES = """
.einlab-picture text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",
monospace}
.einlab-picture .head{font:600 16px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.einlab-picture .soft,.einlab-picture .told{font:13px system-ui,"Segoe UI",Roboto,"DejaVu Sans",
sans-serif}
.einlab-picture path{fill:none;stroke-linecap:round;stroke-linejoin:round}
.einlab-picture .bars{stroke-linecap:butt}
.einlab-picture .pill{stroke-width:1.5}
.einlab-picture .halo{stroke-width:4;paint-order:stroke;stroke-linejoin:round}
"""
FILLS = {
    ".paper": "paper",
    "text": "ink",
    ".soft": "soft",
    ".pill": "pill",
    ".leaf": "soft",
    ".open": "paper",
    ".spot": "mark",
}
STROKES = {".line": "line", ".halo": "paper", ".open": "ink", ".ring": "soft", ".mark": "mark"}
SCALES = tuple(name for name in COLOURS if name[1:].isdigit())


def _rules(colour: Callable[[str], str]) -> str:
    """One rule a class; h0 … t4 are strokes, and fills with an f before."""
    rules = [(where, "fill", name) for where, name in FILLS.items()]
    rules += [(where, "stroke", name) for where, name in STROKES.items()]
    rules += [(f".{name}", "stroke", name) for name in SCALES]
    rules += [(f".f{name}", "fill", name) for name in SCALES]
    return "\n".join(
        f".einlab-picture {where}{{{what}:{colour(name)}}}" for where, what, name in rules
    )


def _style() -> str:
    """Light colours written out, for programs that know no more; both themes for browsers."""
    light, dark = ({name: pair[at] for name, pair in COLOURS.items()} for at in (0, 1))
    switched = _rules(lambda name: f"var(--{name})")
    return (
        f"{FACES}{_rules(light.__getitem__)}\n{themed('.einlab-picture', light, dark)}\n"
        f"@media screen{{\n{switched}\n}}\n"
    )


STYLE = _style()


@dataclass(frozen=True, slots=True)
class Box:
    """The space that a label takes."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Box:
        """A box of this width and height about a point."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def inside(self, other: Box) -> bool:
        """Whether all of it is in the other."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


def sheet(title: str, sentence: str, height: float, body: Iterable[str]) -> str:
    """A whole SVG element: title, a sentence that tells what is seen, and the picture.

    >>> sheet("t", "s", 100, []).count("<title>t</title>")
    1
    """
    head, told = escape(printable(title)), escape(printable(sentence))
    shown = abbreviated(title, int((WIDTH - 2 * MARGIN) / 9.2), middle=True)
    told_here = abbreviated(sentence, int((WIDTH - 2 * MARGIN) / 6.8))
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" class="einlab-picture" '
            f'viewBox="0 0 {px(WIDTH)} {px(height)}" width="{px(WIDTH)}" height="{px(height)}" '
            f'role="img" aria-label="{head}">',
            f"<title>{head}</title>",
            f"<desc>{told}</desc>",
            f"<style>{STYLE}</style>",
            '<rect class="paper" width="100%" height="100%" rx="8"/>',
            f'<text class="head" x="{px(MARGIN)}" y="34">{escape(shown)}</text>',
            f'<text class="soft" x="{px(MARGIN)}" y="56">{escape(told_here)}</text>',
            *body,
            "</svg>",
        ]
    )


def label(
    text: str,
    x: float,
    y: float,
    *,
    glyph: float = GLYPH,
    anchor: str = "middle",
    angle: float = 0.0,
    name: str = "",
) -> str:
    """Fixed-width text whose middle line goes through a point, turned by `angle` degrees.

    >>> label("ij", 10, 20)
    '<text text-anchor="middle" x="10" y="24.2">ij</text>'
    """
    marks = f' class="{name}"' if name else ""
    if glyph != GLYPH:
        marks += f' style="font-size:{px(glyph)}px"'
    down = 0.35 * glyph
    if angle:
        turned = f"translate({px(x)} {px(y)}) rotate({px(angle)})"
        place = f'transform="{turned}" y="{px(down)}"'
    else:
        place = f'x="{px(x)}" y="{px(y + down)}"'
    return f'<text{marks} text-anchor="{anchor}" {place}>{escape(printable(text))}</text>'


def note(text: str, x: float, y: float, anchor: str = "start") -> str:
    """A remark in a proportional face, on its base line."""
    return (
        f'<text class="soft" text-anchor="{anchor}" x="{px(x)}" y="{px(y)}">'
        f"{escape(printable(text))}</text>"
    )


def dots(name: str, scale: str, names: Iterable[str], x: float, y: float) -> Iterator[str]:
    """A legend: what is coloured, and a dot with its name for each class of the scale."""
    yield note(name, x, y)
    x += 6.6 * len(name) + 24
    for number, each in enumerate(names):
        yield f'<circle class="f{scale}{number}" cx="{px(x)}" cy="{px(y - 4.5)}" r="5"/>'
        yield note(each, x + 10, y)
        x += 7 * len(each) + (30 if each else 16)


def tooltip(text: str) -> str:
    """What a pointer shows over the element that holds it."""
    return f"<title>{escape(printable(text))}</title>"


def width_of(text: str, glyph: float = GLYPH) -> float:
    """Pixels that a text in a fixed-width face takes."""
    return display_width(printable(text)) * glyph * ADVANCE


def px(value: float) -> str:
    """A length to a tenth of a pixel.

    >>> px(3.0), px(2.25), px(-0.01)
    ('3', '2.2', '0')
    """
    return f"{round(value, 1) + 0.0:g}"
