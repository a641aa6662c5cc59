"""Programs in loops give what they give without, in less room."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import einlab
from einlab.execute.doubling import Source, gradient_source
from einlab.execute.fitting import Played, fitted
from einlab.execute.nest_words import in_loops
from einlab.execute.nesting import Cut, Cuts, Nest
from einlab.execute.tape_program import Program, linear, transposed
from einlab.execute.tape_steps import run_of
from tests.execute.interpreting import interpreted
from tests.execute.networks import network
from tests.execute.test_tape_program import evaluated, program_of, random_inputs
from tests.execute.test_tape_words import assert_alike

Array = Any


def looped(program: Program, cuts: Cuts, inputs: list[Array]) -> list[Array]:
    """What the words of a program in loops give."""
    made = in_loops(program, "float64", cuts)
    assert made.arena == Played(program, "float64", cuts).length
    lengths = [*(output.length for output in program.outputs), made.arena]
    *results, _ = interpreted(made.words, inputs, lengths)
    return results


def drawn_cuts(
    program: Program, draw: random.Random, most: int = 4, reaches: Any = ("own",)
) -> Cuts:
    """A few axes, and blocks that need not come out even."""
    labels = draw.sample(sorted(program.sizes), min(len(program.sizes), draw.randint(1, most)))
    return tuple(
        Cut(label, draw.randint(1, program.sizes[label]), draw.choice(reaches)) for label in labels
    )


@pytest.mark.parametrize("seed", range(12))
def test_any_loops_give_what_the_program_gives(seed: int) -> None:
    draw = random.Random(seed)
    program = program_of(network(12 + seed, seed), tuple(range(0, 10 + seed, 3)))
    parts = linear(program, (True, False))
    back = transposed(parts.tangent, (False,) * (len(parts.tangent.inputs) - 1) + (True,), (True,))
    for one in (program, parts.forward, parts.tangent, back):
        inputs = random_inputs(one, seed)
        for _ in range(3):
            assert_alike(looped(one, drawn_cuts(one, draw), inputs), evaluated(one, inputs))


@pytest.mark.parametrize("equation", ["abc,cde,efa->bdf", "iij,jk,kli->il", "ab,bc,ac->", "ij->ji"])
def test_axes_of_the_output_sums_and_diagonals_are_cut(equation: str) -> None:
    draw = random.Random(0)
    shapes = [tuple(5 for _ in term) for term in equation.split("->")[0].split(",")]
    program = run_of(einlab.plan(equation, *shapes).steps).program
    inputs = random_inputs(program, 0)
    for _ in range(6):
        assert_alike(looped(program, drawn_cuts(program, draw), inputs), evaluated(program, inputs))


RING = "abc,bcd,def,efg,fgh,gha->"


def test_programs_fit_into_less_and_less_room_without_more_work() -> None:
    shapes = [(8, 8, 8)] * 6
    program = run_of(einlab.plan(RING, *shapes).steps).program
    inputs = random_inputs(program, 0)
    free = Played(program, "float64", ())
    for share in (2, 4, 8):
        found = fitted(Source(program), "float64", free.length // share)
        assert found is not None
        assert found.length <= free.length // share
        assert_alike(looped(program, found.nest.cuts, inputs), evaluated(program, inputs))
        done = sum(executions(found.nest).values())
        assert done == sum(executions(free.nest).values())


def executions(nest: Nest) -> dict[int, int]:
    """Multiplications of each step in all its iterations."""
    widths, times = dict(nest.program.sizes), [1]
    done = dict.fromkeys(nest.needed, 0)
    for event in nest.events():
        if event.kind == "enter" and event.loop:
            times.append(times[-1] * event.iterations)
            widths[event.loop.label] = event.width
        elif event.kind == "leave" and event.loop:
            times.pop()
            widths[event.loop.label] = nest.program.sizes[event.loop.label]
        elif event.kind == "step":
            labels = nest.labels[event.number]
            done[event.number] += times[-1] * int(np.prod([widths[i] for i in labels]))
    return done


def test_what_does_not_fit_at_all_is_not_found() -> None:
    program = run_of(einlab.plan("ij,jk,kl->il", *[(4, 4)] * 3).steps).program
    assert fitted(Source(program), "float32", 0) is None


@pytest.mark.parametrize("seed", range(6))
def test_gradients_are_made_forward_and_back_in_one_program(seed: int) -> None:
    draw = random.Random(seed)
    program = program_of(network(12 + seed, seed), tuple(range(0, 10 + seed, 3)))
    parts = linear(program, (True, False))
    count = len(parts.tangent.inputs)
    back = transposed(parts.tangent, (False,) * (count - 1) + (True,), (True,))
    source = gradient_source(program, (0,))
    inputs = random_inputs(source.program, seed)
    *given, cotangent = inputs
    *_, saved = evaluated(parts.forward, given)
    expected = evaluated(back, [*given, saved, cotangent])
    assert_alike(evaluated(source.program, inputs), expected)
    for _ in range(4):
        cuts = drawn_cuts(source.program, draw)
        program = source.under(frozenset(cut.label for cut in cuts))
        assert_alike(looped(program, cuts, inputs), expected)


@pytest.mark.parametrize("seed", range(12))
def test_loops_that_reach_further_give_the_same_contraction_and_gradient(seed: int) -> None:
    draw = random.Random(seed)
    program = program_of(network(12 + seed, seed), tuple(range(0, 10 + seed, 3)))
    gradient = gradient_source(program, (0,))
    right = 0
    for source in (Source(program), gradient):
        inputs = random_inputs(source.program, seed)
        expected = evaluated(source.program, inputs)
        for _ in range(6):
            cuts = drawn_cuts(source.program, draw, reaches=("own", "end", "all"))
            under = source.under(frozenset(cut.label for cut in cuts if cut.reach == "own"))
            if Nest(under, cuts).is_right:
                assert_alike(looped(under, cuts, inputs), expected)
                right += 1
    assert right >= 6


def test_gradients_fit_into_less_room_for_a_third_more_work() -> None:
    shapes = [(8, 8, 8)] * 6
    source = gradient_source(run_of(einlab.plan(RING, *shapes).steps).program, tuple(range(6)))
    free = Played(source.program, "float64", ())
    work = sum(executions(free.nest).values())
    for share in (2, 4, 8):
        found = fitted(source, "float64", free.length // share)
        assert found is not None
        assert sum(executions(found.nest).values()) <= 4 / 3 * work
