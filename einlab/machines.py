"""`Machine`: what a device can do at most, and the sourced table of devices.

A machine is a value of peak figures: FLOPs a second by dtype, bytes a second to memory, bytes of
memory. The built-in ones stand in `machines.toml` with source and date; users add their own with
`Machine(...)` or in a file of the same form.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from einlab.errors import ArgumentError, ArgumentTypeError, FileError, listing

__all__ = ["Machine", "machine_for", "machines", "machines_from"]

KINDS = ("cpu", "gpu", "tpu")


@dataclass(frozen=True)
class Machine:
    """Peak figures of one device, dense, as its maker gives them or as they were measured.

    Raises ArgumentError for a figure that is not positive and finite, an unknown kind, or a machine
    without any peak.

    >>> tiny = Machine("tiny", {"float32": 1e12}, bandwidth=1e11, memory=8e9)
    >>> tiny.ridge("float32")
    10.0
    """

    name: str
    peak: Mapping[str, float] = field(hash=False)
    """Multiplications and additions a second by dtype; "tf32" for float32 so rounded."""
    bandwidth: float
    """Bytes a second between the processor and its memory."""
    memory: float
    """Bytes of memory."""
    cache: float | None = None
    """Bytes of the last level of memory on the chip; None if not known."""
    link: float | None = None
    """Bytes a second to other devices, both directions together; None if not known."""
    launch: float = 0.0
    """Seconds that starting one operation takes."""
    kind: str = "gpu"
    source: str = ""
    read: str = ""
    """The date at which the source was read."""

    def __post_init__(self) -> None:
        if not self.peak:
            raise ArgumentError(f"machine {self.name!r} has no peak: give peak={{'float32': 1e12}}")
        for dtype, rate in self.peak.items():
            self._check(f"peak of {dtype}", rate)
        for name in ("bandwidth", "memory", "cache", "link"):
            value = getattr(self, name)
            if value is not None:
                self._check(name, value)
        if self.launch:
            self._check("launch", self.launch)
        if self.kind not in KINDS:
            raise ArgumentError(
                f"machine {self.name!r} is of kind {self.kind!r}, not {listing(KINDS)}"
            )

    def _check(self, what: str, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ArgumentTypeError(f"machine {self.name!r}: {what} is {value!r:.40}, no number")
        if not 0 < float(value) < math.inf:
            raise ArgumentError(
                f"machine {self.name!r}: {what} is {value}; it is positive and finite"
            )

    def rate(self, dtype: str, precision: str | None = None) -> float | None:
        """Peak FLOPs a second of products of a dtype; None if the table has no figure.

        float32 products run in TF32 where the machine has it and the precision allows it: JAX's
        default and "high" do, "highest" and "float32" do not. Complex products run at the rate of
        their real parts, integers of 16 bits and bool at that of float32.
        """
        real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        if real == "float32" and "tf32" in self.peak and precision not in ("highest", "float32"):
            return self.peak["tf32"]
        return self.peak.get(real)

    def to_dict(self) -> dict[str, Any]:
        """The machine as plain values, which `Machine(**…)` takes back."""
        return {item.name: getattr(self, item.name) for item in fields(self)} | {
            "peak": dict(self.peak)
        }

    def ridge(self, dtype: str, precision: str | None = None) -> float | None:
        """FLOPs a byte from which on products are bound by compute; None if not known."""
        rate = self.rate(dtype, precision)
        return None if rate is None else rate / self.bandwidth


def machine_for(machine: Machine | str) -> Machine:
    """The machine of that name in the built-in table, or the machine itself.

    Names are compared without regard to case, blanks and signs.

    Raises ArgumentError for an unknown name, with the nearest ones.

    >>> machine_for("h100-sxm").bandwidth
    3350000000000.0
    """
    if isinstance(machine, Machine):
        return machine
    if not isinstance(machine, str):
        raise ArgumentTypeError(f"a machine is a Machine or a name, not {machine!r:.60}")
    known = {_plain(one.name): one for one in machines()}
    found = known.get(_plain(machine))
    if found is None:
        names = {_plain(one.name): one.name for one in machines()}
        near = difflib.get_close_matches(_plain(machine), names, n=3)
        hint = (
            f"did you mean {listing(names[n] for n in near)}?"
            if near
            else (f"known are {listing(names.values())}")
        )
        raise ArgumentError(f"unknown machine {machine!r:.60}; {hint}")
    return found


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum() or char == "+")


@lru_cache(maxsize=1)
def machines() -> tuple[Machine, ...]:
    """The built-in table."""
    text = resources.files("einlab").joinpath("machines.toml").read_text(encoding="utf-8")
    return _machines(text, "machines.toml")


def machines_from(path: str | Path) -> tuple[Machine, ...]:
    """The machines of a TOML file, in the form of the built-in table.

    Raises FileError if it cannot be read or names what it should not; ArgumentError for a figure
    that cannot be.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read: {error}") from None
    return _machines(text, str(path))


def _machines(text: str, name: str) -> tuple[Machine, ...]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{name} is no TOML: {error}") from None
    tables = data.get("machine")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FileError(f"{name} has no [[machine]] tables")
    return tuple(_machine(table, name) for table in tables)


def _machine(table: dict[str, Any], name: str) -> Machine:
    known = [item.name for item in fields(Machine)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise FileError(f"{name}: machine {table.get('name', '?')!r} has {key!r}{hint}")
    missing = [key for key in ("name", "peak", "bandwidth", "memory") if key not in table]
    if missing:
        raise FileError(f"{name}: machine {table.get('name', '?')!r} has no {listing(missing)}")
    return Machine(**{**table, "read": str(table.get("read", ""))})
