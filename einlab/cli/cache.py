"""`einlab cache`: where the cache is, how much it holds; clear it."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from einlab.cli.output import json_option, print_table, say
from einlab.config import CACHE_TAG, config
from einlab.table import Column, Fact, Table

__all__ = ["command"]

HELP = """Show where the cache is and how much it holds, or clear it.

The folder is the platform's own, or that of EINLAB_CACHE_DIR. Only what einlab itself has put there
is counted and cleared; it is made again when it is needed.

\b
Examples:
  einlab cache
  einlab cache --json
  einlab cache --clear
"""


@click.command("cache", help=HELP)
@click.option("--clear", is_flag=True, help="Delete what einlab keeps there.")
@json_option
def command(clear: bool, as_json: bool) -> None:
    """The command `einlab cache`; its help is `HELP`."""
    folder = config.cache_dir
    try:
        if clear:
            parts = cache_parts(folder)
            for part in parts:
                shutil.rmtree(part)
            say(f"cleared {len(parts)} {'part' if len(parts) == 1 else 'parts'} of {folder}")
        table = cache_table(folder, cache_parts(folder))
    except OSError as error:
        raise click.ClickException(f"{error.filename or folder}: {error.strerror}") from error
    print_table(table, as_json)


def cache_parts(folder: Path) -> list[Path]:
    """The subfolders that einlab made and tagged; whatever else lies there is not ours."""
    if not folder.is_dir():
        return []
    return sorted(
        part for part in folder.iterdir() if not part.is_symlink() and _tag(part) == CACHE_TAG
    )


def cache_table(folder: Path, parts: list[Path]) -> Table:
    """Files and bytes of each part, and of the whole."""
    rows = []
    for part in parts:
        files = [path for path in part.rglob("*") if path.is_file() and not path.is_symlink()]
        kept = [path for path in files if path.name != "CACHEDIR.TAG"]
        rows.append((part.name, len(kept), sum(path.stat().st_size for path in kept)))
    columns = (Column("part"), Column("files", "count"), Column("size", "bytes"))
    facts = [
        Fact("folder", str(folder), remark="" if folder.is_dir() else "not made yet"),
        Fact("files", sum(row[1] for row in rows), "count"),
        Fact("size", sum(row[2] for row in rows), "bytes"),
    ]
    return Table("einlab cache", columns if rows else (), rows, facts=facts)


def _tag(part: Path) -> str:
    tag = part / "CACHEDIR.TAG"
    return tag.read_text(encoding="utf-8", errors="replace") if tag.is_file() else ""
