"""Why a matrix product is fast, one cause a rung: `python -m benchmarks.ladder`.

Each rung of the ladder takes one cause away: the interpreter's boxed arrays, its inner loop, its
outer loop, the single thread. Every rung runs in a process of its own with its own number of
threads, in turn with the others, on sizes that let it end within seconds; what is compared is the
time of one multiply-add. `--strassen` times one level of Strassen's scheme beside the plain one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.records import begin, machine_line, write_tables
from einlab.show.text import render
from einlab.table import Column, Table

__all__ = ["RUNGS", "Rung", "ladder_table"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ENOUGH = 0.3  # seconds of repetitions in one process


@dataclass(frozen=True)
class Rung:
    """One way to a product of square float32 matrices."""

    name: str
    cause: str
    """What this rung has that the one below it lacks."""
    size: int
    product: Callable[[Any, Any], Any]
    one_thread: bool = True


def _lists(a: Any, b: Any) -> Any:
    size = len(a)
    c = [[0.0] * size for _ in range(size)]
    for i in range(size):
        for j in range(size):
            for k in range(size):
                c[i][j] += a[i][k] * b[k][j]
    return c


def _arrays(a: Any, b: Any) -> Any:
    size = len(a)
    c = np.zeros((size, size), np.float32)
    for i in range(size):
        for j in range(size):
            for k in range(size):
                c[i, j] += a[i, k] * b[k, j]
    return c


def _outer(a: Any, b: Any) -> Any:
    c = np.zeros((len(a), b.shape[1]), np.float32)
    for k in range(len(b)):
        c += a[:, k : k + 1] @ b[k : k + 1, :]
    return c


def _rows(a: Any, b: Any) -> Any:
    c = np.empty((len(a), b.shape[1]), np.float32)
    for i in range(len(a)):
        c[i] = a[i] @ b
    return c


def _xla(a: Any, b: Any) -> Any:
    import jax

    return jax.jit(jax.numpy.matmul)(a, b).block_until_ready()


RUNGS = (
    Rung("loop over arrays", "every number is boxed when an array is indexed", 64, _arrays),
    Rung(
        "loop over lists", "numbers are objects already; the interpreter does the rest", 96, _lists
    ),
    Rung("sum of outer products", "loops in C, one pass over the result for each k", 512, _outer),
    Rung("row by vector product", "a row of the result stays in cache", 1024, _rows),
    Rung("NumPy, one thread", "tiles that fit the caches and registers", 1024, np.matmul),
    Rung("NumPy, all threads", "all cores", 1024, np.matmul, one_thread=False),
    Rung("XLA, all threads", "a compiler's library instead of BLAS", 1024, _xla, one_thread=False),
)
"""From the slowest, each with the cause it removes."""


def seconds_of(rung: Rung, size: int) -> float:
    """Seconds of one product in this process: the median of calls after one that does not count."""
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal((size, size), np.float32) for _ in range(2))
    left, right = (a.tolist(), b.tolist()) if rung.product is _lists else (a, b)
    if rung.product is _xla:
        import jax

        left, right = jax.device_put(a), jax.device_put(b)
    np.testing.assert_allclose(rung.product(left, right), a @ b, atol=1e-2)
    times: list[float] = []
    while sum(times) < ENOUGH:
        start = time.perf_counter()
        rung.product(left, right)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _child(number: int, size: int) -> float:
    """The seconds of a rung in a process of its own."""
    threads = dict.fromkeys(THREADS, "1") if RUNGS[number].one_thread else {}
    done = subprocess.run(
        (sys.executable, "-m", "benchmarks.ladder", "--rung", str(number), "--size", str(size)),
        env={**os.environ, **threads},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return float(json.loads(done.stdout))


def _strassen(sizes: tuple[int, ...], rounds: int) -> None:
    """One level of Strassen beside the plain product, hot, interleaved."""
    import jax

    from einlab.matmul import strassen, whole_product

    for size in sizes:
        a = jax.random.normal(jax.random.key(0), (size, size))
        calls = [jax.jit(whole_product), jax.jit(partial(strassen, cutoff=size // 2))]
        times: tuple[list[float], list[float]] = ([], [])
        for call in calls:
            call(a, a).block_until_ready()
        for _ in range(rounds):
            for call, taken in zip(calls, times, strict=True):
                start = time.perf_counter()
                call(a, a).block_until_ready()
                taken.append(time.perf_counter() - start)
        plain, fast = map(statistics.median, times)
        click.echo(f"n = {size:5}: plain {plain * 1e3:9.2f} ms, Strassen {fast / plain:5.2f} of it")


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--strassen", "sizes", help="Sizes with commas, such as 512,1024,2048.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep it as JSON.")
@click.option("--rung", type=click.IntRange(0, len(RUNGS) - 1), hidden=True)
@click.option("--size", type=click.IntRange(1), hidden=True)
def main(
    rounds: int, sizes: str | None, out: Path | None, rung: int | None, size: int | None
) -> None:
    """Time every rung in processes of their own, in turn."""
    if rung is not None and size is not None:
        click.echo(json.dumps(seconds_of(RUNGS[rung], size)))
        return
    record = begin("ladder")
    click.echo(machine_line(record.machine))
    if sizes:
        _strassen(tuple(int(each) for each in sizes.split(",")), rounds)
        return
    times = [
        [_child(number, each.size) for number, each in enumerate(RUNGS)] for _ in range(rounds)
    ]
    table = ladder_table([statistics.median(taken) for taken in zip(*times, strict=True)])
    click.echo(render(table))
    if out is not None:
        write_tables(replace(record, tables=(table,)), out)


def ladder_table(seconds: Sequence[float]) -> Table:
    """What each rung takes for a multiply-add, from the seconds of its product."""
    rows: list[tuple[Any, ...]] = []
    before = None
    for each, taken in zip(RUNGS, seconds, strict=True):
        one = taken / each.size**3 * 1e9
        rows.append((each.name, each.size, one, before and before / one, each.cause))
        before = one
    columns = (
        Column("rung"),
        Column("n", "count"),
        Column("ns a multiply-add", "number"),
        Column("gain", "ratio"),
        Column("because"),
    )
    return Table("why a product is fast, one cause a rung", columns, rows)


if __name__ == "__main__":
    main()
