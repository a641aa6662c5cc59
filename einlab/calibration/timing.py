"""Running plans and taking their times on a machine that does other things too.

Every program gets one short turn in each round, so that a slow moment falls on all alike. Of a turn
the fastest call counts: what else a machine does makes a call slower and never faster, and waking
the thread that waits for a result takes 5 µs or 40, as it happens. Over 94 programs of 5 µs to 8 ms
that were run twice, by two processes on a shared machine, the fastest calls differed by 2 % in the
median and 13 % for one in ten, the middle ones by 6 and 30 %. So does Python's `timeit` advise.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from einlab.contracting import compiled
from einlab.planning import Plan
from einlab.settings import Settings

__all__ = ["Times", "arrays_for", "timed", "timed_programs"]

TURN_SECONDS = 1.5e-3
"""Time of one turn of a program, within bounds on its calls."""
FEWEST_CALLS, MOST_CALLS = 2, 40
FEWEST_ROUNDS = 2
QUIET = 0.35
"""Quantile of the rounds that counts where disturbed rounds are not to."""
LEAST_SECONDS = 1.0
"""Of measuring, whatever compiling has left of the whole."""
LONG_SECONDS, SPARING = 4e-3, 3
"""A program that takes so long has its turn in every third round only, where time is to be spared,
and is called once in it, because what disturbs it is small beside it."""

Tell = Callable[[str, float], None]
"""Told what is being done and which part of it is done."""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of a call of each plan, by round, and what compiling each took."""

    rounds: tuple[tuple[float, ...], ...]
    """For each plan that was run, the fastest call of each round."""
    compiling: tuple[float, ...]
    """Of the first programs, which are compiled one at a time."""
    usual: tuple[float, ...] = ()
    """For each plan that was run, the median over the rounds of the median call."""

    def quiet(self, part: slice = slice(None)) -> tuple[float, ...]:
        """Of a moment that is quieter than most, over the rounds or a part of them."""
        return self.quantile(QUIET, part)

    def quantile(self, quantile: float, part: slice = slice(None)) -> tuple[float, ...]:
        """The seconds that such a part of the rounds stay within."""
        return tuple(float(np.quantile(each[part], quantile)) for each in self.rounds)

    @property
    def floor(self) -> float:
        """Median relative difference between the rounds of even and of odd number."""
        even, odd = (
            np.array(self.quiet(slice(0, None, 2))),
            np.array(self.quiet(slice(1, None, 2))),
        )
        return float(np.median(np.abs(np.log(even / odd))))


MOST_DRAWN = 2**16 + 1
"""Entries of an array that are drawn."""


def arrays_for(plan: Plan, seed: int = 0) -> tuple[jax.Array, ...]:
    """Arrays of the shapes and dtypes of a plan's operands, standard normal.

    Large ones repeat their first entries: drawing each anew would take longer than the products.
    """
    random = np.random.default_rng(seed)
    given = plan.contraction
    arrays = []
    for shape, dtype in zip(given.shapes, given.dtypes, strict=True):
        size = math.prod(shape)
        drawn = random.standard_normal(min(size, MOST_DRAWN), dtype=np.float32).astype(dtype)
        arrays.append(jax.device_put(np.resize(drawn, shape)))
    return tuple(arrays)


def timed(
    plans: Sequence[Plan],
    arrays: Sequence[Sequence[jax.Array]],
    *,
    rounds: int,
    seconds: float,
    tell: Tell,
    compile_seconds: float = math.inf,
    whole_seconds: float = math.inf,
    sparing: bool = False,
) -> Times:
    """Times of plans on arrays, as `contract` runs them; see `timed_programs`."""
    programs = [compiled(plan, Settings()) for plan in plans]
    return timed_programs(
        programs,
        arrays,
        rounds=rounds,
        seconds=seconds,
        tell=tell,
        compile_seconds=compile_seconds,
        whole_seconds=whole_seconds,
        sparing=sparing,
    )


def timed_programs(
    programs: Sequence[Callable[..., jax.Array]],
    arrays: Sequence[Sequence[jax.Array]],
    *,
    rounds: int,
    seconds: float,
    tell: Tell = lambda what, part: None,
    compile_seconds: float = math.inf,
    whole_seconds: float = math.inf,
    sparing: bool = False,
) -> Times:
    """Times of jitted functions on arrays, over at most `rounds` rounds in about `seconds` seconds.

    At least two rounds are run, and a program that takes long has fewer calls in a turn; `sparing`
    gives it fewer turns, too. Programs whose turn to be compiled has not come after
    `compile_seconds` are left out, with those after them; after `whole_seconds`, compiling
    included, no further round is begun.
    """
    begun = time.perf_counter()
    compiling = _compiled(programs, arrays, compile_seconds, tell)
    count = compiling.number
    programs, arrays = programs[:count], arrays[:count]
    turns = [
        _turn(program, given, sparing) for program, given in zip(programs, arrays, strict=True)
    ]
    found: list[list[float]] = [[] for _ in programs]
    middles: list[list[float]] = [[] for _ in programs]
    start = time.perf_counter()
    seconds = min(seconds, max(whole_seconds - (start - begun), LEAST_SECONDS))
    for number in range(rounds):
        passed = time.perf_counter() - start
        if number >= FEWEST_ROUNDS and passed * (number + 1) / number > seconds:
            break
        tell("measuring", max(number / rounds, passed / seconds))
        for place, (program, given, turn) in enumerate(zip(programs, arrays, turns, strict=True)):
            if number < FEWEST_ROUNDS or number % turn.every == 0:
                program(*given).block_until_ready()
                took = [_seconds(program, given) for _ in range(turn.calls)]
                found[place].append(min(took))
                middles[place].append(float(np.median(took)))
    usual = tuple(float(np.median(each)) for each in middles)
    return Times(tuple(map(tuple, found)), compiling.seconds, usual)


class _Turn(NamedTuple):
    """How often a program is called in a turn, and in which rounds it has one."""

    calls: int
    every: int


def _turn(program: Callable[..., jax.Array], given: Sequence[jax.Array], sparing: bool) -> _Turn:
    once = min(_seconds(program, given) for _ in range(2))
    if sparing and once > LONG_SECONDS:
        return _Turn(1, SPARING)
    return _Turn(max(FEWEST_CALLS, min(MOST_CALLS, int(TURN_SECONDS / once))), 1)


class _Compiling(NamedTuple):
    """How many programs were compiled, and the seconds that each of the first took."""

    number: int
    seconds: tuple[float, ...]


ALONE = 12
"""Programs compiled one at a time, whose seconds are told."""


def _compiled(
    programs: Sequence[Callable[..., jax.Array]],
    arrays: Sequence[Sequence[jax.Array]],
    seconds: float,
    tell: Tell,
) -> _Compiling:
    """Compile programs by running them once: the first alone, the others on two threads."""
    start = time.perf_counter()
    wide, device = jax.config.jax_enable_x64, jax.config.jax_default_device

    def run(place: int) -> float | None:
        began = time.perf_counter()
        if began - start > seconds:
            return None
        tell("compiling", place / len(programs))
        with jax.enable_x64(wide), jax.default_device(device):  # settings belong to a thread
            jax.block_until_ready(programs[place](*arrays[place]))
        return time.perf_counter() - began

    took = [run(place) for place in range(min(ALONE, len(programs)))]
    with ThreadPoolExecutor(2) as pool:
        took += pool.map(run, range(len(took), len(programs)))
    count = took.index(None) if None in took else len(took)
    return _Compiling(count, tuple(each for each in took[: min(ALONE, count)] if each is not None))


def _seconds(program: Any, arrays: Sequence[jax.Array]) -> float:
    start = time.perf_counter()
    program(*arrays).block_until_ready()
    return time.perf_counter() - start
