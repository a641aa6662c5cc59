"""`einlab doctor`: what is installed, what is used, what is missing and how to get it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

from einlab.cli.checks import Finding, all_findings
from einlab.cli.output import json_option, print_table
from einlab.table import Column, Table

__all__ = ["command"]

HELP = """Show versions, devices, dtypes, memory and the cache, and what is missing.

Says why an accelerator is unused and which extra to install. Contracts a small product in every
dtype. The exit code is 1 if a check failed; notes are no failures.

\b
Examples:
  einlab doctor
  einlab doctor --json
"""

MARKS = {"ok": "✓", "note": "·", "failed": "✗"}


@click.command("doctor", help=HELP)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """The command `einlab doctor`; its help is `HELP`."""
    findings = all_findings(importlib.import_module("einlab").__version__)
    print_table(findings_table(findings, as_json), as_json)
    ctx.exit(1 if any(finding.state == "failed" for finding in findings) else 0)


def findings_table(findings: Sequence[Finding], plain: bool) -> Table:
    """The findings as rows, and what to do about them as notes; `plain` spells the states out."""
    columns = (Column("state"), Column("what"), Column("found"), Column("advice", rank=1))
    rows = [(finding.state, finding.what, finding.found, finding.advice) for finding in findings]
    if plain:
        return Table("einlab doctor", columns, rows)
    return Table(
        "einlab doctor",
        (Column(""), *columns[1:3]),
        [(MARKS[state], what, found) for state, what, found, _ in rows],
        notes=[
            f"{MARKS[finding.state]} {finding.what}: {finding.advice}"
            for finding in findings
            if finding.advice
        ],
    )
