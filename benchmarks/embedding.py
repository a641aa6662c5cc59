"""Looking rows up against the one-hot product, and "auto": `python -m benchmarks.embedding`.

For every vocabulary, width and number of ids the two methods and "auto" are called in turn, hot
and compiled, with the modes that hold inside of jit. "auto" passes where it takes at most 1.05
times as long as the better method (the median of the ratios within the rounds), or 20 µs longer;
where it does not although it runs that very program, the line says so.
Products of more than `--most` multiply-adds are not run: there the look-up alone is compared.
`--calibrate` measures the methods on this machine first, as `calibrate_embedding` does, and forgets
it after the run; without it "auto" follows what is stored, else the figures of another CPU.
`--gradient` times the gradient to the table instead.
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
from einlab.embedding import calibrate_embedding, crossover, embed
from einlab.embedding.choosing import chosen_method

__all__ = ["Cell", "passes"]

VOCABULARIES = (2, 4, 8, 16, 64, 512, 8192)
WIDTHS = (16, 64, 256, 1024)
COUNTS = (1, 64, 1024, 16384)
FACTOR, SLACK = 1.05, 20e-6
TURN = 3e-3  # seconds of one turn of one method
MOST_BYTES = 2**25  # of a result: larger ones take fresh pages, whose time varies by a half


@dataclass(frozen=True)
class Cell:
    """Seconds of a call, by method, for one vocabulary, width and number of ids."""

    rows: int
    width: int
    count: int
    rounds: dict[str, list[float]]
    """Of each round, by method."""

    @property
    def seconds(self) -> dict[str, float]:
        """Median seconds of a call, by method."""
        return {name: statistics.median(each) for name, each in self.rounds.items()}

    @property
    def ratio(self) -> float:
        """Of "auto" to the better method: the median of the ratios within the rounds."""
        pairs = zip(self.rounds["auto"], self.rounds[self.better], strict=True)
        return statistics.median(auto / other for auto, other in pairs)

    @property
    def better(self) -> str:
        """The faster of the two methods."""
        seconds = self.seconds
        return min((name for name in seconds if name != "auto"), key=seconds.__getitem__)


def passes(cell: Cell) -> bool:
    """Whether "auto" is as fast as the better method, within 5 % or 20 µs."""
    seconds = cell.seconds
    return cell.ratio <= FACTOR or seconds["auto"] <= seconds[cell.better] + SLACK


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
    multiplies = rows * width * count <= most and rows * count * 4 <= 8 * MOST_BYTES
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
    return Cell(rows, width, count, found)


def _taken(cell: Cell) -> str:
    return chosen_method(cell.count, cell.rows, cell.width, "float32")


def _line(cell: Cell) -> str:
    shown = "".join(
        f"{name} {cell.seconds[name] * 1e6:9.1f} µs  " if name in cell.seconds else f"{'':20}"
        for name in ("gather", "one_hot", "auto")
    )
    taken = _taken(cell)
    verdict = "" if passes(cell) else "  SAME PROGRAM" if taken == cell.better else "  MISSED"
    return (
        f"{cell.rows:6} rows × {cell.width:5}, {cell.count:6} ids: {shown}takes {taken:8} "
        f"{cell.ratio:5.2f} of {cell.better}{verdict}"
    )


def _summary(cells: list[Cell]) -> None:
    missed = [cell for cell in cells if not passes(cell)]
    same = [cell for cell in missed if _taken(cell) == cell.better]
    products = [cell for cell in cells if cell.better == "one_hot"]
    click.echo(
        f"{len(cells) - len(missed)} of {len(cells)} within 5 % or 20 µs of the better method, "
        f"which is the product {len(products)} times; {len(missed) - len(same)} took the other "
        f"one, {len(same)} ran the better one's own program and differ by noise; "
        f"worst: {_line(max(cells, key=lambda cell: cell.ratio)).strip()}"
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
        _summary(cells)
        wrong = [cell for cell in cells if not passes(cell) and _taken(cell) != cell.better]
    sys.exit(1 if wrong and not gradient else 0)


if __name__ == "__main__":
    main()
