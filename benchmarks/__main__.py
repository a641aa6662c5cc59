"""`python -m benchmarks`: time einlab beside its peers, in one run, and report the ratios."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.cases import TOLERANCES, Case
from benchmarks.dashboard import dashboard
from benchmarks.harness import Settings, measure
from benchmarks.machine import MEMORY_SETTINGS, describe
from benchmarks.peers import PEERS
from benchmarks.report import faults, per_case, per_family, summary, tables
from benchmarks.results import Measured, Run, read, write
from benchmarks.suites import SUITES
from einlab.show.text import render

RESULTS = Path(__file__).parent / "results"
QUICK = {"suite": "quick", "rounds": 3, "seconds": 0.02, "limit": 20.0}
INTERRUPTED = 130
FILE = click.Path(dir_okay=False, path_type=Path)


def _names(known: Sequence[str]) -> Any:
    """A callback that reads names between commas and refuses unknown ones."""

    def split(context: click.Context, option: click.Parameter, text: str | None) -> Any:
        names = tuple(dict.fromkeys(text.split(","))) if text else ()
        for name in names:
            if name not in known:
                raise click.BadParameter(f"{name!r} is none of {', '.join(known)}")
        return names

    return split


@click.command()
@click.option("--suite", type=click.Choice(list(SUITES)), default="all", show_default=True)
@click.option("--case", metavar="TEXT", help="Only cases whose name contains TEXT.")
@click.option(
    "--dtype",
    default="float32,float64",
    show_default=True,
    callback=_names(list(TOLERANCES)),
    help="One, or several between commas.",
)
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option(
    "--seconds", type=float, default=0.2, show_default=True, help="One turn of one peer takes this."
)
@click.option(
    "--limit", type=float, default=60.0, show_default=True, help="Most seconds of a first call."
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draws sizes and entries.")
@click.option(
    "--peers",
    callback=_names(list(PEERS)),
    help=f"Of {', '.join(PEERS)}; the first is ours. All that are installed otherwise.",
)
@click.option(
    "--memory", type=click.Choice(list(MEMORY_SETTINGS)), default="system", show_default=True
)
@click.option(
    "--tune",
    is_flag=True,
    help="einlab measures its plans at the first call of each case (EINLAB_TUNE=1).",
)
@click.option("--quick", is_flag=True, help="About a minute: small cases, 3 rounds of 0.02 s.")
@click.option("--out", type=FILE, help="Result file; benchmarks/results/TIME.json otherwise.")
@click.option("--html", type=FILE, help="Write the dashboard, one page, to this file.")
@click.option(
    "--from", "source", type=FILE, help="Report a result file in full instead of measuring."
)
@click.option("--list", "listing", is_flag=True, help="List the cases and stop.")
@click.pass_context
def main(context: click.Context, /, **options: Any) -> None:
    """Time einlab beside its peers, each in a process of its own, in turn, and report ratios.

    A ratio is our time over a peer's: below 1 we are faster. Ctrl-C keeps what has been measured.

    Example: python -m benchmarks --suite attention --dtype float32 --html attention.html
    """
    if options["source"] is not None:
        _report(_read(options["source"]), options["html"], in_full=True)
        return
    if options["quick"]:
        options |= QUICK
    cases = _cases(options)
    if options["listing"]:
        for case in cases:
            click.echo(f"{case.family}: {case.name}  {case.equation}  {case.shapes}  {case.dtype}")
        return
    run, out = _measure(cases, options)
    _report(run, options["html"], in_full=False)
    click.echo(
        f"seed {options['seed']}; {len(run.cases)} of {len(cases)} cases; results in {out}",
        err=True,
    )
    context.exit(_exit_code(run))


def _cases(options: dict[str, Any]) -> list[Case]:
    make = SUITES[options["suite"]]
    made = [case for dtype in options["dtype"] for case in make(options["seed"], dtype)]
    cases = [case for case in made if (options["case"] or "") in case.name]
    if not cases:
        raise click.BadParameter(f"no case of {options['suite']!r} contains {options['case']!r}")
    return cases


def _peers(asked: Sequence[str]) -> tuple[str, ...]:
    """Those asked for, else all that are installed; those that are not are named."""
    missing = [name for name in asked or PEERS if not PEERS[name].is_installed]
    if missing:
        click.echo(f"not installed: {', '.join(missing)}", err=True)
    return tuple(name for name in asked or PEERS if name not in missing)


def _measure(cases: Sequence[Case], options: dict[str, Any]) -> tuple[Run, Path]:
    """Run the cases, writing the result file after each."""
    peers = _peers(options["peers"])
    tuning = {"EINLAB_TUNE": str(int(options["tune"]))}
    settings = Settings(
        {name: (sys.executable, "-m", "benchmarks.worker", name) for name in peers},
        seed=options["seed"],
        rounds=options["rounds"],
        seconds=options["seconds"],
        limit=options["limit"],
        environment={**MEMORY_SETTINGS[options["memory"]], **tuning},
    )
    kept = ("suite", "seed", "rounds", "seconds", "limit", "memory", "tune")
    said = {name: options[name] for name in kept} | {
        "peers": list(peers),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
    }
    started = datetime.now(UTC).replace(microsecond=0)
    out = options["out"] or RESULTS / f"{started:%Y%m%dT%H%M%SZ}.json"
    run = Run(describe(options["memory"]), said, started.isoformat(), False, ())
    try:
        for measured, whole in measure(cases, settings, lambda text: click.echo(text, err=True)):
            done = (*run.cases, measured)
            run = replace(run, cases=done, complete=whole and len(done) == len(cases))
            write(run, out)
    except KeyboardInterrupt:  # between two cases; what is measured has been written
        click.echo("interrupted", err=True)
    return run, out


def _read(path: Path) -> Run:
    try:
        return read(path)
    except (OSError, ValueError) as fault:
        raise click.ClickException(str(fault)) from None


def _report(run: Run, html: Path | None, *, in_full: bool) -> None:
    """Tables on the screen, and the page if one is wanted."""
    brief = (summary(run), per_family(run), per_case(run), faults(run))
    width = shutil.get_terminal_size((120, 24)).columns
    for table in tables(run) if in_full else brief:
        if table.rows:
            click.echo(render(table, width=width) + "\n")
    if html is not None:
        html.write_text(dashboard(run), encoding="utf-8")
        click.echo(f"dashboard in {html}", err=True)


def _exit_code(run: Run) -> int:
    """0, 1 if our own result was wrong or missing somewhere, 130 if interrupted."""
    if not run.complete:
        return INTERRUPTED
    return int(any(_is_bad(measured, run.ours) for measured in run.cases))


def _is_bad(measured: Measured, ours: str) -> bool:
    return not measured.skipped and measured.peers[ours].status != "ok"


if __name__ == "__main__":
    main()
