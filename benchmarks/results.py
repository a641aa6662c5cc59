"""What a run measured, its ratios, and its file.

The file is JSON and holds what was measured; medians, spreads and ratios follow from it and are
derived when it is read:

    {"format": "einlab-benchmark", "version": 1,
     "machine":  {"cpu": …, "cores": …, "memory_bytes": …, "system": …, "python": …, "jax": …, …},
     "settings": {"suite": …, "seed": …, "rounds": …, "seconds": …, "peers": […], "memory": …, …},
     "started": "2026-11-21T23:20:00+00:00", "complete": true,
     "cases": [{"case": {"name", "family", "equation", "shapes", "dtype"}, "flops", "bytes",
                "skipped": "" or the reason,
                "peers": {NAME: {"status", "note", "error", "first", "contiguous", "device",
                                 "rounds": [{"array", "view", "calls"}, …]}}}, …]}

Times are seconds: "array" is the median over the calls of one turn until a C-contiguous array is
there, "view" the same without making it contiguous, "first" the first call, which traces and
compiles or plans. Round r of one peer and round r of another were taken one after the other. The
status is "ok", "wrong" (the result is not that of float64 NumPy), "failed" (an exception),
"crashed", "timeout" or "memory".
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.files import read_fields, write_fields

__all__ = ["Measured", "Outcome", "Ratio", "Round", "Run", "geometric_mean", "read", "write"]

FORMAT, VERSION = "einlab-benchmark", 1


@dataclass(frozen=True)
class Round:
    """One turn of one peer: medians over its calls, in seconds."""

    array: float
    """Until a C-contiguous array is there."""
    view: float
    """Until the library's own result is there."""
    calls: int


@dataclass(frozen=True)
class Outcome:
    """What became of one peer on one case."""

    status: str
    """"ok", or what went wrong."""
    note: str = ""
    """Why it went wrong."""
    error: float | None = None
    """Largest difference to float64 NumPy over the largest entry."""
    first: float | None = None
    """Seconds of the first call."""
    contiguous: bool = True
    """Whether the library's own result is C-contiguous."""
    device: str = ""
    """Where it was computed."""
    rounds: tuple[Round, ...] = ()

    @property
    def counts(self) -> bool:
        """Whether its times may be compared: right in every round, and timed."""
        return self.status == "ok" and bool(self.rounds)

    @property
    def seconds(self) -> float:
        """Median over the rounds, of a C-contiguous array."""
        return statistics.median(each.array for each in self.rounds)

    @property
    def view(self) -> float:
        """Median over the rounds, of the library's own result."""
        return statistics.median(each.view for each in self.rounds)

    @property
    def spread(self) -> float:
        """(largest - smallest) / median over the rounds."""
        times = [each.array for each in self.rounds]
        return (max(times) - min(times)) / self.seconds


@dataclass(frozen=True)
class Ratio:
    """Seconds of one peer over seconds of another, taken within each round: below 1 is faster."""

    median: float
    low: float
    """The smallest over the rounds."""
    high: float
    """The largest over the rounds."""


@dataclass(frozen=True)
class Measured:
    """One case and what became of every peer on it."""

    case: Case
    flops: int
    """By opt_einsum's greedy path."""
    bytes: int
    """Operands, result and largest array made, by the same path."""
    peers: dict[str, Outcome]
    skipped: str = ""
    """Why nothing was run, if nothing was."""

    def ratio(self, ours: str, theirs: str) -> Ratio | None:
        """Times of `ours` over times of `theirs`; None unless both count."""
        mine, other = self.peers.get(ours), self.peers.get(theirs)
        if mine is None or other is None or not (mine.counts and other.counts):
            return None
        ratios = [a.array / b.array for a, b in zip(mine.rounds, other.rounds, strict=False)]
        return Ratio(statistics.median(ratios), min(ratios), max(ratios))

    def best_peer(self, ours: str) -> str | None:
        """The fastest of the others, by the median of its rounds; None if none counts."""
        others = {
            name: outcome.seconds
            for name, outcome in self.peers.items()
            if name != ours and outcome.counts
        }
        return min(others, key=others.__getitem__) if others else None


@dataclass(frozen=True)
class Run:
    """A whole run: where, how, and what was measured."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    started: str
    """UTC, ISO 8601."""
    complete: bool
    """Whether every case was reached."""
    cases: tuple[Measured, ...]

    @property
    def ours(self) -> str:
        """The peer whose times are the numerators: the first one asked for."""
        return str(self.settings["peers"][0])


def geometric_mean(ratios: Iterable[float]) -> float:
    """The geometric mean of positive numbers.

    >>> geometric_mean([0.5, 2.0])
    1.0
    """
    return math.exp(statistics.fmean(math.log(ratio) for ratio in ratios))


def write(run: Run, path: Path) -> None:
    """Write the run's file so that a reader finds the old or the new one, never half of it."""
    write_fields(asdict(run), path, FORMAT, VERSION)


def read(path: Path) -> Run:
    """The run that a file holds.

    Raises ValueError if it is no such file, or one of another version.
    """
    fields = read_fields(path, FORMAT, VERSION)
    cases = tuple(_measured(each) for each in fields.pop("cases"))
    return Run(**fields, cases=cases)


def _measured(fields: dict[str, Any]) -> Measured:
    case = dict(fields.pop("case"))
    case["shapes"] = tuple(map(tuple, case["shapes"]))
    peers = {
        name: Outcome(**{**outcome, "rounds": tuple(Round(**each) for each in outcome["rounds"])})
        for name, outcome in fields.pop("peers").items()
    }
    return Measured(case=Case(**case), peers=peers, **fields)
