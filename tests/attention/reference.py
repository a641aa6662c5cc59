"""Attention in float64 NumPy, one head and one query at a time: what the tests hold einlab to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Setting", "attention", "gradients"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything that one attention may be asked, in plain numbers and NumPy arrays."""

    causal: bool = False
    window: tuple[int | None, int | None] | None = None
    align: str = "last"
    offset: Any = None
    prefix: Any = None
    query_lengths: Any = None
    key_lengths: Any = None
    query_segments: Any = None
    key_segments: Any = None
    seen: Any = None
    bias: Any = None
    slopes: Any = None
    sinks: Any = None
    scale: float | None = None
    soft_cap: float | None = None


def _of(value: Any, sequence: int) -> int:
    return int(value) if np.ndim(value) == 0 else int(value[sequence])


def _first(setting: Setting, sequence: int, t: int, s: int) -> int:
    """The position of query 0 among the keys."""
    if setting.offset is not None:
        return _of(setting.offset, sequence)
    if setting.align == "first":
        return 0
    queries = t if setting.query_lengths is None else _of(setting.query_lengths, sequence)
    keys = s if setting.key_lengths is None else _of(setting.key_lengths, sequence)
    return keys - queries


def _is_seen(setting: Setting, z: int, head: int, i: int, j: int, first: int) -> bool:
    position = i + first
    before, after = setting.window or (None, None)
    near = not (setting.causal and j > position)
    near = near and (before is None or position - j <= before)
    near = near and (after is None or j - position <= after)
    if setting.prefix is not None and j < _of(setting.prefix, z):
        near = True
    if setting.query_lengths is not None and i >= _of(setting.query_lengths, z):
        return False
    if setting.key_lengths is not None and j >= _of(setting.key_lengths, z):
        return False
    if setting.query_segments is not None:
        near = near and setting.query_segments[z][i] == setting.key_segments[z][j]
    return near and (setting.seen is None or bool(setting.seen[z, head, i, j]))


def _weights(setting: Setting, q: Any, k: Any, z: int, head: int, i: int) -> Any:
    """The weights of one query over all keys, and the derivative of its scores by the products."""
    t, s, size = q.shape[1], k.shape[1], q.shape[3]
    group = head // (q.shape[2] // k.shape[2])
    first = _first(setting, z, t, s)
    scale = size**-0.5 if setting.scale is None else setting.scale
    scores, slope, seen = np.zeros(s), np.zeros(s), np.zeros(s, bool)
    for j in range(s):
        seen[j] = _is_seen(setting, z, head, i, j, first)
        scores[j] = float(q[z, i, head] @ k[z, j, group]) * scale
        slope[j] = scale
        if setting.soft_cap is not None:
            capped = np.tanh(scores[j] / setting.soft_cap)
            scores[j], slope[j] = setting.soft_cap * capped, scale * (1 - capped**2)
        if setting.bias is not None:
            scores[j] += setting.bias[z, head, i, j]
        if setting.slopes is not None:
            scores[j] -= setting.slopes[head] * abs(j - i - first)
    sink = -np.inf if setting.sinks is None else float(setting.sinks[head])
    top = max(np.max(scores, where=seen, initial=-np.inf), sink)
    if top == -np.inf:
        return np.zeros(s), slope, 0.0
    raised = np.where(seen, np.exp(np.where(seen, scores, top) - top), 0.0)
    total = raised.sum() + np.exp(sink - top)
    return raised / total, slope, np.exp(sink - top) / total


def _places(q: Any) -> Any:
    b, t, h, _ = q.shape
    return np.ndindex(b, h, t)


def attention(setting: Setting, q: Any, k: Any, v: Any) -> Any:
    """The result, (b, t, h, e); operands, bias and seen are float64 of their full shapes."""
    out = np.zeros((*q.shape[:3], v.shape[3]))
    for z, head, i in _places(q):
        weights, _, _ = _weights(setting, q, k, z, head, i)
        out[z, i, head] = weights @ v[z, :, head // (q.shape[2] // k.shape[2])]
    return out


def gradients(setting: Setting, q: Any, k: Any, v: Any, back: Any) -> dict[str, Any]:
    """Derivatives of the sum of the result times `back` by operands, bias, slopes and sinks."""
    b, t, h, _ = q.shape
    s, j = k.shape[1], h // k.shape[2]
    found = {"q": np.zeros(q.shape), "k": np.zeros(k.shape), "v": np.zeros(v.shape)}
    found |= {"bias": np.zeros((b, h, t, s)), "slopes": np.zeros(h), "sinks": np.zeros(h)}
    for z, head, i in _places(q):
        weights, slope, sink = _weights(setting, q, k, z, head, i)
        group = head // j
        delta = back[z, i, head]
        found["v"][z, :, group] += np.outer(weights, delta)
        by_weight = v[z, :, group] @ delta
        mean = weights @ by_weight
        by_score = weights * (by_weight - mean)
        found["sinks"][head] -= sink * mean
        found["bias"][z, head, i] += by_score
        distance = np.abs(np.arange(s) - i - _first(setting, z, t, s))
        found["slopes"][head] -= by_score @ distance
        by_product = by_score * slope
        found["q"][z, i, head] += by_product @ k[z, :, group]
        found["k"][z, :, group] += np.outer(by_product, q[z, i, head])
    return found
