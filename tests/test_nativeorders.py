"""Times are predicted for arrays as they lie when a native call runs."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from einlab.execute.tape_steps import run_of
from einlab.execute.tape_words import _Writer
from einlab.formsearch import native_form
from einlab.nativecalls import native_calls
from einlab.nativeorders import as_run
from einlab.planning import Plan, plan

EQUATION = "abc,cde,bef,fg,adg->"
sizes = st.fixed_dictionaries({index: st.integers(1, 5) for index in "abcdefg"})


def natively(made: Plan) -> Plan:
    """The plan with all products native."""
    tree, terms = made.tree, [*made.contraction.leaves, *made.orders]
    forms = [
        native_form(terms[left], terms[right], order)
        for (left, right), order in zip(tree.pairs, made.orders, strict=True)
    ]
    return replace(made, product_forms=tuple(forms))


@given(sizes=sizes, output=st.sampled_from(["", "a", "gb", "fad"]), seed=st.integers(0, 3))
def test_arrays_are_said_to_lie_as_the_words_of_the_call_have_them(sizes, output, seed):
    made = natively(plan(EQUATION + output, sizes=sizes, optimize="greedy", seed=seed))
    for call in native_calls(made.steps):
        if not call[-1].is_native:
            continue
        run = run_of(call)
        writer = _Writer(run.program)
        list(writer.products())
        found = as_run(call)
        made_here = iter(range(len(run.taken), len(run.taken) + len(run.program.steps)))
        for step in found:
            if step.form == "view":
                continue
            _, strides = writer.homes[next(made_here)]
            lies = dict(zip(step.output, step.shape, strict=True))
            held = [index for index in step.output if lies[index] > 1]
            assert held == sorted(strides, key=strides.__getitem__, reverse=True)


def test_steps_that_run_alone_are_left_as_they_are():
    made = plan("ij,jk->ki", (300, 400), (400, 500))
    assert as_run(made.steps) == made.steps


def test_what_a_step_does_does_not_depend_on_how_it_lies():
    made = natively(plan(EQUATION + "gb", sizes=dict.fromkeys("abcdefg", 4)))
    for step, run in zip(made.steps, as_run(made.steps), strict=True):
        assert set(run.output) == set(step.output)
        assert math.prod(run.shape) == math.prod(step.shape)
        assert [set(term) for term in run.terms] == [set(term) for term in step.terms]


def test_a_diagonal_is_a_view_within_a_call():
    made = natively(plan("iij,jk,kl->il", (40, 40, 30), (30, 20), (20, 40), optimize=[(0, 1)] * 2))
    assert [step.kind for step in made.steps][:1] == ["diagonal"]
    assert as_run(made.steps)[0].form == "view"
