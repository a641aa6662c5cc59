"""Moving work between devices, with time and memory watched.

    python examples/devices.py
    XLA_FLAGS=--xla_force_host_platform_device_count=2 python examples/devices.py

For each device that JAX finds: how long the operands take to get there, what the plan promises
(bytes, and seconds if the machine is known), how long a hot contraction takes, what memory it holds
meanwhile, and how long the result takes to come back. Arrays are committed to the device that they
were put on: a contraction of arrays on two devices is refused until one is moved.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from einlab import contract, plan
from einlab.show.shown import Shown
from einlab.table import Column, Table

EQUATION = "ij,jk,kl->il"
SHAPES = ((1024, 256), (256, 1024), (1024, 512))
ROUNDS = 5


def seconds(work: Callable[[], Any]) -> float:
    """Median time of a few calls, each waited for; the first, which compiles, is not counted."""
    jax.block_until_ready(work())
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        jax.block_until_ready(work())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def held(device: jax.Device) -> int:
    """Bytes of the arrays alive on a device, as JAX knows them."""
    return sum(array.nbytes for array in jax.live_arrays() if device in array.devices())


def watch(device: jax.Device, arrays: list[np.ndarray]) -> tuple[Any, ...]:
    """One row: device, seconds there, for a call and back, bytes held before and after."""
    before = held(device)
    there = seconds(lambda: jax.device_put(arrays, device))
    operands = jax.device_put(arrays, device)
    call = seconds(lambda: contract(EQUATION, *operands))
    result = contract(EQUATION, *operands)
    after = held(device) - before
    start = time.perf_counter()
    back = np.asarray(result)
    home = time.perf_counter() - start
    expected = np.linalg.multi_dot(arrays)
    if np.max(abs(back - expected)) > 1e-4 * np.max(abs(expected)):
        sys.exit(f"{device} gives another result")
    return str(device), there, call, home, after


def main() -> None:
    """Print the plan, then a row for each device."""
    random = np.random.default_rng(0)
    arrays = [random.random(shape, np.float32) for shape in SHAPES]
    planned = plan(EQUATION, *SHAPES)
    print(planned)
    columns = [
        Column("device"),
        Column("there", "seconds"),
        Column("a hot call", "seconds"),
        Column("back", "seconds"),
        Column("held after", "bytes"),
    ]
    rows = [watch(device, arrays) for device in jax.devices()]
    print(Shown(Table("the same contraction on each device", columns, rows)))
    for device in jax.devices():
        stats = device.memory_stats() or {}
        told = f"{stats['peak_bytes_in_use']:,} B at most in use" if stats else "keeps no account"
        print(f"{device}: {told}")
    first, *others = jax.devices()
    if not others:
        print("one device here: nothing to mix")
        return
    mixed = [jax.device_put(arrays[0], first), *jax.device_put(arrays[1:], others[0])]
    try:
        contract(EQUATION, *mixed)
    except ValueError as error:
        print(f"on two devices at once: {str(error).splitlines()[0]}")
    else:
        sys.exit("operands on two devices were not refused")
    moved = jax.device_put(mixed, first)
    print(f"moved to {first}: result on {contract(EQUATION, *moved).devices()}")


if __name__ == "__main__":
    main()
