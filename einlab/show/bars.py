"""Charts of a plan as plain text: the cost of every step, and the cost over a search's time.

>>> from einlab import plan
>>> two = plan("ij,jk,kl->il", (9, 8), (8, 7), (7, 1))
>>> len(two.text("steps").splitlines()) >= len(two.steps)
True
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from einlab.errors import ArgumentError, listing
from einlab.show import units
from einlab.show.charts import search_told, steps_told
from einlab.show.subject import Subject, shares
from einlab.show.text import abbreviated, padded, render_tree

__all__ = ["draw", "render_search", "render_steps"]

EIGHTHS = "▏▎▍▌▋▊▉█"
LONGEST = 30


def draw(subject: Subject, kind: str) -> str:
    """A picture of a plan as text: the outline of its tree, or a chart of its steps or its search.

    Raises ArgumentError for an unknown kind, or one that has no text form.
    """
    if kind not in TEXTS:
        raise ArgumentError(
            f"there is no picture {kind!r:.40} in text; there are {listing(TEXTS)}, and all kinds "
            "as SVG"
        )
    return TEXTS[kind](subject)


def render_steps(subject: Subject, *, width: int = 80, max_lines: int = 60) -> str:
    """A bar for the FLOPs of each step, on a logarithmic scale; a long chart lacks its middle."""
    flops = [cost.flops for _, cost in subject.steps]
    rows = [
        (f"{step}", equation, units.si(cost.flops, "FLOP"), units.percent(share))
        for step, ((equation, cost), share) in enumerate(
            zip(subject.steps, shares(flops), strict=True), start=1
        )
    ]
    lines = _chart(rows, flops, width)
    if len(lines) > max_lines:
        half = max_lines // 2
        left_out = f"… {units.count(len(lines) - 2 * half)} steps more …"
        lines = [*lines[:half], left_out, *lines[-half:]]
    return "\n".join([*steps_told(subject), *lines])


def render_search(subject: Subject, *, width: int = 80) -> str:
    """A line for each better order of a search, with its value as a bar, logarithmic."""
    rows = [
        (units.seconds(seconds), units.si(value, subject.unit)) for seconds, value in subject.trace
    ]
    lines = _chart(rows, [value for _, value in subject.trace], width)
    return "\n".join([*search_told(subject), *lines])


def _outline(subject: Subject) -> str:
    return render_tree(subject.tree)


TEXTS: dict[str, Callable[[Subject], str]] = {
    "tent": _outline,
    "steps": render_steps,
    "search": render_search,
}
"""The pictures that have a text form."""


def _chart(rows: Sequence[tuple[str, ...]], values: Sequence[float], width: int) -> list[str]:
    """Columns of text and a bar behind them, as long as the logarithm of the value."""
    if not rows:
        return []
    columns = [
        [abbreviated(text, LONGEST, middle=True) for text in texts]
        for texts in zip(*rows, strict=True)
    ]
    widths = [max(len(text) for text in texts) for texts in columns]
    room = max(width - sum(widths) - 2 * len(widths), 8)
    logs = [math.log10(value) if value > 0 else None for value in values]
    known = [log for log in logs if log is not None] or [0.0]
    low, high = math.floor(min(known)), max(max(known), math.floor(min(known)) + 1)
    lines = []
    for texts, log in zip(zip(*columns, strict=True), logs, strict=True):
        cells = [padded(text, wide, "right") for text, wide in zip(texts, widths, strict=True)]
        part = 0 if log is None else max(round(8 * room * (log - low) / (high - low)), 1)
        bar = EIGHTHS[-1] * (part // 8) + (EIGHTHS[part % 8 - 1] if part % 8 else "")
        lines.append("  ".join([*cells, bar]).rstrip())
    return lines
