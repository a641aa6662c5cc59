"""Orders found once and kept on disk, for every twin of the network and every process.

What is kept belongs to the canonical form of a contraction, so a network that is renamed, reordered
or transposed finds it. A search by name without limits of time is run on the canonical form itself:
twins get the same tree whether or not it was in the cache, and a plan never depends on what the
cache holds. `optimize="cached"` asks instead for the best order known, whoever found it.

Each entry is a JSON file, written beside its place and moved there at once, so that processes may
share the folder; an entry that cannot be read, or is no order of its network, is as good as absent.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from einlab.canonical import Canonical, canonical
from einlab.config import config
from einlab.contraction import Contraction
from einlab.errors import EinlabError
from einlab.objectives import Objective
from einlab.progress import search_line
from einlab.search.portfolio import Found, SearchInterrupted, find
from einlab.search.tree import Tree
from einlab.search.value import tree_value
from einlab.settings import Settings, objective_name, objective_of

__all__ = ["find_order"]

VERSION = 2
"""Raised whenever a search of the same name and settings may find another order than before."""
FEWEST = 17
"""Operands from which on an order is kept; fewer are searched faster than a file is read."""
MOST_FILES = 4096
"""Entries kept; the ones longest unused make room."""

logger = logging.getLogger("einlab")


@dataclass(frozen=True, slots=True)
class Entry:
    """An order as it is kept: over the operands and indices of the canonical form."""

    pairs: tuple[tuple[int, int], ...]
    sliced: tuple[str, ...]
    name: str
    trace: tuple[tuple[float, float], ...] = ()
    """How the search that found it went, when it was made."""


def find_order(contraction: Contraction, settings: Settings, dtype: str) -> Found:
    """The order of a contraction under checked settings, from the cache where that is allowed.

    Raises what `find` raises.
    """
    by_name = isinstance(settings.optimize, str)
    if settings.optimize == "cached":
        return _best_known(contraction, settings, dtype)
    if not by_name or len(contraction.terms) < FEWEST or isinstance(settings.budget, float):
        return _search(contraction, settings, dtype)
    form = canonical(contraction)
    place = _place(form, settings, dtype, "order")
    entry = _read(place, form.contraction)
    if entry is None:
        found = _search_form(form, contraction, settings, dtype)
        entry = Entry(found.tree.pairs, found.sliced, found.name, found.trace)
        _write(place, entry)
        _offer(form, settings, dtype, entry)
        return _here(form, contraction, entry)
    logger.debug("%s operands: entry %s of the plan cache", len(contraction.terms), place.name)
    return _here(form, contraction, entry)


def _best_known(contraction: Contraction, settings: Settings, dtype: str) -> Found:
    """The best order known; a search is made if none is known, or if a budget is given for it."""
    form = canonical(contraction)
    place = _place(form, settings, dtype, "best")
    entry = _read(place, form.contraction)
    if entry is None or settings.budget is not None:
        automatic = replace(settings, optimize="auto")
        found = _search_form(form, contraction, automatic, dtype)
        made = Entry(found.tree.pairs, found.sliced, found.name, found.trace)
        _offer(form, settings, dtype, made)
        entry = _read(place, form.contraction) or made
    return _here(form, contraction, entry)


def _search_form(form: Canonical, given: Contraction, settings: Settings, dtype: str) -> Found:
    """The order of a form; an interrupted search carries its best as one of the contraction."""
    try:
        return _search(form.contraction, settings, dtype)
    except SearchInterrupted as stop:
        found = stop.found
        best = Entry(found.tree.pairs, found.sliced, found.name, found.trace)
        raise SearchInterrupted(_here(form, given, best)) from None


def _search(contraction: Contraction, settings: Settings, dtype: str) -> Found:
    with search_line(len(contraction.terms)) as progress:
        return find(
            contraction,
            optimize=settings.optimize,
            objective=objective_of(settings, contraction.dtypes, dtype),
            budget=settings.budget,
            seed=settings.seed,
            memory_limit=settings.memory_bytes,
            size_limit=settings.elements_limit(contraction),
            dtype=dtype,
            progress=progress,
        )


def _here(form: Canonical, contraction: Contraction, entry: Entry) -> Found:
    """An order of the form as an order of the contraction itself."""
    tree = Tree(contraction, form.pairs_here(entry.pairs))
    return Found(tree, form.names_here(entry.sliced), entry.name, entry.trace)


def _offer(form: Canonical, settings: Settings, dtype: str, entry: Entry) -> None:
    """Keep an order as the best known if it is better than the one kept so far."""
    place = _place(form, settings, dtype, "best")
    known = _read(place, form.contraction)
    objective = objective_of(settings, form.contraction.dtypes, dtype)
    if known is None or _value(form, objective, entry) < _value(form, objective, known):
        _write(place, entry)


def _value(form: Canonical, objective: Objective, entry: Entry) -> int:
    """What an order is worth under the objective, over all its slices."""
    contraction = form.contraction
    numbers = {index: number for number, index in enumerate(contraction.sizes)}
    sliced = [numbers[index] for index in entry.sliced]
    return tree_value(Tree(contraction, entry.pairs), objective, sliced)


def _place(form: Canonical, settings: Settings, dtype: str, kind: str) -> Path:
    """The file of an entry, without making its folder.

    A `best` order is kept for an objective and its limits, an `order` for the whole of the settings
    that steer a search.
    """
    objective = objective_name(settings, form.contraction.dtypes, dtype)
    asked: list[object] = [VERSION, kind, form.key, objective, dtype]
    asked += [settings.memory_bytes, settings.elements_limit(form.contraction)]
    if objective == "seconds":
        asked.append(repr(objective_of(settings, form.contraction.dtypes, dtype)))
    if kind == "order":
        asked += [settings.optimize, repr(settings.budget), settings.seed]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    return config.cache_dir / "plans" / f"{key}.json"


def _read(place: Path, contraction: Contraction) -> Entry | None:
    """The entry at a place if it is an order of the contraction."""
    try:
        entry = _entry(json.loads(place.read_text(encoding="utf-8")), contraction)
        os.utime(place)  # used just now: the last to make room
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        logger.debug("%s of the plan cache is passed over: %s", place.name, error)
        return None
    return entry


def _entry(data: Any, contraction: Contraction) -> Entry:
    """The entry that JSON data holds, checked against its network."""
    pairs = tuple((int(left), int(right)) for left, right in data["pairs"])
    sliced = tuple(str(index) for index in data["sliced"])
    Tree(contraction, pairs)
    if not set(sliced) <= set(contraction.sizes):
        raise EinlabError("it slices an index that the network does not have")
    points = data.get("trace", ())
    trace = tuple((float(seconds), float(value)) for seconds, value in points)
    return Entry(pairs, sliced, str(data["name"]), trace)


def _write(place: Path, entry: Entry) -> None:
    """Put an entry in its place at once; a folder that cannot be written is left alone."""
    text = json.dumps(asdict(entry))
    try:
        folder = config.cache_part("plans")
        beside = folder / f".{place.stem}.{os.getpid()}.{threading.get_ident()}.new"
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(place)
        finally:
            beside.unlink(missing_ok=True)
        _make_room(folder)
    except OSError as error:
        logger.debug("the plan cache is not written: %s", error)


def _make_room(folder: Path) -> None:
    """Delete the entries longest unused if there are too many."""
    files = list(folder.glob("*.json"))
    if len(files) <= MOST_FILES:
        return
    by_use = sorted(files, key=lambda file: file.stat().st_mtime)
    for file in by_use[: len(files) - MOST_FILES * 3 // 4]:
        file.unlink(missing_ok=True)
