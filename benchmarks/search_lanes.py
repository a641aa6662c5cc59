"""Planners at work, each in a process of its own, on one core or on several side by side."""

from __future__ import annotations

import json
import math
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from benchmarks.search_networks import Instance, wide_set
from benchmarks.search_recount import recount
from benchmarks.search_store import Job, Outcome, Store

__all__ = ["PATIENCE", "Planner", "work"]

PATIENCE = 5.0  # seconds beyond three budgets that a planner may take before it is ended
FIRST = 0x4E00  # of 20,992 characters that stand for indices
LATE = "no answer within"
WARM, WARM_SMALL = "square 10x10", "complete graph of 12"
WITHOUT_END = "opt_einsum dp", "opt_einsum auto-hq"  # on more than a few operands
WARM_SECONDS, WARM_LIMIT = 0.5, 2**6


class Planner:
    """A planner's process; it is warmed up with a small network when it starts."""

    def __init__(self, name: str, cores: Collection[int]) -> None:
        self.name, self.waiting = name, b""
        command = [sys.executable, "-m", "benchmarks.search_planners", name]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        )
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, cores)
        warm = wide_set([WARM_SMALL if name in WITHOUT_END else WARM])[0]
        self.ask(Job("orders", warm.name, name, WARM_SECONDS, limit=WARM_LIMIT), warm, 120.0)

    def ask(self, job: Job, instance: Instance, patience: float) -> dict[str, Any]:
        """One search. Raises RuntimeError if the process ends, TimeoutError after `patience`."""
        contraction = instance.contraction
        letter = {name: chr(FIRST + place) for place, name in enumerate(contraction.sizes)}
        request = {
            "terms": [[letter[index] for index in term] for term in contraction.leaves],
            "output": [letter[index] for index in contraction.output],
            "sizes": {letter[name]: size for name, size in contraction.sizes.items()},
            "seconds": job.seconds,
            "seed": job.seed,
            "limit": job.limit if "sliced" in job.planner or "on " in job.planner else None,
            "objective": job.part if job.part in ("size", "peak") else "multiplications",
        }
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._line(time.perf_counter() + patience))
        names = list(contraction.sizes)
        answer["sliced"] = [names[ord(index) - FIRST] for index in answer.get("sliced", ())]
        return answer

    def _line(self, end: float) -> bytes:
        """The next line of the process."""
        assert self.process.stdout is not None
        while b"\n" not in self.waiting:
            left = end - time.perf_counter()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError(f"{LATE} the patience beyond three budgets")
            piece = os.read(self.process.stdout.fileno(), 1 << 16)
            if not piece:
                raise RuntimeError("the process has ended")
            self.waiting += piece
        line, self.waiting = self.waiting.split(b"\n", 1)
        return line

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def work(
    jobs: Sequence[Job],
    instances: Mapping[str, Instance],
    store: Store,
    lanes: Sequence[Collection[int]],
    within: float = math.inf,
    patience: float = PATIENCE,
) -> int:
    """Do the jobs that the store does not hold, one at a time on each lane (a set of cores).

    No job is begun that could end later than `within` seconds from now. Returns how many are left.
    """
    end, todo = time.perf_counter() + within, queue.SimpleQueue[Job]()
    for job in jobs:
        if job not in store:
            todo.put(job)
    lock, left = threading.Lock(), [0]

    def lane(cores: Collection[int]) -> None:
        planner: Planner | None = None
        while not todo.empty():
            try:
                job = todo.get_nowait()
            except queue.Empty:
                break
            if time.perf_counter() + job.seconds * 1.2 + 2.0 > end:
                left[0] += 1
                continue
            if planner is None or planner.name != job.planner:
                if planner is not None:
                    planner.close()
                planner = Planner(job.planner, cores)
            whole = 3 * job.seconds + patience
            room = min(whole, end - time.perf_counter())
            outcome = _outcome(planner, job, instances[job.network], max(room, 0.0))
            if outcome.log10_multiplications is None:
                planner.close()
                planner = None
                if room < whole and outcome.problem.startswith(LATE):  # cut by us: it may go on
                    left[0] += 1
                    continue
            with lock:
                store.add(outcome)
                print(_said(outcome), file=sys.stderr, flush=True)
        if planner is not None:
            planner.close()

    threads = [threading.Thread(target=lane, args=(cores,)) for cores in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return left[0]


def _outcome(planner: Planner, job: Job, instance: Instance, patience: float) -> Outcome:
    """Ask, and count what the answer costs."""
    try:
        answer = planner.ask(job, instance, patience)
    except (RuntimeError, TimeoutError, BrokenPipeError, ValueError) as error:
        return Outcome(job, patience, problem=str(error) or type(error).__name__)
    contraction = instance.contraction
    sliced = answer["sliced"]
    terms, sizes = contraction.leaves, contraction.sizes
    try:
        counted = recount(terms, contraction.output, sizes, answer["path"], sliced)
    except ValueError as error:
        return Outcome(job, answer["seconds"], problem=str(error))
    problems = []
    if "stated" in answer and int(answer["stated"]) != counted.multiplications:
        problems.append(f"states {answer['stated']}, costs {counted.multiplications}")
    if "stated_peak" in answer and not sliced and answer["stated_peak"] != counted.peak:
        problems.append(f"states a peak of {answer['stated_peak']}, has {counted.peak}")
    if job.limit is not None and counted.largest > job.limit:
        problems.append(f"has {counted.largest} elements, more than the limit")
    values = {"size": counted.size, "peak": counted.peak, "width": counted.largest}
    value = values.get(job.part, counted.multiplications)
    return Outcome(
        job,
        answer["seconds"],
        math.log10(max(counted.multiplications, 1)),
        math.log10(max(value, 1)),
        math.prod(sizes[index] for index in sliced),
        "; ".join(problems),
    )


def _said(outcome: Outcome) -> str:
    job = outcome.job
    limit = f" 2^{math.log2(job.limit):.0f}" if job.limit else ""
    found = "failed" if outcome.log10_value is None else f"10^{outcome.log10_value:.3f}"
    return (
        f"{job.part:8}{limit} {job.planner:26} {job.seconds:6.2f} s {job.network:38} "
        f"{found} in {outcome.seconds:.2f} s {outcome.problem}"
    ).rstrip()
