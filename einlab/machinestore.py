"""Calibrations kept on disk: one file for each device, version of JAX and dtype.

A file says for which device, host, JAX, native code and step model it holds and carries a checksum;
one that is damaged, or was made for something else, is as good as absent, and its fault can be
asked for.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import platform
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from einlab.config import config
from einlab.errors import EinlabError
from einlab.machine import Machine
from einlab.native.keeping import state
from einlab.stepmodel import StepModel

__all__ = ["Stored", "fault_of", "here", "host_name", "jax_version", "load", "save"]

VERSION = 9
"""Raised whenever constants or traits of steps change."""

logger = logging.getLogger("einlab")


@dataclass(frozen=True, slots=True)
class Stored:
    """What one calibration found for one dtype."""

    machine: Machine
    """The device, with the peak and the constants of this dtype alone."""
    dtype: str
    points: tuple[tuple[str, str, float, float], ...] = ()
    """Of each program that was run: its kind, what it was, seconds measured, and seconds predicted
    from the other programs."""
    floor: float = 0.0
    """Median relative difference of the same program measured again later in the run."""
    noisy: tuple[str, ...] = ()
    """What differed too much between the two halves of the run; empty on a quiet machine."""
    host: str = ""
    jax: str = ""
    left_out: int = 0
    """Programs for which there was no time."""


def jax_version() -> str:
    """The version of JAX that is installed, without importing it."""
    return metadata.version("jax")


@lru_cache(maxsize=1)
def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = found[1] if found else platform.processor() or platform.machine() or "unknown processor"
    return " ".join(name.split())


def host_name() -> str:
    """The processor of this computer and how many of its cores this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return f"{_processor()}, {cores} core{'s' * (cores != 1)}"


def save(stored: Stored) -> Path:
    """Put a calibration in its place at once.

    Raises OSError if the cache folder cannot be written.
    """
    body = {
        "version": VERSION,
        "host": stored.host or host_name(),
        "jax": stored.jax or jax_version(),
        "native": state(),
        "dtype": stored.dtype,
        "machine": stored.machine.to_dict(),
        "points": [list(point) for point in stored.points],
        "floor": stored.floor,
        "noisy": list(stored.noisy),
        "left_out": stored.left_out,
    }
    text = json.dumps({**body, "checksum": _checksum(body)}, indent=1)
    folder = config.cache_part("machines")
    place = folder / _file_name(stored.machine.name, str(body["jax"]), stored.dtype)
    beside = folder / f".{place.stem}.{os.getpid()}.new"
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
    config.changed()
    return place


def load(device: str, dtype: str) -> Stored | None:
    """The calibration of a device and dtype under the installed JAX; None if none can be used."""
    place = _place(device, dtype)
    found = _read(place) if place.exists() else None
    return found if isinstance(found, Stored) else None


def fault_of(device: str, dtype: str) -> str | None:
    """Why a file that is there cannot be used; None if there is none, or nothing is wrong."""
    place = _place(device, dtype)
    found = _read(place) if place.exists() else None
    return found if isinstance(found, str) else None


def here(kind: str | None = None) -> Machine | None:
    """The device that was calibrated last on this host under this JAX, with all its dtypes.

    None if there is none, or if it is of another kind ("cpu", "gpu", "tpu") than the one asked for.
    """
    folder = config.cache_dir / "machines"
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return None
    found = _here(folder, changed, host_name())
    return None if found is None or kind not in (None, found.kind) else found


@lru_cache(maxsize=8)
def _here(folder: Path, changed: int, host: str) -> Machine | None:
    """As `here`; `changed` makes a new file take effect at once."""
    found: list[Stored] = []
    for place in sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns):
        stored = _read(place)
        if isinstance(stored, str):
            logger.debug("%s is passed over: %s", place, stored)
        else:
            found.append(stored)
    if not found:
        return None
    last = found[-1].machine
    same = [stored.machine for stored in found if stored.machine.name == last.name]
    return replace(
        last,
        peak={dtype: rate for one in same for dtype, rate in one.peak.items()},
        measured={dtype: each for one in same for dtype, each in one.measured.items()},
        residuals={dtype: each for one in same for dtype, each in one.residuals.items()},
    )


def _read(place: Path) -> Stored | str:
    """The calibration in a file, or why it cannot be used."""
    try:
        data = json.loads(place.read_text(encoding="utf-8"))
        checksum = data.pop("checksum")
        if checksum != _checksum(data):
            return "it is damaged: its checksum is wrong"
        for name, wanted in (
            ("version", VERSION),
            ("jax", jax_version()),
            ("host", host_name()),
            ("native", state()),
        ):
            if data[name] != wanted:
                return f"it was made for {name} {data[name]!r}, and this is {wanted!r}"
        machine = Machine(**data["machine"])
        constants = machine.measured[data["dtype"]]
        StepModel.from_machine(machine, data["dtype"])  # refuses constants of another step model
        if not all(math.isfinite(value) and value >= 0 for value in constants.values()):
            return "it is damaged: a constant is negative or no number"
        points = tuple((str(a), str(b), float(c), float(d)) for a, b, c, d in data["points"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, EinlabError) as error:
        return f"it is damaged: {type(error).__name__} {error}"
    return Stored(
        machine,
        data["dtype"],
        points,
        float(data["floor"]),
        tuple(map(str, data["noisy"])),
        data["host"],
        data["jax"],
        int(data["left_out"]),
    )


def _checksum(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _place(device: str, dtype: str) -> Path:
    return config.cache_dir / "machines" / _file_name(device, jax_version(), dtype)


def _file_name(device: str, jax: str, dtype: str) -> str:
    key = hashlib.sha256(json.dumps([device, host_name(), jax]).encode()).hexdigest()[:16]
    return f"{key}-{dtype}.json"
