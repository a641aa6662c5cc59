"""Every claim that the site puts right is proved by cells that run outside the site as well."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from einlab.demo import minilm

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.stem for path in (ROOT / "docs" / "corrections").glob("*.md") if path.stem != "index"
)
CELL = re.compile(r"^```\{code-cell\} python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def cells(page: str) -> str:
    """The code of a page of corrections, from the first cell to the last."""
    text = (ROOT / "docs" / "corrections" / f"{page}.md").read_text(encoding="utf-8")
    return "\n".join(CELL.findall(text))


@pytest.mark.parametrize("page", PAGES)
def test_the_cells_of_a_page_of_corrections_check_what_the_page_says(page):
    checks = [node for node in ast.walk(ast.parse(cells(page), page)) if type(node) is ast.Assert]
    assert len(checks) >= 3


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES)
def test_the_facts_on_a_page_of_corrections_hold(page):
    if "find_model" in cells(page) and minilm.missing():
        pytest.skip(f"{page} needs {minilm.missing()}")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        (sys.executable, "-"),
        input=cells(page),
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
