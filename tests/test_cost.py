"""The counting rules, against a count of every operation by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from einlab.cost import Cost, product_cost, product_flops_exact, sum_cost

sizes = st.integers(0, 6)
counts = st.integers(0, 10**9)
costs = st.builds(Cost, counts, counts, counts, counts, counts, counts)


@given(costs, costs, costs, st.integers(0, 1000))
def test_costs_add_and_multiply_like_numbers(a: Cost, b: Cost, c: Cost, n: int) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert n * (a + b) == a * n + b * n
    assert sum([a, b, c], Cost()) == sum([a, b, c]) == a + b + c
    assert (a + b).bytes == a.bytes + b.bytes


@given(sizes, sizes, st.integers(2, 6), sizes)
def test_a_product_is_counted_as_its_loops_run(batch: int, m: int, k: int, n: int) -> None:
    multiplications = additions = 0
    for _ in range(batch * m * n):
        for _ in range(k):
            multiplications += 1
            additions += 1  # the first is added to zero, as XLA counts it
    cost = product_cost(batch, m, k, n, itemsize=4, is_complex=False)
    assert cost.flops == multiplications + additions
    assert cost.macs == multiplications
    assert product_flops_exact(batch, m, k, n) == multiplications + additions - batch * m * n
    assert cost.bytes_read == 4 * batch * (m * k + k * n)
    assert cost.bytes_written == 4 * batch * m * n


@given(sizes, sizes, sizes)
def test_a_product_that_sums_nothing_is_one_multiplication_an_entry(
    batch: int, m: int, n: int
) -> None:
    assert product_cost(batch, m, 1, n, 4, is_complex=False).flops == batch * m * n
    assert product_cost(batch, m, 1, n, 8, is_complex=True).flops == 6 * batch * m * n


@given(sizes, sizes, st.integers(2, 6), sizes)
def test_complex_numbers_count_their_real_operations(batch: int, m: int, k: int, n: int) -> None:
    real, whole = (product_cost(batch, m, k, n, 8, is_complex=c) for c in (False, True))
    # (a + bi)(c + di) is 4 multiplications and 2 additions; adding it up, 2 additions more.
    assert whole.flops == batch * m * k * n * (4 + 2 + 2) == 4 * real.flops
    assert whole.macs == 4 * real.macs


@given(st.integers(0, 20), st.integers(1, 20))
def test_a_sum_is_one_addition_less_than_its_entries(entries: int, results: int) -> None:
    assert sum_cost(entries * results, results, 4, False).flops == max(entries - 1, 0) * results
    assert sum_cost(entries * results, results, 8, True).flops == 2 * max(entries - 1, 0) * results


def test_intensity_is_flops_a_byte_and_zero_without_bytes() -> None:
    assert Cost(flops=12, bytes_read=4, bytes_written=2).intensity == 2.0
    assert Cost(flops=12).intensity == 0.0
