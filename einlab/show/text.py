"""Tables and trees as plain text that fits a terminal.

>>> from einlab.table import Column, Table
>>> costs = Table("costs", [Column("FLOPs", "count")], [(20,)])
>>> "20" in render(costs)
True
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from einlab.errors import display_width, listing
from einlab.search.tree import Tree
from einlab.show import units
from einlab.table import Column, Table, Value

__all__ = ["abbreviated", "padded", "printable", "render", "render_tree", "spelled"]

GAP = "  "
NARROW = 14
"""Columns of words are abbreviated to this many characters before a column is left out."""
NARROWEST = 6
"""Columns of words are abbreviated to this many characters when no column is left to leave out."""

BOLD, DIM = "1", "2"


def render(
    table: Table, *, width: int = 80, colour: bool = False, max_rows: int | None = None
) -> str:
    """The table as lines of at most `width` columns, without a newline at the end.

    Long equations are abbreviated first; then columns of high rank are left out, and the last line
    says which. `max_rows` leaves out rows from the middle. `colour` adds terminal escapes.

    >>> columns = [Column("step", "code"), Column("FLOPs", "quantity", "FLOP")]
    >>> rows = [("jk,kl->jl", 20_000), ("ij,jl->il", 20_000)]
    >>> print(render(Table("two products", columns, rows).summed("FLOPs")))
    two products
    <BLANKLINE>
    step       FLOPs
    ────────────────
    jk,kl->jl   20 k
    ij,jl->il   20 k
    ────────────────
    total       40 k
    """
    title = abbreviated(table.title, 4 * width, middle=True)
    blocks = [[_painted(part, BOLD, colour) for part in _wrapped(title, width)]]
    if table.columns:
        blocks.append(_grid(table, width, colour, max_rows))
    if table.facts:
        blocks.append(list(_facts(table, width, colour)))
    hang = "  " if len(table.notes) > 1 else ""  # or one note could not be told from the next
    blocks.append([line for note in table.notes for line in _wrapped(note, width, hang)])
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def render_tree(tree: Tree, *, width: int = 80, max_lines: int = 60) -> str:
    """The tree as an indented outline, the result first and operands at the tips.

    >>> from einlab.contraction import Contraction
    >>> terms, shapes = (("i", "j"), ("j", "k"), ("k",)), ((9, 8), (8, 7), (7,))
    >>> c = Contraction(terms, ("i",), shapes, ("float32",) * 3)
    >>> print(render_tree(Tree(c, ((1, 2), (0, 3)))))
    i  9 elements
    ├── ij  operand 0, 9×8
    └── j  8 elements
        ├── jk  operand 1, 8×7
        └── k  operand 2, 7
    """
    lines = list(_outline(tree, width, max_lines + 1))
    if len(lines) > max_lines:
        rest = len(tree.terms) - max_lines
        lines[max_lines:] = [f"… and {units.count(rest)} arrays more"]
    return "\n".join(lines)


def abbreviated(text: str, width: int, *, middle: bool = False) -> str:
    """`text` in at most `width` columns, with … for what is left out at the end or in the middle.

    >>> abbreviated("ab,bc,cd,de->ae", 9, middle=True), abbreviated("a sentence", 6)
    ('ab,b…->ae', 'a sen…')
    """
    text = printable(text)
    if display_width(text) <= width:
        return text
    right = (width - 1) // 2 if middle else 0
    head = _taken(text, width - 1 - right)
    tail = _taken(text[::-1], right)[::-1]
    return f"{head}…{tail}"


def printable(text: str) -> str:
    r"""`text` without characters that move the cursor or colour the screen.

    >>> printable("a\x1b[2Jb\nc")
    'a�[2Jb c'
    """
    return "".join(
        char if char.isprintable() else " " if char.isspace() else "\ufffd" for char in text
    )


def padded(text: str, width: int, align: str = "left") -> str:
    """`text` filled with blanks to `width` columns of a terminal.

    >>> padded("行", 4), padded("7", 3, "right")
    ('行  ', '  7')
    """
    blanks = " " * (width - display_width(text))
    return blanks + text if align == "right" else text + blanks


def spelled(tree: Tree, array: int) -> str:
    """The indices of an array of a tree as in an equation; a dot if there are none.

    >>> from einlab.contraction import Contraction
    >>> c = Contraction((("i", "key"), ("key",)), ("i",), ((2, 3), (3,)), ("float32",) * 2)
    >>> [spelled(Tree(c, ((0, 1),)), array) for array in range(3)]
    ['i key', 'key', 'i']
    """
    contraction = tree.contraction
    indices = tuple(contraction.sizes)
    if array < len(contraction.terms):
        term = contraction.terms[array]
    elif array == len(tree.terms) - 1:
        term = contraction.output
    else:
        term = tuple(indices[number] for number in sorted(tree.terms[array]))
    return ("" if all(len(index) == 1 for index in indices) else " ").join(term) or "·"


def _grid(table: Table, width: int, colour: bool, max_rows: int | None) -> list[str]:
    """Heading, rule, rows, rule and totals, then the names of the columns left out."""
    columns = list(table.columns)
    body = [_cells(columns, row) for row in table.rows]
    foot = [_cells(columns, table.totals, nothing="")] if table.totals else []
    heads = [printable(units.heading(column)) for column in columns]
    natural = [
        max(display_width(text) for text in texts)
        for texts in zip(heads, *body, *foot, strict=True)
    ]
    kept, widths = _fitted(columns, heads, natural, width)
    rule = _painted("─" * (sum(widths) + len(GAP) * (len(kept) - 1)), DIM, colour)

    def line(texts: Sequence[str]) -> str:
        parts = [
            padded(
                abbreviated(texts[place], room, middle=columns[place].kind == "code"),
                room,
                columns[place].align,
            )
            for place, room in zip(kept, widths, strict=True)
        ]
        return GAP.join(parts).rstrip()

    lines = [_painted(line(heads), BOLD, colour), rule]
    lines += _elided([line(texts) for texts in body], max_rows)
    lines += [rule, *(line(texts) for texts in foot)] if foot else []
    missing = [heads[place] for place in range(len(columns)) if place not in kept]
    if missing:
        lines += _wrapped(f"(too narrow for {listing(missing)})", width)
    return lines


def _cells(
    columns: Sequence[Column], row: Sequence[Value], nothing: str = units.NOTHING
) -> list[str]:
    return [
        nothing if value is None else printable(units.cell(column, value))
        for column, value in zip(columns, row, strict=True)
    ]


def _fitted(
    columns: Sequence[Column], heads: Sequence[str], natural: Sequence[int], width: int
) -> tuple[list[int], list[int]]:
    """The places of the columns that are shown, and the room of each."""
    kept = list(range(len(columns)))
    while True:
        droppable = [place for place in kept[1:] if columns[place].rank > 0]
        least = NARROW if droppable else NARROWEST
        widths = [natural[place] for place in kept]
        spare = width - sum(widths) - len(GAP) * (len(kept) - 1)
        while spare < 0:
            room, at = max(
                (
                    (widths[at] - max(least, min(display_width(heads[place]), NARROW)), at)
                    for at, place in enumerate(kept)
                    if columns[place].kind in ("text", "code")
                ),
                default=(0, 0),
            )
            if room <= 0:
                break
            widths[at] -= 1
            spare += 1
        if spare >= 0 or len(kept) == 1:
            return kept, widths
        last = max(droppable or kept[1:], key=lambda place: (columns[place].rank, place))
        kept.remove(last)


def _elided(lines: list[str], most: int | None) -> list[str]:
    """The first and the last lines if there are more than `most`, and between them how many."""
    if most is None or len(lines) <= most:
        return lines
    head = max(most // 2, 1)
    tail = max(most - head, 1)
    left_out = f"… {units.count(len(lines) - head - tail)} rows more …"
    return [*lines[:head], left_out, *lines[-tail:]]


def _facts(table: Table, width: int, colour: bool) -> Iterator[str]:
    """Name and value of each fact, values aligned, long values wrapped."""
    names = [printable(fact.name) for fact in table.facts]
    room = min(max(display_width(name) for name in names), width // 2)
    for name, fact in zip(names, table.facts, strict=True):
        lines = _wrapped(units.fact(fact), max(width - room - len(GAP), NARROWEST)) or [""]
        label = _painted(padded(abbreviated(name, room), room), DIM, colour)
        yield f"{label}{GAP}{lines[0]}".rstrip()
        yield from (f"{' ' * room}{GAP}{line}" for line in lines[1:])


def _wrapped(text: str, width: int, hang: str = "") -> list[str]:
    """Lines of at most `width` columns, broken at blanks, or anywhere in a longer word.

    All but the first begin with `hang`.
    """
    lines: list[str] = []
    for part in textwrap.wrap(
        printable(text), width, subsequent_indent=hang, break_on_hyphens=False
    ):
        while display_width(part) > width:  # textwrap counts wide characters as one column
            lines.append(_taken(part, width))
            part = part[len(lines[-1]) :]
        lines.append(part)
    return lines


def _taken(text: Iterable[str], width: int) -> str:
    """The longest beginning of `text` that fits `width` columns."""
    taken, used = [], 0
    for char in text:
        used += display_width(char)
        if used > width:
            break
        taken.append(char)
    return "".join(taken)


def _painted(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and text else text


def _outline(tree: Tree, width: int, most: int) -> Iterator[str]:
    """The lines of `render_tree`, at most `most`, without recursion: trees may be deep."""
    count = len(tree.contraction.terms)
    stack = [(len(tree.terms) - 1, "", "")]
    while stack and most > 0:
        array, lead, indent = stack.pop()
        most -= 1
        if array < count:
            what = f"operand {array}, {units.sizes(tree.contraction.shapes[array])}"
        else:
            what = f"{units.count(tree.volume(array))} elements"
            left, right = tree.pairs[array - count]
            stack.append((right, f"{indent}└── ", f"{indent}    "))
            stack.append((left, f"{indent}├── ", f"{indent}│   "))
        yield abbreviated(f"{lead}{spelled(tree, array)}  {what}", width)
