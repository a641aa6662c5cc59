"""How the next token is chosen from logits: greedily, or drawn after some are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from einlab.arguments import floating, random_key, real, whole
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError

__all__ = ["GREEDY", "Sampling", "adjust_logits", "next_token"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are chosen; what is None or 1 changes nothing.

    Raises ArgumentTypeError or ArgumentError naming the setting that is no number or out of range.

    >>> Sampling(temperature=0.7, top_p=0.9)
    Sampling(temperature=0.7, top_k=None, top_p=0.9, min_p=None, repetition_penalty=1.0)
    """

    temperature: float = 1.0
    """What logits are divided by; 0 takes the likeliest token."""
    top_k: int | None = None
    """Only so many of the likeliest tokens are kept (Fan et al. 2018)."""
    top_p: float | None = None
    """Only the fewest likeliest tokens whose shares sum to this are kept (Holtzman et al. 2019)."""
    min_p: float | None = None
    """Only tokens at least this times as likely as the likeliest are kept (Nguyen et al. 2024)."""
    repetition_penalty: float = 1.0
    """What a positive logit of a token that was there is divided by, and a negative one multiplied
    with (Keskar et al. 2019)."""

    def __post_init__(self) -> None:
        real(self.temperature, "temperature", 0.0)
        if self.top_k is not None:
            whole(self.top_k, "top_k")
        for name in ("top_p", "min_p"):
            value = getattr(self, name)
            if value is not None:
                real(value, name, 0.0, 1.0)
        if self.top_p == 0:
            raise ArgumentError("top_p is 0, which keeps no token; expected more, up to 1")
        if real(self.repetition_penalty, "repetition_penalty", 0.0) == 0:
            raise ArgumentError("repetition_penalty is 0; expected more (1 changes nothing)")

    @property
    def greedy(self) -> bool:
        """Whether no token is drawn.

        >>> Sampling(temperature=0).greedy, Sampling().greedy
        (True, False)
        """
        return self.temperature == 0


GREEDY = Sampling(temperature=0.0)
"""The likeliest token.

>>> next_token(jnp.array([[1.0, 3.0, 2.0]]), GREEDY).tolist()
[1]
"""


def adjust_logits(logits: Any, sampling: Sampling, seen: Any = None) -> Float[Array, "b v"]:
    """The logits (b, v) that tokens are drawn by: -inf for those left out, in float32 at least.

    The settings apply in the order penalty (to the tokens in `seen`), temperature, top_k, top_p,
    min_p. Of tokens as likely as the last one kept all are kept. A temperature of 0 divides by 1.

    Raises ShapeError if the logits have other than two axes, or `seen` another shape;
    ArgumentTypeError if `sampling` is no Sampling; OperandError for what is no array.

    >>> adjust_logits(jnp.array([[1.0, 3.0, 2.0]]), Sampling(top_k=2)).tolist()
    [[-inf, 3.0, 2.0]]
    """
    wide = _checked(logits, sampling)
    if sampling.repetition_penalty != 1:
        given = None if seen is None else jnp.shape(seen)
        if given != wide.shape:
            raise ShapeError(
                f"a penalty asks which tokens were seen: expected seen with shape {wide.shape}, "
                f"not {'nothing' if given is None else given}"
            )
        penalty = sampling.repetition_penalty
        wide = jnp.where(seen, jnp.where(wide > 0, wide / penalty, wide * penalty), wide)
    if not sampling.greedy and sampling.temperature != 1:
        wide = wide / sampling.temperature
    if sampling.top_k is not None and sampling.top_k < wide.shape[-1]:
        best, _ = jax.lax.top_k(wide, sampling.top_k)
        wide = _above(wide, best[:, -1:])
    if sampling.top_p is not None and sampling.top_p < 1:
        falling = -jnp.sort(-wide, axis=-1)
        shares = jax.nn.softmax(falling, axis=-1)
        before = jnp.cumsum(shares, axis=-1) - shares
        last = jnp.where(before < sampling.top_p, falling, jnp.inf).min(axis=-1, keepdims=True)
        wide = _above(wide, last)
    if sampling.min_p:
        best = wide.max(axis=-1, keepdims=True)
        wide = _above(wide, best + jnp.log(jnp.asarray(sampling.min_p, wide.dtype)))
    return wide


def next_token(
    logits: Any,
    sampling: Sampling = GREEDY,
    key: Key[Array, ""] | None = None,
    seen: Any = None,
) -> Int[Array, " b"]:
    """The next token of each sequence: the likeliest one, or one drawn by the adjusted logits.

    Raises what `adjust_logits` raises, and ArgumentTypeError if tokens are to be drawn and there is
    no key.

    >>> next_token(jnp.array([[1.0, 3.0, 2.0], [5.0, 3.0, 2.0]])).tolist()
    [1, 0]
    """
    adjusted = adjust_logits(logits, sampling, seen)
    with jax.named_scope("sample"):
        if sampling.greedy:
            return jnp.argmax(adjusted, axis=-1)
        return jax.random.categorical(random_key(key, "key"), adjusted, axis=-1)


def _above(logits: Float[Array, "b v"], least: Float[Array, "b one"]) -> Float[Array, "b v"]:
    return jnp.where(logits >= least, logits, -jnp.inf)


def _checked(logits: object, sampling: object) -> Float[Array, "b v"]:
    if not isinstance(sampling, Sampling):
        raise ArgumentTypeError(f"sampling is a Sampling, not {sampling!r:.60}")
    found = floating(logits, "logits")
    if found.ndim != 2:
        raise ShapeError(f"the logits have shape {found.shape}; expected (sequences, vocabulary)")
    return found.astype(jnp.promote_types(found.dtype, jnp.float32))
