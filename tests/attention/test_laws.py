"""What holds of attention beside parity: masked rows, dropout, transformations, linear form."""

from __future__ import annotations

import logging
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab import contract, plan
from einlab.attention import (
    CAUSAL,
    Choice,
    Mask,
    alibi_slopes,
    append,
    attend,
    attend_linear,
    compare,
    decode,
    elu_features,
    explain_attend,
    init_cache,
)
from einlab.attention.attending import run
from einlab.attention.blocks import spans
from einlab.attention.masks import reach
from einlab.attention.problem import problem
from einlab.attention.trimming import trimmed

BLOCKS = Choice("blockwise", 0.0, 0, size=3, keys=4)
PLAIN = Choice("plain", 0.0, 0)
SEQUENTIAL = Choice("sequential", 0.0, 0)


def operands(b=2, t=6, s=6, h=4, g=2, d=8, e=8, dtype=np.float32):
    rng = np.random.default_rng(0)
    shapes = (b, t, h, d), (b, s, g, d), (b, s, g, e)
    return tuple(jnp.asarray(rng.standard_normal(shape), dtype) for shape in shapes)


@pytest.mark.parametrize("chosen", [PLAIN, BLOCKS], ids=["plain", "blocks"])
def test_queries_that_see_nothing_get_zeros_and_finite_gradients(chosen):
    mask = Mask(key_lengths=np.array([0, 4], np.int32), query_lengths=np.array([6, 2], np.int32))

    def total(*qkv):
        out = run(problem(*qkv, mask=mask, bias=jnp.full((6, 6), -jnp.inf).at[:3].set(0)), chosen)
        return (out**2).sum(), out

    gradients, out = jax.grad(total, argnums=(0, 1, 2), has_aux=True)(*operands())
    assert not out[0].any()
    assert not out[1, 2:].any()
    assert out[1, :2].any()
    assert all(jnp.isfinite(gradient).all() for gradient in gradients)
    assert not gradients[2][0].any()


def test_dropout_drops_the_same_pairs_whatever_the_blocks_and_keeps_the_mean():
    q, k, v = operands()
    one = problem(q, k, v, dropout=0.3, key=jax.random.key(1), mask=CAUSAL)
    for other in (BLOCKS, SEQUENTIAL):
        np.testing.assert_allclose(run(one, PLAIN), run(one, other), rtol=1e-5, atol=1e-5)
    # Equal scores and values of 1 show the share of the weights that is kept.
    ones = jnp.ones((1, 256, 2, 1))
    flat = problem(0 * ones, ones, ones, dropout=0.3, key=jax.random.key(2))
    kept = run(flat, PLAIN)[..., 0]
    assert abs(kept.mean() - 1) < 0.005
    spread = np.sqrt(0.3 / 0.7 / 256)
    assert abs(kept.std() / spread - 1) < 0.1
    assert abs(np.corrcoef(kept[0].T)[0, 1]) < 0.2
    again = problem(0 * ones, ones, ones, dropout=0.3, key=jax.random.key(3))
    assert (run(again, PLAIN)[..., 0] != kept).any()


def test_dropout_is_the_same_forward_and_backward():
    q, k, v = operands(b=1, t=3, s=3)

    def out(v):
        return run(problem(q, k, v, dropout=0.5, key=jax.random.key(4)), BLOCKS)

    found, push = jax.linearize(out, v)
    np.testing.assert_allclose(push(v), found, rtol=1e-5, atol=1e-6)  # linear in the values


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_softmax_is_in_float32_for_narrower_operands(dtype):
    q, k, v = operands(s=40, dtype=dtype)
    exact = attend(*(x.astype(jnp.float32) for x in (q, k, v)), implementation="plain")
    for chosen in (PLAIN, BLOCKS):
        out = run(problem(q, k, v), chosen)
        assert out.dtype == dtype
        bound = 4 * float(jnp.finfo(dtype).eps) * float(jnp.abs(v).max())
        assert float(jnp.abs(out.astype(jnp.float32) - exact).max()) < bound


@pytest.mark.parametrize("window", [None, (2, 0), (1, None)])
def test_attention_is_jax_s_where_both_define_the_same(window):
    q, k, v = operands()
    mask = Mask(causal=window != (1, None), window=window)
    bias = jnp.asarray(np.random.default_rng(1).standard_normal((4, 6, 6)), jnp.float32)
    theirs = attend(q, k, v, mask=mask, bias=bias, scale=0.7, implementation="jax")
    for name in ("auto", "plain", "blockwise"):
        ours = attend(q, k, v, mask=mask, bias=bias, scale=0.7, implementation=name)
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5)


def test_attention_goes_through_vmap_jvp_and_second_derivatives():
    q, k, v = operands(b=2, t=4, s=4)

    def energy(q, chosen):
        return (run(problem(q, k, v, mask=CAUSAL), chosen) ** 2).sum()

    def twice(chosen):
        push = jax.grad(lambda q: jax.jvp(lambda q: energy(q, chosen), (q,), (q,))[1])
        return push(q)

    np.testing.assert_allclose(twice(BLOCKS), twice(PLAIN), rtol=1e-3, atol=1e-4)
    many = jax.vmap(lambda q: attend(q, k, v, mask=CAUSAL))(jnp.stack([q, 2 * q]))
    np.testing.assert_allclose(many[1], attend(2 * q, k, v, mask=CAUSAL), rtol=1e-5, atol=1e-6)


def test_a_mask_counts_the_pairs_that_it_leaves():
    lengths = np.array([3, 5], np.int32)
    for mask in (
        Mask(causal=True, window=(2, 0)),
        Mask(causal=True, align="first"),
        Mask(causal=True, prefix=3),
        Mask(key_lengths=lengths),
    ):
        seen = np.broadcast_to(mask.visible(4, 6), (2, 1, 4, 6))
        assert mask.pairs(4, 6) == seen.sum() / 2
    assert Mask(causal=True).pairs(3000, 3000) == 3000 * 3001 // 2


def test_alibi_slopes_of_any_number_of_heads_are_those_of_the_powers_around_it():
    assert alibi_slopes(8).tolist() == [2.0**-n for n in range(1, 9)]
    between = alibi_slopes(6).tolist()
    assert between[:4] == alibi_slopes(4).tolist()
    assert between[4:] == alibi_slopes(8).tolist()[:4:2]


@pytest.mark.parametrize("causal", [False, True])
def test_linear_attention_is_the_mean_by_features(causal):
    q, k, v = operands(t=7, s=7, e=5)
    weights = contract("bthr,bshr->bhts", elu_features(q), jnp.repeat(elu_features(k), 2, axis=2))
    lengths = np.array([7, 4])
    seen = (np.arange(7) < lengths[:, None])[:, None, None, :]
    seen = seen & (np.tril(np.ones((7, 7), bool)) if causal else True)
    kept = np.where(seen, weights, 0)
    expected = np.einsum("bhts,bshe->bthe", kept, np.repeat(v, 2, axis=2))
    expected = expected / kept.sum(-1).transpose(0, 2, 1)[..., None]
    found = attend_linear(q, k, v, causal=causal, key_lengths=lengths, chunk=3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_planner_takes_scores_first_for_short_sequences_and_states_first_for_long_ones():
    def first(t):
        shapes = (1, t, 1, 1, 64), (1, t, 1, 64), (1, t, 1, 65)
        return plan("btgjr,bsgr,bsge->btgje", *shapes).steps[0].output

    assert {"t", "s"} <= {*first(4)}
    assert {"r", "e"} <= {*first(4096)}


def test_auto_says_what_it_takes_and_keeps_memory_linear(caplog):
    q, k, v = operands(b=1, t=2048, s=2048, h=1, g=1)
    chosen = explain_attend(q, k, v, mask=CAUSAL)
    assert chosen.implementation == "blockwise"
    assert chosen.memory < 2048 * 2048 * 4 / 4
    with caplog.at_level(logging.DEBUG, logger="einlab"):
        attend(*operands())
    assert f"attend: {explain_attend(*operands())}" in caplog.text


def test_a_comparison_counts_dense_products_and_those_after_the_mask():
    q, k, v = operands(t=256, s=256, h=4, g=2, d=8, e=16)[:3]
    table = compare(q, k, v, mask=CAUSAL, machine="H100 SXM").table
    facts = {fact.name: fact.value for fact in table.facts}
    dense = 2 * 2 * 4 * 256 * 256 * (8 + 16)
    assert facts["dense products"] == dense == table.column("products")[0]
    assert facts["after the mask"] == dense * 257 // 512
    products: dict[Any, Any] = dict(
        zip(table.column("implementation"), table.column("products"), strict=True)
    )
    assert products["sequential"] == dense > products["blockwise"] > dense // 2
    assert facts["keys and values"] == 2 * 256 * 2 * (8 + 16) * 4
    assert table.column("taken").count("auto") == 1
    assert {*table.column("bound")} <= {"memory", "compute", "launch"}


def extent(seen):
    """Places from the first to the last that is seen."""
    places = np.flatnonzero(seen)
    return places[-1] - places[0] + 1 if places.size else 1


def test_blocks_leave_out_what_causality_and_window_rule_out():
    """Every key that a query of a block sees is among those the block looks at, and few others."""
    for t, s, size in ((40, 40, 8), (7, 64, 4), (64, 7, 16), (1, 50, 1)):
        for mask in (CAUSAL, Mask(causal=True, window=(9, 0)), Mask(window=(3, 5)), Mask()):
            seen = np.asarray(mask.visible(t, s)[0, 0])
            made = spans(t, s, size, reach(mask, t, s))
            assert made.count == -(-t // size)
            looked = [(start, group.width) for group in made.groups for start in group.starts]
            for number, (start, width) in enumerate(looked):
                rows = seen[number * size : (number + 1) * size]
                assert not rows[:, :start].any()
                assert not rows[:, start + width :].any()
                assert width <= extent(rows.any(axis=0)) + s // 8 + 1


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_keys_that_no_query_sees_by_its_position_are_left_out_first(dropout):
    q, k, v = operands(t=2, s=40)
    bias = jnp.asarray(np.random.default_rng(2).standard_normal((2, 40)), jnp.float32)
    settings = {"bias": bias, "slopes": alibi_slopes(4), "dropout": dropout}
    one = problem(q, k, v, mask=Mask(causal=True, window=(5, 0)), key=jax.random.key(0), **settings)
    cut = trimmed(one)
    assert cut.k.shape[1] <= 5 + 2 + 3
    if not dropout:
        np.testing.assert_allclose(run(cut, PLAIN), run(one, PLAIN), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(cut, PLAIN), run(cut, BLOCKS), rtol=1e-5, atol=1e-6)


def test_a_token_that_sees_all_keys_left_is_not_masked():
    q, k, v = operands(t=1, s=40)
    for mask in (CAUSAL, Mask(causal=True, window=(5, 0)), Mask(window=(50, 3), offset=37)):
        cut = trimmed(problem(q, k, v, mask=mask))
        assert cut.mask.sees_all
        np.testing.assert_allclose(
            run(cut, PLAIN), run(problem(q, k, v, mask=mask), PLAIN), rtol=1e-5, atol=1e-6
        )
    for mask in (Mask(causal=True, offset=38), Mask(causal=True, key_lengths=40)):
        assert not trimmed(problem(q, k, v, mask=mask, slopes=alibi_slopes(4))).mask.sees_all


@pytest.mark.parametrize("way", [PLAIN, BLOCKS, SEQUENTIAL, Choice("jax", 0.0, 0)], ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_keys_head_by_head_give_the_same(way, groups):
    q, k, v = operands(g=groups)
    bias = jnp.asarray(np.random.default_rng(2).standard_normal((6, 6)), jnp.float32)
    mask = Mask(causal=True, window=(3, 0))
    heads = [x.swapaxes(1, 2) for x in (k, v)]
    found = run(trimmed(problem(q, *heads, by_head=True, mask=mask, bias=bias)), way)
    expected = run(problem(q, k, v, mask=mask, bias=bias), PLAIN)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_decode_step_over_a_cache_copies_neither_keys_nor_values():
    q, k, v = operands(b=8, t=1, s=512, h=4, g=2, d=64, e=64)
    cache = append(init_cache(8, 1024, 2, 64), k, v)
    step = jax.jit(decode, donate_argnums=3).lower(q, k[:, :1], v[:, :1], cache).compile()
    memory: Any = step.memory_analysis()
    assert memory.temp_size_in_bytes < cache.key_heads.nbytes / 4
