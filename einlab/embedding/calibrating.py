"""Measuring both methods on this device, so that "auto" takes what is faster here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from einlab import machinestore
from einlab.calibration.calibrating import calibrate
from einlab.calibration.timing import timed_programs
from einlab.embedding.choosing import ROWS, WIDTHS, RowFigures, figures_of
from einlab.embedding.comparing import crossover
from einlab.embedding.rows import rows_of
from einlab.machinestore import Stored
from einlab.show.shown import Shown

__all__ = ["calibrate_embedding", "measure_figures", "with_figures"]

ENTRIES = 2**20
"""Entries of each result: enough that what a call takes hardly counts, within the cache."""
MOST_IDS = 2**15
"""Of short rows fewer are made, so that their one-hot rows are within the cache too."""
ROUNDS, SECONDS = 9, 2.0


def calibrate_embedding(dtype: str = "float32", *, again: bool = False) -> Shown:
    """Measure both methods on this device unless that is known, keep it, and show the crossover.

    Takes a few seconds; the machine itself is calibrated first if it was not (`einlab calibrate`).

    Raises ArgumentError for a dtype that is not calibrated.

    >>> calibrate_embedding("int8")
    Traceback (most recent call last):
        ...
    einlab.errors.ArgumentError: ...
    """
    (stored,) = calibrate([dtype])
    with_figures(stored, again=again)
    return crossover(dtype)


def with_figures(stored: Stored, *, again: bool = False) -> Stored:
    """A calibration that has the figures of embeddings too, measured and kept if it had none."""
    if not again and figures_of(stored.dtype, stored.machine) is not None:
        return stored
    known = stored.machine.measured[stored.dtype]
    found = measure_figures(stored.dtype, known)
    measured = {**stored.machine.measured, stored.dtype: {**known, **found.to_dict()}}
    stored = replace(stored, machine=replace(stored.machine, measured=measured))
    machinestore.save(stored)
    return stored


def measure_figures(dtype: str, known: Mapping[str, float]) -> RowFigures:
    """Run both methods at every width; `known` says what a call takes, and one with a product."""
    programs: list[Callable[..., jax.Array]] = []
    arrays: list[tuple[jax.Array, jax.Array]] = []
    random = np.random.default_rng(0)
    counts = [min(MOST_IDS, ENTRIES // width) for width in WIDTHS]
    turns = (("gather", ROWS[-1]), *(("one_hot", rows) for rows in ROWS))
    with jax.enable_x64(dtype == "float64"):
        for method, rows in turns:
            for width, count in zip(WIDTHS, counts, strict=True):
                ids = jnp.asarray(random.integers(rows, size=count, dtype=np.int32))
                table = jnp.asarray(random.standard_normal((rows, width)), dtype)
                programs.append(jax.jit(partial(rows_of, method=method)))
                arrays.append((ids, table))
        times = timed_programs(programs, arrays, rounds=ROUNDS, seconds=SECONDS).quiet()
    call = known["call"] + known["launch"]
    each = [
        max(0.0, seconds - call) / count
        for seconds, count in zip(times, counts * len(turns), strict=True)
    ]
    widths = len(WIDTHS)
    gather, *one_hot = (tuple(each[i * widths : (i + 1) * widths]) for i in range(len(turns)))
    return RowFigures(gather, tuple(one_hot), known["wake"] + known["product_launch"])
