import pytest

from einlab.cost import product_cost
from einlab.errors import ArgumentTypeError
from einlab.objectives import OBJECTIVES, objective_for


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
