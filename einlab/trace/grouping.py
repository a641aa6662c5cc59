"""Rows as a tree: by name scope and inner jitted function, so that models group by module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from einlab.cost import Cost
from einlab.trace.rows import Row

__all__ = ["Group", "grouped", "label_of"]


TOGETHER = {
    "elementwise": "element-wise",
    "reduction": "reductions",
    "movement": "moves",
}
"""Kinds of operations of which a table has one line for all of a scope."""


@dataclass(slots=True)
class Group:
    """What stands under one scope: rows of its own, and inner scopes, in the order they appear."""

    name: str
    rows: list[Row] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)

    def all_rows(self) -> Iterator[Row]:
        """The rows of this scope and of all within it."""
        yield from self.rows
        for group in self.groups.values():
            yield from group.all_rows()

    @property
    def cost(self) -> Cost:
        """The cost of everything in the scope."""
        return sum((row.cost for row in self.all_rows()), Cost())

    @property
    def levels(self) -> int:
        """How deep the scopes go."""
        return 1 + max((group.levels for group in self.groups.values()), default=0)

    def kinds(self, detailed: bool) -> dict[tuple[str, str], list[Row]]:
        """The rows of this scope alone, by label and pass.

        A contraction has one line, also where its gradient runs step by step. Other products stand
        by themselves, one equation a label; the rest together by their kind, or, in detail, by
        operation and shapes.
        """
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            if row.kind != "bookkeeping":
                alone = detailed or row.kind not in TOGETHER
                label = label_of(row) if alone else TOGETHER[row.kind]
                label = f"contract {row.contraction}" if row.contraction else label
                found.setdefault((label, row.phase), []).append(row)
        return found


def label_of(row: Row) -> str:
    """A product by its equation, anything else by its name and shapes."""
    if row.kind == "product" and "->" in row.equation:
        return row.equation
    return f"{row.name} {row.equation}".rstrip()


def grouped(name: str, rows: Sequence[Row]) -> Group:
    """The rows as a tree of scopes.

    >>> rows = [Row(("layer", "mlp"), "exp", "elementwise", "", "float32", Cost())]
    >>> grouped("model", rows).groups["layer"].groups["mlp"].rows == rows
    True
    """
    root = Group(name)
    for row in rows:
        group = root
        for part in row.scope:
            group = group.groups.setdefault(part, Group(part))
        group.rows.append(row)
    return root
