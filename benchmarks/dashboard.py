"""A run as one static page: the ratios as a picture, then the tables, nothing fetched.

The picture has one row a case and one mark a peer on a logarithmic axis of our time over theirs, so
that everything left of the line at 1 is a case where we are faster.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from benchmarks.report import tables
from benchmarks.results import Measured, Ratio, Run
from einlab.show.html import page

__all__ = ["dashboard", "picture"]

WIDTH, LEFT, RIGHT, TOP, ROW = 960, 250, 24, 64, 18
# Colours of Okabe and Ito, told apart by most colour-blind readers; each peer has a shape as well.
MARKS = (
    ("#0072b2", "#56b4e9", "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z"),
    ("#b84e00", "#f0883e", "M-4.5-4.5h9v9h-9z"),
    ("#00795a", "#2fbf94", "M0-6L5.5 4h-11z"),
    ("#a3457b", "#dd8fbb", "M0-6L6 0L0 6L-6 0z"),
    ("#7a6a00", "#e6d94a", "M0 6L5.5-4h-11z"),
    ("#4a5568", "#b7c0cf", "M-5-2h3.2v-3.2h3.6v3.2h3.2v4h-3.2v3.2h-3.6v-3.2H-5z"),
)
TICKS = (1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16)

STYLE = """
.einlab-ratios{--paper:#ffffff;--ink:#1d2330;--soft:#5a6475;--line:#e3e7ee;--band:#f4f6fa}
@media (prefers-color-scheme:dark){.einlab-ratios{--paper:#14181f;--ink:#e4e8f0;--soft:#a2adbf;
--line:#2b323e;--band:#1c222c}}
.einlab-ratios text{fill:var(--ink);font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.einlab-ratios .soft{fill:var(--soft)}.einlab-ratios .head{font-size:16px;font-weight:600}
.einlab-ratios .grid{stroke:var(--line)}.einlab-ratios .one{stroke:var(--ink);stroke-width:1.5}
.einlab-ratios .band{fill:var(--band)}
.einlab-ratios .span{stroke-width:1.5;opacity:.45}
"""


def dashboard(run: Run) -> str:
    """The whole page, as HTML."""
    pictures = [picture(run)] if _rows(run) else []
    return page(tables(run), pictures=pictures)


def picture(run: Run) -> str:
    """The ratios of every case to every peer, as SVG."""
    rows = _rows(run)
    peers = [name for name in run.settings["peers"] if name != run.ours]
    height = TOP + ROW * len(rows) + 40
    parts = [
        f'<svg class="einlab-ratios" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-label="time of {escape(run.ours)} over the time of its peers, by case">',
        f"<style>{STYLE}{_colours(len(peers))}</style>",
        f'<text class="head" x="0" y="18">Time of {escape(run.ours)} over the time of each peer'
        "</text>",
        f'<text class="soft" x="{_place(1) - 8:.1f}" y="{TOP - 8}" text-anchor="end">'
        f"← {escape(run.ours)} faster</text>",
        f'<text class="soft" x="{_place(1) + 8:.1f}" y="{TOP - 8}">peer faster →</text>',
        *_legend(peers),
        *_axis(height),
    ]
    for number, (measured, ratios) in enumerate(rows):
        parts += _row(TOP + ROW * (number + 0.5), number, measured, peers, ratios)
    return "\n".join([*parts, "</svg>"])


def _rows(run: Run) -> list[tuple[Measured, list[Ratio | None]]]:
    peers = [name for name in run.settings["peers"] if name != run.ours]
    rows = [(each, [each.ratio(run.ours, name) for name in peers]) for each in run.cases]
    return [(each, ratios) for each, ratios in rows if any(ratios)]


def _place(ratio: float) -> float:
    """Where a ratio stands from left to right; those beyond the axis stand at its end."""
    low, high = math.log(TICKS[0]), math.log(TICKS[-1])
    share = (math.log(ratio) - low) / (high - low)
    return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0)


def _colours(count: int) -> str:
    light = "".join(f".einlab-ratios .p{k}{{color:{MARKS[k][0]}}}" for k in range(count))
    dark = "".join(f".einlab-ratios .p{k}{{color:{MARKS[k][1]}}}" for k in range(count))
    return f"{light}@media (prefers-color-scheme:dark){{{dark}}}"


def _legend(peers: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(peers):
        x = LEFT + 106 * number
        yield f'<g class="p{number}" transform="translate({x} 38)">{_mark(number)}'
        yield f'<text x="12" y="4">{escape(name)}</text></g>'


def _axis(height: int) -> Iterator[str]:
    bottom = height - 34
    for tick in TICKS:
        x, kind = _place(tick), "one" if tick == 1 else "grid"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
        label = f"{tick:g}" if tick >= 1 else f"1/{round(1 / tick)}"
        yield f'<text class="soft" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
        yield f"{label}</text>"


def _row(
    y: float, number: int, measured: Measured, peers: Sequence[str], ratios: Sequence[Ratio | None]
) -> Iterator[str]:
    case = measured.case
    if number % 2:
        yield f'<rect class="band" style="mix-blend-mode:multiply" x="0" y="{y - ROW / 2}" '
        yield f'width="{LEFT - 8}" height="{ROW}"/>'
    label = case.name if len(case.name) <= 27 else f"{case.name[:26]}…"
    yield f'<text x="0" y="{y + 4}">{escape(label)} <tspan class="soft">{case.dtype}</tspan></text>'
    for place, (name, ratio) in enumerate(zip(peers, ratios, strict=True)):
        if ratio is None:
            continue
        told = f"{case.name}, {case.dtype}, {name}: {ratio.median:.3g}"
        told += f" ({ratio.low:.3g} to {ratio.high:.3g})"
        yield f'<g class="p{place}"><title>{escape(told)}</title>'
        yield f'<line class="span" stroke="currentColor" x1="{_place(ratio.low):.1f}" '
        yield f'x2="{_place(ratio.high):.1f}" y1="{y}" y2="{y}"/>'
        yield f'<g transform="translate({_place(ratio.median):.1f} {y})">{_mark(place)}</g></g>'


def _mark(number: int) -> str:
    return f'<path d="{MARKS[number][2]}" fill="currentColor"/>'
