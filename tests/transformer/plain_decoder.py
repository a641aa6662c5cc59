"""A decoder in NumPy and float64, with loops over sequences, positions and heads.

Written from the papers and apart from the library's: keys and values of latent attention are
expanded, each token meets each of its experts alone, positions turn pairs of entries as complex
numbers.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from einlab.transformer.decoder_config import DecoderConfig, Kind, Rotary

Array = Any


def logits(weights: Any, ids: Array, config: DecoderConfig) -> Array:
    """The logits of every position of every sequence."""
    wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), weights)
    layers = [
        (jax.tree.map(lambda leaf, n=repeat: leaf[n], layer), kind)
        for stack, held in zip(config.stacks, wide.stacks, strict=True)
        for repeat in range(stack.repeats)
        for layer, kind in zip(held, stack.pattern, strict=True)
    ]
    return np.stack([_sequence(wide, layers, list(row), config) for row in ids])


def _sequence(weights: Any, layers: list[Any], ids: list[int], config: DecoderConfig) -> Array:
    x = weights.embedding.word[ids] * config.embedding_scale
    if weights.embedding.position is not None:
        x = x + weights.embedding.position[: len(ids)]
    for layer, kind in layers:
        inner = _norm(layer.attention_norm, x, config)
        added = _attention(layer.attention, inner, config, kind)
        if config.arrangement == "around":
            added = _norm(layer.attention_end_norm, added, config)
        if config.arrangement != "parallel":
            inner = _norm(layer.network_norm, x + added, config)
        network = np.stack([_network(layer, row, config) for row in inner])
        if config.arrangement == "around":
            network = _norm(layer.network_end_norm, network, config)
        x = x + added + network
    x = _norm(weights.norm, x, config)
    found = x @ (weights.embedding.word if weights.logits is None else weights.logits).T
    if weights.logits_bias is not None:
        found = found + weights.logits_bias
    cap = config.logit_cap
    return found if cap is None else cap * np.tanh(found / cap)


def _rms(x: Array, scale: Array, eps: float) -> Array:
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * scale


def _norm(norm: Any, x: Array, config: DecoderConfig) -> Array:
    scale = 1 + norm.scale if config.norm_offset else norm.scale
    if config.norm == "rms":
        return _rms(x, scale, config.norm_eps)
    x = x - x.mean(-1, keepdims=True)
    return _rms(x, scale, config.norm_eps) + norm.shift


def _turned(x: Array, rotary: Rotary | None) -> Array:
    """Rows turned by their numbers."""
    if rotary is None:
        return x
    half = rotary.size // 2
    first, second = x[:, :half], x[:, half : rotary.size]
    if rotary.interleaved:
        first, second = x[:, 0 : rotary.size : 2], x[:, 1 : rotary.size : 2]
    angle = np.array([_frequency(pair, rotary) for pair in range(half)])
    pairs = (first + 1j * second) * np.exp(1j * np.arange(len(x))[:, None] * angle)
    pairs = pairs * (rotary.scaling.attention if rotary.scaling else 1.0)
    return np.concatenate([pairs.real, pairs.imag, x[:, rotary.size :]], axis=1)


def _frequency(pair: int, rotary: Rotary) -> Any:
    plain = rotary.theta ** (-2 * pair / rotary.size)
    scaling = rotary.scaling
    if scaling is None:
        return plain
    if scaling.kind == "linear":
        return plain / scaling.factor
    if scaling.kind == "llama3":
        length = 2 * math.pi / plain
        if length < scaling.trained / scaling.high:
            return plain
        if length > scaling.trained / scaling.low:
            return plain / scaling.factor
        smooth = (scaling.trained / length - scaling.low) / (scaling.high - scaling.low)
        return (1 - smooth) * plain / scaling.factor + smooth * plain
    low, high = (
        rotary.size
        * math.log(scaling.trained / (turns * 2 * math.pi))
        / (2 * math.log(rotary.theta))
        for turns in (scaling.high, scaling.low)
    )
    low, high = max(math.floor(low), 0), min(math.ceil(high), rotary.size - 1)
    ramp = min(max((pair - low) / max(high - low, 0.001), 0.0), 1.0)
    return plain / scaling.factor * ramp + plain * (1 - ramp)


def _heads(a: Any, x: Array, config: DecoderConfig, head: int) -> tuple[Array, Array, Array]:
    """Queries, keys and values of one head, unturned parts first where attention is latent."""
    if config.latent is not None:
        size = config.latent.plain
        if a.down_query is None:
            query = x @ a.query[head].T
        else:
            down = _rms(x @ a.down_query.T, a.down_query_norm, config.norm_eps)
            query = down @ a.up_query[head].T
        both = x @ a.down_key_value.T
        short = _rms(both[:, : config.latent.rank], a.down_key_value_norm, config.norm_eps)
        key = _turned(both[:, config.latent.rank :], config.rotary)
        query = np.concatenate([query[:, :size], _turned(query[:, size:], config.rotary)], axis=1)
        return (
            query,
            np.concatenate([short @ a.up_key[head].T, key], axis=1),
            (short @ a.up_value[head].T),
        )
    group = head * config.groups // config.heads
    query, key, value = x @ a.query[head].T, x @ a.key[group].T, x @ a.value[group].T
    if a.query_bias is not None:
        query, key = query + a.query_bias[head], key + a.key_bias[group]
        value = value + a.value_bias[group]
    if a.query_norm is not None:
        query = _rms(query, a.query_norm, config.norm_eps)
        key = _rms(key, a.key_norm, config.norm_eps)
    return _turned(query, config.rotary), _turned(key, config.rotary), value


def _attention(a: Any, x: Array, config: DecoderConfig, kind: Kind) -> Array:
    result = np.zeros_like(x) + (0 if a.output_bias is None else a.output_bias)
    for head in range(config.heads):
        query, key, value = _heads(a, x, config, head)
        scale = 1 / math.sqrt(config.score_size or query.shape[1])
        if config.rotary is not None and config.rotary.scaling is not None:
            scale *= config.rotary.scaling.score
        for place in range(len(x)):
            first = 0 if kind.window is None else max(place - kind.window + 1, 0)
            scores = key[first : place + 1] @ query[place] * scale
            if config.score_cap is not None:
                scores = config.score_cap * np.tanh(scores / config.score_cap)
            share = np.exp(scores - scores.max())
            mixed = share / share.sum() @ value[first : place + 1]
            result[place] += a.output[:, head] @ mixed
    return result


def _active(x: Array, name: str) -> Array:
    if name == "silu":
        return x / (1 + np.exp(-x))
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _network(layer: Any, x: Array, config: DecoderConfig) -> Array:
    if layer.sparse is not None:
        return _experts(layer.sparse, x, config)
    w = layer.dense
    wide = w.widen @ x + (0 if w.widen_bias is None else w.widen_bias)
    gate_bias = 0 if w.gate_bias is None else w.gate_bias
    inner = _active(wide if w.gate is None else w.gate @ x + gate_bias, config.activation)
    inner = inner if w.gate is None else inner * wide
    return w.narrow @ inner + (0 if w.narrow_bias is None else w.narrow_bias)


def _experts(w: Any, x: Array, config: DecoderConfig) -> Array:
    experts = config.experts
    assert experts is not None
    scores = w.router @ x
    scores = 1 / (1 + np.exp(-scores)) if experts.score == "sigmoid" else np.exp(scores)
    scores = scores if experts.score == "sigmoid" else scores / scores.sum()
    rank = scores + (0 if w.correction is None else w.correction)
    size = experts.count // experts.groups
    best = [
        sum(sorted(rank[g * size : (g + 1) * size])[-experts.group_best :])
        for g in range(experts.groups)
    ]
    groups = sorted(range(experts.groups), key=lambda g: -best[g])[: experts.groups_chosen]
    allowed = [e for e in range(experts.count) if e // size in groups or experts.groups == 1]
    chosen = sorted(allowed, key=lambda e: -rank[e])[: experts.chosen]
    total = sum(scores[e] for e in chosen) if experts.normalised else 1.0
    result = np.zeros_like(x)
    for e in chosen:
        inner = _active(x @ w.gate[e], config.activation) * (x @ w.widen[e])
        result += scores[e] / total * experts.scale * (inner @ w.narrow[e])
    if w.shared_widen is not None:
        inner = _active(w.shared_gate @ x, config.activation) * (w.shared_widen @ x)
        gate = 1.0 if w.shared_share is None else 1 / (1 + math.exp(-(w.shared_share @ x)))
        result += gate * (w.shared_narrow @ inner)
    return result
