"""What the formulas miss, smoothed over the programs that a calibration ran.

Each kind of step has a Gaussian process of its own. A time that its neighbours contradict counts
less: its noise grows with its distance from them, which makes the loss linear in large errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from einlab.planning import Plan
from einlab.predicting import alone, nearness
from einlab.residuals import MOST, SCALES, UNKNOWN, Known, Residuals, kernel
from einlab.stepmodel import StepModel
from einlab.stepwork import Work, work_of

__all__ = ["Smooth", "smoothed"]

NOISE = {"product": 0.3}
USUAL_NOISE = 0.12
"""Standard deviation of a measured time, in units of that of what the formulas miss, by kind of
step: of products of matrices they miss little."""
OUTLIER = 1.5
"""Distance, in standard deviations of the noise, from which an error counts linearly."""
LEAST_SPREAD = 0.05
"""Of what the formulas miss, so that nothing is divided by zero."""
WITHIN = 0.9
"""Part of the programs that an error bar covers."""
FEWEST_FOR_A_BAR = 10
"""Programs of a kind from which nine of ten can be told; of fewer, the bar is that of nothing."""
PASSES = 4
FEWEST = 3
"""Programs of a kind from which anything is learnt of it."""


@dataclass(frozen=True, slots=True)
class Smooth:
    """Residuals, and what they say of each program when that one is left out."""

    residuals: Residuals
    places: np.ndarray
    """Of the programs that were smoothed, among all."""
    left_out: np.ndarray
    """Logarithm of measured over predicted of each of them, the program itself not being known."""


def smoothed(model: StepModel, plans: Sequence[Plan], seconds: Sequence[float]) -> Smooth:
    """The residuals of a model without any, from plans that took so many seconds each.

    Permutations come first: products are compared with what the formulas say of them when the
    permutations beside them are mended already. Plans of several steps are not smoothed.
    """
    works = [_only_work(plan) for plan in plans]
    measured = np.log(np.asarray(seconds))
    smooth: list[int] = []
    left_out: list[float] = []
    known: dict[str, Known] = {}
    for kind in ("permute", *(name for name in SCALES if name != "permute")):
        chosen = [(at, work) for at, work in enumerate(works) if work and work.alike == kind]
        if len(chosen) < FEWEST:
            continue
        places = [at for at, _ in chosen]
        whole = [alone(model, work) for _, work in chosen]
        traits = np.array([nearness(w, t) for (_, w), t in zip(chosen, whole, strict=True)])
        off = np.clip(measured[places] - np.log(whole), -MOST, MOST)
        scaled = traits / SCALES[kind]
        known[kind], apart = _process(scaled, off, NOISE.get(kind, USUAL_NOISE))
        smooth += places
        left_out += apart.tolist()
        if kind == "permute":
            model = replace(model, residuals=Residuals(dict(known)))
    return Smooth(Residuals(known), np.array(smooth, dtype=int), np.array(left_out))


def _only_work(plan: Plan) -> Work | None:
    """What the only step of a plan does; None if it has none or several, or slices."""
    return work_of(plan.steps[0]) if len(plan.steps) == 1 and plan.slices == 1 else None


def _process(traits: np.ndarray, off: np.ndarray, noisy: float) -> tuple[Known, np.ndarray]:
    """What is known of the programs, and what the others say of each less what was measured."""
    spread = max(float(np.sqrt(np.mean(off**2))), LEAST_SPREAD)
    alike = spread**2 * kernel(traits, traits)
    usual = noisy * spread
    noise = np.full(len(off), usual**2)
    kept, apart, deviations = noise, off, np.ones(len(off))
    for _ in range(PASSES):
        inverse = np.linalg.inv(alike + np.diag(noise))
        weights = inverse @ off
        apart = weights / np.diag(inverse)  # Rasmussen and Williams 2006, eq. 5.12
        deviations = np.sqrt(1.0 / np.diag(inverse) - noise + usual**2)
        kept = noise
        noise = usual**2 * np.maximum(1.0, np.abs(noise * weights) / (OUTLIER * usual))
    bar = float(np.quantile(np.abs(apart) / deviations, WITHIN)) * spread
    if len(off) < FEWEST_FOR_A_BAR:
        bar = max(bar, UNKNOWN)
    return Known(traits, spread**2 * weights, kept / spread**2, bar), apart
