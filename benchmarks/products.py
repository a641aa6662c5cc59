"""Plain products beside NumPy and JAX: `python -m benchmarks.products squares`, or `network`.

`squares` multiplies square matrices of growing size; `network` sends a thousand inputs through a
small network, one by one and as a batch. Every way takes its turn in each round, warm, waited for,
on a clock that cannot be set back; the median over the rounds stands for it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.records import begin, machine_line, write_tables
from einlab.show.text import render
from einlab.table import Column, Fact, Table

__all__ = ["network_table", "squares_table"]

Call = Callable[..., Any]
WIDTHS = (512, 1024, 1024, 256)
FILE = click.Path(dir_okay=False, path_type=Path)


def interleaved(calls: Mapping[str, Call], rounds: int, least: float) -> dict[str, float]:
    """Median seconds of each call, in turn; a turn repeats a short call for `least` seconds."""
    repeats = {}
    for name, call in calls.items():
        call()  # the first call compiles
        start = time.perf_counter()
        call()
        repeats[name] = max(1, round(least / max(time.perf_counter() - start, 1e-7)))
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds):
        for name in list(calls) if turn % 2 else list(calls)[::-1]:
            start = time.perf_counter()
            for _ in range(repeats[name]):
                calls[name]()
            taken[name].append((time.perf_counter() - start) / repeats[name])
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def _ready(function: Call, *arguments: Any) -> None:
    function(*arguments).block_until_ready()


def squares_table(sizes: tuple[int, ...], rounds: int, least: float) -> Table:
    """Seconds and FLOP/s of square float32 products by NumPy, compiled JAX, and einlab."""
    import jax

    from einlab import contract, plan

    random = np.random.default_rng(0)
    jitted = jax.jit(jax.numpy.matmul)
    rows: list[tuple[Any, ...]] = []
    for size in sizes:
        a, b = (random.random((size, size), np.float32) for _ in range(2))
        x, y = jax.device_put(a), jax.device_put(b)
        calls: dict[str, Call] = {
            "NumPy": partial(np.matmul, a, b),
            "JAX": partial(_ready, jitted, x, y),
            "einlab": partial(_ready, contract, "ij,jk->ik", x, y),
        }
        flops = plan("ij,jk->ik", (size, size), (size, size)).flops
        for name, seconds in interleaved(calls, rounds, least).items():
            rows.append((size, name, seconds, flops / seconds))
    columns = (
        Column("n", "count"),
        Column("by"),
        Column("time", "seconds"),
        Column("speed", "quantity", "FLOP/s"),
    )
    peak = Fact("highest speed seen", max(row[3] for row in rows), "quantity", "FLOP/s")
    return Table("products of n×n matrices in float32", columns, rows, facts=[peak])


def network_table(inputs: int, rounds: int) -> Table:
    """Seconds of many inputs through a network, one by one and as a batch."""
    import jax

    from einlab import layers

    network = layers.init_mlp(jax.random.key(0), WIDTHS)
    held = [{name: np.asarray(value) for name, value in layer.items()} for layer in network]
    batch = np.random.default_rng(0).random((inputs, WIDTHS[0]), np.float32)
    jitted, given = jax.jit(layers.mlp), jax.device_put(batch)
    singles = [jax.device_put(one) for one in batch]

    def by_numpy(x: Any) -> Any:
        for layer in held[:-1]:
            x = np.maximum(x @ layer["weight"] + layer["bias"], 0)
        return x @ held[-1]["weight"] + held[-1]["bias"]

    np.testing.assert_allclose(by_numpy(batch), jitted(network, given), rtol=1e-3, atol=1e-3)
    calls: dict[str, Call] = {
        "NumPy, one by one": lambda: [by_numpy(one) for one in batch],
        "NumPy, a batch": lambda: by_numpy(batch),
        "JAX, one by one": lambda: [jitted(network, x).block_until_ready() for x in singles],
        "JAX, a batch": lambda: jitted(network, given).block_until_ready(),
    }
    taken = interleaved(calls, rounds, 0.0)
    rows = [(name, all_, all_ / inputs, inputs / all_) for name, all_ in taken.items()]
    columns = (
        Column("way"),
        Column("all inputs", "seconds"),
        Column("an input", "seconds"),
        Column("inputs a second", "number"),
    )
    title = f"{inputs:,} inputs through a network {' → '.join(map(str, WIDTHS))}, float32"
    return Table(title, columns, rows)


@click.group(help=__doc__)
def main() -> None:
    """Plain products beside their peers."""


def report(table: Table, out: Path | None) -> None:
    """Print a table, and keep it if a file is named."""
    record = replace(begin("products"), tables=(table,))
    click.echo(f"{machine_line(record.machine)}\n")
    click.echo(render(table))
    if out is not None:
        write_tables(record, out)


@main.command()
@click.option("--sizes", default="64,128,256,512,1024,2048", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
@click.option("--least", type=float, default=0.02, show_default=True, help="Seconds of a turn.")
@click.option("--out", type=FILE, help="Keep the table in this file, as JSON.")
def squares(sizes: str, rounds: int, least: float, out: Path | None) -> None:
    """Square products of growing size."""
    report(squares_table(tuple(map(int, sizes.split(","))), rounds, least), out)


@main.command()
@click.option("--inputs", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--out", type=FILE, help="Keep the table in this file, as JSON.")
def network(inputs: int, rounds: int, out: Path | None) -> None:
    """A thousand inputs, one by one or at once."""
    report(network_table(inputs, rounds), out)


if __name__ == "__main__":
    main()
