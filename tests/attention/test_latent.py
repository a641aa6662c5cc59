from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab import report
from einlab.attention import (
    CAUSAL,
    LATENT_FORMS,
    LatentHeads,
    Rotary,
    Scaling,
    compare_latent,
    init_cache,
    init_latent,
    latent_attend,
    latent_form,
    multi_head_latent,
    multi_head_latent_decode,
    multi_head_latent_prefill,
    rollback,
    rotate,
)
from tests.attention.reference import Setting, attention

B, T, S, H, P, U, R, E, C = 2, 3, 7, 4, 4, 2, 6, 3, 12
RANDOM = np.random.default_rng(11)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


OPERANDS = (
    normal(B, T, H, P + U),
    normal(B, S, R),
    normal(B, S, U),
    normal(H, P, R),
    normal(H, E, R),
)
ROTARY = Rotary(size=U, theta=100.0, interleaved=True)
STRETCHED = Rotary(
    size=U, scaling=Scaling(kind="yarn", factor=4.0, trained=8, high=32.0, score=1.3)
)


def in_full(q: Any, latents: Any, turned: Any, up_key: Any, up_value: Any) -> np.ndarray:
    """Causal attention to keys and values that are written out, in float64."""
    plain = np.einsum("bsr,hpr->bshp", latents.astype(np.float64), up_key)
    shared = np.broadcast_to(turned[:, :, None], (*plain.shape[:3], turned.shape[-1]))
    values = np.einsum("bsr,her->bshe", latents.astype(np.float64), up_value)
    keys = np.concatenate([plain, shared], axis=-1)
    return np.asarray(attention(Setting(causal=True), q, keys, values))


@pytest.mark.parametrize("form", ["auto", *LATENT_FORMS])
def test_every_form_is_attention_to_the_keys_and_values_that_latents_stand_for(form: Any) -> None:
    got = latent_attend(*OPERANDS, form=form, mask=CAUSAL)
    np.testing.assert_allclose(got, in_full(*OPERANDS), rtol=1e-4, atol=1e-5)


def test_both_forms_have_the_same_gradients() -> None:
    back = normal(B, T, H, E)

    def loss(operands: Any, form: Any) -> Any:
        return jnp.sum(back * latent_attend(*operands, form=form, mask=CAUSAL))

    one, other = (jax.jit(jax.grad(partial(loss, form=form)))(OPERANDS) for form in LATENT_FORMS)
    for left, right in zip(one, other, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-4)


def shapes(tokens: int, keys: int) -> list[jax.ShapeDtypeStruct]:
    """Latent attention with DeepSeek-V2's ratios: r is 4·d, u is half of d."""
    sizes = (1, tokens, 4, 24), (1, keys, 64), (1, keys, 8), (4, 16, 64), (4, 16, 64)
    return [jax.ShapeDtypeStruct(size, jnp.float32) for size in sizes]


@pytest.mark.parametrize(("tokens", "form"), [(1, "absorbed"), (256, "expanded")])
def test_the_plan_absorbs_for_one_token_and_expands_for_a_sequence(tokens: int, form: str) -> None:
    operands = shapes(tokens, 256)
    assert latent_form(*operands) == form
    flops = {
        name: report(partial(latent_attend, form=name), *operands).flops
        for name in ("auto", *LATENT_FORMS)
    }
    assert flops["auto"] == flops[form] == min(flops.values())
    assert max(flops.values()) > 1.5 * flops[form]


def test_the_comparison_says_what_each_order_of_the_contractions_costs() -> None:
    table = compare_latent(*shapes(1, 256)).table
    h, p, r, s, e = 4, 16, 64, 256, 16
    assert table.column("form") == LATENT_FORMS
    assert table.column("preferred") == ("yes", "no")
    assert table.column("scores") == (
        2 * h * p * r + 2 * h * r * s,
        2 * h * p * r * s + 2 * h * p * s,
    )
    assert table.column("results") == (
        2 * h * s * r + 2 * h * r * e,
        2 * h * e * r * s + 2 * h * e * s,
    )
    for form, flops in zip(LATENT_FORMS, table.column("FLOPs in all"), strict=True):
        assert flops == report(partial(latent_attend, form=form), *shapes(1, 256)).flops


def weights_of(query_rank: int | None) -> LatentHeads:
    sizes = {"rank": R, "plain_size": P, "turned_size": U, "value_size": E}
    made = init_latent(jax.random.key(1), C, H, **sizes, query_rank=query_rank)
    norm = None if query_rank is None else jnp.asarray(normal(query_rank))
    return made._replace(key_value_norm=jnp.asarray(normal(R)), query_norm=norm)


def by_hand(weights: LatentHeads, x: np.ndarray, rotary: Rotary) -> np.ndarray:
    """Latent attention from its definition, in float64, with keys and values written out."""
    parts: list[Any] = [None if part is None else np.asarray(part, np.float64) for part in weights]
    w = LatentHeads(*parts)

    def rms(y: Any, scale: Any) -> Any:
        return y / np.sqrt((y**2).mean(-1, keepdims=True) + 1e-6) * scale

    def turned(y: Any) -> Any:
        return np.asarray(rotate(y.astype(np.float32), rotary))

    source = x if w.down_query is None else rms(x @ w.down_query.T, w.query_norm)
    q = np.einsum("btr,hdr->bthd", source, w.up_query)
    both = x @ w.down_key_value.T
    latents = rms(both[..., :R], w.key_value_norm)
    q = np.concatenate([q[..., :P], turned(q[..., P:])], axis=-1)
    mixed = in_full(
        q * (rotary.scaling.score if rotary.scaling else 1.0),
        latents,
        turned(both[:, :, None, R:])[:, :, 0],
        w.up_key,
        w.up_value,
    )
    return np.asarray(np.einsum("bthe,che->btc", mixed, w.output))


X = normal(B, 9, C)


@pytest.mark.parametrize(("query_rank", "rotary"), [(None, ROTARY), (5, STRETCHED)])
def test_latent_heads_compute_what_their_definition_says(
    query_rank: int | None, rotary: Rotary
) -> None:
    weights = weights_of(query_rank)
    run = jax.jit(lambda weights, x: multi_head_latent(weights, x, rotary, mask=CAUSAL))
    got = run(weights, X)
    np.testing.assert_allclose(got, by_hand(weights, X, rotary), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("form", "window"), [("absorbed", 4), ("expanded", None)])
def test_a_cache_of_latent_vectors_gives_what_the_whole_sequence_gives(
    form: Any, window: int | None
) -> None:
    weights = weights_of(5)
    mask = CAUSAL if window is None else type(CAUSAL)(causal=True, window=(window - 1, 0))
    whole = jax.jit(lambda weights, x: multi_head_latent(weights, x, ROTARY, mask=mask))(weights, X)
    cache = init_cache(B, 9 if window is None else window, 1, R, U, window=window)
    fill = jax.jit(partial(multi_head_latent_prefill, form=form), static_argnums=2)
    got, cache = fill(weights, X[:, :4], ROTARY, cache)
    parts = [got]
    step = jax.jit(partial(multi_head_latent_decode, form=form), static_argnums=2)
    for first, last in ((4, 6), (6, 8)):
        got, cache = step(weights, X[:, first:last], ROTARY, cache)
        parts.append(got)
    np.testing.assert_allclose(jnp.concatenate(parts, axis=1), whole[:, :8], rtol=1e-3, atol=1e-4)
    if window is None:
        cache = rollback(cache, 7)
        got, cache = step(weights, X[:, 7:9], ROTARY, cache)
        np.testing.assert_allclose(got, whole[:, 7:9], rtol=1e-3, atol=1e-4)


def test_the_cache_keeps_one_short_vector_a_token() -> None:
    heads = init_cache(1, 100, H, P + U, E)
    latents = init_cache(1, 100, 1, R, U)
    assert latents.nbytes - latents.lengths.nbytes == 100 * (R + U) * 4
    assert heads.nbytes - heads.lengths.nbytes == 100 * H * (P + U + E) * 4
