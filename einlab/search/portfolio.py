"""The portfolio: looks at a network, runs a search, keeps the limits, says what it found."""

from __future__ import annotations

import difflib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from einlab.contraction import Contraction
from einlab.errors import ArgumentError, MemoryLimitError, listing, message
from einlab.objectives import Objective, objective_for
from einlab.search.bench import searchable
from einlab.search.budget import Interrupted, Trials
from einlab.search.exact import Exact
from einlab.search.foreign import foreign_tree, registered
from einlab.search.limits import Limits, within
from einlab.search.loading import load_kernels
from einlab.search.named import (
    COMPILED,
    COMPILED_PAYS,
    EXACT_AT_MOST,
    SEARCHES,
    Request,
    seconds_of,
    threads,
)
from einlab.search.sliced import Sliced, SlicingInterrupted
from einlab.search.tree import Tree
from einlab.search.value import in_peak_order

__all__ = ["SEARCHES", "Found", "SearchInterrupted", "find"]

UNSLICED = 0.2  # part of a budget in which the tree is searched before it is sliced


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found."""

    tree: Tree
    sliced: tuple[str, ...]
    """Names of the indices that are sliced."""
    name: str
    """The search that found it."""
    trace: tuple[tuple[float, float], ...] = ()
    """(seconds, value) each time the search found something better."""


class SearchInterrupted(KeyboardInterrupt):
    """Ctrl-C during a search; `found` is the best so far."""

    def __init__(self, found: Found) -> None:
        super().__init__("the search was interrupted")
        self.found = found


def find(
    contraction: Contraction,
    *,
    optimize: Any = "auto",
    objective: str | Objective | None = "flops",
    budget: float | Trials | None = None,
    seed: int = 0,
    memory_limit: int | None = None,
    size_limit: int | None = None,
    dtype: str | None = None,
    progress: Callable[[float, float], object] | None = None,
) -> Found:
    """A contraction tree of low value, within the limits.

    `optimize` is a name of `SEARCHES` or of a search registered with opt_einsum, True (auto),
    False (left to right), a path, an opt_einsum or cotengra search, or a cotengra tree. `budget` is
    seconds, or rounds as `Trials`. `memory_limit` is bytes of everything alive, `size_limit`
    elements of the largest intermediate; an order that keeps them is looked for, else indices are
    sliced. `dtype` is that of the result, if the operands alone do not say it. `progress` is called
    with the seconds gone and the value of each better tree, infinity while compiled searches load.
    A budget begins once they have.

    Raises ArgumentError for an unknown name, PathError for a wrong path, MemoryLimitError naming
    the smallest limit that would do, SearchInterrupted with the best so far on Ctrl-C.

    >>> shapes = (9, 8), (8, 7), (7,)
    >>> c = Contraction((("i", "j"), ("j", "k"), ("k",)), ("i",), shapes, ("float32",) * 3)
    >>> find(c).tree.path
    ((1, 2), (0, 1))
    """
    if objective is None or isinstance(objective, str):
        is_complex = any(dtype.startswith("complex") for dtype in contraction.dtypes)
        objective = objective_for(objective, is_complex)
    count = len(contraction.terms)
    if isinstance(optimize, bool):
        optimize = "auto" if optimize else [tuple(range(count))]
    limits = Limits(memory_limit, size_limit, dtype)
    if isinstance(optimize, str) and optimize not in SEARCHES:
        name, optimize = optimize, registered(optimize)
        if optimize is None:
            raise ArgumentError(_unknown(name))
    if not isinstance(optimize, str):
        tree, chosen, name = foreign_tree(contraction, optimize)
        if not limits.kept(tree, chosen):
            tree, chosen = within([lambda: tree], objective, limits)
        return Found(tree, _names(contraction, chosen), name)
    if count <= 2 and not limits:
        return Found(Tree(contraction, ((0, 1),) * (count - 1)), (), "exact")
    trace = _Trace(progress)
    deadline = None
    if limits and count >= COMPILED and isinstance(budget, float):
        deadline = time.perf_counter() + load_kernels(trace.wait, ("slice",)) + budget
        budget *= UNSLICED
    request = Request(objective, seed, budget, trace.add, trace.wait)
    try:
        tree, name = SEARCHES[optimize](contraction, request)
    except Interrupted as stop:
        best = stop.tree
        tree, chosen = within([lambda: best], objective, limits)
        name = f"{optimize}, interrupted"
        found = Found(tree, _names(contraction, chosen), name, tuple(trace.points))
        raise SearchInterrupted(found) from None
    chosen = ()
    if limits and not limits.kept(tree):
        try:
            tree, chosen = _within(tree, request, limits, deadline)
        except SlicingInterrupted as stop:
            tree, chosen = stop.found
            found = Found(tree, _names(contraction, chosen), f"{name}, interrupted")
            raise SearchInterrupted(found) from None
    return Found(tree, _names(contraction, chosen), name, tuple(trace.points))


class _Trace:
    """The falling value of a search over time."""

    def __init__(self, progress: Callable[[float, float], object] | None) -> None:
        self.start = time.perf_counter()
        self.progress = progress
        self.points: list[tuple[float, float]] = []

    def add(self, value: float) -> None:
        """Note a value if it is the best so far."""
        if not self.points or value < self.points[-1][1]:
            self.points.append((time.perf_counter() - self.start, value))
            if self.progress is not None:
                self.progress(*self.points[-1])

    def wait(self) -> None:
        """Say that there is nothing yet: the value is infinite while kernels are compiled."""
        if self.progress is not None:
            self.progress(time.perf_counter() - self.start, math.inf)


def _within(
    tree: Tree, request: Request, limits: Limits, deadline: float | None
) -> tuple[Tree, tuple[int, ...]]:
    """The tree, or another one, and the indices to slice, so that the limits are kept."""
    tree = in_peak_order(tree)
    large = len(tree.contraction.terms) >= COMPILED and searchable(tree.contraction)
    if large and (deadline is not None or seconds_of(tree) > COMPILED_PAYS):
        search = Sliced(limits, request.seed, threads())
        found = search.search(tree, request.objective, deadline)
        if found is not None:
            return found
    return within(_alternatives(tree, request, limits), request.objective, limits)


def _alternatives(tree: Tree, request: Request, limits: Limits) -> list[Callable[[], Tree]]:
    """Trees to slice where the best one is too large: itself, small ones, the best small one."""
    contraction = tree.contraction
    smaller = replace(
        request, objective=objective_for("peak" if limits.memory is not None else "size")
    )
    trees = [lambda: tree, lambda: SEARCHES["auto"](contraction, smaller)[0]]
    if len(contraction.terms) <= EXACT_AT_MOST and limits.size is not None:

        def limited() -> Tree:
            try:
                return Exact(limits.size).search(contraction, request.objective)
            except MemoryLimitError:
                return tree

        trees.append(limited)
    return trees


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, SEARCHES, n=1)
    return message(
        f"there is no search {name!r}",
        details=[f"searches are {listing(SEARCHES)}"],
        hint=f"did you mean {near[0]!r}?" if near else None,
    )


def _names(contraction: Contraction, indices: tuple[int, ...]) -> tuple[str, ...]:
    names = tuple(contraction.sizes)
    return tuple(names[index] for index in indices)
