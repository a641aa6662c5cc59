"""What a search may spend: seconds of the clock, or a number of trials."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from einlab.search.tree import Tree

__all__ = ["Budget", "Interrupted", "Trials", "budget_from"]


@dataclass(frozen=True, slots=True)
class Trials:
    """So many rounds of the portfolio, however long they take: repeatable on any machine.

    >>> Trials(200)
    Trials(trials=200)
    """

    trials: int


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: at a time of `time.perf_counter`, or after a number of rounds."""

    start: float
    seconds: float = math.inf
    rounds: int | None = None

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.start

    @property
    def left(self) -> float:
        """Seconds until the end; infinite if rounds are counted."""
        return self.seconds - self.spent

    @property
    def end(self) -> float | None:
        """When to stop, in seconds of `time.perf_counter`; None if rounds are counted."""
        return self.start + self.seconds if math.isfinite(self.seconds) else None

    def part(self, share: float) -> Budget:
        """A budget of this share of the seconds left, or of the rounds, that starts now."""
        rounds = None if self.rounds is None else max(1, round(self.rounds * share))
        return Budget(time.perf_counter(), self.left * share, rounds)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a search; `tree` is the best tree so far."""

    def __init__(self, tree: Tree) -> None:
        super().__init__("the search was interrupted")
        self.tree = tree


def budget_from(given: float | Trials | None, rounds: int) -> Budget:
    """A budget that starts now; None is `rounds` rounds."""
    start = time.perf_counter()
    if given is None:
        return Budget(start, rounds=rounds)
    if isinstance(given, Trials):
        return Budget(start, rounds=given.trials)
    return Budget(start, seconds=given)
