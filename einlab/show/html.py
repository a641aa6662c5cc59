"""Tables as HTML: one file or one fragment, no request to anywhere, light and dark.

Headings sort their column when clicked or pressed; without scripting the table is simply read.
Every number carries its exact value as a tooltip.

>>> from einlab.table import Column, Table
>>> costs = Table("costs", [Column("FLOPs", "count")], [(20,)])
>>> fragment(costs).count("<table")
1
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from einlab.show import units
from einlab.show.text import abbreviated, printable
from einlab.show.themes import themed
from einlab.table import Column, Fact, Table, Value

__all__ = ["fragment", "page"]

LIGHT = {
    "ink": "#1d2330",
    "soft": "#5a6475",
    "line": "#d5dae3",
    "paper": "#ffffff",
    "band": "#f4f6fa",
    "mark": "#1f5fbf",
}
DARK = {
    "ink": "#e4e8f0",
    "soft": "#a2adbf",
    "line": "#363e4c",
    "paper": "#14181f",
    "band": "#1c222c",
    "mark": "#8ab4f8",
}
RULES = """
.einlab{color:var(--ink);background:var(--paper);max-width:100%;
font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.einlab .scroll{overflow-x:auto;margin:0 0 1em}
.einlab table{border-collapse:collapse;border:0;margin:0;color:inherit;font-size:inherit;
font-variant-numeric:tabular-nums}
.einlab caption{text-align:left;font-size:1.15em;font-weight:600;padding:0 0 .5em;color:var(--ink);
caption-side:top}
.einlab th,.einlab td{padding:.3em .8em;text-align:left;border:0;
border-bottom:1px solid var(--line);white-space:pre;background:none;color:inherit}
.einlab th.right,.einlab td.right{text-align:right}
.einlab td.text{white-space:normal;min-width:12em}
.einlab thead th{border-bottom:2px solid var(--line);color:var(--soft);font-weight:600}
.einlab tbody tr:nth-child(even),.einlab tbody tr:hover{background:var(--band)}
.einlab tfoot td{border-bottom:0;border-top:2px solid var(--line);font-weight:600}
.einlab code{font:.95em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:none;
padding:0;color:inherit}
.einlab button{all:unset;cursor:pointer}
.einlab button:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
.einlab th[aria-sort] button::after{content:"";display:inline-block;width:0;margin-left:.35em;
border:.3em solid transparent;vertical-align:middle}
.einlab th[aria-sort=ascending] button::after{border-bottom-color:var(--mark);margin-bottom:.3em}
.einlab th[aria-sort=descending] button::after{border-top-color:var(--mark);margin-top:.3em}
.einlab dl{display:grid;grid-template-columns:max-content 1fr;gap:.1em 1.2em;margin:0 0 1em}
.einlab dt{color:var(--soft);font-weight:400;margin:0}
.einlab dd{margin:0}
.einlab p{margin:0 0 .6em;max-width:60em;color:var(--soft)}
.einlab svg{display:block;max-width:100%;height:auto;margin:0 0 1em}
@media print{.einlab .scroll{overflow:visible}.einlab th,.einlab td{padding:.2em .4em;
font-size:11px;white-space:pre-wrap;overflow-wrap:anywhere}.einlab td.text{min-width:0}}
"""
STYLE = f"\n{themed('.einlab', LIGHT, DARK)}{RULES}"

SORT = """
function einlabSort(button){
  const th=button.closest("th"),body=th.closest("table").tBodies[0];
  const at=[...th.parentNode.children].indexOf(th);
  const up=th.getAttribute("aria-sort")==="descending";
  for(const other of th.parentNode.children)other.removeAttribute("aria-sort");
  th.setAttribute("aria-sort",up?"ascending":"descending");
  const key=row=>row.cells[at].dataset.value,empty=v=>v===undefined;
  const order=(a,b)=>{const x=key(a),y=key(b);
    if(empty(x)||empty(y))return empty(x)-empty(y);
    const by=isNaN(x)||isNaN(y)?x.localeCompare(y):x-y;return up?by:-by};
  body.append(...[...body.rows].sort(order))}
"""


def page(tables: Table | Iterable[Table], *, pictures: Iterable[str] = ()) -> str:
    """A whole HTML document with the tables and, above them, SVG pictures.

    >>> page(Table("costs", [Column("step")], [("a",)])).startswith("<!doctype html>")
    True
    """
    several = [tables] if isinstance(tables, Table) else list(tables)
    title = escape(abbreviated(several[0].title, 80, middle=True)) if several else "einlab"
    parts = [*pictures, *(line for table in several for line in _table(table))]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}"
        "body{margin:0}main.einlab{padding:1.5em;min-height:100vh;box-sizing:border-box}\n</style>\n"
        f"<script>{SORT}</script>\n</head>\n"
        f'<body>\n<main class="einlab">\n{body}\n</main>\n</body>\n</html>\n'
    )


def fragment(table: Table, *, picture: str = "") -> str:
    """The table for a notebook cell: everything it needs and nothing around it.

    >>> "<table>" in fragment(Table("costs", [Column("step")], [("a",)]))
    True
    """
    body = "\n".join([*([picture] if picture else []), *_table(table)])
    return (
        f'<div class="einlab">\n<style>{STYLE}</style>\n<script>{SORT}</script>\n{body}\n</div>\n'
    )


def _table(table: Table) -> Iterator[str]:
    title = escape(abbreviated(table.title, 400, middle=True))
    if table.columns:
        yield '<div class="scroll" role="region" tabindex="0" aria-label="' + title + '">'
        yield "<table>"
        yield f"<caption>{title}</caption>"
        yield "<thead><tr>"
        yield from (_head(column) for column in table.columns)
        yield "</tr></thead>"
        yield "<tbody>"
        yield from (_row(table.columns, row) for row in table.rows)
        yield "</tbody>"
        if table.totals:
            yield f"<tfoot>{_row(table.columns, table.totals, nothing='')}</tfoot>"
        yield "</table>"
        yield "</div>"
    else:
        yield f"<h2>{title}</h2>"
    if table.facts:
        yield "<dl>"
        yield from (_fact(fact) for fact in table.facts)
        yield "</dl>"
    yield from (f"<p>{escape(printable(note))}</p>" for note in table.notes)


def _head(column: Column) -> str:
    name = escape(printable(units.heading(column)))
    return (
        f'<th scope="col" class="{column.align}">'
        f'<button type="button" onclick="einlabSort(this)">{name}</button></th>'
    )


def _row(columns: Iterable[Column], row: Iterable[Value], nothing: str = units.NOTHING) -> str:
    cells = (_cell(column, value, nothing) for column, value in zip(columns, row, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _cell(column: Column, value: Value, nothing: str) -> str:
    if value is None:
        return f'<td class="{column.align}">{nothing}</td>'
    shown = escape(printable(units.cell(column, value)))
    if column.kind in ("text", "code") or isinstance(value, str):
        name = "text" if column.kind == "text" and len(shown) > 40 else column.align
        inner = f"<code>{shown}</code>" if column.kind == "code" else shown
        return f'<td class="{name}" data-value="{shown}">{inner}</td>'
    full = escape(units.exact(value, units.unit_of(column.kind, column.unit)))
    tooltip = f' title="{full}"' if full != shown else ""
    return f'<td class="{column.align}" data-value="{value}"{tooltip}>{shown}</td>'


def _fact(fact: Fact) -> str:
    name, value = escape(printable(fact.name)), escape(printable(units.fact(fact)))
    inner = f"<code>{value}</code>" if fact.kind == "code" else value
    if isinstance(fact.value, (int, float)) and not isinstance(fact.value, bool):
        full = escape(units.exact(fact.value, units.unit_of(fact.kind, fact.unit)))
        inner = f'<span title="{full}">{inner}</span>'
    return f"<dt>{name}</dt><dd>{inner}</dd>"
