"""`python -m benchmarks.search`: the quality of contraction orders against the time of the search.

Every planner works in a process of its own, pinned to one core where the system can do that; the
cost is the exact number of multiplications of the path, recounted here. Ratios are to the best cost
known or found in the run; each is clipped to [0.5, 1000] before the geometric mean, so that no weak
reference carries it.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks.search_networks import Instance, generated, read_networks
from benchmarks.search_planners import PLANNERS, available
from einlab.search.tree import tree_from_path
from einlab.show.text import render
from einlab.table import Column, Table

CLIP = 0.5, 1000.0


@dataclass(frozen=True)
class Outcome:
    """What one planner found on one network within one budget."""

    network: str
    planner: str
    budget: float
    seconds: float
    log10_multiplications: float


class Planner:
    """A planner's process; it is warmed up with a small network when it starts."""

    def __init__(self, name: str) -> None:
        self.name = name
        command = [sys.executable, "-m", "benchmarks.search_planners", name]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})
        warm = next(found for found in generated(0) if found.name.startswith("spins"))
        self.ask(warm, 0.5, 0)

    def ask(self, instance: Instance, seconds: float, seed: int) -> Outcome:
        """One search. Raises RuntimeError if the process has ended."""
        contraction = instance.contraction
        request = {
            "terms": contraction.leaves,
            "output": contraction.output,
            "sizes": contraction.sizes,
            "seconds": seconds,
            "seed": seed,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended on {instance.name}")
        answer = json.loads(line)
        tree = tree_from_path(contraction, answer["path"])
        cost = math.log10(max(tree.multiplications, 1))
        return Outcome(instance.name, self.name, seconds, answer["seconds"], cost)

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def compare(
    instances: Iterable[Instance], planners: Iterable[str], budgets: Iterable[float], seed: int
) -> list[Outcome]:
    """Every planner on every network at every budget; one line on standard error for each."""
    outcomes = []
    for name in planners:
        planner = Planner(name)
        for budget in budgets:
            for instance in instances:
                try:
                    outcome = planner.ask(instance, budget, seed)
                except (RuntimeError, ValueError) as error:
                    print(f"{name}: {error}", file=sys.stderr)
                    planner.close()
                    planner = Planner(name)
                    continue
                outcomes.append(outcome)
                print(
                    f"{name:26} {budget:6.2f} s {instance.name:32} "
                    f"10^{outcome.log10_multiplications:.3f} in {outcome.seconds:.2f} s",
                    file=sys.stderr,
                )
        planner.close()
    return outcomes


def best_costs(instances: Iterable[Instance], outcomes: Iterable[Outcome]) -> dict[str, float]:
    """The cost that ratios refer to: the best known, else the best found in the run."""
    best = {found.name: found.best for found in instances if found.best is not None}
    found: dict[str, float] = {}
    for outcome in outcomes:
        cost = outcome.log10_multiplications
        found[outcome.network] = min(found.get(outcome.network, cost), cost)
    return {**found, **best}


def summary(outcomes: list[Outcome], best: dict[str, float]) -> Table:
    """Ratios to the best cost, by planner and budget."""
    rows: list[tuple[Any, ...]] = []
    for planner, budget in dict.fromkeys((found.planner, found.budget) for found in outcomes):
        mine = [found for found in outcomes if (found.planner, found.budget) == (planner, budget)]
        ratios = [
            min(
                max(10 ** min(found.log10_multiplications - best[found.network], 6), CLIP[0]),
                CLIP[1],
            )
            for found in mine
        ]
        late = max(found.seconds - 1.1 * budget - 0.05 for found in mine)
        rows.append(
            (
                planner,
                budget,
                len(mine),
                statistics.geometric_mean(ratios),
                statistics.median(ratios),
                max(ratios),
                max(late, 0.0),
            )
        )
    columns = (
        Column("planner"),
        Column("budget", "seconds", "s"),
        Column("networks", "count"),
        Column("geometric mean", "ratio"),
        Column("median", "ratio"),
        Column("worst", "ratio"),
        Column("late", "seconds", "s"),
    )
    return Table("multiplications, as a ratio to the best", columns, tuple(rows))


@click.command()
@click.option(
    "--networks", type=click.Path(exists=True, path_type=Path), help="A file of networks."
)
@click.option("--generated/--no-generated", "generate", default=True, show_default=True)
@click.option("--planners", default=None, help="Names between commas; all installed by default.")
@click.option("--budgets", default="0.1,1", show_default=True, help="Seconds, between commas.")
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write all outcomes there, as JSON.")
@click.option("--figure", type=click.Path(path_type=Path), help="Draw quality against time there.")
def main(
    networks: Path | None,
    generate: bool,
    planners: str | None,
    budgets: str,
    seed: int,
    out: Path | None,
    figure: Path | None,
) -> None:
    """Compare contraction orders of einlab and its peers, by cost and by time of the search."""
    names = planners.split(",") if planners else available()
    for name in names:
        if name not in PLANNERS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(PLANNERS)}")
    instances = [
        *(read_networks(networks) if networks else ()),
        *(generated(seed) if generate else ()),
    ]
    seconds = [float(budget) for budget in budgets.split(",")]
    outcomes = compare(instances, names, seconds, seed)
    table = summary(outcomes, best_costs(instances, outcomes))
    print(f"seed {seed}, {len(instances)} networks")
    print(render(table))
    if out:
        out.write_text(json.dumps([asdict(found) for found in outcomes], indent=1) + "\n")
    if figure:
        draw(table, figure)


def draw(table: Table, path: Path) -> None:
    """The geometric mean of the ratios against the budget, a line for each planner."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    rows: list[tuple[Any, ...]] = [tuple(row) for row in table.rows]
    for planner in dict.fromkeys(row[0] for row in rows):
        points = sorted((row[1], row[3]) for row in rows if row[0] == planner)
        axes.loglog(*zip(*points, strict=True), "o-", label=planner)
    axes.set_xlabel("budget of the search [s]")
    axes.set_ylabel("multiplications / best known")
    axes.legend()
    figure.savefig(path)


if __name__ == "__main__":
    main()
