from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.cost import product_cost
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.machines import Machine, machine_for
from einlab.stepmodel import predict
from einlab.transformer import throughput

TINY = Machine("tiny", {"bfloat16": 1e12, "int8": 2e12}, bandwidth=1e10, memory=1e9, link=1e9)
POSITIVE = st.floats(1e-3, 1e25)


@given(POSITIVE, st.floats(1, 1e15))
def test_training_costs_six_flops_a_parameter_and_token(parameters: float, tokens: float) -> None:
    assert throughput.training_flops(parameters, tokens) == pytest.approx(6 * parameters * tokens)


@given(POSITIVE, POSITIVE)
def test_a_forward_pass_more_of_everything_is_a_third_more(rest: float, attention: float) -> None:
    once = throughput.training_flops(rest, attention=attention)
    again = throughput.training_flops(
        rest, attention=attention, attention_again=1.0, rest_again=1.0
    )
    assert 3 * again == pytest.approx(4 * once)


@given(st.floats(1e6, 1e25), st.floats(1e-3, 1e3), st.integers(1, 9999))
def test_utilisation_and_days_are_each_others_inverse(
    flops: float, share: float, devices: int
) -> None:
    days = throughput.days(flops, TINY, share, devices=devices)
    found = throughput.utilisation(flops, days * 86_400, TINY, devices=devices)
    assert found == pytest.approx(share)
    rate = throughput.days(flops, flops_per_second=share * 1e12, devices=devices)
    assert rate == pytest.approx(days)


@given(st.integers(64, 10**6), st.integers(64, 10**6))
def test_from_the_critical_row_on_a_product_is_bound_by_compute(k: int, n: int) -> None:
    rows = throughput.critical_rows(TINY, k, n)
    limit = throughput.critical_batch(TINY)
    if rows is None:
        assert 1 / k + 1 / n >= 1 / limit * 0.999
        return
    assert rows >= limit
    bounds = [
        predict(product_cost(1, m, k, n, 2, False), TINY, "bfloat16").bound
        for m in (rows - 1, rows)
    ]
    assert bounds == ["memory", "compute"]


def test_narrow_products_are_never_bound_by_compute() -> None:
    assert throughput.critical_rows(TINY, 8, 8) is None


def test_fewer_bits_halve_the_bytes_and_double_the_rate() -> None:
    assert throughput.critical_batch(TINY, "int8") == throughput.critical_batch(TINY) == 100
    assert throughput.critical_batch(TINY, flops=4.0, weights=2.0) == 50


def test_splitting_pays_from_the_width_at_which_sending_takes_as_long() -> None:
    width = throughput.critical_split(TINY, 4)
    compute = 2 * width / (4 * 1e12)  # of one entry of the result
    assert compute == pytest.approx(2 / 1e9)
    with pytest.raises(ArgumentError, match="no figure for its link"):
        throughput.critical_split(replace(TINY, link=None), 4)


def test_a_step_waits_for_the_cache_and_then_for_weights_or_products() -> None:
    assert throughput.decode_seconds(1e10, 2e10, TINY) == pytest.approx(3.0)
    assert throughput.decode_seconds(1e10, 2e10, TINY, flops=5e12) == pytest.approx(7.0)
    assert throughput.decode_seconds(1e10, 2e10, TINY, devices=3) == pytest.approx(1.0)
    assert throughput.phase_seconds(5e12, 1e11, TINY) == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: throughput.training_flops(-1.0), ArgumentError, "expected a number from 0"),
        (lambda: throughput.training_flops("x"), ArgumentTypeError, "'x'; expected a number"),  # type: ignore[arg-type]
        (lambda: throughput.utilisation(1.0, 0.0, TINY), ArgumentError, "seconds is 0.0"),
        (lambda: throughput.utilisation(1.0, 1.0, TINY, "float32"), ArgumentError, "has bfloat16"),
        (lambda: throughput.utilisation(1.0, 1.0, TINY, devices=0), ArgumentError, "devices is 0"),
        (lambda: throughput.days(1.0), ArgumentError, "how fast"),
        (lambda: throughput.days(1.0, TINY, -0.5), ArgumentError, "share of the peak is -0.5"),
        (lambda: throughput.days(1.0, flops_per_second=0), ArgumentError, "flops_per_second is 0"),
        (lambda: throughput.critical_rows("H900", 1, 1), ArgumentError, "unknown machine"),
    ],
)
def test_numbers_that_cannot_be_are_named(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()


def test_the_ridge_of_the_table_gives_the_critical_batch() -> None:
    for name in ("H100 SXM", "TPU v5e"):
        assert throughput.critical_batch(name) == machine_for(name).ridge("bfloat16")
