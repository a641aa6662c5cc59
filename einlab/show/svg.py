"""The pictures of a plan as SVG elements, by kind; each is its own light and dark version.

>>> from einlab import plan
>>> two = plan("ij,jk,kl->il", (9, 8), (8, 7), (7, 1))
>>> two.svg("ring").startswith("<svg")
True
"""

from __future__ import annotations

from collections.abc import Callable

from einlab.errors import ArgumentError, listing
from einlab.show.branches import draw_ring, draw_tent
from einlab.show.charts import draw_search, draw_steps
from einlab.show.nets import draw_network
from einlab.show.subject import Subject

__all__ = ["KINDS", "draw"]

KINDS: dict[str, Callable[[Subject], str]] = {
    "tent": draw_tent,
    "ring": draw_ring,
    "network": draw_network,
    "steps": draw_steps,
    "search": draw_search,
}
"""The pictures by name: the tree in two forms, the network, the steps' costs, the search."""


def draw(subject: Subject, kind: str = "tent") -> str:
    """A picture of a plan as an SVG element.

    Raises ArgumentError for an unknown kind.
    """
    if kind not in KINDS:
        raise ArgumentError(f"there is no picture {kind!r:.40}; pictures are {listing(KINDS)}")
    return KINDS[kind](subject)
