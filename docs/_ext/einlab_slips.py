"""Cells that are meant to go wrong do so, and not by a slip of their own.

A cell tagged `raises-exception` may raise anything as far as the build is concerned. Here a page
with one that raises nothing, or an error that only a misspelt name makes, gives a warning, which
ends the build.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

__all__ = ["faults"]

MEANT = "raises-exception"
SLIPS = {
    "AttributeError",
    "ImportError",
    "IndentationError",
    "ModuleNotFoundError",
    "NameError",
    "SyntaxError",
    "UnboundLocalError",
}


def faults(notebook: dict[str, Any]) -> list[str]:
    """What is wrong with the cells of an executed notebook that are meant to go wrong."""
    found = []
    for cell in notebook["cells"]:
        if MEANT not in cell.get("metadata", {}).get("tags", ()):
            continue
        errors = [out for out in cell.get("outputs", ()) if out["output_type"] == "error"]
        first = "".join(cell["source"]).strip().partition("\n")[0]
        if not errors:
            found.append(f"the cell {first!r} is meant to go wrong, and does not")
        found += [
            f"the cell {first!r} goes wrong by a slip: {error['ename']}: {error['evalue']}"
            for error in errors
            if error["ename"] in SLIPS
        ]
    return found


def check(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of the cells of a page that was just executed."""
    from sphinx.util import logging

    config = app.config
    if config.nb_execution_mode == "off" or config.nb_execution_excludepatterns:
        return
    name = app.env.docname
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{name}.ipynb"
    if executed.exists():
        for fault in faults(json.loads(executed.read_text(encoding="utf-8"))):
            logging.getLogger(__name__).warning(fault, location=name, type="einlab", subtype="slip")


def setup(app: Sphinx) -> dict[str, Any]:
    """Look at every page once it has been read."""
    app.connect("doctree-read", check)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
