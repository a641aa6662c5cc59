from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.experimental import pallas as pl

from einlab.errors import ArgumentError
from einlab.trace import checking
from einlab.trace.checking import CheckError
from einlab.trace.explanations import BYTES, COMPILED, LOWERED, SIMPLIFIED
from einlab.trace.reporting import report
from tests.trace.operations import spec

N = 8
MATRIX = spec(N, N)
COMPLEX = spec(N, N, dtype="complex64")
IMAGE, KERNEL = spec(1, 1, 6, 6), spec(1, 1, 3, 3)


def convolve(x, k):
    return lax.conv_general_dilated(x, k, (1, 1), "SAME")


# For each explanation a minimal program that has no other difference of that kind, and its size.
MINIMAL = {
    "valid taps": (report(convolve, IMAGE, KERNEL).under("einlab", taps="dense"), -136),
    "convention": (report(lambda x: x @ x, MATRIX).under("macs"), N**3),
    "loop counted once": (
        report(lambda x: lax.fori_loop(0, 5, lambda i, c: c @ c, x), MATRIX),
        -4 * 2 * N**3,
    ),
    "loop counter": (report(lambda x: lax.fori_loop(0, 5, lambda i, c: c @ c, x), MATRIX), 2),
    "equal operations": (report(lambda x: x @ x + jnp.matmul(x, x), MATRIX), 2 * N**3),
    "complex product": (report(lambda x: x @ x, COMPLEX), -6 * N**3),
    "constant folded": (report(lambda x: x + jnp.zeros((N, N)), MATRIX), -(N * N)),
    "element-wise": (report(lambda x: x > x.T, MATRIX), N * N),
    "complex part": (report(lambda x: jnp.square(x).real, COMPLEX), 0),
    "movement": (report(lambda x: lax.bitcast_convert_type(x, "int32"), MATRIX), N * N),
    "custom call": (report(lambda x: lax.linalg.triangular_solve(x, x), MATRIX), -(N**3) - 1),
    "dense lowering": (
        report(lax.ragged_dot, spec(8, 4), spec(2, 4, 6), spec(2, dtype="int32")),
        None,
    ),
    "random bits": (report(lambda k: jax.random.bits(k, (4,)), jax.random.key(0)), None),
    "branch": (
        report(
            lambda p, x: lax.cond(p, lambda y: y @ y, lambda y: y + 1, x),
            spec(dtype="bool"),
            MATRIX,
        ),
        0,
    ),
    "rounding": (report(lambda x: x @ x, spec(300, 300)), 0),
}
MINIMAL["batched loop"] = (
    report(
        jax.vmap(lambda x: lax.while_loop(lambda c: c.sum() < 9, lambda c: c * 2, x)), spec(3, 4)
    ),
    0,
)
COMPILED_MINIMAL = {
    "equal operations": lambda: report(lambda x: x @ x + jnp.matmul(x, x), MATRIX),
    "product rewritten": lambda: report(jnp.dot, spec(64), spec(64)),
    "element-wise fused": lambda: report(lambda x: x - x * 2 + 1, MATRIX),
    "conversions": lambda: report(lambda x: x @ x, spec(N, N, dtype="float16")),
    "custom call": lambda: report(lambda x: jnp.linalg.svd(x)[1], MATRIX),
    "rounding": lambda: report(lambda x: x @ x, spec(300, 300)),
}


TABLE, IDS = spec(5000, 16), spec(8, dtype="int32")
BYTES_MINIMAL = {
    "loop counted once": lambda: report(
        lambda x: lax.fori_loop(0, 50, lambda i, c: c @ c, x), MATRIX
    ),
    "gather": lambda: report(lambda t, i: t[i] * 2, TABLE, IDS),
    "fused": lambda: report(lambda x: jnp.tanh(x - x * 2 + 1), MATRIX),
    "copies": lambda: report(lambda x: x @ x, MATRIX),
}


@pytest.mark.parametrize("name", BYTES_MINIMAL)
def test_a_difference_in_bytes_is_named(name):
    check = BYTES_MINIMAL[name]().check()
    assert check.unexplained_bytes == 0
    assert name in {difference.name for difference in check.to_bytes}


def test_a_gather_is_billed_the_table_by_xla_and_what_it_touches_by_us():
    check = BYTES_MINIMAL["gather"]().check()
    assert check.bytes < 5000
    assert check.compiled_bytes is not None
    assert check.compiled_bytes > 5000 * 16 * 4
    (named,) = (d for d in check.to_bytes if d.name == "gather")
    assert named.spread[1] >= check.compiled_bytes - check.bytes


def test_every_explanation_has_a_minimal_program():
    assert BYTES_MINIMAL.keys() == BYTES.keys()
    assert MINIMAL.keys() == LOWERED.keys()
    assert COMPILED_MINIMAL.keys() == COMPILED.keys()


@pytest.mark.parametrize("name", MINIMAL)
def test_an_explanation_covers_its_minimal_program_and_is_needed(name, monkeypatch):
    found, flops = MINIMAL[name]
    check = found.check(compiled=False)
    assert check.unexplained == (0, 0)
    named = {difference.name: difference for difference in check.to_lowered}
    assert flops is None or named[name].flops == flops
    if named[name].flops:
        monkeypatch.setattr(checking, "LOWERED", {n: e for n, e in LOWERED.items() if n != name})
        with pytest.raises(CheckError, match="nothing explains"):
            found.check(compiled=False)


@pytest.mark.parametrize("name", COMPILED_MINIMAL)
def test_what_the_compiler_does_to_a_minimal_program_is_named(name):
    check = COMPILED_MINIMAL[name]().check()
    assert check.unexplained == (0, 0)
    assert name in {difference.name for difference in check.to_compiled}


def test_what_xla_drops_while_lowering_is_bounded_and_asked_for_last():
    found = report(lambda x: jax.scipy.special.zeta(x, 2.0), MATRIX)
    check = found.check(compiled=False)
    (named,) = (d for d in check.to_lowered if d.name in SIMPLIFIED)
    assert named.spread[1] == 0
    exact = report(lambda x: x @ x, MATRIX).check(compiled=False)
    assert not SIMPLIFIED.keys() & {difference.name for difference in exact.to_lowered}


def test_a_count_that_is_wrong_is_not_explained_away():
    found = report(lambda x: x @ x, MATRIX)
    (row,) = found.traced
    wrong = row.each.__class__(flops=row.each.flops - 100, macs=row.each.macs)
    object.__setattr__(
        found, "traced", (type(row)(**{**_fields(row), "each": wrong, "xla": (924, 0)}),)
    )
    with pytest.raises(CheckError, match="XLA counts"):
        found.check(compiled=False)


def _fields(row):
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def test_the_check_shows_closed_form_trace_and_both_counts_of_xla():
    table = report(lambda x: x @ x > 0, MATRIX).against(2 * N**3).check().table()
    names = [str(name).strip() for name in table.column("count")]
    assert names[0] == "closed form"
    assert {"XLA, as lowered", "XLA, as compiled"} <= set(names)


def test_a_report_without_its_trace_cannot_be_checked():
    found = report(lambda x: x @ x, MATRIX)
    object.__setattr__(found, "source", None)
    with pytest.raises(ArgumentError, match="no trace"):
        found.check()


def test_a_program_that_this_backend_cannot_compile_is_refused_in_words():
    def kernel(x_ref, o_ref):
        o_ref[...] = x_ref[...] * 2

    call = pl.pallas_call(kernel, out_shape=jax.ShapeDtypeStruct((8, 8), jnp.float32))
    with pytest.raises(CheckError, match="cannot be checked here"):
        report(call, MATRIX).check()


@pytest.mark.parametrize("width", [0, 1])
def test_a_padding_of_no_entries_is_dropped_with_all_that_only_it_reads(width):
    # The conversion of the 0 that is filled in is lowered twice, and by XLA dropped with the pads.
    report(lambda x, y: (jnp.pad(x, width), jnp.pad(y, 0)), MATRIX, IMAGE).check()
