"""The drills as they are written: a TOML file for each page, read and checked once."""

from __future__ import annotations

import difflib
import tomllib
from functools import cache
from importlib import resources
from typing import Any

from einlab.drills.records import KINDS, Drill
from einlab.errors import ArgumentError, FileError

__all__ = ["PAGES", "all_drills", "find", "of_page"]

PAGES = {
    "L1": "by hand",
    "L2": "views",
    "L3": "rules",
    "L4": "shapes",
    "L5": "einsum",
    "L6": "order",
    "L7": "FLOPs and bytes",
    "L8": "low rank",
    "L9": "one-hot",
    "L10": "layers",
    "L11": "attention",
    "L12": "transformer budget",
    "L13": "roofline",
    "L14": "why it is fast",
    "L15": "precision",
    "L16": "classical methods",
    "L17": "real weights",
    "L18": "case study",
}
"""Page → its subject.

>>> PAGES["L6"]
'order'
"""

FIELDS = {"name", "kind", "prompt", "hint", "solution"}
MORE = {"code", "unit", "tolerance", "options", "points"}


@cache
def of_page(page: str) -> tuple[Drill, ...]:
    """The drills of a page, in the order in which they are asked.

    Raises ArgumentError for an unknown page.

    >>> {drill.page for drill in of_page("L6")}
    {'L6'}
    """
    if page not in PAGES:
        raise ArgumentError(f"there is no page {page!r:.40}; pages are L1 to L{len(PAGES)}")
    file = f"{page}.toml"
    text = resources.files("einlab.drills").joinpath("data", file).read_text(encoding="utf-8")
    return tuple(_drill(page, entry, file) for entry in tomllib.loads(text)["drill"])


def all_drills() -> tuple[Drill, ...]:
    """Every drill, page after page.

    >>> sum(drill.counted for drill in all_drills()) >= 100
    True
    """
    return tuple(drill for page in PAGES for drill in of_page(page))


def find(name: str) -> Drill:
    """The drill of that name.

    Raises ArgumentError, which proposes the nearest name, if there is none.

    >>> find("order-left").page
    'L6'
    """
    named = {drill.name: drill for drill in all_drills()}
    if name not in named:
        near = difflib.get_close_matches(name, named, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ArgumentError(f"there is no drill {name!r:.60}{hint}")
    return named[name]


def _drill(page: str, entry: dict[str, Any], file: str) -> Drill:
    name = entry.get("name", "without a name")
    if FIELDS - entry.keys() or entry.keys() - FIELDS - MORE:
        odd = sorted((FIELDS - entry.keys()) | (entry.keys() - FIELDS - MORE))
        raise FileError(f"{file}: drill {name!r} lacks or should not have {', '.join(odd)}")
    if entry["kind"] not in KINDS:
        raise FileError(f"{file}: drill {name!r} is of the kind {entry['kind']!r}")
    texts: dict[str, Any] = {
        key: value.strip() if isinstance(value, str) else value for key, value in entry.items()
    }
    return Drill(page=page, points=tuple(texts.pop("points", ())), **texts)
