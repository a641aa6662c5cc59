"""A calibration as one could be, for tests that need one and measure nothing."""

from __future__ import annotations

import numpy as np

from einlab.embedding.choosing import ROWS, WIDTHS, RowFigures
from einlab.machine import Machine
from einlab.machinestore import Stored, host_name, jax_version
from einlab.residuals import SCALES, Known, Residuals
from einlab.stepmodel import Calling, Constants

CONSTANTS = Constants(
    itemsize=4.0,
    rate=1.2e11,
    half_m=15.0,
    half_k=12.0,
    half_n=40.0,
    batched=0.6,
    matrix=1.5e-7,
    loop_rate=9e9,
    gain=0.8,
    gain_from=1e-3,
    vector_bandwidth=3e10,
    bandwidth=2e10,
    cache=6e6,
    cache_bandwidth=6e10,
    read_bandwidth=3e10,
    launch=1.5e-6,
    product_launch=2e-6,
    threads=3e-5,
    threads_from=8e5,
    batch_from=5e4,
    sum_bandwidth=3e10,
    half_sum=4.0,
    permute_bandwidth=4e10,
    permute_memory=1e10,
    run=2e-10,
    gather=8e-10,
    crossed=2.5,
    multiply=8e-11,
    reduce_bandwidth=2e10,
    iteration=3e-6,
    allocation=4e-10,
    allocation_from=32 * 2.0**20,
)
CALLING = Calling(call=8e-6, wake=2e-5, wake_from=4e-6, inline=1e3)
EMBEDDING = RowFigures((4e-9,) * len(WIDTHS), ((5e-9,) * len(WIDTHS),) * len(ROWS), 2e-5)
SUMS = Known(np.zeros((1, len(SCALES["sum"]))), np.array([0.5]), np.array([0.04]), 0.6)
RESIDUALS = Residuals({"sum": SUMS})


def stored(dtype: str = "float32") -> Stored:
    """The calibration of this host for one dtype."""
    known = {**CONSTANTS._asdict(), **CALLING._asdict(), **EMBEDDING.to_dict()}
    figures = {**known, "error": 0.3, "compile": 0.015}
    machine = Machine(
        host_name(),
        {dtype: CONSTANTS.rate},
        bandwidth=CONSTANTS.bandwidth,
        memory=8e9,
        kind="cpu",
        measured={dtype: figures},
        residuals={dtype: RESIDUALS.to_text()},
    )
    points = (("product", "ij,jk->ik 9×9, 9×9", 1e-5, 1.2e-5),)
    return Stored(machine, dtype, points, 0.05, (), host_name(), jax_version())
