"""What `einlab plan` takes as a whole process, and that it leaves JAX alone.

`python -m benchmarks.startup` starts the command again and again, warm (compiled bytecode and the
file cache are there after the first), in turn with a Python that does nothing, and looks once
whether `jax` is among the modules at its end.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.records import begin, machine_line, write_tables
from einlab.table import Column, Table

__all__ = ["ARGUMENTS", "imports_jax"]

MOST_SECONDS = 0.35
ARGUMENTS = (
    *("plan", "ij,jk,kl->il"),
    *("--shape", "1000,10", "--shape", "10,1000", "--shape", "1000,1"),
)
WITNESS = """
import runpy, sys
sys.argv = ["einlab", *sys.argv[1:]]
try:
    runpy.run_module("einlab", run_name="__main__")
except SystemExit as done:
    if done.code:
        raise
loaded = [name for name in ("jax", "jaxlib", "numba") if name in sys.modules]
print("loaded:", *loaded, file=sys.stderr)
"""


@click.command()
@click.option("--runs", type=click.IntRange(1), default=15, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep it as JSON.")
@click.pass_context
def main(context: click.Context, /, runs: int, out: Path | None) -> None:
    """Time `einlab plan` as a whole process; exits 1 above its target, or if it imports JAX."""
    record = begin("startup")
    command = (sys.executable, "-m", "einlab", *ARGUMENTS)
    nothing = (sys.executable, "-c", "pass")
    _seconds(command)  # the first start compiles bytecode
    pairs = [(_seconds(command), _seconds(nothing)) for _ in range(runs)]
    ours, bare = (
        [statistics.median(each) for each in zip(*times, strict=True)]
        for times in zip(*pairs, strict=True)
    )
    found = imports_jax(ARGUMENTS)
    fastest = min(passed for (passed, _), _ in pairs)
    click.echo(
        f"{machine_line(record.machine)}; medians of {runs} starts\n"
        f"einlab {' '.join(ARGUMENTS)}\n"
        f"{ours[0]:.3f} s, target {MOST_SECONDS} s (fastest {fastest:.3f} s, "
        f"processor time {ours[1]:.3f} s); a Python that does nothing {bare[0]:.3f} s\n"
        f"imports jax: {'yes' if found else 'no'}"
    )
    if out is not None:
        columns = Column("command"), Column("wall", "seconds"), Column("processor", "seconds")
        rows = [("einlab plan", *ours), ("python -c pass", *bare)]
        note = f"imports jax: {'yes' if found else 'no'}"
        table = Table("a command as a whole process", columns, rows, notes=[note])
        write_tables(replace(record, tables=(table,)), out)
    context.exit(int(found or ours[0] > MOST_SECONDS))


def imports_jax(arguments: Sequence[str]) -> bool:
    """Whether the command line, given these arguments, has imported JAX by its end.

    Raises CalledProcessError if the command fails.
    """
    done = subprocess.run(
        (sys.executable, "-c", WITNESS, *arguments), capture_output=True, text=True, check=True
    )
    loaded = done.stderr.splitlines()[-1].removeprefix("loaded:").split()
    return "jax" in loaded or "jaxlib" in loaded


def _seconds(command: Sequence[str]) -> tuple[float, float]:
    """Time on the wall, and time on a processor, which a busy machine changes less."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    passed, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return passed, user + after.children_system - before.children_system


if __name__ == "__main__":
    main()
