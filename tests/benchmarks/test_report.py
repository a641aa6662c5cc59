"""The tables of a run: nothing that went wrong is left out, nothing wrong counts."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.report import BEST, faults, per_case, per_family, summary, tables, times
from einlab.show.text import render
from tests.benchmarks.runs import made_run


def test_the_summary_counts_only_what_is_right() -> None:
    rows = {row["peer"]: row for row in summary(made_run()).records()}
    assert set(rows) == {BEST, "fast", "slow"}
    assert rows["fast"]["geometric mean"] == pytest.approx(2.0)
    assert rows["slow"]["highest"] == pytest.approx(0.125)
    assert rows[BEST]["highest"] == pytest.approx(2.0)
    assert rows[BEST]["cases"] == 1


def test_the_summary_names_machine_seed_cases_and_repetitions() -> None:
    text = render(summary(made_run()), width=200)
    for said in ("A <CPU>, 2 cores", "16 GiB", "jax 0.12.0", "seed 7", "0.2 s a peer"):
        assert said in text
    assert "torch" not in text


def test_every_fault_is_listed_with_its_reason() -> None:
    listed = {(row["peer"], row["status"], row["reason"]) for row in faults(made_run()).records()}
    assert listed == {
        ("bad", "wrong", "error above 0.0001"),
        ("gone", "crashed", "ended by signal 11"),
        ("all", "skipped", "needs 931 GiB"),
    }


def test_an_interrupted_run_says_so() -> None:
    assert "interrupted" in render(summary(made_run(complete=False)))
    assert "interrupted" not in render(summary(made_run()))


def test_a_run_on_a_busy_machine_says_so() -> None:
    run = made_run()
    busy = dataclasses.replace(run, machine={**run.machine, "load_at_start": 3.0})
    assert "busy" in render(summary(busy))
    assert "busy" not in render(summary(run))


def test_a_case_without_ratios_still_has_its_row() -> None:
    rows = per_case(made_run()).records()
    assert [row["fast"] for row in rows] == [pytest.approx(2.0), None, None]
    assert rows[2]["ours"] == 1.0
    assert len(per_family(made_run()).rows) == 2


def test_the_view_stands_beside_the_array() -> None:
    row = times(made_run()).records()[0]
    assert (row["array"], row["view"], row["calls"]) == (2.0, 1.0, 15)


def test_every_table_can_be_printed_on_a_narrow_screen() -> None:
    for table in tables(made_run()):
        assert max(map(len, render(table, width=60).splitlines())) <= 60
