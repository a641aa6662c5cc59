"""`Machine`: what a device can do at most, and what was measured of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from einlab.errors import ArgumentError, ArgumentTypeError, listing

__all__ = ["Machine"]

KINDS = ("cpu", "gpu", "tpu")
LEAST_RIDGE, MOST_RIDGE = 0.01, 1e5
"""FLOPs a byte between which the ridge point of every machine lies; others are in wrong units."""


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
    """The date at which the source was read, or on which it was measured."""
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)
    """By dtype, the constants of the step model as `einlab calibrate` measured them."""
    residuals: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)
    """By dtype, what measured steps took beside that: the text of `Residuals`."""

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
        self._check_together()

    def _check_together(self) -> None:
        """Figures that are each possible, but not beside each other."""
        if self.cache is not None and self.cache >= self.memory:
            raise ArgumentError(
                f"machine {self.name!r}: cache is {self.cache:g} bytes and memory "
                f"{self.memory:g}; the cache is the smaller one"
            )
        for dtype, rate in self.peak.items():
            ridge = rate / self.bandwidth
            if not LEAST_RIDGE < ridge < MOST_RIDGE:
                raise ArgumentError(
                    f"machine {self.name!r}: peak of {dtype} is {rate:g} FLOP/s beside a bandwidth "
                    f"of {self.bandwidth:g} bytes/s, {ridge:.3g} FLOPs a byte; is one of them in "
                    "units of giga or tera? Both are whole: 1e12, not 1"
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

        >>> tiny = Machine("tiny", {"float32": 1e12, "tf32": 8e12}, bandwidth=1e11, memory=8e9)
        >>> tiny.rate("float32"), tiny.rate("float32", "highest"), tiny.rate("float64")
        (8000000000000.0, 1000000000000.0, None)
        """
        real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        if real == "float32" and "tf32" in self.peak and precision not in ("highest", "float32"):
            return self.peak["tf32"]
        return self.peak.get(real)

    def to_dict(self) -> dict[str, Any]:
        """The machine as plain values, which `Machine(**…)` takes back.

        >>> tiny = Machine("tiny", {"float32": 1e12}, bandwidth=1e11, memory=8e9)
        >>> Machine(**tiny.to_dict()) == tiny
        True
        """
        return {item.name: getattr(self, item.name) for item in fields(self)} | {
            "peak": dict(self.peak),
            "measured": {dtype: dict(constants) for dtype, constants in self.measured.items()},
            "residuals": dict(self.residuals),
        }

    def ridge(self, dtype: str, precision: str | None = None) -> float | None:
        """FLOPs a byte from which on products are bound by compute; None if not known.

        >>> Machine("tiny", {"float32": 1e12}, bandwidth=1e11, memory=8e9).ridge("float32")
        10.0
        """
        rate = self.rate(dtype, precision)
        return None if rate is None else rate / self.bandwidth
