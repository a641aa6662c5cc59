"""A worker that does as its argument says; started by the tests of the harness."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.peers import Prepared
from benchmarks.worker import serve

HABIT = sys.argv[1]


def compute(case: Case, arrays: Sequence[np.ndarray], calls: list[int]) -> Any:
    """The product, unless this is the call to misbehave in."""
    calls.append(1)
    if HABIT == "hangs":
        time.sleep(3600)
    if HABIT == "crashes":
        os.write(2, b"the last words\n")
        os._exit(3)
    if HABIT == "crashes later" and len(calls) > 3:
        os._exit(4)
    if HABIT == "crashes on chains" and case.family == "chain":
        os.kill(os.getpid(), 9)
    if HABIT == "raises":
        raise ZeroDivisionError("over nothing")
    result = np.asarray(np.einsum(case.equation, *arrays, optimize=True), order="C")
    if HABIT == "chatters":
        os.write(1, b"hello from a library\n")
    return {
        "is wrong": lambda: result * 2,
        "has another dtype": lambda: result.astype(np.float16),
        "is not a number": lambda: result * np.nan,
        "has another shape": lambda: result[..., None],
    }.get(HABIT, lambda: result)()


def make(case: Case, arrays: Sequence[np.ndarray]) -> Prepared:
    """A case, ready to be misbehaved in."""
    calls: list[int] = []
    return Prepared(lambda: compute(case, arrays, calls), lambda result: result)


if __name__ == "__main__":
    serve(make)
