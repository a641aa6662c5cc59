"""`einlab compare`: how long a contraction or a program takes on machines, and whether it fits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from einlab.cli.contractions import contraction_options, planned
from einlab.cli.output import json_option, print_table
from einlab.cli.parameters import planning_options, settings_given
from einlab.cli.report import reported
from einlab.comparing import compare_report
from einlab.machines import machine_for, machines, machines_from

__all__ = ["command", "machine_options", "machines_given"]

HELP = """Predict the time of some work on machines, what bounds it, and whether it fits.

WORK is an equation, or a JAX function as package.module:function, which 'einlab report' counts.
Without --on the whole table of machines is compared, and this machine if 'einlab calibrate' has
measured it. On a machine of the table the time is the least one, at peak rates.

\b
Examples:
  einlab compare 'ij,jk->ik' --sizes i=8192,j=8192,k=8192 --dtype bfloat16
  einlab compare 'bqhd,bkhd->bhqk' --shape 8,4096,32,128 --shape 8,4096,32,128 \\
    --dtype bfloat16 --on 'A100 80GB SXM' --on 'H100 SXM' --on 'TPU v5p'
  einlab compare jax.numpy:matmul --shape 8192,8192 --shape 8192,8192 --dtype bfloat16
  einlab compare 'ij,jk,kl->il' --sizes i=900,j=90,k=900,l=9 --on here --machines mine.toml
"""

_MACHINES = (
    click.option(
        "--on", "names", metavar="NAME", multiple=True, help="A machine; may be repeated."
    ),
    click.option(
        "--machines",
        "file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A TOML file with machines of your own, in the form of the built-in table.",
    ),
)


def machine_options(function: Any) -> Any:
    """The options that name machines."""
    for option in reversed(_MACHINES):
        function = option(function)
    return function


def machines_given(names: tuple[str, ...], file: Path | None) -> list[Any]:
    """The machines by name, those of the file among them; all of the file if none are named.

    Raises ArgumentError for an unknown name, FileError for a damaged file.
    """
    own = {one.name.lower(): one for one in machines_from(file)} if file else {}
    if not names:
        return list(own.values())
    return [own.get(name.lower()) or machine_for(name) for name in names]


@click.command("compare", help=HELP)
@click.argument("work")
@contraction_options
@planning_options
@machine_options
@json_option
def command(
    work: str,
    shapes: tuple[tuple[int, ...], ...],
    sizes: tuple[dict[str, int], ...],
    dtype: tuple[str, ...] | None,
    names: tuple[str, ...],
    file: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """The command `einlab compare`; its help is `HELP`."""
    from einlab.machinestore import here

    chosen = machines_given(names, file)
    if not chosen:
        measured = here()
        chosen = [*machines(), *([measured] if measured else [])]
    if PROGRAM.fullmatch(work):
        if sizes or settings_given(options):
            raise click.UsageError("a function takes --shape and --dtype alone")
        print_table(compare_report(reported(work, shapes, dtype), chosen), as_json)
    else:
        made = planned(work, shapes, sizes, dtype, options)
        print_table(made.compare(chosen).table, as_json)


PROGRAM = re.compile(r"[\w.]+:[\w.]+")
"""How a function is named; no equation looks so."""
