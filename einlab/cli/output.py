"""What commands write: data to the standard output, messages to the standard error, files whole."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from einlab import show
from einlab.table import Table

__all__ = [
    "json_option",
    "print_json",
    "print_table",
    "print_text",
    "replacing",
    "say",
    "write_text",
]

MOST_ROWS = 60
"""A longer table is shown by its first and last rows; JSON and HTML have them all."""

Function = TypeVar("Function", bound=Callable[..., Any])


def json_option(function: Function) -> Function:
    """The option --json of a command, passed to it as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def say(text: str) -> None:
    """A message for the person at the keyboard, on the standard error."""
    click.echo(text, err=True)


def print_json(text: str) -> None:
    """JSON text on the standard output, with escapes where its encoding lacks a character."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), indent=2)
    click.echo(text)


def print_table(table: Table, as_json: bool) -> None:
    """The table on the standard output: JSON, or text as wide as the terminal."""
    if as_json:
        print_json(show.json.render(table))
    else:
        width = min(max(shutil.get_terminal_size().columns, 40), 160)
        click.echo(show.text.render(table, width=width, colour=_colour(), max_rows=MOST_ROWS))


def print_text(text: str) -> None:
    """Lines on the standard output, after an empty one."""
    click.echo(f"\n{text}")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, and say so.

    Raises ClickException (exit code 1) if it cannot be written.
    """
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")
    say(f"wrote {path}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft beside `path` to write to; it takes the place of `path` when the block succeeds.

    If the block fails the draft is deleted and `path` stays as it was.

    Raises ClickException (exit code 1) if the system refuses.
    """
    draft = path.with_name(f".{path.name[:100]}.{os.urandom(4).hex()}.part")
    try:
        yield draft
        os.replace(draft, path)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _colour() -> bool:
    """Colour only on a terminal that can, and never against the reader's wish (no-color.org)."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and sys.stdout.isatty()
