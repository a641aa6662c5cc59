"""Programs of products and their tapes, run entry by entry in NumPy: derivatives and schedules."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import einlab
from einlab.compiling import Compilation
from einlab.execute.tape_index import FIRST, Tape, tape_of
from einlab.execute.tape_patterns import power_of_4
from einlab.execute.tape_program import Program, View, linear, pruned, transposed
from einlab.execute.tape_steps import Run
from einlab.execute.taped import Taped, taped
from tests.execute.networks import Net, contracted, network

Array = Any

SEEDS = range(8)


def made(net: Net, apart: tuple[int, ...] = ()) -> tuple[einlab.Plan, Taped]:
    """The plan of a network with every step on one tape."""
    plan = einlab.plan(net.equation, *net.shapes, dtype="float64", optimize="greedy")
    plan.__dict__["compilation"] = Compilation("tape", 0.0, "tape", 2**40)
    return plan, taped(plan, apart)


def program_of(net: Net, apart: tuple[int, ...] = ()) -> Program:
    _, pieces = made(net, apart)
    return the_program(pieces)


def the_program(pieces: Taped) -> Program:
    """The program of the only tape."""
    (run,) = pieces.runs
    assert isinstance(run, Run)
    return run.program


def packed(net: Net, arrays: list[Array], apart: tuple[int, ...] = ()) -> list[Array]:
    _, pieces = made(net, apart)
    return [np.concatenate([arrays[i].ravel() for i in group]) for group in pieces.packed]


def seen(view: View, values: dict[int, Array], sizes: Any) -> Array:
    """The entries of a view as an array over its axes."""
    places = np.full((), view.offset)
    for label, stride in zip(view.labels, view.strides, strict=True):
        places = places[..., None] + np.arange(sizes[label]) * stride
    return values[view.value][places] if view.value >= 0 else np.ones(places.shape)


def evaluated(program: Program, inputs: list[Array]) -> list[Array]:
    """What a program gives, step by step with np.einsum."""
    values = dict(enumerate(inputs))
    for number, step in enumerate(program.steps, len(inputs)):
        total: Any = 0
        for left, right in step.terms:
            letter = {i: n for n, i in enumerate(dict.fromkeys(left.labels + right.labels))}
            one, other = (seen(view, values, program.sizes) for view in (left, right))
            axes = ([letter[i] for i in labels] for labels in (left.labels, right.labels))
            total = total + np.einsum(one, next(axes), other, next(axes),
                                      [letter[i] for i in step.labels])  # fmt: skip
        values[number] = np.asarray(total).ravel()
    results = []
    for output in program.outputs:
        flat = np.zeros(output.length)
        for piece in output.pieces:
            to = View(0, piece.offset, piece.source.labels, piece.strides)
            places = seen(to, {0: np.arange(output.length)}, program.sizes)
            flat[places] = seen(piece.source, values, program.sizes)
        results.append(flat)
    return results


def played(tape: Tape, inputs: list[Array]) -> list[Array]:
    """What a tape gives, chunk by chunk; entries that no chunk wrote are NaN."""
    rest = np.full(tape.regions * tape.region, np.nan)
    buffer = np.concatenate([[0, 1], *inputs, rest])
    for kind, number, start in tape.order:
        left, right = tape.left[kind][number], tape.right[kind][number]
        results = np.einsum("cmk,ckn->cmn", buffer[left], buffer[right]).ravel()
        buffer[start : start + tape.region] = np.pad(results, (0, tape.region - results.size))
    return [buffer[places] for places in tape.outputs]


def random_inputs(program: Program, seed: int) -> list[Array]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=length) for length in program.inputs]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_program_gives_the_contraction(seed: int) -> None:
    net = network(20 + 8 * seed, seed)
    arrays = net.arrays("float64", seed)
    plan, _ = made(net)
    (result,) = evaluated(program_of(net), packed(net, arrays))
    expected = contracted(net, plan.path, arrays, "float64")
    most = float(np.max(np.abs(expected)))
    np.testing.assert_allclose(result, expected.ravel(), rtol=1e-9, atol=1e-9 * most)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("region", [256, 1024])
def test_a_tape_gives_what_its_program_gives(seed: int, region: int) -> None:
    program = program_of(network(20 + 8 * seed, seed))
    inputs = random_inputs(program, seed)
    tape = tape_of(program, region)
    for got, expected in zip(played(tape, inputs), evaluated(program, inputs), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * abs(expected).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tangent_is_the_slope(seed: int) -> None:
    net = network(20 + 4 * seed, seed)
    variables = tuple(range(0, len(net.shapes), 3))
    program = program_of(net, variables)
    inputs, moves = random_inputs(program, seed), random_inputs(program, seed + 1)
    for moved in ((True, True), (False, True), (True, False)):
        parts = linear(program, moved)
        *results, saved = evaluated(parts.forward, inputs)
        np.testing.assert_allclose(results[0], evaluated(program, inputs)[0])
        given = [move for move, is_moved in zip(moves, moved, strict=True) if is_moved]
        (tangent,) = evaluated(parts.tangent, [*inputs, saved, *given])
        step = 1e-6
        ends = [
            evaluated(program, [x + sign * step * move * is_moved for x, move, is_moved
                                in zip(inputs, moves, moved, strict=True)])[0]
            for sign in (1, -1)
        ]  # fmt: skip
        slope = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(tangent, slope, rtol=1e-3, atol=1e-4 * abs(slope).max())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_transpose_sends_back_what_keeps_the_inner_product(seed: int) -> None:
    net = network(20 + 4 * seed, seed)
    program = program_of(net, tuple(range(0, len(net.shapes), 3)))
    parts = linear(program, (True, True))
    inputs = random_inputs(program, seed)
    *_, saved = evaluated(parts.forward, inputs)
    moves = random_inputs(program, seed + 1)
    (tangent,) = evaluated(parts.tangent, [*inputs, saved, *moves])
    backward = transposed(parts.tangent, (False, False, False, True, True), (True,))
    cotangent = np.random.default_rng(seed).normal(size=tangent.size)
    sent = played(tape_of(backward), [*inputs, saved, cotangent])
    ahead, back = tangent @ cotangent, sum(m @ s for m, s in zip(moves, sent, strict=True))
    np.testing.assert_allclose(ahead, back, rtol=1e-8, atol=1e-8 * abs(tangent) @ abs(cotangent))


@pytest.mark.parametrize("seed", range(4))
def test_derivatives_of_derivatives_are_programs_too(seed: int) -> None:
    program = program_of(network(20, seed, outputs=0))
    parts = linear(program, (True,))
    backward = transposed(parts.tangent, (False, False, True), (True,))
    twice = linear(backward, (True, True, False))
    (x,), (move,) = random_inputs(program, seed), random_inputs(program, seed + 1)

    def slope(at: Array) -> tuple[Array, Array]:
        _, saved = evaluated(parts.forward, [at])
        return evaluated(backward, [at, saved, np.ones(1)])[0], saved

    step = 1e-6
    ends = slope(x + step * move), slope(x - step * move)
    expected, saved_moves = ((a - b) / (2 * step) for a, b in zip(*ends, strict=True))
    _, saved = slope(x)
    *_, kept = evaluated(twice.forward, [x, saved, np.ones(1)])
    (got,) = evaluated(twice.tangent, [x, saved, np.ones(1), kept, move, saved_moves])
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_a_pruned_program_gives_the_outputs_that_are_used(seed: int) -> None:
    program = linear(program_of(network(20 + 4 * seed, seed)), (True,)).forward
    inputs = random_inputs(program, seed)
    every = evaluated(program, inputs)
    for used in ((True, False), (False, True), (True, True)):
        part = pruned(program, used)
        expected = [one for one, use in zip(every, used, strict=True) if use]
        for got, wanted in zip(evaluated(part, inputs), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
        assert len(part.steps) == len(program.steps) - (used == (False, True))


def test_regions_are_used_again() -> None:
    tape = tape_of(program_of(network(300, 0)))
    assert tape.regions < len(tape.order)


def test_tiles_of_one_kind_that_do_not_wait_share_a_chunk() -> None:
    names = [chr(0x4E00 + place) for place in range(60)]
    pairs = [f"{a}{b},{b}{c}" for a, b, c in zip(*[iter(names)] * 3, strict=True)]
    net = Net(f"{','.join(pairs)}->", ((2, 2),) * 40)
    program = program_of(net)
    tape = tape_of(program)
    first = tape.kinds.index(tape.kinds[tape.order[0][0]])
    used = np.any(tape.left[first][tape.order[0][1]] >= FIRST, axis=(1, 2))
    assert used.sum() >= 3


def test_small_steps_of_many_shapes_share_few_kinds() -> None:
    tape = tape_of(program_of(network(300, 0)))
    assert all(kind.m == kind.n == 1 for kind in tape.kinds)
    assert len(tape.kinds) <= 4


def test_products_of_large_matrices_are_cut_into_tiles() -> None:
    names = [chr(0x4E00 + place) for place in range(19)]
    chain = ",".join(a + b for a, b in pairwise(names))
    net = Net(f"{chain}->{names[0]}{names[-1]}", ((32, 32),) * 18)
    program = program_of(net)
    tape = tape_of(program)
    assert [kind.sides for kind in tape.kinds] == [(16, 64, 16)]
    inputs = random_inputs(program, 0)
    (got,), (expected,) = played(tape, inputs), evaluated(program, inputs)
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9 * abs(expected).max())


def test_the_same_plan_gives_the_same_index_arrays() -> None:
    net = network(60, 3)
    one, other = (tape_of(the_program(taped.__wrapped__(made(net)[0]))) for _ in range(2))
    assert one is not other
    assert np.array_equal(one.order, other.order)
    for first, second in zip((*one.left, *one.right), (*other.left, *other.right), strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize("size", range(1, 70))
def test_a_power_of_4_is_the_least_that_holds_a_size(size: int) -> None:
    power = power_of_4(size)
    assert power in (1, 4, 16, 64, 256)
    assert power >= size > power // 4 or power == 1
