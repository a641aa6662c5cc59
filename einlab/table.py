"""`Table`: titled rows of numbers with units, the one form that every report takes.

A table holds values, never formatted text: `show` decides how a count, a size in bytes or a time is
written, so the same table becomes text, HTML, JSON or a figure without a number changing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from einlab.errors import ArgumentError, ArgumentTypeError

__all__ = ["Align", "Column", "Fact", "Kind", "Table", "Value"]

Value = str | int | float | bool | None
"""One cell; None means that there is nothing to say here.

>>> isinstance(7_640_000, Value)
True
"""

Kind = Literal["text", "code", "count", "quantity", "bytes", "seconds", "ratio", "number"]
"""What a value is, which decides how it is written:

text      prose
code      an equation, a shape or a path: never broken, set in a fixed-width face
count     a number of things, written exactly: 20,010,000
quantity  a measure in `unit`, written with an SI prefix: 20.01 MFLOP
bytes     a number of bytes, written with a binary prefix: 7.63 MiB
seconds   a time: 12.5 ms
ratio     how many times as much: 550×
number    any other number, three significant digits

>>> "bytes" in get_args(Kind)
True
"""

Align = Literal["left", "right"]
"""The side on which the values of a column line up.

>>> Column("FLOPs", "quantity", alignment="left").align in get_args(Align)
True
"""

_WORDS = ("text", "code")


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a column and how its values are meant.

    Raises ArgumentError for a kind that does not exist.

    >>> Column("FLOPs", kind="quantity", unit="FLOP").align
    'right'
    """

    name: str
    kind: Kind = "text"
    unit: str = ""
    """The unit that a prefix is put before, such as "FLOP"; "B" for bytes and "s" for seconds."""
    rank: int = 0
    """Importance: where the space is short, columns of the highest rank are left out first, and
    those of rank 0 only if nothing else helps."""
    alignment: Align | None = None
    """None means: numbers to the right, words to the left."""

    def __post_init__(self) -> None:
        _check_kind(self.name, self.kind)

    @property
    def align(self) -> Align:
        """The side on which the values line up.

        >>> Column("step").align, Column("bytes", "bytes").align
        ('left', 'right')
        """
        return self.alignment or ("left" if self.kind in _WORDS else "right")


@dataclass(frozen=True, slots=True)
class Fact:
    """One named value that belongs to a table as a whole, such as the cost of a baseline.

    Raises ArgumentError for a kind that does not exist.

    >>> Fact("peak memory", 7_640_000, "bytes").value
    7640000
    """

    name: str
    value: Value
    kind: Kind = "text"
    unit: str = ""
    remark: str = ""
    """A few words after the value."""

    def __post_init__(self) -> None:
        _check_kind(self.name, self.kind)
        _check_value(self.name, self.value, self.kind)


@dataclass(frozen=True)
class Table:
    """Rows of values under named columns, with totals, facts about the whole, and notes.

    Any sequence may be given; it is kept as a tuple, so that a table is hashable.

    Raises ArgumentError if a row or the totals have another length than the columns, or if two
    columns or two facts share a name; ArgumentTypeError if a numeric cell holds no number.

    >>> columns = [Column("step", "code"), Column("FLOPs", "quantity", "FLOP")]
    >>> t = Table("two products", columns, [("jk,kl->jl", 20_000), ("ij,jl->il", 20_000)])
    >>> t.column("FLOPs"), t.summed("FLOPs").totals
    ((20000, 20000), ('total', 40000))
    """

    title: str
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[Value]] = ()
    totals: Sequence[Value] = ()
    """One value a column, or nothing."""
    facts: Sequence[Fact] = ()
    notes: Sequence[str] = ()
    """Sentences to print below."""

    def __post_init__(self) -> None:
        for name in ("columns", "totals", "facts", "notes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "rows", tuple(tuple(row) for row in self.rows))
        for what, parts in (("columns", self.columns), ("facts", self.facts)):
            names = [part.name for part in parts]
            if len(set(names)) < len(names):
                raise ArgumentError(f"table {self.title!r} has two {what} of one name: {names}")
        for place, row in enumerate(self.rows):
            self._check_row(f"row {place}", row)
        if self.totals:
            self._check_row("the line of totals", self.totals)

    def column(self, name: str) -> tuple[Value, ...]:
        """The values of one column, from the first row to the last.

        Raises ArgumentError if there is no such column.

        >>> costs = Table("costs", [Column("step"), Column("FLOPs", "count")], [("a", 2), ("b", 3)])
        >>> costs.column("FLOPs")
        (2, 3)
        """
        place = self._place(name)
        return tuple(row[place] for row in self.rows)

    def summed(self, *names: str, label: str = "total") -> Table:
        """This table with a line of totals: the sums of the named columns, `label` in the first.

        Empty cells count nothing.

        Raises ArgumentError if there is no such column, or it is the first or holds words.

        >>> costs = Table("costs", [Column("step"), Column("FLOPs", "count")], [("a", 2), ("b", 3)])
        >>> costs.summed("FLOPs").totals
        ('total', 5)
        """
        totals: list[Value] = [None] * len(self.columns)
        totals[0] = label
        for name in names:
            place = self._place(name)
            if place == 0 or self.columns[place].kind in _WORDS:
                raise ArgumentError(f"column {name!r} of table {self.title!r} cannot be summed")
            totals[place] = sum(
                value for value in self.column(name) if isinstance(value, (int, float))
            )
        return dataclasses.replace(self, totals=tuple(totals))

    def records(self) -> list[dict[str, Value]]:
        """The rows as dictionaries from the names of the columns to values.

        >>> costs = Table("costs", [Column("step"), Column("FLOPs", "count")], [("a", 2), ("b", 3)])
        >>> costs.records()
        [{'step': 'a', 'FLOPs': 2}, {'step': 'b', 'FLOPs': 3}]
        """
        names = [column.name for column in self.columns]
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def _place(self, name: str) -> int:
        names = [column.name for column in self.columns]
        if name not in names:
            raise ArgumentError(f"table {self.title!r} has no column {name!r}; it has {names}")
        return names.index(name)

    def _check_row(self, what: str, row: Iterable[Value]) -> None:
        row = tuple(row)
        if len(row) != len(self.columns):
            raise ArgumentError(
                f"{what} of table {self.title!r} has {len(row)} cells for "
                f"{len(self.columns)} columns"
            )
        label = what == "the line of totals"
        for place, (column, value) in enumerate(zip(self.columns, row, strict=True)):
            if not (label and place == 0):
                _check_value(f"{column.name} in {what}", value, column.kind)


def _check_kind(name: str, kind: str) -> None:
    if kind not in get_args(Kind):
        raise ArgumentError(f"{name!r} has the kind {kind!r}, which is none of {get_args(Kind)}")


def _check_value(name: str, value: Value, kind: str) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind not in _WORDS and value is not None and not number:
        raise ArgumentTypeError(f"{name} is {value!r}, but a value of kind {kind!r} is a number")
