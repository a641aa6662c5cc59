"""Random attentions for the tests: operands and settings from a seed, over a few shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.attention.reference import Setting

__all__ = ["ALIKE", "OPTIONS", "SHAPES", "SHARED", "SQUARE", "Drawn", "draw"]

ALIKE = 4
"""Settings in a row that differ in their numbers alone, so that one program serves them."""

SHAPES = (
    (2, 7, 11, 4, 2, 4, 3),
    (1, 16, 16, 2, 2, 8, 8),
    (2, 1, 13, 4, 1, 4, 4),
    (1, 9, 5, 3, 3, 2, 5),
)
"""b, t, s, h, g, d, e."""

SQUARE = ((1, 16, 16, 2, 2, 8, 8), (2, 12, 12, 4, 2, 4, 4))
"""Those of which JAX's function may mask something and mean the same."""

OPTIONS = (
    "causal", "window", "first", "offset", "prefix", "lengths", "segments", "seen", "bias",
    "slopes", "sinks", "scale", "soft_cap",
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """One attention: operands in float64, what is asked, and what comes back to its result."""

    q: Any
    k: Any
    v: Any
    back: Any
    setting: Setting


SHARED = ("causal", "window", "bias", "scale")
"""Options that JAX's function has with the same meaning."""


def draw(
    seed: int,
    options: tuple[str, ...] = OPTIONS,
    shapes: tuple[tuple[int, ...], ...] = SHAPES,
) -> Drawn:
    """An attention with up to five of the options, and one of the shapes.

    `ALIKE` seeds in a row share both, and windows, scales and caps too, which are compiled in.
    """
    form, numbers = np.random.default_rng(seed // ALIKE), np.random.default_rng([seed, 1])
    b, t, s, h, g, d, e = shapes[seed // ALIKE % len(shapes)]
    most = min(5, len(options))
    chosen = set(form.choice(options, size=form.integers(0, most + 1), replace=False))
    q, k, v, back = (
        _normal(numbers, *shape)
        for shape in ((b, t, h, d), (b, s, g, d), (b, s, g, e), (b, t, h, e))
    )
    values: dict[str, Any] = {}
    for name in OPTIONS:
        if name in chosen:
            values |= _made(name, form, numbers, (b, t, s, h))
    if "offset" in values:
        values.pop("align", None)
    return Drawn(q, k, v, back, Setting(**values))


def _normal(rng: np.random.Generator, *shape: int) -> Any:
    """Numbers such as float32 holds exactly, in float64."""
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


def _made(
    name: str,
    form: np.random.Generator,
    rng: np.random.Generator,
    sizes: tuple[int, int, int, int],
) -> dict[str, Any]:
    """What an option puts into a setting: by `form` what is compiled in, by `rng` the arrays."""
    b, t, s, h = sizes
    left, right = form.integers(0, s, 2)
    match name:
        case "causal":
            return {"causal": True}
        case "window":
            sides = [(int(left), int(right)), (int(left), None), (None, int(right))]
            return {"window": sides[form.integers(3)]}
        case "first":
            return {"align": "first"}
        case "offset":
            if form.integers(2):
                return {"offset": int(form.integers(-2, s))}
            return {"offset": rng.integers(-2, s, b).astype(np.int32)}
        case "prefix":
            return {"prefix": rng.integers(0, s + 1, b).astype(np.int32)}
        case "lengths":
            queries, keys = rng.integers(0, t + 1, b), rng.integers(0, s + 1, b)
            return {
                "query_lengths": queries.astype(np.int32),
                "key_lengths": keys.astype(np.int32),
            }
        case "segments":
            return {
                "query_segments": np.sort(rng.integers(0, 3, (b, t)), 1).astype(np.int32),
                "key_segments": np.sort(rng.integers(0, 3, (b, s)), 1).astype(np.int32),
            }
        case "seen":
            return {"seen": rng.random((b, h, t, s)) < 0.6}
        case "bias":
            return {"bias": _normal(rng, b, h, t, s)}
        case "slopes" | "sinks":
            return {name: _normal(rng, h)}
        case "scale":
            return {"scale": float(form.uniform(-1, 1))}
        case _:
            return {"soft_cap": float(form.uniform(0.3, 3))}
