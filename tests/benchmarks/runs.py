"""A made-up run, with everything in it that can happen."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.results import Measured, Outcome, Round, Run

CASE = Case("product", "tiny", "ij,jk->ik", ((2, 3), (3, 4)), "float32")
ODD = Case("<script>alert(1)</script> & co", "odd", "ij->ji", ((2, 3),), "float64")


def timed(*seconds: float) -> Outcome:
    """An outcome whose rounds took these times; the view takes half."""
    rounds = tuple(Round(each, each / 2, 5) for each in seconds)
    return Outcome("ok", error=1e-7, first=0.25, contiguous=False, device="cpu", rounds=rounds)


def made_run(copies: int = 1, complete: bool = True) -> Run:
    """Peers that are faster, slower, wrong and gone, over `copies` cases and two odd ones."""
    peers = {
        "ours": timed(1.0, 2.0, 3.0),
        "fast": timed(0.5, 1.0, 1.5),
        "slow": timed(8.0, 16.0, 24.0),
        "bad": Outcome("wrong", "error above 0.0001", error=0.5),
        "gone": Outcome("crashed", "ended by signal 11"),
    }
    measured = [Measured(CASE, 48, 136, peers)] * copies
    odd = Measured(ODD, 0, 10**12, {}, skipped="needs 931 GiB")
    lone = Measured(ODD, 6, 96, {"ours": timed(1.0)})
    machine = {
        "cpu": "A <CPU>",
        "cores": 2,
        "memory_bytes": 2**34,
        "memory_setting": "system",
        "system": "Linux",
        "libc": "glibc 2.36",
        "architecture": "x86_64",
        "load_at_start": 0.1,
        "python": "3.13.0",
        "jax": "0.12.0",
        "torch": None,
    }
    settings = {
        "suite": "tiny",
        "seed": 7,
        "rounds": 3,
        "seconds": 0.2,
        "limit": 60.0,
        "memory": "system",
        "peers": ["ours", "fast", "slow", "bad", "gone"],
        "command": "python -m benchmarks --suite tiny",
    }
    return Run(machine, settings, "2026-11-21T22:00:00+00:00", complete, (*measured, odd, lone))
