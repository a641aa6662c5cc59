from __future__ import annotations

import jax.numpy as jnp
import pytest

from einlab import report
from einlab.embedding import embed_sharded
from tests.embedding.cases import IDS, TABLE, one_device
from tests.two_devices import run_on_two_devices

SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from functools import partial
from jax.sharding import PartitionSpec as P
from einlab.embedding import embed, embed_shard, embed_sharded, sharded_logits, tied_logits

mesh = jax.make_mesh((2,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))
ids = np.array([[0, 6, 2], [-1, 3, 3], [7, 40, -9]])
random = np.random.default_rng(0)
for rows in (6, 7):  # shared evenly, and not
    table = jnp.asarray(random.standard_normal((rows, 4)), jnp.float32)
    for dtype in ("float32", "int8", "bool"):
        held = (9 * table).astype(dtype)
        for mode in ("clip", "fill"):
            for wrap in (False, True):
                for method in ("gather", "one_hot"):
                    got = embed_sharded(ids, held, mesh, "x", method=method, mode=mode, wrap=wrap)
                    np.testing.assert_array_equal(got, embed(ids, held, mode=mode, wrap=wrap))
                    assert got.dtype == dtype
    hidden = jnp.asarray(random.standard_normal((5, 4)), jnp.float32)
    scores = sharded_logits(hidden, table, mesh, "x")
    np.testing.assert_allclose(scores, tied_logits(hidden, table), rtol=1e-5)
    if rows == 6:
        assert scores.sharding.spec == P(None, "x"), scores.sharding
    weights = jnp.asarray(random.standard_normal((3, 3, 4)), jnp.float32)

    def loss(look_up, table):
        return jnp.sum(look_up(table) * weights)

    wanted = jax.grad(partial(loss, lambda t: embed(ids, t, mode="clip")))(table)
    for method in ("gather", "one_hot"):
        ours = lambda t: embed_sharded(ids, t, mesh, "x", method=method, mode="clip")
        got = jax.jit(jax.grad(partial(loss, ours)))(table)
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)

placed = jax.device_put(table[:6], jax.NamedSharding(mesh, P("x")))
program = jax.jit(lambda table: embed_sharded(ids, table, mesh, "x", mode="clip", method="gather"))
text = program.lower(placed).compile().as_text()
assert "all-gather" not in text and "all-reduce" in text, "the table travels"
try:
    embed_sharded([6], placed, mesh, "x")
    raise SystemExit("id 6 was taken for a row")
except ValueError as error:
    assert "ids[0] is 6; the table has 6 rows" in str(error), error
try:
    jax.shard_map(lambda t: embed_shard([3], t, "x", rows=3), mesh=mesh, in_specs=P("x"),
                  out_specs=P())(placed)
    raise SystemExit("id 3 was taken for one of 3 rows")
except ValueError as error:
    assert "the table has 3 rows" in str(error), error
print("sharded rows agree")
"""


def test_rows_on_two_devices_are_those_of_one():
    assert run_on_two_devices(SHARDED) == "sharded rows agree"


@pytest.mark.parametrize(("method", "products"), [("gather", 0), ("one_hot", 2 * 6 * 12 * 8)])
def test_a_report_counts_the_rows_of_every_device(method, products):
    def look_up(ids, table):
        return embed_sharded(ids, table, one_device(), "v", method=method)

    found = report(look_up, jnp.asarray(IDS), jnp.asarray(TABLE))
    assert sum(row.cost.flops for row in found.rows if row.is_product) == products
    assert not found.unknown
    assert not [row for row in found.rows if row.is_product and method == "gather"]
