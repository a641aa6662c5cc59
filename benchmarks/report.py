"""A run as tables: the summary over all cases, one row a case, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.peers import PEERS
from benchmarks.results import Measured, Ratio, Run, geometric_mean
from einlab.table import Column, Fact, Table, Value

__all__ = [
    "BEST",
    "families",
    "faults",
    "others",
    "per_case",
    "per_family",
    "ratios",
    "summary",
    "tables",
    "times",
]

BEST = "best peer"
BUSY = 0.75  # load by core above which times are not to be trusted


def tables(run: Run) -> tuple[Table, ...]:
    """Every table of the run, most important first; those without rows are left out."""
    made = (summary(run), per_family(run), per_case(run), times(run), faults(run))
    return tuple(table for table in made if table.rows or table is made[0])


def summary(run: Run) -> Table:
    """Our time over each peer's, over all cases: geometric mean, best and worst."""
    columns = [
        Column("peer", "code"),
        Column("cases", "count"),
        Column("geometric mean", "ratio"),
        Column("lowest", "ratio"),
        Column("highest", "ratio"),
        Column("highest in", "text", rank=1),
        Column("what is called", "text", rank=2),
    ]
    rows: list[tuple[Value, ...]] = []
    for name in (BEST, *others(run)):
        pairs = ratios(run.cases, run.ours, name)
        if not pairs:
            continue
        worst, ratio = max(pairs, key=lambda pair: pair[1].median)
        medians = [each.median for _, each in pairs]
        what = PEERS[name].what if name in PEERS else "the fastest peer of each case"
        label = f"{worst.case.name} {worst.case.dtype}"
        rows.append(
            (name, len(pairs), geometric_mean(medians), min(medians), ratio.median, label, what)
        )
    return Table(
        f"{run.ours}: its time over that of each peer (below 1: {run.ours} is faster)",
        columns,
        rows,
        facts=_facts(run),
        notes=_notes(run),
    )


def per_family(run: Run) -> Table:
    """The geometric means by family and dtype."""
    names = (BEST, *others(run))
    rows: list[tuple[Value, ...]] = []
    for (family, dtype), members in families(run).items():
        means: list[Value] = []
        for name in names:
            medians = [ratio.median for _, ratio in ratios(members, run.ours, name)]
            means.append(geometric_mean(medians) if medians else None)
        rows.append((family, dtype, len(members), *means))
    columns = [Column("family"), Column("dtype", "code"), Column("cases", "count")]
    columns += [Column(name, "ratio") for name in names]
    return Table(f"{run.ours}: geometric means by family", columns, rows)


def per_case(run: Run) -> Table:
    """Our time and its ratio to every peer, one row a case."""
    columns = [
        Column("case"),
        Column("dtype", "code"),
        Column("FLOPs", "quantity", "FLOP", rank=2),
        Column(run.ours, "seconds"),
        Column(BEST, "ratio"),
        Column("spread", "text", rank=1),
        *(Column(name, "ratio") for name in others(run)),
        Column("equation", "code", rank=3),
    ]
    rows: list[tuple[Value, ...]] = []
    for measured in run.cases:
        ours = measured.peers.get(run.ours)
        best = _ratio(measured, run.ours, BEST)
        rows.append(
            (
                measured.case.name,
                measured.case.dtype,
                measured.flops,
                ours.seconds if ours and ours.counts else None,
                _median(best),
                f"{best.low:.2f} to {best.high:.2f}" if best else None,
                *(_median(measured.ratio(run.ours, name)) for name in others(run)),
                measured.case.equation,
            )
        )
    return Table(f"{run.ours}: ratios by case", columns, rows, notes=[SPREAD_NOTE])


SPREAD_NOTE = "Spread: the smallest and largest ratio to the best peer over the rounds."


def times(run: Run) -> Table:
    """Seconds of every peer on every case, the view's beside, first call and error."""
    columns = [
        Column("case"),
        Column("dtype", "code"),
        Column("peer", "code"),
        Column("array", "seconds"),
        Column("view", "seconds"),
        Column("spread", "number", rank=1),
        Column("first call", "seconds", rank=2),
        Column("error", "text", rank=2),
        Column("calls", "count", rank=3),
    ]
    rows: list[tuple[Value, ...]] = [
        (
            measured.case.name,
            measured.case.dtype,
            name,
            outcome.seconds,
            None if outcome.contiguous else outcome.view,
            outcome.spread,
            outcome.first,
            None if outcome.error is None else f"{outcome.error:.1e}",
            sum(each.calls for each in outcome.rounds),
        )
        for measured in run.cases
        for name, outcome in measured.peers.items()
        if outcome.counts
    ]
    notes = [
        "Array: until a C-contiguous array is there, which is what every ratio is made of. View: "
        "until the library's own result is there, where that is not contiguous.",
        "Spread: (largest - smallest) / median over the rounds.",
    ]
    return Table("Times", columns, rows, notes=notes)


def faults(run: Run) -> Table:
    """Everything that was wrong, failed, or was left out, with the reason."""
    columns = [
        Column("case"),
        Column("dtype", "code"),
        Column("peer", "code"),
        Column("status"),
        Column("reason"),
    ]
    rows: list[tuple[Value, ...]] = []
    for measured in run.cases:
        case = measured.case
        if measured.skipped:
            rows.append((case.name, case.dtype, "all", "skipped", measured.skipped))
        for name, outcome in measured.peers.items():
            if outcome.status != "ok":
                rows.append((case.name, case.dtype, name, outcome.status, outcome.note))
    return Table("Wrong, failed and left out", columns, rows)


def others(run: Run) -> tuple[str, ...]:
    """The peers, without ours."""
    return tuple(name for name in run.settings["peers"] if name != run.ours)


def families(run: Run) -> dict[tuple[str, str], list[Measured]]:
    """The cases by family and dtype."""
    groups: dict[tuple[str, str], list[Measured]] = {}
    for measured in run.cases:
        groups.setdefault((measured.case.family, measured.case.dtype), []).append(measured)
    return groups


def ratios(cases: Iterable[Measured], ours: str, name: str) -> list[tuple[Measured, Ratio]]:
    """The cases in which both we and a peer (or the best peer) count, and our ratio to it."""
    return [
        (measured, ratio)
        for measured in cases
        if (ratio := _ratio(measured, ours, name)) is not None
    ]


def _ratio(measured: Measured, ours: str, name: str) -> Ratio | None:
    other = measured.best_peer(ours) if name == BEST else name
    return measured.ratio(ours, other) if other else None


def _median(ratio: Ratio | None) -> float | None:
    return None if ratio is None else ratio.median


def _facts(run: Run) -> list[Fact]:
    machine, settings = run.machine, run.settings
    packages = ("python", "einlab", "jax", "numpy", "opt_einsum", "torch", "cotengra")
    versions = [f"{name} {machine[name]}" for name in packages if machine.get(name)]
    return [
        Fact("machine", f"{machine['cpu']}, {machine['cores']} cores"),
        Fact(
            "memory",
            machine["memory_bytes"],
            "bytes",
            remark=f"setting: {machine['memory_setting']}",
        ),
        Fact("system", f"{machine['system']}, {machine['libc']}, {machine['architecture']}"),
        Fact("versions", ", ".join(versions)),
        Fact("computed on", ", ".join(_devices(run))),
        Fact("load at the start", machine["load_at_start"], "number"),
        Fact("started", run.started),
        Fact("suite", f"{settings['suite']}, seed {settings['seed']}"),
        Fact("cases", len(run.cases), "count"),
        Fact("rounds", settings["rounds"], "count", remark=f"of {settings['seconds']} s a peer"),
        Fact("command", settings["command"], "code"),
    ]


def _devices(run: Run) -> list[str]:
    """The kinds of device that results were computed on, and by whom where there are several."""
    users: dict[str, set[str]] = {}
    for measured in run.cases:
        for name, outcome in measured.peers.items():
            if outcome.device:
                users.setdefault(outcome.device, set()).add(name)
    if len(users) < 2:
        return list(users)
    return [f"{device} ({', '.join(sorted(names))})" for device, names in users.items()]


def _notes(run: Run) -> list[str]:
    notes = [
        "A result counts when it is a C-contiguous array and agrees with float64 NumPy. Ratios are "
        "taken within each round; the median over the rounds stands for the case. JAX computes at "
        "full precision (jax_default_matmul_precision = highest).",
    ]
    load, cores = run.machine["load_at_start"], run.machine["cores"]
    if load is not None and cores and load > BUSY * cores:
        notes.append(
            f"The machine was busy when the run began (load {load:.1f} on {cores} cores): "
            "libraries whose threads spin while they wait look much slower than they are. "
            "Repeat it when idle."
        )
    if not run.complete:
        notes.append("The run was interrupted: what stands here is what it had measured.")
    return notes
