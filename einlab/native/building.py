"""The kernels compiled once on a computer, beside the work that would have to wait for it.

Numba compiles them in some tens of seconds and keeps them on disk. Whoever meets the first product
for them starts a process that does so, and goes on without them until they are there.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from einlab.config import config
from einlab.native import keeping, objects

__all__ = ["build", "build_elsewhere"]

logger = logging.getLogger("einlab")

LOCK, TURN = "building", "turn"
"""The file that says that a process in the background is at it; the one that is locked for it."""
LONGEST = 600.0
"""Seconds after which whoever is building is taken for gone."""


def build() -> Mapping[str, int]:
    """Compile the kernels, or load them from the disk: where C calls every function, by its name.

    Notes on the disk that they are there. Raises ImportError if Numba's machinery does not load.
    """
    return _built(keeping.folder())


@lru_cache(maxsize=2)
def _built(place: Path | None) -> Mapping[str, int]:
    if place is None:
        return _compiled()
    with _alone(place):
        found: Mapping[str, int] | None = objects.load(place)
        if found is None:
            found = _compiled()
            _keep(place)
    return found


def _compiled() -> Mapping[str, int]:
    """All functions, compiled by Numba or taken from its cache."""
    from einlab.native import executor  # noqa: F401 - importing compiles
    from einlab.native.compiled import KEPT, address_of

    return {name: address_of(compiled) for name, compiled in KEPT.items()}


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """A `with` block that one process at a time is in, where the system has such locks."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (place / TURN).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keep(place: Path) -> None:
    """Note that the kernels are there, and their code where it is loaded sooner."""
    try:
        objects.save(place)
    except (AttributeError, TypeError, ValueError, KeyError, OSError) as error:
        logger.debug("native code is loaded by Numba each time: %r", error)
    (place / keeping.BUILT).touch()


@lru_cache(maxsize=1)
def build_elsewhere() -> None:
    """Compile the kernels in a process of its own, once; does nothing where one is at it."""
    place = keeping.folder()
    if place is None:
        logger.debug("native code is not compiled: there is nowhere to keep it")
        return
    try:
        _take(place / LOCK)
    except FileExistsError:  # another process is at it
        return
    paths = [str(keeping.ROOM.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "EINLAB_CACHE_DIR": str(config.cache_dir),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "einlab.native.building"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie
    logger.debug("native code is compiled in the background; XLA computes meanwhile")


def _take(lock: Path) -> None:
    """Make the file that says who builds; raises FileExistsError while another one does."""
    if lock.exists() and time.time() - lock.stat().st_mtime > LONGEST:
        lock.unlink(missing_ok=True)
    lock.touch(exist_ok=False)


if __name__ == "__main__":
    try:
        build()
    finally:
        place = keeping.folder()
        if place is not None:
            (place / LOCK).unlink(missing_ok=True)
