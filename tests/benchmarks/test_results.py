"""The result file, and what is derived from it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.results import Measured, Outcome, Ratio, geometric_mean, read, write
from tests.benchmarks.runs import CASE, made_run, timed


def test_a_run_survives_its_file(tmp_path: Path) -> None:
    run = made_run()
    write(run, tmp_path / "new" / "run.json")
    assert read(tmp_path / "new" / "run.json") == run


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write(made_run(), path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write(dataclasses.replace(made_run(), machine={"cpu": object()}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["[]", '{"format": "another"}', '{"format": "einlab-benchmark"'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ValueError):
        read(path)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text('{"format": "einlab-benchmark", "version": 99}')
    with pytest.raises(ValueError, match="version 99"):
        read(path)


def test_ratios_are_taken_within_the_rounds() -> None:
    # both slow down in the second round: the ratio of the medians would be the same, not its spread
    measured = Measured(CASE, 2, 3, {"ours": timed(1.0, 10.0), "theirs": timed(2.0, 20.0)})
    assert measured.ratio("ours", "theirs") == Ratio(0.5, 0.5, 0.5)


def test_a_peer_that_lost_rounds_is_compared_over_those_it_has() -> None:
    measured = Measured(CASE, 2, 3, {"ours": timed(1.0, 3.0, 9.0), "theirs": timed(2.0)})
    assert measured.ratio("ours", "theirs") == Ratio(0.5, 0.5, 0.5)


@pytest.mark.parametrize("status", ["wrong", "failed", "crashed", "timeout", "memory"])
def test_a_peer_that_is_not_right_to_the_end_has_no_ratio(status: str) -> None:
    bad = dataclasses.replace(timed(0.001), status=status)
    measured = Measured(CASE, 2, 3, {"ours": timed(1.0), "bad": bad, "slow": timed(4.0)})
    assert measured.ratio("ours", "bad") is None
    assert measured.best_peer("ours") == "slow"


def test_the_best_peer_is_the_fastest_of_the_others() -> None:
    measured = Measured(CASE, 2, 3, {"ours": timed(1.0), "a": timed(3.0), "b": timed(2.0)})
    assert measured.best_peer("ours") == "b"
    assert Measured(CASE, 2, 3, {"ours": timed(1.0)}).best_peer("ours") is None


def test_the_view_is_beside_the_array_and_never_in_a_ratio() -> None:
    outcome = timed(2.0, 4.0, 6.0)
    assert outcome.seconds == 4.0
    assert outcome.view == 2.0
    assert outcome.spread == 1.0
    assert not Outcome("ok").counts


def test_the_geometric_mean_of_a_ratio_and_its_inverse_is_one() -> None:
    assert geometric_mean([0.2, 5.0]) == pytest.approx(1.0)
