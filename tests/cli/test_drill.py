"""`einlab drill` asks, hints, checks and counts."""

from __future__ import annotations

import json

import pytest

from einlab.drills import all_drills, of_page
from tests.cli.calling import call


def test_without_a_subject_the_pages_are_listed_with_their_numbers() -> None:
    done = call("drill", "--json")
    rows = json.loads(done.stdout)["rows"]
    assert done.exit_code == 0
    assert sum(row["all"] for row in rows) == len(all_drills())
    assert [row["page"] for row in rows] == [f"L{number}" for number in range(1, 19)]


def test_one_answer_is_checked_and_the_exit_code_tells() -> None:
    assert call("drill", "order-left", "--answer", "22 MFLOP").exit_code == 0
    wrong = call("drill", "order-left", "--answer", "1")
    assert (wrong.exit_code, wrong.stdout) == (1, "too small\n")
    assert call("drill", "order-left", "--answer", "many").exit_code == 2
    assert call("drill", "L6", "--answer", "1").exit_code == 2
    assert "did you mean 'order-left'" in call("drill", "order-lft").stderr


def test_a_page_is_asked_through_and_counted() -> None:
    lines = ["5", "hint", "22e6", "show", "", "nonsense", "quit"]
    done = call("drill", "l6", input="\n".join(lines))
    assert done.exit_code == 0
    assert "too small" in done.stdout
    assert of_page("L6")[0].hint[:20] in done.stdout
    assert "answer: 40,000 FLOP" in done.stdout
    assert "is no number" in done.stderr
    assert "1 of 3 right" in done.stdout


def test_a_model_answer_is_shown_with_what_to_tick_off() -> None:
    done = call("drill", "views-sketch", input="\n")
    assert done.stdout.count("☐") == 5
    assert "right" not in done.stdout.splitlines()[-1]


def test_the_end_of_the_input_ends_the_questions() -> None:
    assert call("drill", "L1", input="").exit_code == 0


@pytest.mark.parametrize("page", ["L1", "L18"])
def test_a_page_is_listed_by_name(page: str) -> None:
    rows = json.loads(call("drill", page, "--list", "--json").stdout)["rows"]
    assert [row["name"] for row in rows] == [drill.name for drill in of_page(page)]
