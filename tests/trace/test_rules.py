from __future__ import annotations

import contextlib
import gc
import importlib
import math
import pkgutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive

from einlab.trace.compiled import alone
from einlab.trace.rules import CALLS, NO_RULE, REASONS, RULES, reason_for
from einlab.trace.rules_products import valid_taps
from tests.trace.operations import COMPLEX, FLOATS, INTEGERS, spec, walked

SKIPPED = ("tools", "test", "colab", "jax2tf")
CASES = [
    *((f"{name} of float32", f, spec(4, 6)) for name, f in FLOATS.items()),
    *((f"{name} of int32", f, spec(4, 6, dtype="int32")) for name, f in INTEGERS.items()),
    *((f"{name} of complex64", f, spec(4, 6, dtype="complex64")) for name, f in COMPLEX.items()),
]


@pytest.mark.filterwarnings("ignore")
def test_every_primitive_of_the_installed_jax_is_counted_or_entered_or_listed_with_a_reason():
    for module in pkgutil.walk_packages(jax.__path__, "jax.", onerror=lambda name: None):
        if not any(part in module.name for part in SKIPPED):
            with contextlib.suppress(Exception):  # of a backend that is not installed
                importlib.import_module(module.name)
    # By its type: a proxy whose object is gone cannot be asked what it is an instance of.
    things = [thing for thing in gc.get_objects() if issubclass(type(thing), Primitive)]
    homes: dict[bool, set[int]] = {True: set(), False: set()}  # of JAX, of other packages
    for name, home in list(sys.modules.items()):
        for thing in list(vars(home).values()):
            if issubclass(type(thing), Primitive):
                homes[name.partition(".")[0] == "jax"].add(id(thing))
    foreign = homes[False] - homes[True]
    found = {thing.name for thing in things if id(thing) not in foreign}
    names = {name for name in found if "[" not in name}  # the others are made while tracing
    assert len(names) > 300
    assert [name for name in sorted(names) if not _listed(name)] == []


def _listed(name: str) -> bool:
    return name in RULES or name in CALLS or reason_for(name) != NO_RULE


def test_no_primitive_is_listed_twice():
    assert not RULES.keys() & CALLS
    assert not RULES.keys() & REASONS.keys()
    assert not CALLS & REASONS.keys()


@pytest.mark.parametrize(
    ("function", "operand"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_column_of_xla_is_what_xla_counts_for_the_operation_alone(function, operand):
    found = walked(function, operand)
    for place, row in enumerate(found.rows):
        if row.xla is not None:
            measured = alone(found.equations[place].equation)
            assert (measured.flops, measured.transcendentals) == row.xla, row.name


def flops(function, *operands):
    return sum(row.cost.flops for row in walked(function, *operands).rows)


def test_a_product_counts_two_flops_a_multiply_add_and_four_times_as_many_for_complex_numbers():
    assert flops(jnp.matmul, spec(3, 5), spec(5, 7)) == 2 * 3 * 5 * 7
    left, right = spec(3, 5, dtype="complex64"), spec(5, 7, dtype="complex64")
    assert flops(jnp.matmul, left, right) == 8 * 3 * 5 * 7


def test_a_ragged_product_meets_one_group_a_row():
    sizes = spec(2, dtype="int32")
    assert flops(lax.ragged_dot, spec(8, 4), spec(2, 4, 6), sizes) == 2 * 8 * 4 * 6


def test_a_convolution_shows_valid_and_dense_taps():
    # jax-ml/jax#17912: 1×4×4×1, two features, a 2×2 kernel.
    found = walked(
        lambda x, k: lax.conv_general_dilated(
            x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        ),
        spec(1, 4, 4, 1),
        spec(2, 2, 1, 2),
    )
    (row,) = (row for row in found.rows if row.kind == "convolution")
    assert (row.each.flops, row.dense) == (196, 256)


@pytest.mark.parametrize("seed", range(12))
def test_convolutions_of_any_stride_padding_dilation_and_grouping_count_as_xla_counts(seed):
    rng = np.random.default_rng(seed)
    groups, batches = [(1, 1), (2, 1), (3, 1), (1, 2)][seed % 4]
    features, outs = int(rng.integers(1, 4)), groups * batches * int(rng.integers(1, 3))
    image, kernel = rng.integers(4, 8, 2), rng.integers(1, 4, 2)
    stride, holes, spread = rng.integers(1, 4, 2), rng.integers(1, 4, 2), rng.integers(1, 3, 2)
    padding = [(int(low), int(high)) for low, high in rng.integers(-1, 3, (2, 2))]

    def convolve(x, k):
        return lax.conv_general_dilated(
            x,
            k,
            tuple(map(int, stride)),
            padding,
            tuple(map(int, holes)),
            tuple(map(int, spread)),
            feature_group_count=groups,
            batch_group_count=batches,
        )

    x, k = spec(2 * batches, features * groups, *map(int, image)), spec(outs, features, *kernel)
    found = walked(convolve, x, k)
    assert alone(found.equations[0].equation).flops == found.rows[0].each.flops


def test_taps_are_those_that_fall_on_an_entry():
    rng = np.random.default_rng(0)
    for _ in range(200):
        size, window, stride, holes, spread = (int(n) for n in rng.integers(1, 5, 5))
        low, out = int(rng.integers(-1, 3)), int(rng.integers(1, 7))
        filled = np.zeros((size - 1) * holes + 1, bool)
        filled[::holes] = True
        expected = sum(
            0 <= o * stride + tap * spread - low < len(filled)
            and filled[o * stride + tap * spread - low]
            for o in range(out)
            for tap in range(window)
        )
        given = valid_taps(
            size=size, window=window, stride=stride, holes=holes, spread=spread, out=out, low=low
        )
        assert given == expected


def test_long_outputs_count_taps_by_the_same_rule():
    long = valid_taps(size=9000, window=3, out=5000, stride=2, low=1, holes=1, spread=2)
    places = np.arange(5000)[:, None] * 2 + np.arange(3) * 2 - 1
    assert long == int(((places >= 0) & (places < 9000)).sum())


def test_a_gather_reads_what_it_takes_and_a_scatter_touches_what_it_meets():
    table, ids = spec(50_000, 8), spec(16, dtype="int32")
    (row,) = (r for r in walked(lambda t, i: t[i], table, ids).rows if r.kind == "gather")
    assert row.each.bytes_read == 16 * 8 * 4 + 16 * 4
    assert row.each.bytes_written == 16 * 8 * 4
    updates = spec(16, 8)
    rows = walked(lambda t, i, u: t.at[i].add(u), table, ids, updates).rows
    (row,) = (r for r in rows if r.kind == "scatter")
    assert (row.each.flops, row.each.bytes_written) == (16 * 8, 16 * 8 * 4)
    assert row.each.bytes < 3000


def test_linear_algebra_follows_its_sources():
    square, tall = spec(12, 12), spec(20, 12)
    assert _one(jnp.linalg.cholesky, square, "cholesky") == round(12**3 / 3 + 72 + 2)
    assert _one(lambda a: lax.linalg.lu(a), square, "lu") == round(2 * 12**3 / 3 - 72 + 10)
    assert _one(jnp.linalg.qr, tall, "qr") == 4 * 20 * 144 - 4 * 12**3 // 3
    assert _one(lambda a: jnp.linalg.svd(a, compute_uv=False), tall, "svd") == round(
        4 * 20 * 144 - 4 * 12**3 / 3
    )
    assert _one(jnp.linalg.eigh, square, "eigh") == 9 * 12**3
    solve = lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True)  # noqa: E731
    assert flops(solve, square, spec(12, 5)) == 12 * 12 * 5


def _one(function, operand, name):
    (row,) = (row for row in walked(function, operand).rows if row.name == name)
    return row.each.flops


def test_solving_runs_the_solution_alone_and_not_its_transpose():
    names = [row.name for row in walked(jnp.linalg.solve, spec(6, 6), spec(6)).rows]
    assert names.count("triangular_solve") == 2
    assert names.count("lu") == 1


def test_a_transform_counts_five_n_log_n_and_a_real_one_half():
    assert flops(jnp.fft.fft, spec(3, 64, dtype="complex64")) == 3 * 5 * 64 * 6
    assert flops(jnp.fft.rfft, spec(3, 64)) == 3 * 5 * 64 * 6 // 2
    assert flops(jnp.fft.irfft, spec(3, 33, dtype="complex64")) == 3 * 5 * 64 * 6 // 2


def test_sorting_counts_comparisons():
    (row,) = (r for r in walked(lambda x: lax.sort(x, dimension=1), spec(5, 100)).rows)
    assert row.each.flops == 500 * math.ceil(math.log2(100))


def test_random_bits_count_their_blocks():
    (row,) = (
        r
        for r in walked(lambda: jax.random.bits(jax.random.key(0), (64,))).rows
        if r.name == "random_bits"
    )
    assert row.each.flops == 64 * 119


def test_what_calls_python_is_unknown_and_says_why():
    def function(x):
        return jax.pure_callback(np.sin, x, x)

    (row,) = walked(function, spec(3)).rows
    assert row.kind == "unknown"
    assert "host" in row.reason
