"""The searches by name, and the automatic choice among them.

Without a budget the effort follows from the predicted time of the first call of the plan in hand,
compiled and run, so that planning is never what one waits for; the clock is not read, so the same
call gives the same plan.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from einlab.contraction import Contraction
from einlab.errors import ArgumentError
from einlab.objectives import Objective
from einlab.search.anneal import MOVES_PER_OPERAND, Anneal
from einlab.search.anytime import Anytime
from einlab.search.boltzmann import Boltzmann, pairs_from, runs_of
from einlab.search.budget import Trials, budget_from
from einlab.search.chains import Chain, counts_multiplications, line_of, of_matrices
from einlab.search.connected import CONNECTED_PAYS, Connected, sets_within
from einlab.search.dissection import Dissection
from einlab.search.elimination import Elimination
from einlab.search.exact import Exact
from einlab.search.few import Few
from einlab.search.greedy import Greedy
from einlab.search.loading import kernels_loaded, load_kernels
from einlab.search.refine import Refine
from einlab.search.starts import held_by_many
from einlab.search.structure import TreeNetwork, is_star, tree_graph
from einlab.search.subtrees import Subtrees
from einlab.search.sweeps import Sweep, sweep_seconds
from einlab.search.tempering import SWEEPS, Tempering
from einlab.search.tree import Tree
from einlab.search.treewidth import Treewidth
from einlab.search.value import in_peak_order, tree_value
from einlab.search.windows import Windows

__all__ = [
    "COMPILED",
    "COMPILED_PAYS",
    "EXACT_AT_MOST",
    "SEARCHES",
    "Request",
    "seconds_of",
    "threads",
]

EXACT_AT_MOST = 16  # operands: 10 to 200 ms, and up to 3 times that for each operand more
EXACT_SECONDS = 1e-8  # of an exact search that can leave nothing out, for each of 3^n splits
COMPILED = 30  # operands from which compiled searches are used: importing Numba takes 0.7 s
NARROW = 300  # operands up to which subtrees are solved without compiled code
GREEDY_TRIALS = 128
FLOPS_PER_SECOND = 5e10  # of the machine that effort is worked out for
EFFORT = 0.1  # part of the predicted time of a plan that a search for a better one may take
HIGH_EFFORT = 1.0
COMPILE_SECONDS = 0.01  # of a program, for each operand
WHOLE = 100  # operands up to which that holds: longer programs are compiled as tapes
INTERCHANGES = 20  # rotations that raise no price, for each operand, between refinements
WINDOWS = 100  # for each trial
MOST_THREADS = 8  # a tenth of what each does holds the GIL
COMPILED_PAYS = 2.0  # seconds: above, a search with compiled kernels is begun
EXACTING_SHARE = 0.15  # of a budget, where compiled searches only estimate the objective
WIDTH_SECONDS, WIDTH_AT_MOST = 1e-4, 0.05  # of an elimination order, for each index and in all
SECONDS_PER_ROUND = 4e-4  # for each operand
FEW_SECONDS = 3e-3  # of a round over a few dozen operands, for each
LONGEST_OF_FEW = 2.0
LONGEST = 10.0  # seconds that a search takes, roughly, when nobody said how long it may


@dataclass(frozen=True, slots=True)
class Request:
    """What `find` was asked for."""

    objective: Objective
    seed: int = 0
    budget: float | Trials | None = None
    report: Callable[[float], object] = float
    """Hears of the value of each better tree."""
    waiting: Callable[[], object] = int
    """Called while kernels are loaded, or compiled."""


def _automatic(
    contraction: Contraction, request: Request, effort: float = EFFORT
) -> tuple[Tree, str]:
    """Exact up to 16 operands, else what the budget or the predicted time is worth."""
    count = len(contraction.terms)
    if count <= EXACT_AT_MOST and _exact_seconds(count) < _seconds_given(request):
        return _exact(contraction, request)
    if counts_multiplications(request.objective) and (line := line_of(contraction.network)):
        tree = Chain().search(contraction, request.objective)
        if of_matrices(contraction.network, line) or count > NARROW:
            return tree, "chain"
        return Subtrees(8).improve(tree, request.objective), "chain and subtrees"
    if request.budget is not None:
        return _within_budget(contraction, request)
    tree, name = _at_once(contraction, request, effort)
    allowed = effort * (seconds_of(tree) + _compiling(count))
    if count >= COMPILED and allowed > EFFORT * COMPILED_PAYS:
        rounds = 8 + int(min(allowed, LONGEST) / (SECONDS_PER_ROUND * count))
        found = _many(contraction, replace(request, budget=Trials(rounds)))
        return _better([found, (tree, name)], request.objective)
    trials = 1 + int(min(allowed / (1e-4 * count), GREEDY_TRIALS))
    if trials > 1:
        drawn = Greedy(trials, request.seed).search(contraction, request.objective)
        tree, name = _better([(tree, name), (drawn, "random-greedy")], request.objective)
    if trials <= 8 or count > NARROW:
        return tree, name
    if count < COMPILED and allowed > CONNECTED_PAYS and name not in ("star", "tree"):
        rounds = 1 + int(min(allowed, LONGEST_OF_FEW) / (FEW_SECONDS * count))
        few = _few(contraction, replace(request, budget=Trials(rounds)))
        return _better([(tree, name), few], request.objective)
    if allowed > CONNECTED_PAYS:
        search = Connected(sets_within(allowed))
        connected = search.attempt(contraction, request.objective, tree)
        if connected is not None:
            return connected, "connected"
    return Subtrees(8).improve(tree, request.objective), f"{name} and subtrees"


def _at_once(contraction: Contraction, request: Request, effort: float) -> tuple[Tree, str]:
    """The best of what takes milliseconds: greedy, messages of a tree, small treewidth, sweeps."""
    objective, network = request.objective, contraction.network
    found = [(Greedy(1, request.seed).search(contraction, objective), "greedy")]
    graph = tree_graph(network)
    if graph is not None:
        name = "star" if is_star(graph) else "tree"
        found.append((TreeNetwork().search(contraction, objective), name))
        return _better(found, objective)
    count = len(network.terms)
    allowed = min(effort * (seconds_of(found[0][0]) + _compiling(count)), WIDTH_AT_MOST)
    if WIDTH_SECONDS * len(network.sizes) < allowed:
        found.append((Treewidth().search(contraction, objective), "treewidth"))
    if sweep_seconds(count) < allowed:
        found.append((Sweep().search(contraction, objective), "sweep"))
    return _better(found, objective)


def _better(found: list[tuple[Tree, str]], objective: Objective) -> tuple[Tree, str]:
    """The tree of least value; the earliest wins ties."""
    if len(found) == 1:  # counting the value of a tree of 10,000 steps takes a second
        return found[0]
    return min(found, key=lambda each: tree_value(each[0], objective))


def _within_budget(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """What a budget gives; a tree network's messages are among it.

    Where kernels are loaded already, a budget in seconds uses them for a few dozen operands too.
    """
    count = len(contraction.terms)
    timed = not isinstance(request.budget, Trials)
    compiled = count >= COMPILED or (count > EXACT_AT_MOST and timed and kernels_loaded())
    found = [(_many if compiled else _few)(contraction, request)]
    if count <= NARROW and tree_graph(contraction.network) is not None:
        found.append((TreeNetwork().search(contraction, request.objective), "tree"))
    return _better(found, request.objective)


def _exact_seconds(count: int) -> float:
    """What an exact search takes at most, roughly; nothing to speak of up to 12 operands."""
    return 0.0 if count <= 12 else EXACT_SECONDS * 3**count


def _seconds_given(request: Request) -> float:
    """How long a search may take; infinite if rounds are counted or nobody said."""
    return request.budget if isinstance(request.budget, (int, float)) else math.inf


def seconds_of(tree: Tree) -> float:
    """The predicted time of a plan, roughly."""
    flops = 2 * tree.multiplications
    return flops / FLOPS_PER_SECOND if flops < 1e300 else math.inf


def _compiling(count: int) -> float:
    """What the first call of a plan takes at least, roughly: its program is compiled then."""
    return COMPILE_SECONDS * min(count, WHOLE)


def _high_quality(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """Exact where that takes about a second, else ten times the effort of `auto`."""
    if len(contraction.terms) <= EXACT_AT_MOST:
        return _exact(contraction, request)
    return _automatic(contraction, request, HIGH_EFFORT)


def _few(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    search = Few(request.seed)
    budget = budget_from(request.budget, 0)
    return search.search(contraction, request.objective, budget, request.report)


def _many(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """A budget for many operands: compiled searches on all cores."""
    load_kernels(request.waiting, ("elimination",) if held_by_many(contraction) else ())
    budget = budget_from(request.budget, 0)
    search = Anytime(request.seed, threads())
    objective, timed = request.objective, math.isfinite(budget.seconds)
    estimated = objective.constants is not None and len(contraction.terms) <= NARROW
    if estimated and timed:
        budget = replace(budget, seconds=budget.seconds * (1 - EXACTING_SHARE))
    tree = search.search(contraction, objective, budget, request.report)
    if estimated:  # so far by a linear estimate; now by the price itself
        end = budget.start + budget.seconds / (1 - EXACTING_SHARE) if timed else None
        tree = Subtrees(8).improve(tree, objective, end)
    return (in_peak_order(tree) if objective.combine == "peak" else tree), "portfolio"


def threads() -> int:
    """How many searches are worth running side by side: one for each core of this process."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return min(cores, MOST_THREADS)


def _exact(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    return Exact().search(contraction, request.objective), "exact"


def _optimal(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """Exact, or refused where that would take hours."""
    count = len(contraction.terms)
    if counts_multiplications(request.objective):
        line = line_of(contraction.network)
        if line is not None and of_matrices(contraction.network, line):
            return Chain().search(contraction, request.objective), "chain"
    if count > EXACT_AT_MOST:
        raise ArgumentError(
            f"an exact search over {count} operands would try {3**count // 2:.1e} splits; it "
            f"is for up to {EXACT_AT_MOST}: use optimize='auto'"
        )
    return _exact(contraction, request)


def _alone(
    search: Chain | Connected | TreeNetwork | Treewidth, name: str
) -> Callable[[Contraction, Request], tuple[Tree, str]]:
    """A search of networks of one kind, which raises ArgumentError for others."""

    def run(contraction: Contraction, request: Request) -> tuple[Tree, str]:
        return search.search(contraction, request.objective), name

    return run


def _greedy(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    return Greedy(1, request.seed).search(contraction, request.objective), "greedy"


def _sweep(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    return Sweep().search(contraction, request.objective), "sweep"


def _random_greedy(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    """As many greedy trials as the budget allows."""
    budget = budget_from(request.budget, GREEDY_TRIALS)
    trials = budget.rounds or 10**9
    if request.budget is None or len(contraction.terms) < COMPILED:
        return Greedy(min(trials, 32), request.seed).search(contraction, request.objective), (
            "random-greedy"
        )
    found = Boltzmann(trials, request.seed).improvements(runs_of(contraction.network), budget)
    *_, (_, pairs) = found
    return Tree(contraction, pairs_from(pairs)), "random-greedy"


def _anneal(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    trials, end, moves = _trials(request, 1), _deadline(request), None
    if end is None:
        moves = MOVES_PER_OPERAND * len(contraction.terms) * trials
    search = Anneal(moves, request.seed, restarts=1 if end else trials)
    return search.search(contraction, request.objective, deadline=end), "anneal"


def _refine(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    tree, _ = _greedy(contraction, request)
    search = Refine(interchanges=INTERCHANGES, seed=request.seed)
    return search.improve(tree, request.objective, _deadline(request)), "refine"


def _windows(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    tree, _ = _greedy(contraction, request)
    end, windows = _deadline(request), None
    if end is None:
        windows = _trials(request, 1) * WINDOWS
    search = Windows(seed=request.seed)
    return search.improve(tree, request.objective, windows, end), "windows"


def _tempering(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    tree, _ = _greedy(contraction, request)
    end, sweeps = _deadline(request), None
    if end is None:
        sweeps = _trials(request, 1) * SWEEPS
    search = Tempering(seed=request.seed, workers=threads())
    return search.improve(tree, request.objective, sweeps, end), "tempering"


def _min_fill(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    trials, end = _trials(request, 1), _deadline(request)
    search = Elimination("min-fill", request.seed, trials)
    return search.search(contraction, request.objective, end), "min-fill"


def _min_degree(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    trials, end = _trials(request, 1), _deadline(request)
    search = Elimination("min-degree", request.seed, trials)
    return search.search(contraction, request.objective, end), "min-degree"


def _dissection(contraction: Contraction, request: Request) -> tuple[Tree, str]:
    trials, end = _trials(request, 4), _deadline(request)
    search = Dissection(trials, request.seed)
    return search.search(contraction, request.objective, end), "dissection"


def _deadline(request: Request) -> float | None:
    budget = budget_from(request.budget, 1)
    return budget.start + budget.seconds if math.isfinite(budget.seconds) else None


def _trials(request: Request, default: int) -> int:
    if request.budget is None:
        return default
    return request.budget.trials if isinstance(request.budget, Trials) else 10**9


SEARCHES: dict[str, Callable[[Contraction, Request], tuple[Tree, str]]] = {
    "auto": _automatic,
    "auto-hq": _high_quality,
    "optimal": _optimal,
    "dp": _high_quality,
    "dynamic-programming": _high_quality,
    "branch-all": _high_quality,
    "branch-2": _high_quality,
    "branch-1": _high_quality,
    "greedy": _greedy,
    "eager": _greedy,
    "opportunistic": _greedy,
    "random-greedy": _random_greedy,
    "random-greedy-128": _random_greedy,
    "anneal": _anneal,
    "refine": _refine,
    "windows": _windows,
    "tempering": _tempering,
    "sweep": _sweep,
    "min-fill": _min_fill,
    "min-degree": _min_degree,
    "dissection": _dissection,
    "exact": _optimal,
    "chain": _alone(Chain(), "chain"),
    "tree": _alone(TreeNetwork(), "tree"),
    "star": _alone(TreeNetwork(), "star"),
    "connected": _alone(Connected(), "connected"),
    "treewidth": _alone(Treewidth(), "treewidth"),
}
"""The searches by the names that `optimize=` takes; opt_einsum's names are among them.

`dp` and the `branch-…` searches are exact as far as `optimal` goes, and go on where it refuses.
`chain`, `tree` (a star is one) and `connected` raise ArgumentError for networks that are not such.
"""
