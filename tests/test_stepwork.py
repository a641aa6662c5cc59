"""What a step's time depends on is the same for twins, and says how its arrays lie."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.moves import move_of
from einlab.planning import plan
from einlab.residuals import SCALES
from einlab.stepwork import Work, work_of

orders = st.permutations("abcd")
shapes = st.lists(st.integers(1, 9), min_size=4, max_size=4)


@given(order=orders, shape=shapes)
def test_a_permutation_and_its_inverse_see_each_other_mirrored(order, shape):
    sizes = dict(zip("abcd", shape, strict=True))
    there = move_of(tuple("abcd"), tuple(order), sizes).traits
    back = move_of(tuple(order), tuple("abcd"), sizes).traits
    assert there[0] == back[0] == pytest.approx(math.log2(math.prod(shape)))
    assert (there[1:3], there[3:5]) == (back[3:5], back[1:3])


@given(order=orders, shape=shapes)
def test_a_run_is_a_part_of_the_whole(order, shape):
    move = move_of(tuple("abcd"), tuple(order), dict(zip("abcd", shape, strict=True)))
    assert move.entries % move.run == 0


def work(equation: str, *shapes: tuple[int, ...]) -> Work:
    (step,) = plan(equation, *shapes).steps
    return work_of(step)


@pytest.mark.parametrize(
    ("equation", "shapes", "alike"),
    [
        ("ij,jk->ik", ((3, 4), (4, 5)), "product"),
        ("bij,bjk->bik", ((2, 3, 4), (2, 4, 5)), "batch"),
        ("ij,j->i", ((3, 4), (4,)), "vector"),
        ("ij,j->ij", ((3, 4), (4,)), "spread"),
        ("ij->i", ((3, 4),), "sum"),
        ("ij->ji", ((3, 4),), "permute"),
        ("iji->ji", ((3, 4, 3),), "diagonal"),
    ],
)
def test_every_kind_of_step_has_the_traits_that_its_scales_are_for(equation, shapes, alike):
    found = work(equation, *shapes)
    assert found.alike == alike
    assert len(found.traits) + 1 == len(SCALES[alike])


def test_names_of_indices_do_not_matter():
    one, other = (work(e, (3, 4, 5), (5, 7)) for e in ("abc,cd->bda", "xyz,zw->ywx"))
    assert one == other


def test_how_an_operand_lies_matters():
    plain, crossed = work("mk,kn->mn", (8, 4), (4, 2)), work("km,kn->mn", (4, 8), (4, 2))
    assert plain.traits[:4] == crossed.traits[:4]
    assert (plain.is_crossed, crossed.is_crossed) == (False, True)
    assert plain.traits != crossed.traits


def test_a_native_product_has_the_runs_of_its_arrays() -> None:
    made = plan("axb,asc,xsty,btd->cyd", sizes=dict.fromkeys("abcdxyst", 12))
    for step in made.steps:
        assert step.form == "native"
        work = work_of(step)
        assert (work.form, work.alike, work.copies) == ("native", "native", ())
        assert work.flops == step.cost.flops
        for (entries, run), shape in zip(work.arrays, (*step.shapes, step.shape), strict=True):
            assert entries == math.prod(shape)
            assert entries % run == 0
