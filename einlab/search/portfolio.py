"""The portfolio: looks at a network, picks and runs searches, keeps limits, says what it found."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from einlab.contraction import Contraction
from einlab.errors import ArgumentError, MemoryLimitError, listing, message
from einlab.objectives import Objective, objective_for
from einlab.search.chains import Chain, counts_multiplications, line_of
from einlab.search.exact import Exact
from einlab.search.foreign import foreign_tree
from einlab.search.greedy import Greedy
from einlab.search.limits import Limits, within
from einlab.search.tree import Tree

__all__ = ["SEARCHES", "Found", "find"]

EXACT_AT_ONCE = 12  # operands: some 10 ms
EXACT_AT_MOST = 16  # operands: about a second, and 3 times that for each operand more
TRIALS = 32
HIGH_TRIALS = 256


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


@dataclass(frozen=True, slots=True)
class Request:
    """What `find` was asked for."""

    objective: Objective
    seed: int
    size_limit: int | None


def find(
    contraction: Contraction,
    *,
    optimize: Any = "auto",
    objective: str | Objective | None = "flops",
    budget: float | None = None,
    seed: int = 0,
    memory_limit: int | None = None,
    size_limit: int | None = None,
    progress: Callable[[float, float], object] | None = None,
) -> Found:
    """A contraction tree of low value, within the limits.

    `optimize` is a name of `SEARCHES`, True (auto), False (left to right), a path, an opt_einsum
    or cotengra search, or a cotengra tree. `memory_limit` is bytes of everything alive,
    `size_limit` elements of the largest intermediate; an order that keeps them is looked for, else
    indices are sliced.

    Raises ArgumentError for an unknown name, PathError for a wrong path, MemoryLimitError naming
    the smallest limit that would do.

    >>> shapes = (9, 8), (8, 7), (7,)
    >>> c = Contraction((("i", "j"), ("j", "k"), ("k",)), ("i",), shapes, ("float32",) * 3)
    >>> find(c).tree.path
    ((1, 2), (0, 1))
    """
    if objective is None or isinstance(objective, str):
        is_complex = any(dtype.startswith("complex") for dtype in contraction.dtypes)
        objective = objective_for(objective, is_complex)
    request = Request(objective, seed, size_limit)
    count = len(contraction.terms)
    if isinstance(optimize, bool):
        optimize = "auto" if optimize else [tuple(range(count))]
    limits = Limits(memory_limit, size_limit)
    if not isinstance(optimize, str):
        tree, chosen, name = foreign_tree(contraction, optimize, size_limit)
        if not limits.kept(tree, chosen):
            tree, chosen = within([lambda: tree], objective, limits)
        return Found(tree, _names(contraction, chosen), name)
    if optimize not in SEARCHES:
        raise ArgumentError(_unknown(optimize))
    if count <= 2 and not limits:
        return Found(Tree(contraction, ((0, 1),) * (count - 1)), (), "exact")
    tree, name = SEARCHES[optimize](contraction, request)
    chosen = ()
    if limits and not limits.kept(tree):
        tree, chosen = within(_alternatives(tree, request, limits), objective, limits)
    return Found(tree, _names(contraction, chosen), name)


def _alternatives(tree: Tree, request: Request, limits: Limits) -> list[Callable[[], Tree]]:
    """Trees to slice where the best one is too large: itself, small ones, the best small one."""
    contraction = tree.contraction
    smaller = objective_for("peak" if limits.memory is not None else "size")
    others = [
        lambda: _automatic(contraction, Request(smaller, request.seed, None))[0],
    ]
    if len(contraction.terms) <= EXACT_AT_ONCE and limits.size is not None:

        def limited() -> Tree:
            try:
                return Exact(limits.size).search(contraction, request.objective)
            except MemoryLimitError:
                return tree

        others.append(limited)
    return [lambda: tree, *others]


def _automatic(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """Exact where that takes milliseconds, else greedy trials."""
    if len(contraction.terms) <= EXACT_AT_ONCE:
        return _exact(contraction, request)
    if counts_multiplications(request.objective) and line_of(contraction.network):
        return Chain().search(contraction, request.objective), "chain"
    return _random_greedy(contraction, request)


def _high_quality(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """Exact where that takes about a second, else many greedy trials."""
    if len(contraction.terms) <= EXACT_AT_MOST:
        return _exact(contraction, request)
    tree = Greedy(HIGH_TRIALS, request.seed).search(contraction, request.objective)
    return tree, "random-greedy"


def _exact(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    return Exact().search(contraction, request.objective), "exact"


def _optimal(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """Exact, or refused where that would take hours."""
    count = len(contraction.terms)
    if count > EXACT_AT_MOST:
        raise ArgumentError(
            f"an exact search over {count} operands would try {3**count // 2:.1e} splits; it "
            f" is for up to {EXACT_AT_MOST}: use optimize='auto'"
        )
    return _exact(contraction, request)


def _greedy(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    return Greedy(1, request.seed).search(contraction, request.objective), "greedy"


def _random_greedy(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    return Greedy(TRIALS, request.seed).search(contraction, request.objective), "random-greedy"


SEARCHES: dict[str, Callable[[Contraction, Request], tuple[Tree, str]]] = {
    "auto": _automatic,
    "auto-hq": _high_quality,
    "optimal": _optimal,
    "dp": _optimal,
    "dynamic-programming": _optimal,
    "branch-all": _high_quality,
    "branch-2": _high_quality,
    "branch-1": _high_quality,
    "greedy": _greedy,
    "eager": _greedy,
    "opportunistic": _greedy,
    "random-greedy": _random_greedy,
    "random-greedy-128": _random_greedy,
}
"""The searches by the names that `optimize=` takes; opt_einsum's names are among them."""


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
