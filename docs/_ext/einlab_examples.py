"""The gallery: each script of `examples/` with what it says of itself, its source and its output.

Scripts run while the site is built. One that needs packages which the site's environment lacks is
shown with the output that is stored beside the gallery, and the command that made it.
"""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

__all__ = ["show"]

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
STORED = ROOT / "docs" / "gallery" / "stored"
WANTED = {"modules": ("equinox", "flax")}
"""Packages that the site's environment need not have."""
HEAVY, WIDE = 80_000, 760
"""Bytes from which on a picture is made lighter, and the pixels of its longer side then."""


def words(name: str) -> str:
    """What a script says of itself."""
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))
    return ast.get_docstring(tree) or ""


def show(name: str) -> None:
    """Run a script as a reader would, show what it prints and what it draws.

    Raises CalledProcessError if the script fails.
    """
    from IPython.display import HTML, Image, display

    draws = "[FOLDER]" in words(name)
    said = f"$ python examples/{name}.py{' pictures' if draws else ''}\n"
    missing = [package for package in WANTED.get(name, ()) if find_spec(package) is None]
    if missing:
        said += f"(stored output: {' and '.join(missing)} was not there for this build)\n"
        sys.stdout.write(said + (STORED / f"{name}.txt").read_text(encoding="utf-8"))
        return
    with tempfile.TemporaryDirectory() as folder:
        asked = (sys.executable, str(EXAMPLES / f"{name}.py"), *([folder] if draws else []))
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
        sys.stdout.write(said + done.stdout)
        for picture in sorted(Path(folder).iterdir()):
            if picture.suffix == ".svg":
                display(HTML(picture.read_text(encoding="utf-8")))
            else:
                display(Image(light(picture)))


def light(picture: Path) -> bytes:
    """A picture's bytes; one that is too heavy for a page is narrowed and written as JPEG."""
    whole = picture.read_bytes()
    if len(whole) <= HEAVY:
        return whole
    from PIL import Image

    opened = Image.open(picture).convert("RGB")
    opened.thumbnail((WIDE, WIDE))
    written = io.BytesIO()
    opened.save(written, "JPEG", quality=70)
    return written.getvalue()


class Example(SphinxDirective):
    """`{example} name`: the words of a script."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {}

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        self.env.note_dependency(str(EXAMPLES / f"{name}.py"))
        return list(self.parse_text_to_nodes(words(name)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("example", Example)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
