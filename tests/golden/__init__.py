"""Golden files: whole renderings, compared to the last character.

Run the tests with UPDATE_GOLDEN=1 in the environment to write them anew, then look at them.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path


def check(name: str, text: str) -> None:
    """Compare a rendering with the golden file of that name."""
    path = Path(__file__).parent / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs from what is shown now"


def check_compressed(name: str, text: str) -> None:
    """The same for a large rendering, which is kept compressed."""
    path = Path(__file__).parent / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    kept = gzip.decompress(path.read_bytes()).decode()
    assert text == kept, f"{name} differs from what is shown now"
