from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.attention import (
    CAUSAL,
    FusedHeads,
    LatentHeads,
    Mask,
    MultiHead,
    Rotary,
    Scaling,
    fuse,
    init_cache,
    init_multi_head,
    multi_head,
    multi_head_decode,
    multi_head_latent_decode,
    multi_head_latent_prefill,
    multi_head_prefill,
    rollback,
    separate,
)
from einlab.transformer import decoder_attention
from einlab.transformer.decoder_config import DecoderConfig, Kind, Latent
from einlab.transformer.decoder_parameters import Attention
from tests.attention.reference import Setting, attention

B, T, S, C, H, G, D, E = 2, 7, 5, 12, 4, 2, 4, 3
RANDOM = np.random.default_rng(3)


def normal(*shape: int) -> Any:
    return jnp.asarray(RANDOM.normal(size=shape), jnp.float32)


X, Y, Z = normal(B, T, C), normal(B, S, 10), normal(B, S, 6)
SELF = MultiHead(
    query=normal(H, D, C),
    key=normal(G, D, C),
    value=normal(G, E, C),
    output=normal(C, H, E),
    query_bias=normal(H, D),
    key_bias=normal(G, D),
    value_bias=normal(G, E),
    output_bias=normal(C),
)
CROSS = SELF._replace(key=normal(G, D, 10), value=normal(G, E, 6), key_bias=None, output_bias=None)
SQUARE = SELF._replace(value=normal(G, D, C), output=normal(C, H, D), value_bias=normal(G, D))
ROTARY = Rotary(size=D, theta=100.0)


def by_hand(weights: MultiHead, x: Any, y: Any, z: Any, setting: Setting) -> np.ndarray:
    """Heads from their definition, in float64."""
    parts: list[Any] = [0.0 if part is None else np.asarray(part, np.float64) for part in weights]
    w = MultiHead(*parts)
    q = np.einsum("btc,hdc->bthd", x, w.query) + w.query_bias
    k = np.einsum("bsc,gdc->bsgd", y, w.key) + w.key_bias
    v = np.einsum("bsc,gec->bsge", z, w.value) + w.value_bias
    mixed = attention(setting, q, k, v)
    return np.asarray(np.einsum("bthe,che->btc", mixed, w.output) + w.output_bias)


def test_heads_attend_to_their_own_sequence() -> None:
    got = multi_head(SELF, X, mask=CAUSAL)
    np.testing.assert_allclose(
        got, by_hand(SELF, X, X, X, Setting(causal=True)), rtol=1e-3, atol=1e-3
    )


def test_heads_attend_to_other_sequences() -> None:
    got = multi_head(CROSS, X, Y, Z)
    np.testing.assert_allclose(got, by_hand(CROSS, X, Y, Z, Setting()), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("weights", [SQUARE, MultiHead(*SQUARE[:4])])
def test_one_matrix_for_all_heads_gives_the_same_values_and_gradients(weights: MultiHead) -> None:
    def loss(weights: Any, x: Any) -> Any:
        return jnp.sin(multi_head(weights, x, mask=CAUSAL)).sum()

    fused = fuse(weights)
    assert isinstance(fused, FusedHeads)
    for left, right in zip(separate(fused), weights, strict=True):
        assert (left is None) == (right is None)
        if left is not None:
            np.testing.assert_array_equal(left, right)
    run = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    (value, (one, x_one)), (same, (other, x_other)) = run(weights, X), run(fused, X)
    np.testing.assert_allclose(value, same, rtol=1e-4)
    np.testing.assert_allclose(x_one, x_other, rtol=1e-3, atol=1e-3)
    for left, right in zip(fuse(one), other, strict=True):
        if left is not None:
            np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-3)
    across = jax.jit(multi_head)
    np.testing.assert_allclose(
        across(fused, X, X[:, :S]), across(weights, X, X[:, :S]), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(("weights", "window"), [(SELF, None), (fuse(SQUARE), 3)])
def test_a_cache_gives_what_the_whole_sequence_gives(weights: Any, window: int | None) -> None:
    mask = Mask(causal=True, window=None if window is None else (window - 1, 0))
    scaling = Scaling(kind="yarn", factor=4.0, trained=8, high=32.0, attention=1.1, score=1.3)
    rotary = Rotary(size=2, scaling=scaling)
    whole = jax.jit(partial(multi_head, rotary=rotary, mask=mask))(weights, X)
    value_size = D if isinstance(weights, FusedHeads) else E
    cache = init_cache(B, T if window is None else window + 1, G, D, value_size, window=window)
    lengths = np.array([4, 2])
    fill = jax.jit(partial(multi_head_prefill, rotary=rotary))
    step = jax.jit(partial(multi_head_decode, rotary=rotary))
    got, cache = fill(weights, X[:, :4], cache, lengths=lengths)
    np.testing.assert_allclose(got[0], whole[0, :4], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(got[1, :2], whole[1, :2], rtol=1e-3, atol=1e-4)
    rows = np.arange(B)[:, None]
    for _ in range(2):
        places = lengths[:, None] + np.arange(2)
        got, cache = step(weights, X[rows, places], cache)
        np.testing.assert_allclose(got, whole[rows, places], rtol=1e-3, atol=1e-4)
        lengths = lengths + 1  # the second token is taken back
        cache = rollback(cache, lengths)
    assert cache.lengths.tolist() == [6, 4]


def test_initial_weights_follow_glorot() -> None:
    sizes: dict[str, Any] = {
        "width": 64,
        "heads": 4,
        "groups": 2,
        "head_size": 16,
        "context_width": 48,
    }
    weights = jax.jit(partial(init_multi_head, **sizes))(jax.random.key(0))
    assert weights.key.shape == (2, 16, 48)
    for matrix, fan in ((weights.query, 64 + 64), (weights.key, 48 + 32), (weights.output, 128)):
        limit, found = (6 / fan) ** 0.5, np.asarray(matrix)
        assert 0.95 * limit < np.abs(found).max() <= limit
        assert found.std() == pytest.approx(limit / 3**0.5, rel=0.05)
    assert weights.query_bias is not None
    assert not weights.query_bias.any()
    bare = jax.eval_shape(
        partial(init_multi_head, width=64, heads=4, bias=False, dtype=jnp.bfloat16),
        jax.random.key(0),
    )
    assert bare[4:] == (None,) * 4
    assert bare.query.dtype == jnp.bfloat16


def test_dropout_drops_weights_by_the_key_and_keeps_the_mean() -> None:
    run = jax.jit(jax.vmap(lambda key: multi_head(SELF, X, dropout=0.3, key=key)))
    found = run(jax.random.split(jax.random.key(0), 2000))
    whole = multi_head(SELF, X)
    assert jnp.abs(found[0] - found[1]).max() > 1e-2
    error = found.std(axis=0) / 2000**0.5
    assert (jnp.abs(found.mean(axis=0) - whole) < 5 * error + 1e-4).all()


def decoder(**options: Any) -> DecoderConfig:
    sizes = {"vocabulary": 9, "positions": T, "width": C, "layers": 1, "heads": H, "groups": G}
    return DecoderConfig(
        **{**sizes, "head_size": D, "feed_forward": 8, "norm_eps": 1e-6, **options}
    )


def test_decoders_of_the_transformer_room_compute_the_same() -> None:
    config = decoder(rotary=ROTARY, score_cap=4.0)
    kind = Kind(window=3, sparse=False)
    theirs = Attention(*([None] * len(Attention._fields)))._replace(**SELF._asdict())  # type: ignore[arg-type]
    options: dict[str, Any] = {"rotary": ROTARY, "soft_cap": 4.0}
    expected, memory = jax.jit(lambda w, x: decoder_attention.attend(w, x, config, kind))(theirs, X)
    got, cache = jax.jit(partial(multi_head_prefill, **options))(
        SELF, X, init_cache(B, 3, G, D, E, window=3)
    )
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)
    ring = decoder_attention.remember(memory, decoder_attention.capacity(kind, T))
    np.testing.assert_allclose(cache.keys, ring.keys, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(cache.values, ring.values, rtol=1e-4, atol=1e-4)
    step = jax.jit(lambda w, x, ring, t: decoder_attention.step(w, x, ring, t, config, kind))
    expected, _ = step(theirs, X[:, :1], ring, T)
    got, _ = jax.jit(partial(multi_head_decode, **options))(SELF, X[:, :1], cache)
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_latent_decoders_of_the_transformer_room_compute_the_same() -> None:
    latent = Latent(query_rank=5, rank=6, plain=D, turned=2, value=E)
    rotary = Rotary(size=2, interleaved=True)
    config = decoder(groups=H, head_size=D + 2, latent=latent, rotary=rotary)
    kind = Kind(window=None, sparse=False)
    ours = LatentHeads(
        up_query=normal(H, D + 2, 5),
        down_key_value=normal(8, C),
        key_value_norm=normal(6),
        up_key=normal(H, D, 6),
        up_value=normal(H, E, 6),
        output=normal(C, H, E),
        down_query=normal(5, C),
        query_norm=normal(5),
    )
    fields = ours._asdict()
    fields["down_query_norm"] = fields.pop("query_norm")
    fields["down_key_value_norm"] = fields.pop("key_value_norm")
    theirs = Attention(*([None] * len(Attention._fields)))._replace(**fields)  # type: ignore[arg-type]
    expected, memory = jax.jit(lambda w, x: decoder_attention.attend(w, x, config, kind))(theirs, X)
    got, cache = jax.jit(lambda w, x, cache: multi_head_latent_prefill(w, x, rotary, cache))(
        ours, X, init_cache(B, T + 1, 1, 6, 2)
    )
    np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-3)
    ring = decoder_attention.remember(memory, T + 1)
    np.testing.assert_allclose(cache.keys, ring.keys, rtol=1e-4, atol=1e-4)
    step = jax.jit(lambda w, x, ring, t: decoder_attention.step(w, x, ring, t, config, kind))
    expected, _ = step(theirs, X[:, :1], ring, T)
    got, _ = jax.jit(lambda w, x, cache: multi_head_latent_decode(w, x, rotary, cache))(
        ours, X[:, :1], cache
    )
    np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-3)
