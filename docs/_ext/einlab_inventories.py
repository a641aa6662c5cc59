"""What other projects' pages are called, kept here as text: links to them need no network.

A file of `_inventories` has the address in its first line, and then in each line a name, its kind
and its page (`$` at the end stands for the name). While the site is built they become the
inventories that Sphinx reads.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

__all__ = ["inventory", "write_inventories"]


def inventory(name: str, text: str) -> tuple[str, bytes]:
    """The address of a project and its inventory, in version 2 of Sphinx's format."""
    address, *lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    entries = []
    for line in lines:
        known, kind, page = line.split()
        entries.append(f"{known} {kind} 1 {page} -\n")
    head = f"# Sphinx inventory version 2\n# Project: {name}\n# Version: \n"
    head += "# The remainder of this file is compressed using zlib.\n"
    return address, head.encode() + zlib.compress("".join(entries).encode())


def write_inventories(app: Sphinx, config: Config) -> None:
    """Put them beside what else this build keeps, and say where they are."""
    folder = Path(app.doctreedir) / "inventories"
    folder.mkdir(parents=True, exist_ok=True)
    mapping = {}
    for place in sorted((Path(app.srcdir) / "_inventories").glob("*.txt")):
        address, data = inventory(place.stem, place.read_text(encoding="utf-8"))
        made = folder / f"{place.stem}.inv"
        made.write_bytes(data)
        mapping[place.stem] = (address, str(made))
    config["intersphinx_mapping"] = mapping


def setup(app: Sphinx) -> dict[str, Any]:
    """Before Sphinx looks at its mapping."""
    app.connect("config-inited", write_inventories, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
