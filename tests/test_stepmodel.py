"""The roofline: no step is faster than its FLOPs, its bytes and its launch allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.cost import Cost
from einlab.machines import Machine
from einlab.planning import Plan, plan
from einlab.stepmodel import predict

MACHINE = Machine("one", {"float32": 1e12}, bandwidth=1e11, memory=1e10, launch=1e-6)
counts = st.integers(0, 10**15)


@given(flops=counts, read=counts, written=counts)
def test_no_operation_is_faster_than_any_of_its_bounds(flops, read, written):
    cost = Cost(flops=flops, bytes_read=read, bytes_written=written)
    seconds = predict(cost, MACHINE, "float32").seconds
    least = max(flops / 1e12, (read + written) / 1e11)
    assert seconds == pytest.approx(least + 1e-6)


@pytest.mark.parametrize(
    ("flops", "read", "bound"),
    [(10**9, 10**3, "compute"), (10**3, 10**9, "memory"), (10, 10, "launch")],
)
def test_the_bound_is_what_takes_longest(flops, read, bound):
    assert predict(Cost(flops=flops, bytes_read=read), MACHINE, "float32").bound == bound


def test_a_dtype_without_a_figure_is_said_to_be_unknown():
    predicted = predict(Cost(flops=10**12, bytes_read=10**6), MACHINE, "float64")
    assert predicted.bound == "unknown"
    assert predicted.seconds == pytest.approx(1e-5 + 1e-6)


def of_the_steps(made: Plan) -> float:
    return sum(each.seconds for each in map(made.predict, made.steps) if each is not None)


def test_a_plan_takes_the_sum_of_its_steps_over_all_slices():
    made = plan("ij,jk,kl->il", (64, 512), (512, 64), (64, 64), machine=MACHINE)
    assert made.seconds == pytest.approx(of_the_steps(made))
    sliced = plan("ij,jk,kl->il", (64, 512), (512, 64), (64, 64), machine=MACHINE, memory_limit=600)
    assert sliced.slices > 1
    assert sliced.seconds == pytest.approx(sliced.slices * of_the_steps(sliced))
    assert plan("i,i->", (3,), (3,)).seconds is None
