"""The page checks answers exactly as the terminal does."""

from __future__ import annotations

import json
import random

import pytest

from einlab.drills import all_drills, check
from einlab.drills.answers import FACTORS, PREFIXES, shown
from einlab.errors import ArgumentError
from tests.docs.node import STATIC, evaluate

COUNTED = [drill for drill in all_drills() if drill.counted]
READING = json.dumps({"prefixes": PREFIXES, "factors": list(FACTORS.items())})


def data(drill):
    return {
        "kind": drill.kind,
        "answer": drill.answer,
        "unit": drill.unit,
        "tolerance": drill.tolerance,
        "options": drill.shown_options,
    }


def answers(drill, chance):
    """The right answer, mangled ones, and what people type into the wrong field."""
    right = shown(drill)
    yield right
    yield right.upper()
    yield "".join(chance.sample(right, len(right)))
    yield chance.choice(["", "3×4", "(3, 4)", "ij,jk->ik", "a b", "1e3", "22 MFLOP", "−7", "12 %"])
    if drill.kind == "number":
        for factor in (2, 0.5, 1000, 1.024, 3, 1 + drill.tolerance / 2, 1 + 2 * drill.tolerance):
            yield f"{drill.answer * factor:.12g}"
        yield f"{drill.answer:,} {drill.unit}s"


def in_python(drill, given):
    try:
        verdict = check(drill, given)
    except ArgumentError:
        return "refused"
    return verdict.right, verdict.said


def in_page(found):
    return "refused" if "error" in found else (found["right"], found["said"])


@pytest.mark.parametrize("seed", [0, 1])
def test_an_answer_is_judged_alike_in_the_page_and_in_the_terminal(seed):
    chance = random.Random(seed)
    cases = [(drill, given) for drill in COUNTED for given in answers(drill, chance)]
    assert len(cases) >= 500
    script = f"((globalThis.einlabReading = {READING}), load(), globalThis.einlabCheck)"
    script = script.replace(
        "load()",
        f'(0, eval)(fs.readFileSync({json.dumps(str(STATIC / "drills.js"))}, "utf8"))',
    )
    found = evaluate("widgets/stepper.js", script, [(data(drill), given) for drill, given in cases])
    for (drill, given), verdict in zip(cases, found, strict=True):
        assert in_page(verdict) == in_python(drill, given), (drill.name, given)
