"""How the tests call the command line: within the process, or as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from einlab.cli import commands

README_PLAN = (
    "plan",
    "ij,jk,kl->il",
    *("--shape", "1000,10"),
    *("--shape", "10,1000"),
    *("--shape", "1000,1"),
)
ROOT = Path(__file__).parents[2]


def call(*args: str | Path, input: str | None = None) -> Result:  # noqa: A002 - click's word
    """The result of `einlab ARGS` on this input; an exception that has no exit code is raised."""
    result = CliRunner().invoke(
        commands, [str(arg) for arg in args], prog_name="einlab", input=input
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def process(
    *command: str, cwd: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    """`python COMMAND` as a process of its own."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **environ},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
