"""A worker: one peer in a process of its own, asked over pipes in JSON, one line a request.

`python -m benchmarks.worker PEER` reads requests on standard input and answers on standard output:

    {"do": "prepare", "case": {…}, "seed": 0, "reference": "result.npy", "limit": 60}
        → {"error": 1e-7, "note": "", "first": 0.2, "contiguous": true, "device": "cpu"}
    {"do": "time", "seconds": 0.2, "limit": 60}
        → {"array": 0.004, "view": 0.003, "calls": 40}      medians, in seconds

An answer with "failed" names an exception of the peer. A worker ends when its input ends, and by
itself `limit` seconds and a little more after a request that it never answered, so that it outlives
neither a harness that died nor its own hang.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, TextIO

import numpy as np

from benchmarks.cases import Case, operands
from benchmarks.peers import PEERS, Make, Prepared

__all__ = ["serve"]

GRACE_SECONDS = 15  # the harness ends a late worker at its limit; this is for when it cannot
LONG_CALL_SECONDS = 0.5  # a call this long needs no warming call before it
MOST_CALLS = 20_000
PIECE = 2**22  # elements compared at once: a result may be a GiB


def serve(make: Make) -> None:
    """Answer requests about one peer until standard input ends."""
    answers = _own_stdout()
    prepared: Prepared | None = None
    for line in sys.stdin:
        request = json.loads(line)
        if hasattr(signal, "alarm"):
            signal.alarm(int(request["limit"]) + GRACE_SECONDS)
        try:
            if request["do"] == "prepare":
                prepared = None  # frees the operands of the case before
                prepared, answer = _prepare(make, request)
            elif prepared is None:
                raise RuntimeError("nothing is prepared")
            else:
                answer = _time(prepared, request["seconds"])
        except Exception as fault:  # a peer may raise anything; the harness reports it
            answer = {"failed": f"{type(fault).__name__}: {fault}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if hasattr(signal, "alarm"):
            signal.alarm(0)


def _own_stdout() -> TextIO:
    """Standard output for our answers alone; what a library prints goes to standard error."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return ours


def _prepare(make: Make, request: dict[str, Any]) -> tuple[Prepared, dict[str, Any]]:
    """Draw the operands, compute once, and compare with the reference."""
    fields = request["case"]
    case = Case(**{**fields, "shapes": tuple(map(tuple, fields["shapes"]))})
    arrays = operands(case, request["seed"])
    prepared = make(case, arrays)
    start = time.perf_counter()
    raw = prepared.compute()
    first = time.perf_counter() - start
    result = np.asarray(prepared.contiguous(raw))
    wanted = np.load(request["reference"], mmap_mode="r")
    error, note = _compared(result, wanted, case.dtype)
    answer = {
        "error": error,
        "note": note,
        "first": first,
        "contiguous": bool(np.asarray(raw).flags.c_contiguous),
        "device": _device(raw),
    }
    return prepared, answer


def _compared(result: np.ndarray, wanted: np.ndarray, dtype: str) -> tuple[float | None, str]:
    """The largest difference over the largest entry; None, and why, where there is none."""
    if result.shape != wanted.shape or str(result.dtype) != dtype:
        return None, f"{result.dtype} of shape {result.shape}, not {dtype} of {wanted.shape}"
    largest = worst = 0.0
    exact, flat = wanted.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, PIECE):
        piece = exact[start : start + PIECE]
        difference = np.abs(flat[start : start + PIECE].astype(piece.dtype) - piece)
        if not np.isfinite(difference).all():
            return None, "some entries are not finite"
        worst = max(worst, float(difference.max()))
        largest = max(largest, float(np.abs(piece).max()))
    return (worst / largest if largest else worst), ""


def _device(raw: Any) -> str:
    device = getattr(raw, "device", "cpu")
    return str(getattr(device, "device_kind", device))


def _time(prepared: Prepared, seconds: float) -> dict[str, float]:
    """Medians of as many calls as fit into `seconds`, one at least, after a warming one."""
    clock = time.perf_counter
    arrays: list[float] = []
    views: list[float] = []
    gc.collect()
    gc.disable()
    start = clock()
    prepared.contiguous(prepared.compute())
    if clock() - start < LONG_CALL_SECONDS:
        start = clock()
    while not arrays or (clock() - start < seconds and len(arrays) < MOST_CALLS):
        before = clock()
        raw = prepared.compute()
        between = clock()
        result = prepared.contiguous(raw)
        after = clock()
        del raw, result
        arrays.append(after - before)
        views.append(between - before)
    gc.enable()
    return {
        "array": statistics.median(arrays),
        "view": statistics.median(views),
        "calls": len(arrays),
    }


def main(arguments: Sequence[str]) -> None:
    """Serve the peer named on the command line."""
    serve(PEERS[arguments[0]].make)


if __name__ == "__main__":
    main(sys.argv[1:])
