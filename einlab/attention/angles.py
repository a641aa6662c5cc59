"""The angles of rotary position embeddings, and how they are stretched for longer sequences.

Nothing here imports JAX: a model's config is read without it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from einlab.errors import ArgumentError, listing

__all__ = ["Rotary", "Scaling", "frequencies"]

ScalingKind = Literal["linear", "ntk", "llama3", "yarn"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Scaling:
    """How rotary angles are stretched beyond the length of training.

    "linear": all by `factor` (Chen et al. 2023, arXiv 2306.15595); "ntk": the base grows so that
    the lowest frequency is stretched by `factor` and the highest not at all (NTK-aware scaling, as
    Peng et al. 2023 give it in section 3.1); "llama3": low frequencies only (Llama 3 report, 2024);
    "yarn": a ramp between kept and stretched ones (Peng et al. 2023, arXiv 2309.00071).

    >>> frequencies(Rotary(size=2, scaling=Scaling(kind="linear", factor=4.0))).tolist()
    [0.25]
    """

    kind: ScalingKind
    factor: float
    trained: int = 1
    """The longest sequence before stretching; llama3 and yarn use it."""
    low: float = 1.0
    """llama3: turns within `trained` below which a frequency is stretched; yarn: beta_slow."""
    high: float = 4.0
    """llama3: turns above which it is kept; yarn: beta_fast."""
    attention: float = 1.0
    """yarn: the factor on the rotated vectors."""
    score: float = 1.0
    """yarn: the factor on the scores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotary:
    """Rotary position embeddings (Su et al. 2021, arXiv 2104.09864).

    >>> frequencies(Rotary(size=4)).tolist()
    [1.0, 0.01]
    """

    theta: float = 10_000.0
    """The base of the frequencies."""
    size: int
    """Entries of a head that are turned, the first ones; the rest stay."""
    interleaved: bool = False
    """Whether neighbouring entries make a pair (GPT-J, DeepSeek), or entries half of `size` apart
    (GPT-NeoX, Llama as most libraries store it)."""
    scaling: Scaling | None = None


def frequencies(rotary: Rotary) -> np.ndarray:
    """The angle that each pair of entries is turned by from one position to the next, in radians.

    Raises ArgumentError if the size is odd or below 2, or if the base, a factor or a bound of the
    scaling is one that has no angles.

    >>> frequencies(Rotary(size=4, theta=100.0))
    array([1. , 0.1])
    >>> frequencies(Rotary(size=4, theta=100.0, scaling=Scaling(kind="linear", factor=2.0)))
    array([0.5 , 0.05])
    """
    _check(rotary)
    scaling, theta = rotary.scaling, rotary.theta
    if scaling is not None and scaling.kind == "ntk":
        theta *= scaling.factor ** (rotary.size / (rotary.size - 2))
    plain: np.ndarray = theta ** -(np.arange(0, rotary.size, 2) / rotary.size)
    if scaling is None or scaling.kind == "ntk":
        return plain
    if scaling.kind == "linear":
        return plain / scaling.factor
    kept = _llama3(plain, scaling) if scaling.kind == "llama3" else _yarn(rotary, scaling)
    mixed: np.ndarray = kept * plain + (1 - kept) * plain / scaling.factor
    return mixed


def _llama3(plain: np.ndarray, scaling: Scaling) -> np.ndarray:
    """How much of each frequency is kept: all above `high` turns, none below `low`."""
    turns = scaling.trained * plain / (2 * math.pi)
    return np.clip((turns - scaling.low) / (scaling.high - scaling.low), 0.0, 1.0)


def _yarn(rotary: Rotary, scaling: Scaling) -> np.ndarray:
    """How much of each frequency is kept: a ramp over the pairs between two numbers of turns."""

    def pair(turns: float) -> float:
        longest = math.log(scaling.trained / (turns * 2 * math.pi))
        return rotary.size * longest / (2 * math.log(rotary.theta))

    first = max(math.floor(pair(scaling.high)), 0)
    last = min(math.ceil(pair(scaling.low)), rotary.size - 1)
    ramp = (np.arange(rotary.size // 2) - first) / max(last - first, 0.001)
    return 1 - np.clip(ramp, 0.0, 1.0)


def _check(rotary: Rotary) -> None:
    scaling = rotary.scaling
    if rotary.size < 2 or rotary.size % 2:
        raise ArgumentError(f"rotary.size is {rotary.size}; it is an even number, 2 or more")
    if not 1 < rotary.theta < math.inf:
        raise ArgumentError(f"rotary.theta is {rotary.theta:g}; it is finite and above 1")
    if scaling is None:
        return
    if scaling.kind not in get_args(ScalingKind):
        kinds = listing(get_args(ScalingKind))
        raise ArgumentError(f"scaling.kind is {scaling.kind!r:.60}; it is one of {kinds}")
    for name in ("factor", "trained", "attention", "score"):
        value = getattr(scaling, name)
        if not 0 < value < math.inf:
            raise ArgumentError(f"scaling.{name} is {value:g}; it is finite and above 0")
    if scaling.kind == "ntk" and rotary.size == 2:
        raise ArgumentError("rotary.size is 2; scaling by ntk needs 4 or more")
    if scaling.kind in ("llama3", "yarn") and not 0 < scaling.low < scaling.high < math.inf:
        raise ArgumentError(
            f"scaling.low is {scaling.low:g} and scaling.high is {scaling.high:g}; low is above 0 "
            "and below high"
        )
