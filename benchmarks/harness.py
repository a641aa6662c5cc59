"""The harness: every peer in a process of its own, in turn, over the rounds of every case.

For each case all peers compute the same operands once; a result that is not that of float64 NumPy,
or a worker that is lost, takes its peer out of that case and is reported. Then come the rounds: in
each, every peer has one turn, the first one a different peer each time, so that a slow moment of
the machine falls on all alike. Ratios are taken within a round.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import GIB, TOLERANCES, Case, need_of, operands, reference
from benchmarks.machine import available_bytes
from benchmarks.processes import Worker, WorkerLost
from benchmarks.results import Measured, Outcome, Round

__all__ = ["Settings", "measure"]

SETTLE_SECONDS = 0.03  # thread pools of the peer before spin for a moment after their last call
WORKER_BYTES = 8 * GIB
CASE_BYTES = 2 * GIB
MEMORY_SHARE = 0.7  # of the memory available, for all peers together
ARRAYS_HELD = 2.0  # a peer holds about this many times what its case needs


@dataclass(frozen=True)
class Settings:
    """How a run measures."""

    commands: Mapping[str, Sequence[str]]
    """The command that starts the worker of each peer, by name."""
    seed: int = 0
    rounds: int = 7
    seconds: float = 0.2
    """Time of one turn of one peer."""
    limit: float = 60.0
    """Most seconds for the first call of a peer, and for one turn."""
    environment: Mapping[str, str] = field(default_factory=dict)


def measure(
    cases: Sequence[Case], settings: Settings, say: Callable[[str], None]
) -> Iterator[tuple[Measured, bool]]:
    """Each case as soon as it is measured, and whether all of its rounds were.

    An interrupt (Ctrl-C) yields what the case has so far, with False, and ends the run.
    """
    with _Workers(settings) as workers:
        for place, case in enumerate(cases, 1):
            say(f"[{place}/{len(cases)}] {case.family}: {case.name} {case.dtype}")
            measured, whole = _measure_case(case, settings, workers)
            yield measured, whole
            if not whole:
                return


class _Workers:
    """The workers that are alive, one a peer, for one setting of 64-bit numbers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._alive: dict[str, Worker] = {}
        self._wide: bool | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="einlab-bench-")

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *fault: object) -> None:
        self._end()
        self._folder.cleanup()

    @property
    def reference_path(self) -> Path:
        """Where the result in float64 lies for the workers."""
        return Path(self._folder.name) / "reference.npy"

    def ask(self, peer: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The peer's answer; its worker is started if there is none."""
        if peer not in self._alive:
            self._alive[peer] = Worker(
                self._settings.commands[peer],
                {**self._settings.environment, "JAX_ENABLE_X64": str(int(bool(self._wide)))},
                WORKER_BYTES,
            )
        try:
            return self._alive[peer].ask(request, self._settings.limit)
        except WorkerLost:
            del self._alive[peer]
            raise

    def set_width(self, dtype: str) -> None:
        """Start afresh where JAX must compute in 64 bits and did not, or the reverse."""
        wide = dtype in ("float64", "complex128")
        if wide != self._wide:
            self._end()
            self._wide = wide

    def _end(self) -> None:
        while self._alive:
            self._alive.popitem()[1].close()


def _measure_case(case: Case, settings: Settings, workers: _Workers) -> tuple[Measured, bool]:
    need = need_of(case)
    outcomes: dict[str, Outcome] = {}
    measured = Measured(
        case, need.flops, need.bytes, outcomes, skipped=_too_large(need.bytes, settings)
    )
    if measured.skipped:
        return measured, True
    try:
        workers.set_width(case.dtype)
        np.save(workers.reference_path, reference(case, operands(case, settings.seed)))
        for peer in settings.commands:
            outcomes[peer] = _prepare(case, peer, settings, workers)
        for number in range(settings.rounds):
            _round(number, outcomes, settings, workers)
    except KeyboardInterrupt:
        return measured, False
    return measured, True


def _too_large(need: int, settings: Settings) -> str:
    """Why a case of that many bytes is not run; empty if it is."""
    if need > CASE_BYTES:
        return f"needs {need / GIB:.1f} GiB, and no case may need more than {CASE_BYTES / GIB:.0f}"
    available = available_bytes()
    together = need * ARRAYS_HELD * len(settings.commands)
    if available is not None and together > MEMORY_SHARE * available:
        return f"needs {together / GIB:.1f} GiB in all peers, with {available / GIB:.1f} available"
    return ""


def _prepare(case: Case, peer: str, settings: Settings, workers: _Workers) -> Outcome:
    request = {
        "do": "prepare",
        "case": asdict(case),
        "seed": settings.seed,
        "reference": str(workers.reference_path),
    }
    try:
        answer = workers.ask(peer, request)
    except WorkerLost as lost:
        return Outcome(lost.status, str(lost))
    if "failed" in answer:
        return Outcome("failed", answer["failed"])
    outcome = Outcome("ok", **answer)
    tolerance = TOLERANCES[case.dtype]
    if outcome.error is None:
        return replace(outcome, status="wrong")
    if outcome.error > tolerance:
        return replace(outcome, status="wrong", note=f"error above {tolerance:g}")
    return outcome


def _round(
    number: int, outcomes: dict[str, Outcome], settings: Settings, workers: _Workers
) -> None:
    """One turn of every peer that is still right and alive; the first one changes by the round."""
    names = [name for name, outcome in outcomes.items() if outcome.status == "ok"]
    start = number % max(len(names), 1)
    for peer in names[start:] + names[:start]:
        time.sleep(SETTLE_SECONDS)
        outcome = outcomes[peer]
        try:
            answer = workers.ask(peer, {"do": "time", "seconds": settings.seconds})
        except WorkerLost as lost:
            outcomes[peer] = replace(outcome, status=lost.status, note=str(lost))
            continue
        if "failed" in answer:
            outcomes[peer] = replace(outcome, status="failed", note=answer["failed"])
        else:
            outcomes[peer] = replace(outcome, rounds=(*outcome.rounds, Round(**answer)))
