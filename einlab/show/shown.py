"""A table that prints itself: what functions give whose whole answer is one table."""

from __future__ import annotations

from dataclasses import dataclass

from einlab import show
from einlab.table import Table

__all__ = ["Shown"]


@dataclass(frozen=True)
class Shown:
    """A table as text where it is printed, and as HTML in a notebook.

    >>> print(Shown(Table("sizes", notes=["nothing yet"])))
    sizes
    <BLANKLINE>
    nothing yet
    """

    table: Table

    def __str__(self) -> str:
        return show.text.render(self.table)

    def _repr_html_(self) -> str:
        return show.html.fragment(self.table)
