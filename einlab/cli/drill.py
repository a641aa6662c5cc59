"""`einlab drill`: questions on what products mean and cost, checked as they are answered."""

from __future__ import annotations

import sys
import textwrap

import click

from einlab.cli.output import json_option, print_table, say
from einlab.drills.answers import check, shown
from einlab.drills.records import Drill
from einlab.drills.texts import PAGES, all_drills, find, of_page
from einlab.errors import ArgumentError
from einlab.table import Column, Table

__all__ = ["command"]

WIDTH = 80
HELP = f"""Answer questions, and hear at once whether that was right.

SUBJECT is a page, L1 to L{len(PAGES)}, or the name of one drill; without it the pages are listed.
Numbers may have separators, prefixes and units (22,000,000 or 22 MFLOP), shapes are sizes (3×4),
einsum expressions may name their indices as they like, choices and orders are letters. Instead of
an answer, "hint" gives a hint, "show" the worked solution, an empty line goes on to the next one,
"quit" ends.

\b
Examples:
  einlab drill
  einlab drill L6
  einlab drill order-left --answer 22e6
"""


@click.command("drill", help=HELP)
@click.argument("subject", required=False)
@click.option("--answer", help="Check this answer of one drill; exit code 1 if it is wrong.")
@click.option("--list", "listed", is_flag=True, help="List the drills of a page, or all of them.")
@json_option
def command(subject: str | None, answer: str | None, listed: bool, as_json: bool) -> int:
    """The command `einlab drill`; its help is `HELP`."""
    page = subject.upper() if subject and subject.upper() in PAGES else None
    if answer is not None:
        if subject is None or page is not None:
            raise click.UsageError("--answer needs the name of one drill")
        return _checked(find(subject), answer)
    if listed or subject is None:
        print_table(_list(page) if listed else _pages(), as_json)
        return 0
    drills = of_page(page) if page else (find(subject),)
    return _asked(drills)


def _checked(drill: Drill, answer: str) -> int:
    verdict = check(drill, answer)
    click.echo(verdict.said)
    return 0 if verdict.right else 1


def _asked(drills: tuple[Drill, ...]) -> int:
    """Ask one drill after the other; the exit code is 0 whatever the answers."""
    right = counted = 0
    for number, drill in enumerate(drills, 1):
        click.echo(f"\n{number} of {len(drills)}  {drill.name}")
        click.echo(_filled(drill.prompt))
        for letter, text in drill.shown_options.items():
            click.echo(f"  {letter}  {text}")
        done = _conversation(drill)
        if done is None:
            break
        counted += drill.counted
        right += done
    if counted:
        click.echo(f"\n{right} of {counted} right")
    return 0


def _conversation(drill: Drill) -> bool | None:
    """Take answers until one is right, given up or passed over; None ends it all."""
    while True:
        line = _read("your answer: " if drill.counted else "show the model answer with Enter: ")
        if line is None or line.lower() in ("quit", "exit", "q"):
            return None
        if line.lower() == "hint":
            click.echo(_filled(drill.hint))
        elif line.lower() == "show" or (not drill.counted and not line):
            _show(drill)
            return False
        elif not line:
            return False
        elif not drill.counted:
            say("this one is compared with a model answer, by eye: press Enter to see it")
        else:
            try:
                verdict = check(drill, line)
            except ArgumentError as error:
                say(str(error))
                continue
            click.echo(verdict.said)
            if verdict.right:
                return True


def _show(drill: Drill) -> None:
    click.echo(_filled(drill.solution))
    for point in drill.points:
        click.echo(f"  ☐ {point}")
    if drill.counted:
        click.echo(f"answer: {shown(drill)}")
        click.echo(textwrap.indent(drill.code, "    "))


def _read(prompt: str) -> str | None:
    """A line from the standard input; None at its end."""
    click.echo(prompt, nl=False)
    line = sys.stdin.readline()
    if not sys.stdin.isatty():
        click.echo("")
    return line.strip() if line else None


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH)


def _pages() -> Table:
    """The pages with how many drills each has."""
    rows = [
        (page, title, sum(drill.counted for drill in of_page(page)), len(of_page(page)))
        for page, title in PAGES.items()
    ]
    columns = [Column("page"), Column("about"), Column("checked", "count"), Column("all", "count")]
    return Table("drills: einlab drill PAGE", columns, rows).summed("checked", "all")


def _list(page: str | None) -> Table:
    drills = of_page(page) if page else all_drills()
    rows = [(drill.page, drill.name, drill.kind) for drill in drills]
    return Table("drills", [Column("page"), Column("name", "code"), Column("answer")], rows)
