"""`einlab plan`: the cost and the order of a contraction, from shapes alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from einlab import show
from einlab.cli.contractions import contraction_options, planned
from einlab.cli.output import json_option, print_json, print_table, print_text, write_text
from einlab.cli.parameters import planning_options
from einlab.planning import Plan
from einlab.show.subject import PICTURES

__all__ = ["command"]

HELP = """Show what a contraction costs, and in which order it should run.

EQUATION is an einsum equation, in letters or with named axes. No array is made.

\b
Examples:
  einlab plan 'ij,jk,kl->il' --shape 1000,10 --shape 10,1000 --shape 1000,1
  einlab plan 'ij,jk,kl->il' --sizes i=1000,j=10,k=1000,l=1 --svg tree.svg
  einlab plan 'ij,jk,kl->il' --sizes i=1000,j=10,k=1000,l=1 --picture steps
  einlab plan 'batch query head, batch key head -> batch query key' \\
    --sizes batch=8,query=128,key=128,head=64 --json

--json prints the plan, which `einlab run --plan` reads, with the table as its "report".
"""


@click.command("plan", help=HELP)
@click.argument("equation")
@contraction_options
@planning_options
@click.option("--machine", metavar="NAME", help="Predict the least time on a machine.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), help="Draw a picture to a file."
)
@click.option(
    "--picture",
    type=click.Choice(PICTURES),
    help="Which picture --svg and --html draw; without them, print it as text.  [default: tent]",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write table and picture as a page.",
)
@json_option
def command(
    equation: str,
    shapes: tuple[tuple[int, ...], ...],
    sizes: tuple[dict[str, int], ...],
    dtype: tuple[str, ...] | None,
    svg: Path | None,
    html: Path | None,
    picture: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """The command `einlab plan`; its help is `HELP`."""
    made = planned(equation, shapes, sizes, dtype, options)
    drawn = made.svg(picture or "tent") if svg or html else ""
    if svg is not None:
        write_text(svg, drawn)
    if html is not None:
        write_text(html, show.html.page(made.table(), pictures=[drawn]))
    if as_json:
        print_json(plan_document(made))
    else:
        print_table(made.table(), as_json=False)
        if picture and not drawn:
            print_text(made.text(picture))


def plan_document(made: Plan) -> str:
    """The plan as JSON, and its table under "report", which a reader of plans passes over."""
    return show.json.dumps(
        {**json.loads(made.to_json()), "report": show.json.document(made.table())}
    )
