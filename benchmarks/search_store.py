"""What `benchmarks.search` has measured, in one JSON file that a later call goes on with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Job", "Outcome", "Store"]


@dataclass(frozen=True, order=True)
class Job:
    """One planner, one network, one budget."""

    part: str
    """`orders`, `width`, `slicing`, `size` or `peak`."""
    network: str
    planner: str
    seconds: float
    cores: int = 1
    """How many the planner may use."""
    limit: int | None = None
    """Elements of the largest intermediate, for `slicing`."""
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of a job; the counts are ours, none of them is the planner's word."""

    job: Job
    seconds: float
    log10_multiplications: float | None = None
    """Of all slices; None where the planner failed."""
    log10_value: float | None = None
    """Of what was minimised (multiplications, elements of the largest result, or peak bytes);
    for `width`, elements of the largest intermediate."""
    slices: int = 1
    problem: str = ""
    """Why it failed, or how what it states differs from the recount."""


class Store:
    """All outcomes; the file is replaced as a whole after each, so that a cut loses at most one."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.outcomes: dict[Job, Outcome] = {}
        if path is not None and path.exists():
            for found in json.loads(path.read_text()):
                outcome = Outcome(**{**found, "job": Job(**found["job"])})
                self.outcomes[outcome.job] = outcome

    def __contains__(self, job: Job) -> bool:
        return job in self.outcomes

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes.values())

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome."""
        self.outcomes[outcome.job] = outcome
        if self.path is None:
            return
        rows = [asdict(found) for _, found in sorted(self.outcomes.items(), key=_order)]
        written = self.path.with_suffix(".part")
        written.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
        os.replace(written, self.path)


def _order(pair: tuple[Job, Outcome]) -> tuple[str, str, str, float, int, int, int]:
    job = pair[0]
    return (
        job.part, job.network, job.planner, job.seconds, job.cores, job.limit or 0, job.seed
    )  # fmt: skip
