"""Tables that a benchmark made, as a file: what was measured, on what, when, and by which command.

    {"format": "einlab-benchmark-tables", "version": 1,
     "machine": {"cpu": …, "cores": …, "system": …, "python": …, "jax": …, …},
     "command": "python -m benchmarks.ladder --out FILE", "started": "2026-11-22T08:00:00+00:00",
     "tables": [{"title", "columns": [{"name", "kind", "unit"}, …], "rows", "facts", "notes"}, …]}

Rows hold plain numbers in the units of their columns; the site makes its pages from such files.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.files import read_fields, write_fields
from benchmarks.machine import describe
from einlab.show.json import document
from einlab.table import Column, Fact, Table

__all__ = ["Record", "begin", "command", "machine_line", "read_tables", "write_tables"]

FORMAT, VERSION = "einlab-benchmark-tables", 1


@dataclass(frozen=True)
class Record:
    """What a benchmark measured, and where."""

    machine: dict[str, Any]
    command: str
    started: str
    """UTC, ISO 8601."""
    tables: tuple[Table, ...] = ()


def begin(module: str) -> Record:
    """A record of a run that begins now, on this machine, by this process's command."""
    started = datetime.now(UTC).replace(microsecond=0).isoformat()
    return Record(describe("system"), command(module, sys.argv[1:]), started)


def command(module: str, arguments: Sequence[str]) -> str:
    """What to type to repeat a run; the name of its file is left to whoever does.

    >>> command("ladder", ["--rounds", "3", "--out", "/tmp/x.json"])
    'python -m benchmarks.ladder --rounds 3 --out FILE'
    """
    words = list(arguments)
    if "--out" in words[:-1]:
        words[words.index("--out") + 1] = "FILE"
    return shlex.join(["python", "-m", f"benchmarks.{module}", *words])


def machine_line(machine: Mapping[str, Any]) -> str:
    """A machine in one line.

    >>> machine_line({"cpu": "AMD EPYC", "cores": 2, "python": "3.13.0", "jax": None})
    'AMD EPYC, 2 cores, Python 3.13.0'
    """
    names = {"python": "Python", "jax": "JAX", "numpy": "NumPy"}
    told = [f"{names[name]} {machine[name]}" for name in names if machine.get(name)]
    system = [machine["system"]] if machine.get("system") else []
    return ", ".join([str(machine["cpu"]), f"{machine['cores']} cores", *system, *told])


def write_tables(record: Record, path: Path) -> None:
    """Write a record's file, whole or not at all."""
    fields = {
        "machine": record.machine,
        "command": record.command,
        "started": record.started,
        "tables": [document(table) for table in record.tables],
    }
    write_fields(fields, path, FORMAT, VERSION)


def read_tables(path: Path) -> Record:
    """The record that a file holds.

    Raises ValueError if it is no such file, or one of another version.
    """
    fields = read_fields(path, FORMAT, VERSION)
    tables = tuple(_table(each) for each in fields["tables"])
    return Record(fields["machine"], fields["command"], fields["started"], tables)


def _table(fields: Mapping[str, Any]) -> Table:
    columns = [
        Column(each["name"], each["kind"], each["unit"] if each["kind"] == "quantity" else "")
        for each in fields["columns"]
    ]
    rows = [tuple(row[column.name] for column in columns) for row in fields.get("rows", ())]
    facts = [
        Fact(name, fact["value"], remark=fact.get("remark", ""))
        if isinstance(fact["value"], str)
        else Fact(name, fact["value"], "quantity", fact["unit"], fact.get("remark", ""))
        for name, fact in fields.get("facts", {}).items()
    ]
    return Table(fields["title"], columns, rows, facts=facts, notes=fields.get("notes", ()))
