"""`einlab roofline`: how fast steps can run on machines, and what bounds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from einlab.cli.compare import machine_options, machines_given
from einlab.cli.contractions import contraction_options, planned
from einlab.cli.output import json_option, print_table, write_text
from einlab.cli.parameters import planning_options
from einlab.errors import ArgumentError
from einlab.roofline import Roofline

__all__ = ["command"]

HELP = """Put the steps of a contraction under the rooflines of machines.

Of each step: FLOPs a byte, what bounds it (compute, memory or launch), the speed that it can reach
and its least time. --measure runs the steps here and adds their times and the share of the peak
that they reach. Without an equation the roofs alone are shown.

\b
Examples:
  einlab roofline --on 'H100 SXM' --on 'TPU v5e' --dtype bfloat16 --svg roofs.svg
  einlab roofline 'ij,jk,kl->il' --sizes i=900,j=90,k=900,l=9 --on 'A100 80GB SXM'
  einlab roofline 'ij,jk->ik' --sizes i=900,j=900,k=900 --on here --measure
"""


@click.command("roofline", help=HELP)
@click.argument("equation", required=False)
@contraction_options
@planning_options
@machine_options
@click.option("--measure", "measured", is_flag=True, help="Run the steps here, and show how near.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw the roofs to a file."
)
@json_option
def command(
    equation: str | None,
    shapes: tuple[tuple[int, ...], ...],
    sizes: tuple[dict[str, int], ...],
    dtype: tuple[str, ...] | None,
    names: tuple[str, ...],
    file: Path | None,
    measured: bool,
    svg: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """The command `einlab roofline`; its help is `HELP`."""
    chosen = machines_given(names, file)
    if not chosen:
        raise ArgumentError("name a machine: --on 'H100 SXM', or --on here once it is calibrated")
    if equation is None:
        if measured:
            raise click.UsageError("--measure needs an equation to run")
        found = Roofline("Rooflines", tuple(chosen), dtypes=dtype or ())
    else:
        made = planned(equation, shapes, sizes, dtype, options)
        found = made.roofline(chosen, _times(made) if measured else None)
    print_table(found.table(), as_json)
    if svg is not None:
        write_text(svg, found.svg())


def _times(made: Any) -> tuple[float, ...]:
    """Measured seconds of the steps, on arrays of normal numbers."""
    from einlab.calibration.timing import arrays_for
    from einlab.measuring import measure

    return measure(made, *arrays_for(made)).steps
