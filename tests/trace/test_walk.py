from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import pallas as pl

from einlab.contracting import contract
from einlab.planning import plan
from einlab.trace.walk import walk
from tests.trace.operations import spec, walked

N = 8
DOT = 2 * N**3
MATRIX = spec(N, N)


def dots(function, *operands):
    """FLOPs of all products, by the pass they belong to."""
    found = {"forward": 0, "backward": 0, "recomputed": 0}
    for row in walked(function, *operands).rows:
        if row.is_product:
            found[row.phase] += row.cost.flops
    return found


def forward(function, *operands):
    return dots(function, *operands)["forward"]


def test_dead_operations_are_not_counted_in_inner_functions_either():
    inner = jax.jit(lambda x: (x @ x, x + 1))
    assert forward(lambda x: inner(x)[1], MATRIX) == 0
    assert sum(dots(jax.grad(lambda x: (x @ x).sum()), MATRIX).values()) == 2 * DOT


def test_equal_operations_count_once_and_are_kept_apart():
    found = walked(lambda x: x @ x + jax.jit(lambda y: y @ y)(x), MATRIX)
    assert [row.name for row in found.rows] == ["dot_general", "add"]
    assert [row.name for row in found.merged] == ["dot_general"]


def test_operations_of_different_operands_or_effects_are_not_merged():
    assert forward(lambda x, y: x @ x + y @ y + x @ y, MATRIX, MATRIX) == 3 * DOT


def test_a_scan_counts_its_body_as_often_as_it_is_long():
    body = lambda c, w: (c @ w, None)  # noqa: E731
    assert forward(lambda x, ws: lax.scan(body, x, ws)[0], MATRIX, spec(5, N, N)) == 5 * DOT
    nested = lambda c, _: (lax.fori_loop(0, 3, lambda i, d: d @ d, c), None)  # noqa: E731
    assert forward(lambda x: lax.scan(nested, x, length=4)[0], MATRIX) == 12 * DOT
    assert forward(lambda x: lax.map(lambda y: y @ y, x), spec(6, N, N)) == 6 * DOT


@pytest.mark.parametrize(
    ("start", "condition", "step", "trips"),
    [
        (0, lambda i: i < 7, lambda i: i + 1, 7),
        (0, lambda i: i <= 7, lambda i: i + 2, 4),
        (9, lambda i: i > 0, lambda i: i - 2, 5),
        (9, lambda i: i >= 0, lambda i: i - 3, 4),
        (3, lambda i: i < 3, lambda i: i + 1, 0),
        (0, lambda i: i < 10, lambda i: 3 + i, 4),
    ],
)
def test_a_while_that_counts_to_a_known_bound_runs_as_often_as_python_says(
    start, condition, step, trips
):
    def function(x):
        carried = (start, x)
        return lax.while_loop(
            lambda c: condition(c[0]), lambda c: (step(c[0]), c[1] @ c[1]), carried
        )

    assert forward(function, MATRIX) == trips * DOT
    assert all(row.unbounded == 0 for row in walked(function, MATRIX).rows)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, n: lax.fori_loop(0, n, lambda i, c: c @ c, x),
        lambda x, n: lax.while_loop(lambda c: c[0, 0] < 9, lambda c: c @ c, x),
        lambda x, n: lax.while_loop(lambda c: c[0] < 9, lambda c: (c[0] * 2, c[1] @ c[1]), (1, x))[
            1
        ],
    ],
)
def test_a_while_of_unknown_length_counts_one_trip_and_says_so(function):
    rows = [row for row in walked(function, MATRIX, spec(dtype="int32")).rows if row.is_product]
    assert [(row.cost.flops, row.unbounded) for row in rows] == [(DOT, 1)]


def test_a_cond_counts_its_dearest_branch_and_knows_its_cheapest():
    def function(p, x):
        two = lambda y: y @ y @ y  # noqa: E731
        return lax.switch(p, [lambda y: y, two, lambda y: y @ y], x) + x @ x.T

    found = walked(function, spec(dtype="int32"), MATRIX)
    taken = sum(row.cost.flops for row in found.rows if row.is_product)
    assert taken == 3 * DOT
    products = [row for row in found.rows if row.is_product]
    assert len(products) == 4
    assert sum(row.cost.flops for row in found.rows) - found.least.flops == 2 * DOT


def test_a_cond_within_a_cond_takes_minimum_and_maximum_through_both():
    inner = lambda p, y: lax.cond(p, lambda z: z @ z @ z, lambda z: z, y)  # noqa: E731

    def function(p, x):
        return lax.cond(p, lambda y: inner(p, y), lambda y: y @ y, x)

    found = walked(function, spec(dtype="bool"), MATRIX)
    assert sum(row.cost.flops for row in found.rows) == 2 * DOT
    assert found.least.flops == 0


def test_remat_counts_what_it_runs_again_and_names_it():
    f = lambda x, w: jnp.sin(jnp.sin(x @ w) @ w).sum()  # noqa: E731
    plain = dots(jax.grad(f, argnums=(0, 1)), MATRIX, MATRIX)
    again = dots(jax.grad(jax.checkpoint(f), argnums=(0, 1)), MATRIX, MATRIX)
    assert plain == {"forward": 2 * DOT, "backward": 4 * DOT, "recomputed": 0}
    assert again["recomputed"] == 2 * DOT
    assert again["backward"] == 4 * DOT


def test_custom_rules_count_what_runs_forward_and_backward():
    @jax.custom_vjp
    def f(x):
        return x @ x

    f.defvjp(lambda x: (x @ x, x), lambda x, g: (g @ x.T @ x,))
    assert forward(f, MATRIX) == DOT
    assert dots(jax.grad(lambda x: jnp.sin(f(x)).sum()), MATRIX)["backward"] == 2 * DOT

    @jax.custom_jvp
    def g(x):
        return x @ x

    g.defjvp(lambda primals, tangents: (g(*primals), tangents[0] @ primals[0] @ primals[0]))
    assert forward(g, MATRIX) == DOT


def test_vmap_counts_every_example():
    assert forward(jax.vmap(lambda x: x @ x), spec(5, N, N)) == 5 * DOT


def test_a_shard_map_counts_all_devices_together():
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("i",))
    part = jax.sharding.PartitionSpec("i")
    mapped = jax.shard_map(lambda x: x @ x.T, mesh=mesh, in_specs=part, out_specs=part)
    assert forward(mapped, MATRIX) == DOT


def test_a_shard_map_over_four_devices_counts_four_times_and_says_what_is_sent():
    types = (jax.sharding.AxisType.Auto,)
    mesh = jax.sharding.AbstractMesh((4,), ("i",), axis_types=types)
    split, whole = jax.sharding.PartitionSpec("i"), jax.sharding.PartitionSpec()
    mapped = jax.shard_map(
        lambda x: lax.psum(x.T @ x, "i"), mesh=mesh, in_specs=split, out_specs=whole
    )
    rows = walk(jax.make_jaxpr(mapped)(MATRIX).jaxpr).rows
    assert sum(row.cost.flops for row in rows if row.is_product) == DOT
    assert sum(row.cost.bytes_sent for row in rows) == 4 * N * N * 4


def test_scopes_join_and_jitted_functions_name_theirs():
    @jax.jit
    def block(x):
        with jax.named_scope("mlp"):
            return x @ x

    def model(x):
        with jax.named_scope("layer"):
            return lax.scan(lambda c, _: (block(c), None), x, length=2)[0].sum()

    scopes = {row.scope for row in walked(jax.grad(model), MATRIX).rows if row.is_product}
    assert scopes == {("layer", "block", "mlp")}


def test_a_contraction_is_one_row_with_the_cost_and_the_steps_of_its_plan():
    equation, shapes = "ij,jk,kl->il", ((9, 8), (8, 7), (7, 6))
    (row,) = walked(lambda *xs: contract(equation, *xs), *(spec(*s) for s in shapes)).rows
    made = plan(equation, *shapes)
    assert (row.name, row.equation, row.each) == ("contract", equation, made.cost)
    assert sum(step.cost.flops for step in row.steps) == made.flops
    assert [step.equation for step in row.steps] == [step.equation for step in made.steps]


def test_the_gradient_of_a_contraction_names_the_steps_it_comes_from():
    f = lambda a, b: contract("row inner, inner column -> row column", a, b).sum()  # noqa: E731
    rows = [r for r in walked(jax.grad(f), spec(4, 5), spec(5, 6)).rows if r.is_product]
    assert all("inner" in row.equation and not row.scope for row in rows)


def scaled(x_ref, y_ref, o_ref):
    o_ref[...] = x_ref[...] @ y_ref[...]


def kernel(x, y, **options):
    specs = [pl.BlockSpec((4, N), lambda i, j: (i, 0)), pl.BlockSpec((N, 4), lambda i, j: (0, j))]
    call = pl.pallas_call(
        scaled,
        out_shape=jax.ShapeDtypeStruct((N, N), jnp.float32),
        grid=(2, 2),
        in_specs=specs,
        out_specs=pl.BlockSpec((4, 4), lambda i, j: (i, j)),
        **options,
    )
    return call(x, y)


def test_a_pallas_kernel_counts_its_body_times_its_grid_or_what_its_author_estimates():
    (row,) = walked(kernel, MATRIX, MATRIX).rows
    assert (row.kind, row.cost.flops, row.equation) == ("kernel", DOT, "scaled")
    assert row.cost.bytes == 4 * (4 * N + N * 4 + 4 * 4) * 4
    estimate = pl.CostEstimate(flops=77, transcendentals=5, bytes_accessed=999)
    (row,) = walked(lambda x, y: kernel(x, y, cost_estimate=estimate), MATRIX, MATRIX).rows
    assert (row.cost.flops, row.cost.transcendentals, row.cost.bytes) == (77, 5, 999)


def test_every_argument_is_read_once_and_every_result_written_once_under_ideal_reuse():
    body = lambda c, w: (jnp.tanh(c @ w), c)  # noqa: E731

    def function(x, ws, unused):
        return lax.scan(body, x, ws)

    rows = walked(function, MATRIX, spec(3, N, N), spec(100)).rows
    assert sum(row.ideal_read for row in rows) == 4 * (N * N + 3 * N * N)
    assert sum(row.ideal_written for row in rows) >= 4 * N * N


@pytest.mark.parametrize(
    ("function", "operands"),
    [
        (jnp.searchsorted, (spec(9), spec(4))),
        (lambda x: jnp.nonzero(x, size=4), (MATRIX,)),
        (jax.scipy.linalg.expm, (MATRIX,)),
    ],
)
def test_functions_that_jax_keeps_as_one_operation_are_opened(function, operands):
    rows = walked(function, *operands).rows
    assert rows
    assert all(row.kind != "unknown" for row in rows)


def test_a_loop_of_no_trips_runs_nothing():
    assert walked(lambda x: lax.scan(lambda c, _: (c @ c, None), x, length=0)[0], MATRIX).rows == ()


def test_the_gradient_of_a_sliced_contraction_is_entered():
    shapes = [spec(16, 16)] * 3
    sliced = lambda *xs: contract("ab,bc,cd->ad", *xs, memory_limit=64)  # noqa: E731
    (row,) = walked(sliced, *shapes).rows
    assert row.plan is not None
    assert row.plan.slices > 1
    rows = walked(jax.grad(lambda *xs: sliced(*xs).sum(), (0, 1, 2)), *shapes).rows
    assert not any(row.kind == "unknown" for row in rows)
    inside = [row for row in rows if row.contraction == "ab,bc,cd->ad"]
    assert sum(row.cost.flops for row in inside) >= 5 * 2 * 16**3 - 4 * 16**3
    assert not any("contract" in row.scope for row in rows)
