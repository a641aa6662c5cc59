"""Every drill can be answered, by its computed answer alone, and says enough to get there."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

import pytest

from einlab.drills import PAGES, Drill, all_drills, check, find, of_page
from einlab.drills.answers import canonical, shown
from einlab.drills.verifying import verified
from einlab.errors import ArgumentError

DRILLS = all_drills()
COUNTED = [drill for drill in DRILLS if drill.counted]


def ids(drill: Drill) -> str:
    return drill.name


def test_there_are_a_hundred_drills_that_can_be_checked_and_some_on_every_page():
    assert len(COUNTED) >= 100
    assert all(sum(drill.counted for drill in of_page(page)) >= 5 for page in PAGES)
    assert len({drill.name for drill in DRILLS}) == len(DRILLS)


@pytest.mark.parametrize("drill", COUNTED, ids=ids)
def test_a_drill_takes_its_computed_answer_as_it_is_shown(drill):
    assert check(drill, shown(drill)).right


@pytest.mark.parametrize("drill", COUNTED, ids=ids)
def test_a_drill_refuses_wrong_answers_without_giving_the_right_one_away(drill):
    wrong = {
        "number": lambda: [f"{drill.answer * 3 + 1:.15g}", f"{drill.answer / 2 - 1:.15g}"],
        "shape": lambda: [str((*drill.answer, 2)), "scalar", str(drill.answer[0] + 1)],
        "einsum": lambda: ["ab,cd->", "ij,jk,kl->il", "ijkl->jilk"],
        "choice": lambda: [letter for letter in drill.options if letter != drill.answer],
        "order": lambda: [" ".join(reversed(drill.answer)), drill.answer[0]],
    }[drill.kind]()
    for given in wrong:
        verdict = check(drill, given)
        assert not verdict.right
        assert shown(drill) not in verdict.said.split()


@pytest.mark.parametrize("drill", DRILLS, ids=ids)
def test_a_drill_has_a_question_a_hint_and_a_solution(drill):
    assert drill.prompt[-1] in "?.…)"
    assert drill.hint[-1] in "?.…"
    assert drill.solution[-1] == "."
    assert drill.hint != drill.solution
    assert drill.counted == bool(drill.code)
    assert (drill.kind == "model") == bool(drill.points)
    assert bool(drill.options) == (drill.kind in ("choice", "order"))


@pytest.mark.parametrize("drill", [d for d in COUNTED if d.kind == "number"], ids=ids)
def test_the_answer_is_computed_and_not_typed(drill):
    plain = {str(drill.answer), f"{drill.answer:,}", f"{drill.answer:_}"}
    if abs(drill.answer) > 20:  # small numbers stand in the question for other reasons
        last = drill.code.strip().splitlines()[-1]
        assert last not in plain


def test_no_letter_is_a_good_guess():
    answers = Counter(drill.answer for drill in COUNTED if drill.kind == "choice")
    assert max(answers.values()) <= 0.6 * sum(answers.values())


def test_moving_options_along_keeps_their_texts():
    for drill in DRILLS:
        assert sorted(drill.shown_options) == sorted(drill.options)
        assert sorted(drill.shown_options.values()) == sorted(drill.options.values())


def test_an_unknown_drill_or_page_is_refused_with_the_nearest_name():
    with pytest.raises(ArgumentError, match="did you mean 'order-left'"):
        find("order-lef")
    with pytest.raises(ArgumentError, match="pages are L1 to L18"):
        of_page("L99")


def test_an_expression_proves_itself_or_is_refused():
    assert verified("ij,j->i", lambda a, x: a @ x, (2, 3), (3,)) == "ij,j->i"
    with pytest.raises(ArithmeticError, match="not what is asked for"):
        verified("ij->i", lambda a: a.sum(0), (3, 3))


def test_answers_are_computed_without_jax():
    code = (
        "import sys; from einlab.drills import all_drills; "
        "[d.answer for d in all_drills() if d.counted]; print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("drill", [d for d in COUNTED if d.kind == "einsum"], ids=ids)
def test_an_expression_may_name_its_indices_as_it_likes(drill):
    letters = sorted(set(re.findall("[a-z]", drill.answer)))
    other = dict(zip(letters, "zyxwvutsrqponm", strict=False))
    renamed = "".join(other.get(char, char) for char in drill.answer)
    assert renamed != drill.answer
    assert check(drill, renamed.replace(",", " , ")).right
    assert canonical(renamed) == canonical(drill.answer)
