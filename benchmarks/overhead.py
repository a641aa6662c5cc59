"""What calling `contract` costs above the bare jitted function: `python -m benchmarks.overhead`.

Every way of calling is timed on two 8×8 arrays beside `jax.jit(jnp.einsum)` of the same equation on
the same arrays, in turn: a run is a few hundred calls of the one and then of the other, and a ratio
is taken within a run. Calls are not waited for one by one, as in a program that goes on working;
the run ends when the last result is there.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.records import begin, machine_line, write_tables
from einlab import contract
from einlab.table import Column, Table

__all__ = ["Way", "ways"]

EQUATION, SIZE = "ij,jk->ik", 8

Call = Callable[[], Any]


@dataclass(frozen=True)
class Way:
    """One way of calling, the bare call it is held against, and how much longer it may take."""

    name: str
    ours: Call
    bare: Call
    most: float


def ways(seed: int = 0) -> tuple[Way, ...]:
    """String, string with options, interleaved, and the string on NumPy arrays."""
    generator = np.random.default_rng(seed)
    left, right = (generator.standard_normal((SIZE, SIZE), np.float32) for _ in range(2))
    a, b = jnp.asarray(left), jnp.asarray(right)
    jitted = jax.jit(partial(jnp.einsum, EQUATION))
    return (
        Way("string", lambda: contract(EQUATION, a, b), lambda: jitted(a, b), 1.15),
        Way(
            "string with options",
            lambda: contract(EQUATION, a, b, optimize="greedy", precision="highest"),
            lambda: jitted(a, b),
            1.3,
        ),
        Way(
            "interleaved",
            lambda: contract(a, [0, 1], b, [1, 2], [0, 2]),
            lambda: jitted(a, b),
            1.3,
        ),
        Way(
            "NumPy arrays",
            lambda: contract(EQUATION, left, right),
            lambda: jitted(left, right),
            1.3,
        ),
    )


def seconds_a_call(call: Call, calls: int) -> float:
    """Seconds of one call, over `calls` of them."""
    start = time.perf_counter()
    for _ in range(calls - 1):
        call()
    call().block_until_ready()
    return (time.perf_counter() - start) / calls


@click.command()
@click.option("--runs", type=click.IntRange(1), default=501, show_default=True)
@click.option("--calls", type=click.IntRange(1), default=200, show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep it as JSON.")
@click.pass_context
def main(context: click.Context, /, runs: int, calls: int, out: Path | None) -> None:
    """Time hot eager calls on 8×8 arrays; exits 1 where a ratio is above its target."""
    record = begin("overhead")
    click.echo(f"{machine_line(record.machine)}; medians of {runs} runs of {calls} calls")
    met = True
    rows = []
    for way in ways():
        np.testing.assert_allclose(way.ours(), way.bare(), rtol=1e-5, atol=1e-5)
        pairs = _interleaved(way, runs, calls)
        ratios = [ours / bare for ours, bare in pairs]
        ratio = statistics.median(ratios)
        met = met and ratio <= way.most
        ours, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
        rows.append((way.name, ours, bare, ratio))
        click.echo(
            f"{way.name:20} {ours * 1e6:7.2f} µs, bare {bare * 1e6:7.2f} µs: "
            f"{ratio:5.3f} (quartiles {_quartiles(ratios)}), target {way.most}"
        )
    if out is not None:
        columns = (
            Column("way of calling"),
            Column("contract", "seconds"),
            Column("bare jitted call", "seconds"),
            Column("ratio", "number"),
        )
        table = Table(f"a hot call on {SIZE}×{SIZE} arrays", columns, rows)
        write_tables(replace(record, tables=(table,)), out)
    context.exit(0 if met else 1)


def _interleaved(way: Way, runs: int, calls: int) -> list[tuple[float, float]]:
    """Seconds of our call and of the bare one, run after run; the first of the two alternates."""
    seconds_a_call(way.ours, calls), seconds_a_call(way.bare, calls)
    pairs = []
    gc.collect()
    gc.disable()
    for run in range(runs):
        if run % 2:
            bare = seconds_a_call(way.bare, calls)
            ours = seconds_a_call(way.ours, calls)
        else:
            ours = seconds_a_call(way.ours, calls)
            bare = seconds_a_call(way.bare, calls)
        pairs.append((ours, bare))
    gc.enable()
    return pairs


def _quartiles(ratios: list[float]) -> str:
    if len(ratios) < 2:
        return "unknown"
    low, _, high = statistics.quantiles(ratios, n=4)
    return f"{low:.3f} to {high:.3f}"


if __name__ == "__main__":
    main()
