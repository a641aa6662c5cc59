"""The feed-forward network of a decoder's layer: dense, or a mixture of experts.

Tokens are sorted by expert and each group meets its expert's weights in `jax.lax.ragged_dot`: no
token is dropped and none is computed twice. These are the decoder's only products that are no
`contract` call, since how long each group is comes out only when the program runs.

Source: Shazeer 2020 (gated networks); Shazeer et al. 2017, Jiang et al. 2024 (experts);
DeepSeek-AI 2024 (groups of experts, the bias that balances them).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from einlab.contracting import contract
from einlab.transformer.decoder_config import DecoderConfig, Experts
from einlab.transformer.decoder_parameters import DenseNetwork, ExpertNetwork
from einlab.transformer.keeping import fused

__all__ = ["dense", "sparse"]

LEAST_SUM = 1e-20  # added to the sum of sigmoid shares, as DeepSeek's code does

ACTIVE = {
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
    "gelu_tanh": lambda x: jax.nn.gelu(x, approximate=True),
    "silu": jax.nn.silu,
    "relu": jax.nn.relu,
}


def dense(
    weights: DenseNetwork, x: Float[Array, "b t c"], config: DecoderConfig
) -> Float[Array, "b t c"]:
    """Two layers at every position, with the activation, gated or not, between them."""
    wide = contract("btc,fc->btf", x, weights.widen)
    wide = wide if weights.widen_bias is None else wide + weights.widen_bias
    active = ACTIVE[config.activation]
    if weights.gate is None:
        inner = fused(active, config)(wide)
    else:
        gate = contract("btc,fc->btf", x, weights.gate)
        gate = gate if weights.gate_bias is None else gate + weights.gate_bias
        inner = fused(lambda gate, wide: active(gate) * wide, config)(gate, wide)
    added = contract("btf,cf->btc", inner, weights.narrow)
    return added if weights.narrow_bias is None else added + weights.narrow_bias


def sparse(
    weights: ExpertNetwork, x: Float[Array, "b t c"], config: DecoderConfig, experts: Experts
) -> Float[Array, "b t c"]:
    """Each token's share of the experts that its router chose, and of the shared network."""
    active = ACTIVE[config.activation]
    tokens = x.reshape(-1, x.shape[-1])
    with jax.named_scope("router"):
        shares, chosen = route(weights, tokens, experts)
    with jax.named_scope("experts"):
        order = jnp.argsort(chosen.reshape(-1), stable=True)
        sizes = jnp.bincount(chosen.reshape(-1), length=experts.count).astype(jnp.int32)
        rows = tokens[order // experts.chosen]
        wide = jax.lax.ragged_dot(rows, weights.widen, sizes)
        inner = active(jax.lax.ragged_dot(rows, weights.gate, sizes)) * wide
        results = jax.lax.ragged_dot(inner, weights.narrow, sizes)
        back = results[jnp.argsort(order)].reshape(*chosen.shape, x.shape[-1])
        added = contract("xkc,xk->xc", back, shares.astype(x.dtype))
    if weights.shared_widen is not None:
        with jax.named_scope("shared"):
            wide = contract("xc,fc->xf", tokens, weights.shared_widen)
            inner = active(contract("xc,fc->xf", tokens, weights.shared_gate)) * wide
            always = contract("xf,cf->xc", inner, weights.shared_narrow)
            if weights.shared_share is not None:
                gate = jax.nn.sigmoid(contract("xc,c->x", tokens, weights.shared_share))
                always = always * gate[:, None]
            added = added + always
    return added.reshape(x.shape)


def route(
    weights: ExpertNetwork, tokens: Float[Array, "x c"], experts: Experts
) -> tuple[Float[Array, "x k"], Int[Array, "x k"]]:
    """Which k experts each token goes to, and with what share, in float32 at least."""
    logits = contract("xc,ec->xe", tokens, weights.router)
    logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
    softmax = experts.score == "softmax"
    scores = jax.nn.softmax(logits, axis=-1) if softmax else jax.nn.sigmoid(logits)
    rank = scores if weights.correction is None else scores + weights.correction
    _, chosen = jax.lax.top_k(_in_best_groups(rank, experts), experts.chosen)
    shares = jnp.take_along_axis(scores, chosen, axis=-1)
    if experts.normalised:
        shares = shares / (shares.sum(axis=-1, keepdims=True) + (0 if softmax else LEAST_SUM))
    return shares * experts.scale, chosen


def _in_best_groups(rank: Float[Array, "x e"], experts: Experts) -> Float[Array, "x e"]:
    """The ranks, zero outside the groups whose best experts rank highest."""
    if experts.groups == 1:
        return rank
    grouped = rank.reshape(rank.shape[0], experts.groups, -1)
    best = jax.lax.top_k(grouped, min(experts.group_best, grouped.shape[-1]))[0].sum(axis=-1)
    _, groups = jax.lax.top_k(best, experts.groups_chosen)
    kept = jax.nn.one_hot(groups, experts.groups, dtype=bool).any(axis=1)
    return jnp.where(kept[:, :, None], grouped, 0.0).reshape(rank.shape)
