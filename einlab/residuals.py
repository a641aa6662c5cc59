"""What a formula misses, learnt from measured programs near the one that is asked about.

A calibration keeps, of each program that it ran, the traits of its step and a weight. The logarithm
of measured over predicted time at other traits is the sum of the weights, each times a kernel that
falls from 1 with the distance: the mean of a Gaussian process, which passes close to the measured
values, is smooth between them and goes to 0, a factor of 1, far from all of them.
Source: Rasmussen and Williams 2006, "Gaussian Processes for Machine Learning", eq. 2.23; the kernel
is exp(-r), eq. 4.18, because times jump where the compiler takes another kernel.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from einlab.errors import ArgumentError

__all__ = ["MOST", "SCALES", "UNKNOWN", "Known", "Residuals", "kernel"]

MOST = math.log(20.0)
"""Of the logarithm of a factor: further off, a formula is not mended but wrong."""
UNKNOWN = math.log(3.0)
"""Error bar, in logarithms, of steps of a kind of which nothing was measured."""

SCALES: dict[str, tuple[float, ...]] = {
    "product": (8.0, 6.8, 3.9, 11.0, 12.0, 12.0, 0.5, 10.0, 12.0, 3.2),
    "batch": (15.0, 5.9, 2.0, 1.9, 8.4, 8.7, 10.0, 8.7, 6.9, 7.3),
    "vector": (17.0, 13.0, 5.2, 8.0, 11.0, 8.0, 8.9, 8.5, 9.2, 1.3),
    "loop": (6.0, 6.0, 6.0, 6.0, 2.0, 4.0, 3.0, 3.0, 3.0, 6.0, 4.0),
    "reduce": (2.2, 6.8, 6.4, 12.0, 8.9, 12.0, 14.0, 21.0, 0.8),
    "unroll": (4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.5, 5.0, 4.0),
    "spread": (25.0, 25.0, 4.0, 12.0, 5.0, 2.0, 6.0, 5.0, 0.4),
    "sum": (3.0, 7.0, 30.0, 6.0, 10.0, 3.0, 9.0, 3.0),
    "permute": (60.0, 40.0, 60.0, 60.0, 60.0, 2.0, 1.2),
    "diagonal": (10.0, 4.0, 4.0, 1.5),
    "native": (
        *(9.0, 7.5, 4.8, 5.2, 13.0, 27.0, 34.0, 13.0),
        *(16.0, 2.1, 8.1, 9.6, 1.5),
        *(35.0, 15.0, 38.0, 17.0, 15.0, 4.7),
    ),
    "native permute": (25.0, 22.0, 16.0, 6.2, 32.0, 3.0, 1.1),
    "native diagonal": (12.0, 8.0, 2.7, 1.2),
    "native sum": (44.0, 38.0, 0.6, 8.0, 60.0, 0.7, 2.7, 4.3),
    "direct": (
        *(60.0, 2.3, 3.1, 8.0, 1.0, 3.4, 1.5, 2.0),
        *(2.0, 17.0, 31.0, 40.0, 6.5, 46.0, 1.7),
    ),
}
"""By kind of step, the lengths over which steps stay alike, in the units of their traits; the last
is in powers of two of seconds. Found once by maximum likelihood over 2,300 programs in float32 and
float64 on two cores; they decide how far a measured time reaches, and it is measured anew on each
machine."""


def kernel(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How alike steps are whose traits, in units of their scales, are the rows of two arrays.

    >>> kernel(np.zeros((1, 2)), np.zeros((3, 2))).shape
    (1, 3)
    """
    apart = one[:, None, :] - other[None, :, :]
    near: np.ndarray = np.exp(-np.sqrt((apart * apart).sum(-1)))
    return near


@dataclass(frozen=True, eq=False)
class Known:
    """What was measured of one kind of step; rows and entries are of programs."""

    traits: np.ndarray
    """In units of their scales."""
    weights: np.ndarray
    noise: np.ndarray
    """Variance of each measured time, in units of that of what the formulas miss."""
    bar: float
    """Logarithm of the factor that nine of ten programs stay within where nothing is near: the
    standard deviation of what the formulas miss, times what the programs, each predicted by the
    others, need of the process's own deviations."""

    @cached_property
    def _inverse(self) -> np.ndarray:
        """Of the covariance of the measured times; found when it is first asked for."""
        found: np.ndarray = np.linalg.inv(kernel(self.traits, self.traits) + np.diag(self.noise))
        return found

    def near(self, traits: np.ndarray) -> np.ndarray:
        """How alike each program is to a step with such traits."""
        alike: np.ndarray = kernel(traits[None, :], self.traits)[0]
        return alike

    def deviation(self, near: np.ndarray) -> float:
        """Standard deviation of a step's time, in units of that of what the formulas miss."""
        left = 1.0 - float(near @ self._inverse @ near) + float(self.noise.min())
        return math.sqrt(max(left, 0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What was measured, by kind of step."""

    known: Mapping[str, Known]

    def factor(self, kind: str, traits: Sequence[float]) -> float:
        """Measured over predicted time of a step with these traits; 1 for an unknown kind.

        >>> Residuals({}).factor("permute", [0.0])
        1.0
        """
        if kind not in self.known:
            return 1.0
        measured = self.known[kind]
        near = measured.near(np.array(traits) / SCALES[kind])
        return math.exp(max(-MOST, min(MOST, float(near @ measured.weights))))

    def bar(self, kind: str, traits: Sequence[float]) -> float:
        """Logarithm of the factor within which nine of ten such steps are of what is said of them.

        >>> round(math.exp(Residuals({}).bar("permute", [0.0])))
        3
        """
        if kind not in self.known:
            return UNKNOWN
        measured = self.known[kind]
        return measured.bar * measured.deviation(measured.near(np.array(traits) / SCALES[kind]))

    def to_text(self) -> str:
        """The residuals as JSON text; arrays in 16 and 32 bits, little-endian, as base64."""
        return json.dumps(
            {
                kind: [
                    len(one.weights),
                    one.bar,
                    _encoded(one.traits, "<f2"),
                    _encoded(one.weights, "<f4"),
                    _encoded(one.noise, "<f4"),
                ]
                for kind, one in self.known.items()
            }
        )

    @classmethod
    def from_text(cls, text: str) -> Residuals:
        """What `to_text` wrote.

        Raises ArgumentError if it is no such text.
        """
        return _read(text)


def _encoded(array: np.ndarray, dtype: str) -> str:
    return base64.b64encode(array.astype(dtype).tobytes()).decode()


@lru_cache(maxsize=32)
def _read(text: str) -> Residuals:
    found = {}
    try:
        for kind, (count, bar, traits, weights, noise) in json.loads(text).items():
            rows = _decoded(traits, "<f2").reshape(count, len(SCALES[kind]))
            found[kind] = Known(
                rows,
                _decoded(weights, "<f4").reshape(count),
                _decoded(noise, "<f4").reshape(count),
                float(bar),
            )
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise ArgumentError(
            f"measured residuals are damaged ({error}); run 'einlab calibrate' again"
        ) from None
    arrays = [(one.traits, one.weights, one.noise, one.bar) for one in found.values()]
    if not all(np.isfinite(array).all() for each in arrays for array in each):
        raise ArgumentError("measured residuals are damaged; run 'einlab calibrate' again")
    return Residuals(found)


def _decoded(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype).astype(np.float64)
