"""`einlab run`: contract arrays from files into a file."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np

from einlab.cli.arrays import SUFFIXES, read_arrays, storable, write_array
from einlab.cli.output import json_option, print_table, replacing, say
from einlab.cli.parameters import planning_options, settings_given
from einlab.errors import FileError, listing
from einlab.planning import Plan
from einlab.table import Fact, Table

__all__ = ["command"]

WIDE = tuple(map(np.dtype, ("int64", "uint64", "float64", "complex128")))

HELP = """Contract arrays from files.

FILEs are .npy or .npz; of an .npz all arrays are taken in order, or one as file.npz:name. The
result is written whole or not at all. Pickled objects are never read.

\b
Examples:
  einlab run 'ij,jk->ik' a.npy b.npy -o product.npy
  einlab run --plan plan.json a.npy b.npy -o product.npy
"""


@click.command("run", help=HELP)
@click.argument("arguments", nargs=-1, metavar="[EQUATION] FILE...", required=True)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the result goes: .npy or .npz.",
)
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Run this plan, as `einlab plan --json` printed it, instead of an equation.",
)
@click.option("--x64", is_flag=True, help="Compute 64-bit operands in 64 bits, not in 32.")
@planning_options
@json_option
def command(
    arguments: tuple[str, ...],
    output: Path,
    plan_file: Path | None,
    x64: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """The command `einlab run`; its help is `HELP`."""
    if output.suffix not in SUFFIXES:
        raise click.UsageError(f"--output {str(output)!r} ends in neither .npy nor .npz")
    if not output.absolute().parent.is_dir():
        raise click.UsageError(f"there is no folder {str(output.parent)!r} for --output")
    given = settings_given(options)
    if plan_file is not None and given:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"the plan says how to run; {names} would not be heeded")
    what: Plan | str = arguments[0] if plan_file is None else _plan(plan_file)
    arrays = read_arrays(arguments[1:] if plan_file is None else arguments)
    if not arrays:
        raise click.UsageError("give a file for each operand after the equation")
    result, elapsed = _contract(what, arrays, x64, given)
    stored, remark = storable(result)
    with replacing(output) as draft:
        write_array(draft, stored)
    if remark:
        say(remark)
    say(f"wrote {output}")
    if as_json:
        print_table(_summary(output, stored, elapsed), as_json)


def _plan(path: Path) -> Plan:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"the plan {str(path)!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FileError(f"the plan {str(path)!r} is no text") from None
    return Plan.from_json(text)


def _contract(
    what: Plan | str, arrays: list[np.ndarray[Any, Any]], x64: bool, given: dict[str, Any]
) -> tuple[np.ndarray[Any, Any], float]:
    """The result, and the seconds that it took, compilation included."""
    import jax  # takes a second: only the commands that run something pay it

    from einlab.contracting import contract

    if x64:
        jax.config.update("jax_enable_x64", True)
    start = time.perf_counter()
    with warnings.catch_warnings():
        if not x64:
            warnings.filterwarnings("ignore", message="operands of dtype")  # told below, with --x64
        result = np.asarray(contract(what, *arrays, **given))
    narrowed = [array.dtype.name for array in arrays if array.dtype in WIDE]
    if narrowed and not x64:
        say(f"{listing(dict.fromkeys(narrowed))} computed in 32 bits; --x64 keeps 64")
    return result, time.perf_counter() - start


def _summary(output: Path, result: np.ndarray[Any, Any], elapsed: float) -> Table:
    return Table(
        "einlab run",
        facts=[
            Fact("file", str(output)),
            Fact("shape", "×".join(map(str, result.shape)) or "scalar"),
            Fact("dtype", str(result.dtype)),
            Fact("seconds", elapsed, "seconds", remark="compilation included"),
        ],
    )
