"""Where compiled code is kept: a folder named after all that the code depends on."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from einlab.config import config

__all__ = ["BUILT", "ROOM", "folder", "is_built", "state"]

ROOM = Path(__file__).parent
BUILT = "built"
"""The empty file that says that all kernels are there."""
PLAIN = (
    "__init__.py", "building.py", "calling.py", "keeping.py", "measures.py", "objects.py",
    "sizing.py",
)  # fmt: skip
"""Sources that nothing is compiled from."""


@lru_cache(maxsize=1)
def folder() -> Path | None:
    """Where compiled code is kept, made if need be; None where nothing can be written.

    A folder for each state of the sources, so that code never meets code of another state.
    """
    for parent in (ROOM / "__pycache__", config.cache_dir / "native"):
        found = parent / _name()
        with suppress(OSError):
            found.mkdir(parents=True, exist_ok=True)
            if os.access(found, os.W_OK):
                return found
    return None


def is_built() -> bool:
    """Whether the kernels of this version were compiled on this computer."""
    place = folder()
    return place is not None and (place / BUILT).exists()


@lru_cache(maxsize=1)
def state() -> str:
    """A digest of the sources of compiled code."""
    told = hashlib.sha256()
    for source in sorted(ROOM.glob("*.py")):
        if source.name not in PLAIN:
            told.update(source.read_bytes())
    return told.hexdigest()[:16]


@lru_cache(maxsize=1)
def _name() -> str:
    """What compiled code depends on: sources, processor, Python and Numba."""
    told = hashlib.sha256(state().encode())
    facts = (sys.version, platform.machine(), _processor())
    told.update(repr((*facts, version("numba"), version("llvmlite"))).encode())
    return told.hexdigest()[:16]


def _processor() -> str:
    """The processor, as Linux tells it in its first entry; elsewhere as Python does."""
    try:
        entry = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
    except OSError:
        return platform.processor()
    kept = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU part")
    return "\n".join(line for line in entry.splitlines() if line.startswith(kept))
