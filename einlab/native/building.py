"""The kernels compiled once on a computer, beside the work that would have to wait for it.

Numba compiles them in some tens of seconds and keeps them on disk. Whoever meets the first product
for them starts a process that does so, and goes on without them until they are there. Which code
is there already is said by an empty file, named after all that the code depends on.
"""

from __future__ import annotations

import hashlib
import logging
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from einlab.config import config
from einlab.native import objects

__all__ = ["build", "build_elsewhere", "folder", "is_built"]

logger = logging.getLogger("einlab")

ROOM = Path(__file__).parent
BUILT, LOCK = "built", "building"
PLAIN = ("building.py", "calling.py", "measures.py", "objects.py")
"""Sources that nothing is compiled from."""
LONGEST = 600.0
"""Seconds after which whoever is building is taken for gone."""


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


def build() -> Mapping[str, int]:
    """Compile the kernels, or load them from the disk: where C calls every function, by its name.

    Notes on the disk that they are there. Raises ImportError if Numba's machinery does not load.
    """
    return _built(folder())


@lru_cache(maxsize=2)
def _built(place: Path | None) -> Mapping[str, int]:
    found = None if place is None else objects.load(place)
    if found is None:
        from einlab.native import executor  # noqa: F401 - importing compiles
        from einlab.native.compiled import KEPT, address_of

        found = {name: address_of(compiled) for name, compiled in KEPT.items()}
        if place is not None:
            _keep(place)
    return found


def _keep(place: Path) -> None:
    """Note that the kernels are there, and their code where it is loaded sooner."""
    try:
        objects.save(place)
    except (AttributeError, TypeError, ValueError, KeyError, OSError) as error:
        logger.debug("native code is loaded by Numba each time: %r", error)
    (place / BUILT).touch()


@lru_cache(maxsize=1)
def build_elsewhere() -> None:
    """Compile the kernels in a process of its own, once; does nothing where one is at it."""
    place = folder()
    if place is None:
        logger.debug("native code is not compiled: there is nowhere to keep it")
        return
    try:
        _take(place / LOCK)
    except FileExistsError:  # another process is at it
        return
    paths = [str(ROOM.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "EINLAB_CACHE_DIR": str(config.cache_dir),
    }
    subprocess.Popen(
        [sys.executable, "-m", "einlab.native.building"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    logger.debug("native code is compiled in the background; XLA computes meanwhile")


def _take(lock: Path) -> None:
    """Make the file that says who builds; raises FileExistsError while another one does."""
    if lock.exists() and time.time() - lock.stat().st_mtime > LONGEST:
        lock.unlink(missing_ok=True)
    lock.touch(exist_ok=False)


@lru_cache(maxsize=1)
def _name() -> str:
    """What compiled code depends on: sources, processor, Python and Numba."""
    told = hashlib.sha256()
    for source in sorted(ROOM.glob("*.py")):
        if source.name not in PLAIN:
            told.update(source.read_bytes())
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


if __name__ == "__main__":
    try:
        build()
    finally:
        place = folder()
        if place is not None:
            (place / LOCK).unlink(missing_ok=True)
