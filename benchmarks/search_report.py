"""Tables and pictures of what `benchmarks.search` has measured."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.search_store import Outcome
from einlab.table import Column, Table

__all__ = ["clipped", "draw", "families", "quality", "slicing", "values", "weak"]

CLIP = 0.5, 1000.0
Best = Mapping[str, float]


def clipped(outcome: Outcome, best: float) -> float:
    """The ratio of a cost to the best, within [0.5, 1000]; a planner that failed has 1000."""
    if outcome.log10_value is None:
        return CLIP[1]
    return float(min(max(10 ** min(outcome.log10_value - best, 6.0), CLIP[0]), CLIP[1]))


def quality(outcomes: Iterable[Outcome], best: Best, title: str) -> Table:
    """Ratios to the best cost, by planner and budget, with how late the latest search was."""
    rows: list[tuple[Any, ...]] = []
    for (planner, budget, cores), mine in _groups(
        outcomes, lambda found: (found.job.planner, found.job.seconds, found.job.cores)
    ):
        ratios = [clipped(found, best[found.job.network]) for found in mine]
        late = max(found.seconds - 1.1 * budget - 0.05 for found in mine)
        rows.append(
            (planner, budget, cores, len(mine), statistics.geometric_mean(ratios),
             statistics.median(ratios), max(ratios), max(late, 0.0))
        )  # fmt: skip
    columns = (
        Column("planner"),
        Column("budget", "seconds"),
        Column("cores", "count"),
        Column("networks", "count"),
        Column("geometric mean", "ratio"),
        Column("median", "ratio"),
        Column("worst", "ratio"),
        Column("late", "seconds"),
    )
    return Table(title, columns, tuple(rows))


def families(
    outcomes: Sequence[Outcome], best: Best, family_of: Mapping[str, str], planner: str, title: str
) -> Table:
    """The geometric mean of a planner's ratios by family and budget, beside the best peer's."""
    rows = []
    for (family, budget), mine in _groups(
        outcomes, lambda found: (family_of[found.job.network], found.job.seconds)
    ):
        means = {
            name: statistics.geometric_mean(clipped(f, best[f.job.network]) for f in found)
            for name, found in _groups(mine, lambda found: found.job.planner)
        }
        ours = means.pop(planner, None)
        peer = min(means, key=lambda name: means[name], default=None)
        rows.append((family, budget, ours, peer and means[peer], peer))
    columns = (
        Column("family"),
        Column("budget", "seconds"),
        Column(planner, "ratio"),
        Column("best peer", "ratio"),
        Column("which"),
    )
    return Table(title, columns, tuple(sorted(rows, key=lambda row: (row[1], row[0]))))


def weak(outcomes: Sequence[Outcome], best: Best, planner: str, least: float = 1.02) -> Table:
    """The networks on which a planner is not within `least` of the best, worst first."""
    rows = sorted(
        (
            (clipped(found, best[found.job.network]), found.job.network, found.job.seconds)
            for found in outcomes
            if found.job.planner == planner and clipped(found, best[found.job.network]) > least
        ),
        reverse=True,
    )
    columns = Column("network"), Column("budget", "seconds"), Column("ratio", "ratio")
    return Table(f"where {planner} is not the best", columns, tuple((n, b, r) for r, n, b in rows))


def slicing(outcomes: Sequence[Outcome], planner: str) -> Table:
    """The sliced cost of a planner beside that of each peer, network by network."""
    peers = [n for n in dict.fromkeys(f.job.planner for f in outcomes) if n != planner]
    rows: list[tuple[Any, ...]] = []
    against: dict[str, list[float]] = {name: [] for name in (*peers, "best peer")}
    for (network, limit, budget), mine in _groups(
        outcomes, lambda found: (found.job.network, found.job.limit or 0, found.job.seconds)
    ):
        costs = {found.job.planner: found.log10_multiplications for found in mine}
        ours = costs.get(planner)
        others = [cost for name, cost in costs.items() if name != planner and cost is not None]
        if ours is None:
            continue
        row: list[Any] = [network, limit.bit_length() - 1, budget, f"{ours:.3f}"]
        for name in peers:
            theirs = costs.get(name)
            row.append(None if theirs is None else f"{theirs:.3f}")
            if theirs is not None:
                against[name].append(10 ** (ours - theirs))
        if others:
            against["best peer"].append(10 ** (ours - min(others)))
        rows.append(tuple(row))
    columns = (
        Column("network"),
        Column("limit, log2", "count"),
        Column("budget", "seconds"),
        Column(f"{planner}, log10"),
        *(Column(f"{name}, log10") for name in peers),
    )
    notes = [
        f"{planner} over {name}, geometric mean of {len(found)}: "
        f"{statistics.geometric_mean(found):.3g}, worst {max(found):.3g}"
        for name, found in against.items()
        if found
    ]
    return Table("multiplications of all slices", columns, tuple(rows), notes=notes)


def values(outcomes: Sequence[Outcome], planner: str, title: str) -> Table:
    """The value of an objective over the peers' best of each network."""
    rows: list[tuple[Any, ...]] = []
    ratios = []
    for (network, budget), mine in _groups(
        outcomes, lambda found: (found.job.network, found.job.seconds)
    ):
        known = {f.job.planner: f.log10_value for f in mine if f.log10_value is not None}
        others = {name: value for name, value in known.items() if name != planner}
        if planner in known and others:
            least = min(others, key=lambda name: others[name])
            ratios.append(10 ** (known[planner] - others[least]))
            mine_and_least = f"{known[planner]:.3f}", f"{others[least]:.3f}"
            rows.append((network, budget, *mine_and_least, least, ratios[-1]))
    columns = (
        Column("network"),
        Column("budget", "seconds"),
        Column(f"{planner}, log10"),
        Column("best peer, log10"),
        Column("best peer"),
        Column("ratio", "ratio"),
    )
    notes = []
    if ratios:
        mean = statistics.geometric_mean(ratios)
        notes = [f"geometric mean {mean:.3f}, worst {max(ratios):.3f} of {len(ratios)}"]
    return Table(title, columns, tuple(rows), notes=notes)


def draw(table: Table, path: Path) -> None:
    """The geometric mean of the ratios against the budget, a line for each planner."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    rows: list[tuple[Any, ...]] = [tuple(row) for row in table.rows]
    for planner in dict.fromkeys(row[0] for row in rows):
        points = sorted((row[1], row[4]) for row in rows if row[0] == planner)
        ours = planner == "einlab"
        axes.loglog(*zip(*points, strict=True), "o-", label=planner, linewidth=2.5 if ours else 1.2)
    axes.set_xlabel("budget of the search [s]")
    axes.set_ylabel("multiplications / best known")
    axes.set_title(table.title)
    axes.legend(fontsize=8)
    figure.savefig(path)
    pyplot.close(figure)


def _groups(
    outcomes: Iterable[Outcome], key: Callable[[Outcome], Any]
) -> Iterable[tuple[Any, list[Outcome]]]:
    """Outcomes with the same key together, in the order in which keys appear."""
    groups: dict[Any, list[Outcome]] = {}
    for found in outcomes:
        groups.setdefault(key(found), []).append(found)
    return groups.items()
