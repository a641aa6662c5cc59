"""`einlab plan`: the cost and the order of a contraction, from shapes alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from einlab import show
from einlab.cli.output import json_option, print_json, print_table, print_text, write_text
from einlab.cli.parameters import dtypes, merged, planning_options, settings_given, shape
from einlab.cli.parameters import sizes as sizes_of
from einlab.planning import Plan, plan
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
@click.option(
    "--shape",
    "shapes",
    type=shape,
    metavar="SHAPE",
    multiple=True,
    help="The shape of an operand, such as 1000,10 or scalar; once for each, in order.",
)
@click.option(
    "--sizes",
    type=sizes_of,
    metavar="SIZES",
    multiple=True,
    help="The sizes of the indices instead, such as i=1000,j=10.",
)
@click.option(
    "--dtype",
    type=dtypes,
    metavar="DTYPE",
    help="One for all, or one each: float32,bfloat16.  [default: float32]",
)
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
    if bool(shapes) == bool(sizes):
        raise click.UsageError("give --shape once for each operand, or --sizes for all indices")
    made = plan(
        equation,
        *shapes,
        sizes=merged(sizes) or None,
        dtype=dtype[0] if dtype and len(dtype) == 1 else dtype,
        **settings_given(options),
    )
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
