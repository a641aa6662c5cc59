"""`python -m benchmarks.search`: the quality of contraction orders against the time of the search.

Every planner works in a process of its own, pinned to one core where the system can do that; what
its order costs is recounted here. Ratios are to the best cost known or found in the run; each is
clipped to [0.5, 1000] before the geometric mean, so that no weak reference carries it. What has
been measured is kept in a file, and a later call goes on where an earlier one was cut.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import click

from benchmarks import search_report as report
from benchmarks import search_timings as timings
from benchmarks.records import begin, write_tables
from benchmarks.search_lanes import PATIENCE, work
from benchmarks.search_networks import Instance, read_networks, record_best, wide_set
from benchmarks.search_planners import MOST, ORDERS, SLICERS, UNTIMED, available
from benchmarks.search_store import Job, Outcome, Store
from einlab.show.text import render
from einlab.table import Table

PARTS = "orders", "slicing", "size", "peak", "timings"
LIMITS = 2**26, 2**28, 2**30  # elements of the largest intermediate
VALUED = "einlab", "opt_einsum random-greedy", "cotengra hyper"  # planners of `size` and `peak`


def jobs_of(
    part: str,
    instances: Iterable[Instance],
    planners: Sequence[str] | None,
    budgets: Sequence[float],
    cores: int,
    seed: int,
) -> list[Job]:
    """The jobs of a part, one planner after the other; those without a budget are asked once."""
    if planners is None:
        planners = available(SLICERS if part == "slicing" else ORDERS)
        if part in ("size", "peak"):
            planners = [name for name in planners if name in VALUED]
    limits = LIMITS if part == "slicing" else (None,)
    return [
        Job(part, instance.name, planner, budget, cores, limit, seed)
        for planner, budget, instance, limit in product(planners, budgets, instances, limits)
        if (planner not in UNTIMED or budget == max(budgets))
        and len(instance.contraction.terms) <= MOST.get(planner, math.inf)
    ]


def too_large(store: Store, instances: Iterable[Instance]) -> set[tuple[str, int]]:
    """The networks and limits of `slicing` where the order without slices exceeds the limit."""
    names = {instance.name for instance in instances}
    return {
        (found.job.network, limit)
        for found in store
        for limit in LIMITS
        if found.job.part == "width"
        and found.job.network in names
        and found.log10_value is not None
        and found.log10_value > math.log10(limit) + 1e-9
    }


def best_costs(instances: Iterable[Instance], outcomes: Iterable[Outcome]) -> dict[str, float]:
    """The cost that ratios refer to: the best known of a file; of the wide set the best ever."""
    fixed = {i.name: i.best for i in instances if i.best is not None and i.family == "file"}
    best = {i.name: i.best for i in instances if i.best is not None}
    for found in outcomes:
        cost = found.log10_multiplications
        if found.job.part == "orders" and cost is not None:
            best[found.job.network] = min(best.get(found.job.network, cost), cost)
    return {**best, **fixed}


def tables(store: Store, instances: Sequence[Instance]) -> None:
    """Print what the store holds of these networks."""
    family_of = {instance.name: instance.family for instance in instances}
    mine = [found for found in store if found.job.network in family_of]
    best = best_costs(instances, mine)
    orders = [found for found in mine if found.job.part == "orders"]
    real = [found for found in orders if family_of[found.job.network] == "file"]
    made = [found for found in orders if family_of[found.job.network] != "file"]
    for title, chosen in (("the file", real), ("the wide set", made)):
        if chosen:
            print(render(report.quality(chosen, best, f"multiplications / best, {title}")))
    if real and made:
        print(render(report.quality(orders, best, "multiplications / best, all networks")))
    if orders:
        print(render(report.families(orders, best, family_of, "einlab", "by family")))
        behind = report.weak(orders, best, "einlab")
        print(render(behind) if behind.rows else "einlab is the best on every network")
    sliced = [found for found in mine if found.job.part == "slicing"]
    if sliced:
        print(render(report.slicing(sliced, "einlab sliced")))
    for part in ("size", "peak"):
        valued = [found for found in mine if found.job.part == part]
        if valued:
            print(render(report.values(valued, "einlab", f"objective {part}")))
    wrong = [found for found in mine if found.problem and found.log10_value is not None]
    counted = sum(found.log10_value is not None for found in mine)
    print(f"{counted:,} orders recounted, {len(wrong)} differ from what was stated")
    for found in wrong:
        print(f"  {found.job.planner}, {found.job.network}: {found.problem}")


def kept(
    orders: Iterable[Outcome], best: Mapping[str, float], family_of: Mapping[str, str]
) -> tuple[Table, ...]:
    """What a file of tables holds: ratios of the wide set on one core, by planner, by family."""
    wide = [f for f in orders if family_of[f.job.network] != "file" and f.job.cores == 1]
    return (
        report.quality(wide, best, "multiplications over the best known, wide set, one core"),
        report.families(wide, best, family_of, "einlab", "by family, beside the best peer"),
    )


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), default=("orders",))
@click.option(
    "--networks", type=click.Path(exists=True, path_type=Path), help="A file of networks."
)
@click.option("--wide/--no-wide", default=True, show_default=True, help="The generated networks.")
@click.option("--only", default=None, help="Parts of names of networks, between semicolons.")
@click.option("--planners", default=None, help="Names between commas; all installed by default.")
@click.option("--budgets", default="0.1,1", show_default=True, help="Seconds, between commas.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--cores", default=None, help="Cores between commas: one planner on each, side by side."
)
@click.option("--together", is_flag=True, help="One planner at a time, on all cores.")
@click.option("--store", "path", type=click.Path(path_type=Path), help="Keep all outcomes there.")
@click.option("--within", default=math.inf, help="Seconds after which nothing new is begun.")
@click.option(
    "--patience", default=PATIENCE, show_default=True, help="Seconds allowed beyond three budgets."
)
@click.option("--run/--no-run", default=True, help="Measure, or only print what is stored.")
@click.option("--record", is_flag=True, help="Write down the best costs of the wide set.")
@click.option("--figure", type=click.Path(path_type=Path), help="Draw quality against time there.")
@click.option("--out", type=click.Path(path_type=Path), help="Keep tables of the wide set as JSON.")
def main(
    parts: tuple[str, ...],
    networks: Path | None,
    wide: bool,
    only: str | None,
    planners: str | None,
    budgets: str,
    seed: int,
    cores: str | None,
    together: bool,
    path: Path | None,
    within: float,
    patience: float,
    run: bool,
    record: bool,
    figure: Path | None,
    out: Path | None,
) -> None:
    """Compare contraction orders of einlab and its peers, by cost and by time of the search."""
    names = planners.split(",") if planners else None
    for name in names or ():
        if name not in ORDERS | SLICERS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(ORDERS | SLICERS)}")
    instances = [*(read_networks(networks) if networks else ()), *(wide_set() if wide else ())]
    if only:
        wanted = only.split(";")
        instances = [i for i in instances if any(part in i.name for part in wanted)]
    by_name = {instance.name: instance for instance in instances}
    store, lanes = Store(path), _lanes(cores, together)
    width = len(lanes[0]) if together else 1
    seconds = [float(budget) for budget in budgets.split(",")]
    left = 0
    for part in parts if run else ():
        if part == "timings":
            print(render(timings.measure()))
            continue
        if part == "slicing":
            needed = [Job("width", i.name, "einlab", 1.0) for i in instances]
            left += work(needed, by_name, store, lanes, within, patience)
        jobs = jobs_of(part, instances, names, seconds, width, seed)
        if part == "slicing":
            large = too_large(store, instances)
            jobs = [job for job in jobs if (job.network, job.limit) in large]
        left += work(jobs, by_name, store, lanes, within, patience)
    tables(store, instances)
    if left:
        print(f"{left} searches are left: the same command goes on with them")
    family_of = {instance.name: instance.family for instance in instances}
    orders = [f for f in store if f.job.part == "orders" and f.job.network in family_of]
    best = best_costs(instances, orders)
    if record:
        better = record_best({n: c for n, c in best.items() if family_of[n] != "file"})
        print(f"{better} best costs of the wide set are new")
    if figure and orders:
        alone = [found for found in orders if found.job.cores == 1]
        title = f"{len(by_name)} networks, one core"
        report.draw(report.quality(alone, best, title), figure)
    if out and orders:
        write_tables(replace(begin("search"), tables=kept(orders, best, family_of)), out)


def _lanes(cores: str | None, together: bool) -> list[set[int]]:
    """Sets of cores, one for each planner at work."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    chosen = [int(core) for core in cores.split(",")] if cores else allowed
    if together:
        return [set(chosen)]
    return [{core} for core in chosen] if cores else [set(chosen[:1])]


if __name__ == "__main__":
    main()
