"""Programs as words, interpreted in NumPy, give what the programs give."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import einlab
from einlab.execute import tape_words
from einlab.execute.tape_program import Program, linear, transposed
from einlab.execute.tape_steps import run_of
from einlab.execute.tape_words import encoded
from einlab.native.words import HEADER, steps_at
from tests.execute.interpreting import interpreted
from tests.execute.networks import network
from tests.execute.test_tape_program import evaluated, program_of, random_inputs

Array = Any

SEEDS = range(6)


def played(program: Program, inputs: list[Array], batch: int = 1) -> list[Array]:
    """What the words of a program give."""
    words = encoded(program, "float64", batch)
    lengths = [output.length * batch for output in program.outputs]
    *results, _ = interpreted(words.words, inputs, [*lengths, words.arena])
    return results


def assert_alike(found: list[Array], expected: list[Array]) -> None:
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9 * abs(wanted).max())


def joined(every: Iterable[list[Array]]) -> list[Array]:
    """The arrays of each place, one behind the other."""
    return [np.concatenate(parts) for parts in zip(*every, strict=True)]


def programs(seed: int) -> list[Program]:
    """The program of a network, its derivative, and their transposes, of which there are more."""
    variables = tuple(range(0, 10 + 4 * seed, 3))
    program = program_of(network(12 + 4 * seed, seed), variables)
    parts = linear(program, (True, False))
    inputs = len(parts.tangent.inputs)
    back = transposed(parts.tangent, (False,) * (inputs - 1) + (True,), (True,))
    again = linear(back, (True,) * len(back.inputs))
    return [program, parts.forward, parts.tangent, back, again.forward, again.tangent]


@pytest.mark.parametrize("seed", SEEDS)
def test_words_give_what_their_program_gives_and_so_do_derivatives(seed: int) -> None:
    for program in programs(seed):
        inputs = random_inputs(program, seed)
        assert_alike(played(program, inputs), evaluated(program, inputs))


def test_every_element_of_a_batch_has_inputs_and_outputs_of_its_own() -> None:
    program = program_of(network(20, 3))
    every = [random_inputs(program, seed) for seed in range(3)]
    found = played(program, [np.concatenate(parts) for parts in zip(*every, strict=True)], batch=3)
    expected = [
        np.concatenate(p) for p in zip(*(evaluated(program, x) for x in every), strict=True)
    ]
    assert_alike(found, expected)


@pytest.mark.parametrize("together", [False, True])
def test_a_small_result_of_a_large_input_is_put_in_order_at_the_end(
    monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    """The product is made as the input lies, then copied; another output may hold it as well."""
    monkeypatch.setattr(tape_words, "APART", 1)
    run = run_of(einlab.plan("dca,bd->abc", (72, 9, 8), (3, 72)).steps)
    (output,) = run.program.outputs
    program = replace(run.program, outputs=(output,) * (1 + together))
    made = encoded(program, "float64")
    assert made.words[1] == 2 + together  # the product, and copies
    assert made.arena >= output.length
    assert_alike(played(program, inputs := random_inputs(program, 0)), evaluated(program, inputs))
    monkeypatch.setattr(tape_words, "MUCH", 100)
    encoded.cache_clear()
    assert encoded(program, "float64").words[1] == 1 + together


@pytest.mark.parametrize("seed", SEEDS)
def test_however_operands_are_read_the_results_are_the_same(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Even where every product follows an operand, and none its result."""
    monkeypatch.setattr(tape_words, "MUCH", 0)
    monkeypatch.setattr(tape_words, "READ", 1)
    encoded.cache_clear()
    for program in programs(seed)[:4]:
        inputs = random_inputs(program, seed)
        assert_alike(played(program, inputs), evaluated(program, inputs))


@pytest.mark.parametrize(
    ("equation", "columns"),
    [
        ("abk,kc->bac", "a"),  # kept axes of the large operand lie apart: they are rows
        ("kab,kc->bac", "ab"),  # they are neighbours: columns, in their order there
        ("kc,kab->cba", "ab"),
    ],
)
def test_a_much_larger_operand_is_read_as_it_lies(equation: str, columns: str) -> None:
    sizes = {"a": 7, "b": 11, "c": 9, "k": 256}
    left, right = equation.split("->")[0].split(",")
    run = run_of(
        einlab.plan(equation, *(tuple(sizes[i] for i in term) for term in (left, right))).steps
    )
    words = encoded(run.program, "float32").words
    step = words[steps_at(words) :]
    counts = step[HEADER : HEADER + 4]
    inner = step[HEADER + 5 + 4 * sum(counts[:3]) :].reshape(-1, 4)
    extents = [extent for extent, *_ in inner]
    assert extents == ([9] if columns == "a" else [7, 11])
