"""A run as one static page: the ratios as a picture, then the tables; nothing is fetched.

A picture has one row a family or case and one mark a peer, on a logarithmic axis of our time over
theirs: everything left of the line at 1 is where we are faster.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.report import families, others, ratios, tables
from benchmarks.results import Ratio, Run, geometric_mean
from einlab.show.html import page

__all__ = ["dashboard"]

WIDTH, LEFT, RIGHT, TOP, BOTTOM, ROW = 960, 250, 24, 64, 34, 18
MOST_OPEN = 30  # a picture of more cases is folded away under one of the families
# Two shades of a colour, on a light and on a dark page, and a shape that tells peers apart as well.
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
.einlab-ratios{--paper:#ffffff;--ink:#1d2330;--soft:#5a6475;--line:#d9dee7;--band:#f4f6fa}
@media (prefers-color-scheme:dark){.einlab-ratios{--paper:#14181f;--ink:#e4e8f0;--soft:#a2adbf;
--line:#343c4a;--band:#1c222c}}
.einlab-ratios text{fill:var(--ink);font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.einlab-ratios .soft{fill:var(--soft)}
.einlab-ratios .head{font-size:16px;font-weight:600}
.einlab-ratios .grid{stroke:var(--line)}
.einlab-ratios .one{stroke:var(--ink);stroke-width:1.5}
.einlab-ratios .band{fill:var(--band)}
.einlab-ratios .span{stroke:currentColor;stroke-width:1.5;opacity:.45}
summary{cursor:pointer;margin:0 0 1em}
"""


@dataclass(frozen=True)
class _Row:
    """One line of a picture: what it is about, and the ratio to each peer, in their order."""

    label: str
    dtype: str
    ratios: tuple[Ratio | None, ...]


def dashboard(run: Run) -> str:
    """The whole page, as HTML."""
    cases = [row for row in _case_rows(run) if any(row.ratios)]
    pictures = []
    if cases and len(cases) <= MOST_OPEN:
        pictures = [_picture("by case", run, cases)]
    elif cases:
        every = _picture("by case", run, cases)
        pictures = [
            _picture("by family: geometric mean and range of its cases", run, _family_rows(run)),
            f"<details><summary>All {len(cases)} cases as a picture</summary>{every}</details>",
        ]
    return page(tables(run), pictures=pictures)


def _case_rows(run: Run) -> Iterator[_Row]:
    for measured in run.cases:
        found = tuple(measured.ratio(run.ours, name) for name in others(run))
        yield _Row(measured.case.name, measured.case.dtype, found)


def _family_rows(run: Run) -> list[_Row]:
    rows = []
    for (family, dtype), members in families(run).items():
        found: list[Ratio | None] = []
        for name in others(run):
            medians = [ratio.median for _, ratio in ratios(members, run.ours, name)]
            found.append(
                Ratio(geometric_mean(medians), min(medians), max(medians)) if medians else None
            )
        rows.append(_Row(family, dtype, tuple(found)))
    return rows


def _picture(what: str, run: Run, rows: Sequence[_Row]) -> str:
    """The ratios of every row as SVG."""
    peers, ours = others(run), escape(run.ours)
    height = TOP + ROW * len(rows) + BOTTOM
    title = f"Time of {ours} over the time of each peer, {what}"
    parts = [
        f'<svg class="einlab-ratios" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-label="{title}">',
        f"<style>{STYLE}{_colours(len(peers))}</style>",
        f'<text class="head" x="0" y="18">{title}</text>',
        f'<text class="soft" x="{_place(1) - 8:.1f}" y="{TOP - 8}" text-anchor="end">'
        f"← {ours} faster</text>",
        f'<text class="soft" x="{_place(1) + 8:.1f}" y="{TOP - 8}">peer faster →</text>',
        *_legend(peers),
        *_bands(len(rows)),
        *_axis(height - BOTTOM),
    ]
    for number, row in enumerate(rows):
        parts += _marks(TOP + ROW * (number + 0.5), row, peers)
    return "\n".join([*parts, "</svg>"])


def _place(ratio: float) -> float:
    """Where a ratio stands from left to right; those beyond the axis stand at its end."""
    low, high = math.log(TICKS[0]), math.log(TICKS[-1])
    share = (math.log(ratio) - low) / (high - low)
    return LEFT + (WIDTH - LEFT - RIGHT) * min(max(share, 0.0), 1.0)


def _colours(count: int) -> str:
    light = "".join(f".einlab-ratios .p{k}{{color:{MARKS[k][0]}}}" for k in range(count))
    dark = "".join(f".einlab-ratios .p{k}{{color:{MARKS[k][1]}}}" for k in range(count))
    return f"{light}\n@media (prefers-color-scheme:dark){{{dark}}}"


def _legend(peers: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(peers):
        yield f'<g class="p{number}" transform="translate({LEFT + 106 * number} 38)">'
        yield f'{_mark(number)}<text x="12" y="4">{escape(name)}</text></g>'


def _bands(count: int) -> Iterator[str]:
    for number in range(1, count, 2):
        yield f'<rect class="band" x="0" y="{TOP + ROW * number}" width="{WIDTH}" height="{ROW}"/>'


def _axis(bottom: int) -> Iterator[str]:
    for tick in TICKS:
        x, kind = _place(tick), "one" if tick == 1 else "grid"
        label = f"{tick:g}" if tick >= 1 else f"1/{round(1 / tick)}"
        yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
        yield f'<text class="soft" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
        yield f"{label}</text>"


def _marks(y: float, row: _Row, peers: Sequence[str]) -> Iterator[str]:
    label = row.label if len(row.label) <= 26 else f"{row.label[:25]}…"
    yield f'<text x="4" y="{y + 4}">{escape(label)} <tspan class="soft">{row.dtype}</tspan></text>'
    for number, (name, ratio) in enumerate(zip(peers, row.ratios, strict=True)):
        if ratio is not None:
            told = f"{row.label}, {row.dtype}, {name}: {ratio.median:.3g}"
            told += f" ({ratio.low:.3g} to {ratio.high:.3g})"
            yield f'<g class="p{number}"><title>{escape(told)}</title>'
            yield f'<line class="span" x1="{_place(ratio.low):.1f}" '
            yield f'x2="{_place(ratio.high):.1f}" y1="{y}" y2="{y}"/>'
            yield f'<g transform="translate({_place(ratio.median):.1f} {y})">{_mark(number)}'
            yield "</g></g>"


def _mark(number: int) -> str:
    return f'<path d="{MARKS[number][2]}" fill="currentColor"/>'
