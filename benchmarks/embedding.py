"""Looking rows up against the one-hot product, and "auto": `python -m benchmarks.embedding`.

For every vocabulary, width and number of ids the two methods and "auto" are called in turn, hot
and compiled, with the modes that hold inside of jit. "auto" passes where it takes at most 1.05
times the better method's median or 20 µs more. Products of more than `--most` multiply-adds are
not run: there the look-up alone is compared. `--calibrate` measures the methods on this machine
first, as `einlab calibrate` does, and forgets it after the run; without it "auto" follows what is
stored, else the figures of another CPU. `--gradient` times the gradient to the table instead.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.machine import describe
from einlab.config import config
from einlab.embedding import calibrate_embedding, crossover, embed, predicted_seconds

__all__ = ["Cell", "passes"]

VOCABULARIES = (2, 4, 8, 16, 64, 512, 8192)
WIDTHS = (16, 64, 256, 1024)
COUNTS = (1, 64, 1024, 16384)
FACTOR, SLACK = 1.05, 20e-6
TURN = 2e-3  # seconds of one turn of one method
MOST_BYTES = 2**28  # of the result, and of the one-hot rows


@dataclass(frozen=True)
class Cell:
    """Median seconds of a call, by method, for one vocabulary, width and number of ids."""

    rows: int
    width: int
    count: int
    seconds: dict[str, float]

    @property
    def better(self) -> str:
        """The faster of the two methods."""
        return min((name for name in self.seconds if name != "auto"), key=self.seconds.__getitem__)


def passes(cell: Cell) -> bool:
    """Whether "auto" is as fast as the better method, within 5 % or 20 µs."""
    best = cell.seconds[cell.better]
    return cell.seconds["auto"] <= max(best * FACTOR, best + SLACK)


def _program(method: str, gradient: bool) -> Callable[..., Any]:
    look_up = partial(embed, method=method)
    if not gradient:
        return jax.jit(look_up)

    def backward(ids: jax.Array, table: jax.Array) -> Any:
        return jax.grad(lambda rows: jnp.sum(look_up(ids, rows) ** 2))(table)

    return jax.jit(backward)


def _median(program: Callable[..., Any], arrays: tuple[jax.Array, ...], calls: int) -> float:
    taken = []
    for _ in range(calls):
        start = time.perf_counter()
        program(*arrays).block_until_ready()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def measure_cell(
    rows: int, width: int, count: int, rounds: int, most: float, gradient: bool
) -> Cell:
    """Run every method on one size; the first of a round changes from round to round."""
    random = np.random.default_rng(0)
    ids = jnp.asarray(random.integers(rows, size=count, dtype=np.int32))
    table = jnp.asarray(random.standard_normal((rows, width), dtype=np.float32))
    multiplies = rows * width * count <= most and rows * count * 4 <= MOST_BYTES
    names = ["auto", "gather", *(["one_hot"] if multiplies else [])]
    programs = {name: _program(name, gradient) for name in names}
    calls = {}
    for name, program in programs.items():
        program(ids, table).block_until_ready()
        once = min(_median(program, (ids, table), 1) for _ in range(2))
        calls[name] = int(np.clip(TURN / once, 1, 50))
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            programs[name](ids, table).block_until_ready()
            found[name].append(_median(programs[name], (ids, table), calls[name]))
    return Cell(rows, width, count, {name: statistics.median(each) for name, each in found.items()})


def _line(cell: Cell) -> str:
    shown = "".join(
        f"{name} {cell.seconds[name] * 1e6:9.1f} µs  " if name in cell.seconds else f"{'':20}"
        for name in ("gather", "one_hot", "auto")
    )
    predicted = predicted_seconds(cell.count, cell.rows, cell.width)
    taken = min(predicted, key=predicted.__getitem__) if predicted else "gather"
    verdict = "" if passes(cell) else "  MISSED"
    return (
        f"{cell.rows:6} rows × {cell.width:5}, {cell.count:6} ids: {shown}takes {taken:8} "
        f"{cell.seconds['auto'] / cell.seconds[cell.better]:5.2f} of {cell.better}{verdict}"
    )


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--most", type=float, default=2e9, show_default=True, help="Largest product.")
@click.option("--calibrate", is_flag=True, help="Measure both methods here first.")
@click.option("--gradient", is_flag=True, help="Time the gradient to the table.")
def main(rounds: int, most: float, calibrate: bool, gradient: bool) -> None:
    """Run the grid; the status is 1 where "auto" misses the better method by more than allowed."""
    machine = describe("system")
    click.echo(f"{machine['cpu']}, {machine['cores']} cores, jax {machine['jax']}")
    with ExitStack() as stack:
        if calibrate:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="einlab-bench-"))
            stack.enter_context(config.using(cache_dir=folder))
            click.echo(str(calibrate_embedding()))
        else:
            click.echo(str(crossover()))
        cells = []
        for rows, width, count in itertools.product(VOCABULARIES, WIDTHS, COUNTS):
            if count * width * 4 <= MOST_BYTES:
                cells.append(measure_cell(rows, width, count, rounds, most, gradient))
                click.echo(_line(cells[-1]))
    missed = [cell for cell in cells if not passes(cell)]
    products = [cell for cell in cells if cell.better == "one_hot"]
    worst = max(cells, key=lambda cell: cell.seconds["auto"] / cell.seconds[cell.better])
    click.echo(
        f"{len(cells) - len(missed)} of {len(cells)} within 5 % or 20 µs of the better method, "
        f"which is the product {len(products)} times; worst "
        f"{worst.seconds['auto'] / worst.seconds[worst.better]:.2f} at {_line(worst).strip()}"
    )
    sys.exit(1 if missed and not gradient else 0)


if __name__ == "__main__":
    main()
