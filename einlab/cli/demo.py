"""`einlab demo`: what a good order saves, and a sentence encoder made of contractions."""

from __future__ import annotations

import click

from einlab.cli.output import json_option

__all__ = ["command"]

HELP = """See what a good order saves, and a sentence encoder made of contractions.

The first half contracts (AB)C and A(BC) and shows cost and measured time side by side. The second
runs the MiniLM sentence encoder on real sentences; without its model it says how to get it, and the
exit code is 1.

\b
Examples:
  einlab demo
  einlab demo --json
"""


@click.command("demo", help=HELP)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """The command `einlab demo`; its help is `HELP`."""
    from einlab.demo import main  # imports JAX, which takes a second

    ctx.exit(main(["--json"] if as_json else []))
