from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest

from einlab.search import halting
from einlab.search.dissection import Dissection
from einlab.search.elimination import Elimination
from einlab.search.halting import call, side_by_side
from tests.search.compiled import grid, hypernetwork


def until_halted(halt: Any, ended: list[bool]) -> None:
    """Stands for a kernel that never ends by itself."""
    while not halt[0]:
        time.sleep(0.001)
    ended.append(True)


def test_a_deadline_ends_a_kernel_and_raises() -> None:
    ended: list[bool] = []
    with pytest.raises(TimeoutError):
        call(until_halted, halting.LARGE, ended, deadline=time.perf_counter() + 0.02)
    assert ended == [True]


def test_an_interruption_ends_a_kernel_and_is_passed_on() -> None:
    ended: list[bool] = []
    main = threading.main_thread().ident
    assert main is not None
    threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        call(until_halted, halting.LARGE, ended)
    assert ended == [True]


def test_the_result_of_a_kernel_comes_back_from_its_thread() -> None:
    names = [
        call(lambda halt: threading.current_thread().name, operands)
        for operands in (30, halting.LARGE)
    ]
    assert names[0] == threading.current_thread().name
    assert names[1] != names[0]


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_jobs_side_by_side_keep_their_order(workers: int) -> None:
    jobs = [lambda number=number: number for number in range(20)]
    assert list(side_by_side(jobs, workers)) == list(range(20))


def test_searches_that_need_no_tree_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halting, "LARGE", 1)
    past = time.perf_counter() - 1
    for search in (Dissection(needed=0), Elimination(needed=0)):
        with pytest.raises(TimeoutError):
            search.search(hypernetwork(1), "flops", past)
    for search in (Dissection(trials=3), Elimination(trials=3)):
        assert search.search(hypernetwork(1), "flops", past).pairs


def test_kernels_that_are_cut_off_leave_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(halting, "LARGE", 1)
    contraction = grid(40, 40)
    for search in (Dissection(needed=0), Elimination(needed=0)):
        with pytest.raises(TimeoutError):
            search.search(contraction, "flops", time.perf_counter() + 1e-4)
