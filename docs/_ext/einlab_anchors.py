"""The anchors of a page of the site, read from its Markdown: what links of the map may name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = ["Home", "Item", "anchors", "cells_left_out", "items", "title"]

FENCE = re.compile(r"^(`{3,})")
HEADING = re.compile(r"^(#{1,3}) (.+?)\s*$")
TARGET = re.compile(r"^\(([\w-]+)\)=$")
CODE = re.compile(r"`([^`]*)`")


class Home(NamedTuple):
    """Where an item is treated: a page and, if not the whole of it, an anchor."""

    page: str
    """The page's name under docs/, such as "learn/L4"."""
    anchor: str
    """A heading's anchor, an explicit target, "drill-NAME", or nothing."""


class Item(NamedTuple):
    """One item of the curriculum."""

    number: int
    title: str
    homes: tuple[Home, ...]
    wrong: bool
    """Whether a claim in circulation is put right."""


def items(table: Mapping[str, Mapping[str, object]]) -> list[Item]:
    """The items of `curriculum.toml`, by their numbers.

    Raises ValueError for a key that none has, or an item without a title or a home.
    """
    found = []
    for number, fields in table.items():
        unknown = set(fields) - {"title", "homes", "wrong"}
        title, homes = fields.get("title"), fields.get("homes")
        if unknown or not isinstance(title, str) or not isinstance(homes, list) or not homes:
            raise ValueError(f"item {number} of the curriculum: {dict(fields)}")
        split = tuple(Home(*home.partition("#")[::2]) for home in homes)
        found.append(Item(int(number), title, split, bool(fields.get("wrong", False))))
    return sorted(found)


def cells_left_out(text: str) -> list[str]:
    """The lines of a page outside its fenced parts."""
    kept, fence = [], ""
    for line in text.splitlines():
        opened = FENCE.match(line)
        if fence:
            if line.startswith(fence) and not line.strip("`").strip():
                fence = ""
        elif opened:
            fence = opened[1]
        else:
            kept.append(line)
    return kept


def anchors(page: Path) -> dict[str, str]:
    """Every anchor of a page with the heading that it leads to; explicit targets with the next."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for line in cells_left_out(page.read_text(encoding="utf-8")):
        if target := TARGET.match(line):
            waiting.append(target[1])
        elif heading := HEADING.match(line):
            words = CODE.sub(r"\1", heading[2])
            found[slug(words)] = words
            found.update(dict.fromkeys(waiting, words))
            waiting = []
    return found


def title(page: Path) -> str:
    """A page's first heading."""
    return next(iter(anchors(page).values()))


def slug(words: str) -> str:
    """A heading's anchor, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
