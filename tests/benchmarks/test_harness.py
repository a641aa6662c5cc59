"""The harness: a peer that misbehaves is reported, and the run goes on."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import harness
from benchmarks.cases import Case
from benchmarks.harness import Settings, measure
from benchmarks.processes import Worker, WorkerLost
from benchmarks.results import Measured

SCRIPT = Path(__file__).with_name("misbehaving.py")
ROOT = Path(__file__).parents[2]
FIRST = Case("product", "tiny", "ij,jk->ik", ((2, 3), (3, 4)), "float32")
SECOND = Case("chain", "chain", "ij,jk,kl->il", ((2, 3), (3, 4), (4, 2)), "float32")


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "SETTLE_SECONDS", 0)


def settings(*habits: str, rounds: int = 2, limit: float = 20.0) -> Settings:
    commands = {habit: (sys.executable, str(SCRIPT), habit) for habit in habits}
    return Settings(commands, 0, rounds, 0.0, limit, {"PYTHONPATH": str(ROOT)})


def run(cases: Sequence[Case], chosen: Settings) -> list[Measured]:
    return [measured for measured, _ in measure(cases, chosen, lambda text: None)]


def test_a_peer_that_behaves_is_timed_in_every_round() -> None:
    (measured,) = run([FIRST], settings("behaves", "chatters", rounds=3))
    for outcome in measured.peers.values():
        assert outcome.status == "ok"
        assert len(outcome.rounds) == 3
        assert all(each.array >= each.view > 0 and each.calls == 1 for each in outcome.rounds)
        assert outcome.error is not None
        assert outcome.error < 1e-6
    assert (measured.flops, measured.bytes) == (48, 4 * (6 + 12 + 8 + 8))


@pytest.mark.parametrize(
    ("habit", "status", "note"),
    [
        ("crashes", "crashed", "ended with exit code 3: the last words"),
        ("raises", "failed", "ZeroDivisionError: over nothing"),
        ("is wrong", "wrong", "error above 0.0001"),
        ("has another dtype", "wrong", "float16 of shape (2, 4), not float32 of (2, 4)"),
        ("has another shape", "wrong", "float32 of shape (2, 4, 1), not float32 of (2, 4)"),
        ("is not a number", "wrong", "some entries are not finite"),
    ],
)
def test_a_peer_that_misbehaves_is_reported_and_not_timed(
    habit: str, status: str, note: str
) -> None:
    (measured,) = run([FIRST], settings("behaves", habit))
    bad = measured.peers[habit]
    assert (bad.status, bad.note, bad.rounds) == (status, note, ())
    assert measured.peers["behaves"].counts


def test_a_peer_that_hangs_is_ended_at_the_limit_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[Worker] = []

    def recorded(*arguments: Any) -> Worker:
        started.append(Worker(*arguments))
        return started[-1]

    monkeypatch.setattr(harness, "Worker", recorded)
    measured = run([FIRST, SECOND], settings("behaves", "crashes", "hangs", limit=1.5))
    for each in measured:
        assert each.peers["hangs"].status == "timeout"
        assert each.peers["crashes"].status == "crashed"
        assert each.peers["behaves"].counts
    assert len(started) == 5  # one that behaves, two of each of the others
    assert all(worker._process.returncode is not None for worker in started)


def test_a_peer_that_crashes_in_one_case_starts_afresh_in_the_next() -> None:
    chain, product = run([SECOND, FIRST], settings("crashes on chains"))
    assert chain.peers["crashes on chains"].status == "crashed"
    assert "signal 9" in chain.peers["crashes on chains"].note
    assert product.peers["crashes on chains"].counts


def test_a_peer_that_crashes_between_rounds_keeps_them_but_does_not_count() -> None:
    (measured,) = run([FIRST], settings("behaves", "crashes later", rounds=3))
    lost = measured.peers["crashes later"]
    assert lost.status == "crashed"
    assert len(lost.rounds) == 1
    assert not lost.counts
    assert len(measured.peers["behaves"].rounds) == 3


def test_an_interrupt_keeps_what_the_case_has_and_ends_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole_round = harness._round

    def interrupted(number: int, *rest: Any) -> None:
        if number == 1:
            raise KeyboardInterrupt
        whole_round(number, *rest)

    monkeypatch.setattr(harness, "_round", interrupted)
    measured = list(measure([FIRST, SECOND], settings("behaves"), lambda text: None))
    assert len(measured) == 1
    assert not measured[0][1]
    assert len(measured[0][0].peers["behaves"].rounds) == 1


def test_a_case_that_needs_too_much_is_skipped_with_the_reason() -> None:
    large = Case("outer", "tiny", "i,j->ij", ((2**15,), (2**15,)), "float64")
    (measured,) = run([large], settings("behaves"))
    assert "needs 16.0 GiB" in measured.skipped
    assert not measured.peers


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process holds")
def test_a_worker_that_holds_too_much_memory_is_ended() -> None:
    worker = Worker((sys.executable, "-c", "import time; time.sleep(60)"), {}, most_bytes=1)
    with pytest.raises(WorkerLost, match="GiB held") as caught:
        worker.ask({"do": "time"}, limit=30)
    assert caught.value.status == "memory"
