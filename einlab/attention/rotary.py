"""Rotary position embeddings: turning the vectors of heads by their positions (Su et al. 2021)."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from einlab.arguments import array, floating, shaped
from einlab.attention.angles import Rotary, frequencies
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError

__all__ = ["places", "rotate", "score_scale", "turn"]


def rotate(
    x: Any, rotary: Rotary, *, offset: Any = None, positions: Any = None
) -> Float[Array, "b t h d"]:
    """Queries or keys turned by their positions; entries from `rotary.size` on stay as they are.

    x: (b, t, h, d). Without more the tokens of a sequence stand at positions 0 to t − 1. `offset`,
    a whole number or one for each sequence (b,), is the position of the first. `positions`, (t,)
    or (b, t), says every token's own.

    Angles are computed in float32 at least, so at position p they are off by up to p·2⁻²⁴ radians.
    Turned vectors keep their norms (times `scaling.attention`), and the product of a turned query
    and a turned key depends on the difference of their positions alone.

    Raises ShapeError, OperandError or DtypeError if x or the positions are no such arrays,
    ArgumentError if both offset and positions are given or `rotary` has no angles.

    Source: Su et al. 2021, section 3.2, arXiv 2104.09864.

    >>> import jax.numpy as jnp
    >>> rotate(jnp.ones((1, 2, 1, 4)), Rotary(size=2))[0, :, 0].round(3).tolist()
    [[1.0, 1.0, 1.0, 1.0], [-0.30..., 1.38..., 1.0, 1.0]]
    """
    if not isinstance(rotary, Rotary):
        raise ArgumentTypeError(f"rotary is a Rotary, not {rotary!r:.60}")
    heads = floating(shaped(x, "x", "b t h d"), "x")
    if rotary.size > heads.shape[-1]:
        raise ShapeError(
            f"rotary.size is {rotary.size}, but the heads of x have {heads.shape[-1]} entries"
        )
    return turn(heads, places(heads.shape[0], heads.shape[1], offset, positions), rotary)


def places(batch: int, length: int, offset: Any, positions: Any) -> Int[Array, "*b t"]:
    """The positions of `length` tokens, (t,) or (b, t), from an offset or as they are given.

    Raises what `rotate` raises.
    """
    if positions is not None:
        if offset is not None:
            raise ArgumentError("offset and positions are both given; one says where tokens stand")
        found = _whole(positions, "positions")
        if found.shape not in ((length,), (batch, length)):
            raise ShapeError(
                f"positions has shape {found.shape}; it is ({length},) or ({batch}, {length})"
            )
        return found
    steps = jnp.arange(length)
    if offset is None:
        return steps
    first = _whole(offset, "offset")
    if first.shape not in ((), (batch,)):
        raise ShapeError(f"offset has shape {first.shape}; it is one number or ({batch},)")
    return first[..., None] + steps


def turn(
    x: Float[Array, "b t h d"], positions: Int[Array, "*b t"], rotary: Rotary
) -> Float[Array, "b t h d"]:
    """What `rotate` computes, for arrays that are known to fit."""
    wide = x[..., : rotary.size].astype(jnp.promote_types(x.dtype, jnp.float32))
    steps = jnp.asarray(frequencies(rotary), wide.dtype)
    angles = positions.astype(wide.dtype)[..., None, None] * steps
    warmth = rotary.scaling.attention if rotary.scaling else 1.0
    cos, sin = jnp.cos(angles) * warmth, jnp.sin(angles) * warmth
    if rotary.interleaved:
        first, second = wide[..., 0::2], wide[..., 1::2]
    else:
        first, second = jnp.split(wide, 2, axis=-1)
    turned = [first * cos - second * sin, second * cos + first * sin]
    if rotary.interleaved:
        both = jnp.stack(turned, axis=-1).reshape(wide.shape)
    else:
        both = jnp.concatenate(turned, axis=-1)
    return jnp.concatenate([both.astype(x.dtype), x[..., rotary.size :]], axis=-1)


def score_scale(rotary: Rotary | None, size: int) -> float:
    """The factor of the products of queries and keys of `size` entries: 1/√size, times YaRN's."""
    factor = rotary.scaling.score if rotary is not None and rotary.scaling is not None else 1.0
    return float(size**-0.5 * factor)


def _whole(value: Any, name: str) -> Array:
    found = array(value, name)
    if not jnp.issubdtype(found.dtype, jnp.integer):
        raise DtypeError(f"{name} has dtype {found.dtype}; positions are whole numbers")
    return found
