"""Laws of every public name of the toolkit: its report is the trace's, and bad input is refused."""

from __future__ import annotations

from inspect import isfunction

import pytest

from einlab import report
from tests.toolkit import ROOMS, cases_of, room
from tests.wording import complaint

NAMES = [(name, public) for name in ROOMS for public in room(name).__all__]
CASES = [(name, public) for name, public in NAMES if public in cases_of(name).CASES]
BAD = [
    (name, public, number)
    for name in ROOMS
    for public, calls in cases_of(name).BAD.items()
    for number in range(len(calls))
]


@pytest.mark.parametrize(("name", "public"), NAMES)
def test_every_public_name_reports_its_cost_or_says_why_it_has_none(name, public):
    cases = cases_of(name)
    assert (public in cases.CASES) != bool(cases.SILENT.get(public, ""))


@pytest.mark.parametrize("name", ROOMS)
def test_cases_speak_of_public_names_alone(name):
    cases, public = cases_of(name), set(room(name).__all__)
    assert {*cases.CASES, *cases.SILENT, *cases.BAD} <= public


@pytest.mark.parametrize("name", ROOMS)
def test_every_public_function_has_bad_input_that_it_refuses(name):
    members = {public: getattr(room(name), public) for public in room(name).__all__}
    functions = {public for public, member in members.items() if isfunction(member)}
    assert functions <= set(cases_of(name).BAD)
    assert all(cases_of(name).BAD.values())


@pytest.mark.parametrize(("name", "public"), CASES)
def test_a_report_agrees_with_xla_and_with_what_the_room_says_itself(name, public):
    case = cases_of(name).CASES[public]
    found = report(case.function, *case.arguments)
    found.check()
    assert {row.name for row in found.unknown} == set(case.unknown)
    if case.own is not None:
        assert case.own() == found.flops


@pytest.mark.parametrize(("name", "public", "number"), BAD)
def test_bad_input_is_refused_in_plain_words(name, public, number):
    bad = cases_of(name).BAD[public][number]
    assert bad.says
    complaint(bad.call, bad.error, bad.says)
