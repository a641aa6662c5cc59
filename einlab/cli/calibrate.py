"""`einlab calibrate`: measure this machine, so that times can be predicted and minimised."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from einlab.cli.output import json_option, print_json, print_table, say, write_text
from einlab.config import config

__all__ = ["command"]

HELP = """Measure this machine: its ceilings, and what a step of a contraction costs on it.

Takes less than a minute, and keeps what it finds in the cache folder for this device, version of
JAX and dtype. From then on it is the machine "here": plans and reports predict seconds for it.
What is known already is shown at once; --again measures anew.

\b
Examples:
  einlab calibrate
  einlab calibrate --again --svg calibration.svg
  einlab calibrate --dtype bfloat16 --json
"""

WIDTH = 30


@click.command("calibrate", help=HELP)
@click.option(
    "--dtype",
    "dtypes",
    metavar="DTYPE",
    multiple=True,
    help="A dtype to measure; may be repeated.  [default: float32 and float64]",
)
@click.option("--again", is_flag=True, help="Measure even what is known.")
@click.option("--quick", is_flag=True, help="Run a third of the programs: coarser, and faster.")
@click.option(
    "--svg",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw measured and predicted times to a file.",
)
@json_option
def command(
    dtypes: tuple[str, ...], again: bool, quick: bool, svg: Path | None, as_json: bool
) -> None:
    """The command `einlab calibrate`; its help is `HELP`."""
    from einlab import show
    from einlab.calibration.calibrating import CALIBRATED, calibrate
    from einlab.calibration.showing import calibration_plane, calibration_table
    from einlab.embedding.calibrating import with_figures
    from einlab.native import building, keeping

    if config.native == "auto" and not keeping.is_built():
        say("compiling native code, once on this computer: about half a minute")
        building.build()
    stored = calibrate(dtypes or CALIBRATED[:2], again=again, quick=quick, tell=_tell)
    stored = tuple(with_figures(one, again=again) for one in stored)
    _clear()
    if as_json:
        machines = {one.dtype: one.machine.to_dict() for one in stored}
        noise = {one.dtype: {"floor": one.floor, "noisy": list(one.noisy)} for one in stored}
        print_json(show.json.dumps({"machines": machines, "noise": noise}))
    else:
        print_table(calibration_table(stored), as_json=False)
    if svg is not None:
        write_text(svg, show.plane.draw_plane(calibration_plane(stored)))


def _tell(what: str, part: float) -> None:
    """A bar on the standard error where that is a terminal; faults are told in any case."""
    if what.startswith("measuring anew"):
        say(what)
    elif sys.stderr.isatty():
        done = round(WIDTH * part)
        bar = "█" * done + "·" * (WIDTH - done)
        sys.stderr.write(f"\r\x1b[2K{bar} {part:4.0%} {what}")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()
