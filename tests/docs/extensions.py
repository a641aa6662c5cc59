"""The site's own extensions, as modules to try."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from tests.docs.node import STATIC

FOLDER = str(STATIC.parent / "_ext")


def extension(name: str) -> ModuleType:
    """An extension of the site, by the name of its file."""
    sys.path.insert(0, FOLDER)
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(FOLDER)
