import random

import numpy as np
import pytest

from einlab import machinestore
from einlab.cost import product_cost
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.machines import Machine, machine_for
from einlab.objectives import OBJECTIVES, PICO, objective_for, seconds_by
from einlab.planning import plan
from einlab.search.exact import _picoseconds
from einlab.search.value import tree_value
from einlab.settings import objective_name, settings_from
from einlab.stepmodel import Constants, StepModel, product_seconds


@pytest.mark.parametrize("is_complex", [False, True])
def test_the_flops_of_a_step_are_those_of_its_cost(is_complex):
    objective = objective_for("flops", is_complex)
    for batch, m, k, n in [(1, 2, 3, 4), (5, 1, 1, 1), (2, 3, 1, 4), (3, 2, 2, 1), (2, 0, 3, 4)]:
        price = objective.price(batch * m * k, batch * k * n, batch * m * n, batch * m * k * n)
        assert price == product_cost(batch, m, k, n, 4, is_complex).flops


def test_combo_adds_64_flops_for_each_element_written():
    assert OBJECTIVES["combo"].price(6, 12, 8, 24) == 48 + 64 * 8


def test_an_objective_stands_for_itself():
    assert objective_for(OBJECTIVES["peak"]) is OBJECTIVES["peak"]
    with pytest.raises(ArgumentTypeError, match="not 3"):
        objective_for(3)  # type: ignore[arg-type]


def some_constants(draw: random.Random) -> Constants:
    """Constants of a device, each field of the step model drawn or left as it is."""
    drawn = {
        name: draw.uniform(0.1, 1) * 10 ** draw.randint(-3, 3)
        for name in Constants._fields
        if draw.random() < 0.7
    }
    return Constants(**({"itemsize": 4.0, "rate": 3.0} | drawn))


def test_seconds_are_those_of_the_step_model_by_volumes_and_by_arrays():
    draw = random.Random(0)
    for _ in range(500):
        c = some_constants(draw)
        batch, m, k, n = (draw.choice((1, 1, 2, 3, 40)) for _ in range(4))
        left, right, result, product = (
            batch * m * k,
            batch * k * n,
            batch * m * n,
            batch * m * k * n,
        )
        expected = product_seconds(c, batch, m, k, n) * PICO
        assert seconds_by(c).price(left, right, result, product) == round(expected)
        volumes = (np.array([float(volume)]) for volume in (k, result, left, right))
        assert _picoseconds(c, *volumes)[0] == pytest.approx(expected, rel=1e-12)


def test_seconds_of_empty_and_of_endless_products_are_finite():
    constants = StepModel.from_machine(machine_for("A100 80GB SXM"), "float32").constants
    price = seconds_by(constants).price
    assert price(0, 12, 0, 0) < price(10**400, 10**400, 10**400, 10**600)


def test_seconds_need_a_machine():
    with pytest.raises(ArgumentError, match=r"give machine=.*einlab calibrate"):
        objective_for("seconds")


PATHS = [(0, 1), (0, 1)], [(0, 2), (0, 1)], [(1, 2), (0, 1)]


def test_orders_are_chosen_by_the_seconds_of_the_machine_that_is_given():
    shapes = (64, 2), (2, 64), (64,)
    slow = Machine("slow to start", {"float32": 1e12}, 1e10, 1e9, launch=1e-3)
    small = Machine("slow to move", {"float32": 2e12}, 1e10, 1e9)
    for machine in (slow, small):
        found = plan("ij,jk,k->i", *shapes, machine=machine, objective="seconds")
        assert found.objective == "seconds"
        assert found.machine == machine
        model = StepModel.from_machine(machine, "float32").constants
        every = [plan("ij,jk,k->i", *shapes, optimize=path) for path in PATHS]
        values = [tree_value(each.tree, seconds_by(model)) for each in every]
        assert tree_value(found.tree, seconds_by(model)) == min(values)


def test_the_machine_calibrated_here_is_taken_if_none_is_given(monkeypatch: pytest.MonkeyPatch):
    here = Machine("this one", {"float32": 1e12}, 1e10, 1e9)
    monkeypatch.setattr(machinestore, "here", lambda kind=None: here)
    assert settings_from({"objective": "seconds"}).machine == here
    assert settings_from({"objective": "flops"}).machine == here  # its times are shown
    assert objective_name(settings_from({}), ("float32",), "float32") == "seconds"
    assert objective_name(settings_from({"objective": "flops"}), ("float32",), "float32") == "flops"
    monkeypatch.setattr(machinestore, "here", lambda kind=None: None)
    with pytest.raises(ArgumentError, match="einlab calibrate"):
        plan("ij,jk,k->i", (2, 3), (3, 4), (4,), objective="seconds", seed=1)
