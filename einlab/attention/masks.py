"""Which keys a query sees: masks as one frozen record whose conditions hold together."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from einlab.arguments import array, choice, whole
from einlab.attention.blocks import Reach
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError

__all__ = ["CAUSAL", "Mask", "alibi_slopes", "checked_mask", "first_position", "reach", "visible"]

ROWS = 1024
"""Queries whose pairs are counted at a time."""

Number = Any
"""A whole number, or one for each sequence (b,)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False, kw_only=True)
class Mask:
    """Which keys a query sees; everything that is given must hold at once. A pytree.

    Query i stands at position i + offset among the keys. The offset is such that the last query
    meets the last key, as decoding needs it (lengths are minded: the last of the sequence);
    align="first" lets the first query meet the first key, and `offset` says it outright.

    >>> Mask(causal=True).visible(2, 4)[0, 0].astype(int)
    Array([[1, 1, 1, 0],
           [1, 1, 1, 1]], dtype=int32)
    >>> Mask(causal=True, window=(1, 0)).pairs(4, 4)
    7
    """

    causal: bool = field(default=False, metadata={"static": True})
    """A query sees no key after its position."""
    window: tuple[int | None, int | None] | None = field(default=None, metadata={"static": True})
    """How many keys before and after its position a query sees; None: all on that side."""
    align: Literal["last", "first"] = field(default="last", metadata={"static": True})
    offset: Number = None
    prefix: Number = None
    """So many first keys are seen by all queries, whatever `causal` and `window` say."""
    query_lengths: Number = None
    """Queries from there on see nothing."""
    key_lengths: Number = None
    """Keys from there on are not seen."""
    query_segments: Int[Array, "b t"] | None = None
    """A query sees the keys of its own segment alone; both or neither are given."""
    key_segments: Int[Array, "b s"] | None = None
    seen: Bool[Array, "*b h t s"] | None = None
    """Any mask, of shape (t, s), (h, t, s) or (b, h, t, s); axes of length 1 stand for all."""

    def visible(self, queries: int, keys: int) -> Bool[Array, "b h t s"]:
        """The mask as an array; axes b and h have length 1 where they make no difference.

        Raises what `attend` raises for a mask.

        >>> Mask(window=(0, 0)).visible(2, 2)[0, 0].tolist()
        [[True, False], [False, True]]
        """
        checked = checked_mask(self, None, None, whole(queries, "queries"), whole(keys, "keys"))
        return visible(checked, jnp.arange(queries), jnp.arange(keys), queries, keys)

    def pairs(self, queries: int, keys: int) -> int | float:
        """Pairs of a query and a key that the mask leaves, of one head and sequence.

        Where sequences or heads differ it is their mean.

        >>> Mask(causal=True, align="first").pairs(2, 5), Mask(causal=True).pairs(2, 5)
        (3, 9)
        """
        t, s = whole(queries, "queries"), whole(keys, "keys")
        checked = checked_mask(self, None, None, t, s)
        total = 0.0
        for start in range(0, t, ROWS):
            rows = jnp.arange(start, min(start + ROWS, t))
            some = replace(
                checked,
                seen=_some(checked.seen, 2, rows),
                query_segments=_some(checked.query_segments, 1, rows),
            )
            found = np.asarray(visible(some, rows, jnp.arange(s), t, s))
            total += int(found.sum(dtype=np.int64)) / (found.shape[0] * found.shape[1])
        return int(total) if total == int(total) else total

    @property
    def is_positional(self) -> bool:
        """Whether causality and window say all, with an offset that all sequences share.

        >>> Mask(causal=True).is_positional, Mask(prefix=2).is_positional
        (True, False)
        """
        rest = (self.prefix, self.query_lengths, self.key_lengths, self.query_segments, self.seen)
        return self.offset is None and all(value is None for value in rest)

    @property
    def sees_all(self) -> bool:
        """Whether nothing is masked.

        >>> Mask().sees_all, Mask(causal=True).sees_all
        (True, False)
        """
        return self.is_positional and not self.causal and self.window in (None, (None, None))


CAUSAL = Mask(causal=True)
"""Every query sees the keys up to its own position, the last query all of them.

>>> CAUSAL.pairs(4, 4)
10
"""


def alibi_slopes(heads: int) -> Float[Array, " h"]:
    """The slopes of attention with linear biases: 2^(−8·i/h) for heads i = 1…h.

    Of heads that are no power of two, those of the next smaller power come first, then every other
    one of twice that power.

    Raises ArgumentError or ArgumentTypeError if heads is no whole number of 1 or more.

    Source: Press, Smith and Lewis 2022, section 3, and their published code for other h.

    >>> alibi_slopes(4).tolist()
    [0.25, 0.0625, 0.015625, 0.00390625]
    """
    heads = whole(heads, "heads")
    power = 2 ** int(math.log2(heads))
    first = 2.0 ** (-8.0 * np.arange(1, power + 1) / power)
    rest = 2.0 ** (-4.0 * np.arange(1, 2 * (heads - power), 2) / power)
    return jnp.asarray(np.concatenate([first, rest]), jnp.float32)


def visible(
    mask: Mask, rows: Int[Array, " i"], columns: Int[Array, " j"], queries: int, keys: int
) -> Bool[Array, "b h i j"]:
    """Whether each query of `rows` sees each key of `columns`, out of all `queries` and `keys`.

    Arrays of the mask hold these rows and columns alone.
    """
    i, j = rows[:, None], columns[None, :]
    seen = jnp.ones((1, 1, 1, 1), bool)
    near = _near(mask, i, j, first_position(mask, queries, keys))
    if near is not None:
        if mask.prefix is not None:
            near |= j < _each(mask.prefix)
        seen = seen & near
    if mask.query_lengths is not None:
        seen &= i < _each(mask.query_lengths)
    if mask.key_lengths is not None:
        seen &= j < _each(mask.key_lengths)
    if mask.query_segments is not None and mask.key_segments is not None:
        own, other = mask.query_segments[:, :, None], mask.key_segments[:, None, :]
        seen &= (own == other)[:, None]
    if mask.seen is not None:
        seen &= mask.seen
    return jnp.broadcast_to(seen, (*seen.shape[:2], len(rows), len(columns)))


def first_position(mask: Mask, queries: int, keys: int) -> Any:
    """The position of the first query among the keys: a number, or an array (b, 1, 1, 1)."""
    if mask.offset is not None:
        known = isinstance(mask.offset, (int, np.integer))
        return int(mask.offset) if known else _each(mask.offset)
    if mask.align == "first":
        return 0
    if mask.query_lengths is None and mask.key_lengths is None:
        return keys - queries
    first = _each(keys if mask.key_lengths is None else mask.key_lengths)
    return first - _each(queries if mask.query_lengths is None else mask.query_lengths)


def reach(mask: Mask, queries: int, keys: int) -> Reach:
    """Which keys a query may see, by what is known before arrays are.

    Lengths, prefixes and offsets of sequences are not: nothing can be left out for them.
    """
    left, right = mask.window or (None, None)
    if mask.causal:
        right = 0
    lengths = mask.query_lengths is not None or mask.key_lengths is not None
    first: int | None = keys - queries if mask.align == "last" else 0
    if mask.offset is not None:
        first = mask.offset if isinstance(mask.offset, int) else None
    elif mask.align == "last" and lengths:
        first = None
    return Reach(None if mask.prefix is not None else first, left, right)


def _near(mask: Mask, i: Array, j: Array, first: Any) -> Array | None:
    """What causality and window say; None if there is neither."""
    left, right = mask.window or (None, None)
    if mask.causal:
        right = 0 if right is None else min(right, 0)
    if left is None and right is None:
        return None
    distance = j - i - first
    distance = distance if distance.ndim == 4 else distance[None, None]
    near = jnp.ones((1, 1, 1, 1), bool)
    if left is not None:
        near = near & (distance >= -left)
    if right is not None:
        near = near & (distance <= right)
    return near


def _some(x: Array | None, axis: int, rows: Int[Array, " i"]) -> Array | None:
    """Some rows of an array; all of an axis of length 1."""
    return x if x is None or x.shape[axis] == 1 else x.take(rows, axis=axis)


def _each(value: Any) -> Int[Array, "b one one one"]:
    """A number, or one for each sequence, against the axes of scores."""
    return jnp.asarray(value).reshape(-1, 1, 1, 1)


def checked_mask(
    mask: object, batch: int | None, heads: int | None, queries: int, keys: int
) -> Mask:
    """The mask in the form that implementations work with: `seen` has four axes.

    None leaves all, and an array stands for `Mask(seen=array)`. Batch or heads of None may be any.

    Raises ArgumentTypeError, ArgumentError, DtypeError or ShapeError for what is no such mask.
    """
    if mask is None:
        return Mask()
    if not isinstance(mask, Mask):
        if isinstance(mask, (str, bytes, dict, bool)):
            raise ArgumentTypeError(f"mask is a Mask or an array of booleans, not {mask!r:.60}")
        mask = Mask(seen=mask)  # type: ignore[arg-type]
    choice(mask.align, "mask.align", ("last", "first"))
    if not isinstance(mask.causal, bool):
        raise ArgumentTypeError(f"mask.causal is True or False, not {mask.causal!r:.60}")
    if (mask.query_segments is None) != (mask.key_segments is None):
        raise ArgumentError("mask has segments of queries or of keys alone; give both or neither")
    seen = (
        None
        if mask.seen is None
        else broadcastable(mask.seen, "mask.seen", batch, heads, queries, keys)
    )
    if seen is not None and seen.dtype != bool:
        raise DtypeError(f"mask.seen has dtype {seen.dtype}; it is True where a key is seen")
    return Mask(
        causal=mask.causal,
        window=_window(mask.window),
        align=mask.align,
        offset=_number(mask.offset, "mask.offset", batch),
        prefix=_number(mask.prefix, "mask.prefix", batch),
        query_lengths=_number(mask.query_lengths, "mask.query_lengths", batch),
        key_lengths=_number(mask.key_lengths, "mask.key_lengths", batch),
        query_segments=_segments(mask.query_segments, "mask.query_segments", batch, queries),
        key_segments=_segments(mask.key_segments, "mask.key_segments", batch, keys),
        seen=seen,
    )


def broadcastable(
    value: Any, name: str, batch: int | None, heads: int | None, queries: int, keys: int
) -> Array:
    """An array of two to four axes that fits (b, h, t, s), with all four axes.

    Raises OperandError or ShapeError otherwise.
    """
    found = array(value, name)
    wanted = (batch, heads, queries, keys)
    shape = (1,) * (4 - found.ndim) + found.shape
    if not 2 <= found.ndim <= 4 or any(
        have not in (1, want) for have, want in zip(shape, wanted, strict=True) if want is not None
    ):
        sizes = ", ".join("any" if want is None else str(want) for want in wanted)
        raise ShapeError(
            f"{name} has shape {found.shape}; it is (t, s), (h, t, s) or (b, h, t, s) with "
            f"(b, h, t, s) = ({sizes}), and axes of length 1 stand for all"
        )
    return found.reshape(shape)


def _window(window: Any) -> tuple[int | None, int | None] | None:
    if window is None:
        return None
    if not isinstance(window, tuple) or len(window) != 2:
        raise ArgumentTypeError(
            f"mask.window is a pair of the keys seen before and after, not {window!r:.60}"
        )
    left, right = (None if side is None else whole(side, "mask.window", 0) for side in window)
    return left, right


def _number(value: Any, name: str, batch: int | None) -> Any:
    """A whole number as Python's, or an array of one for each sequence; None as it is."""
    if value is None:
        return None
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    found = array(value, name)
    if not jnp.issubdtype(found.dtype, jnp.integer):
        raise DtypeError(f"{name} has dtype {found.dtype}; it holds whole numbers")
    if found.shape != () and (found.ndim != 1 or batch not in (None, found.shape[0])):
        size = "b" if batch is None else batch
        raise ShapeError(f"{name} has shape {found.shape}; it is one number or ({size},)")
    return found


def _segments(value: Any, name: str, batch: int | None, length: int) -> Any:
    if value is None:
        return None
    found = array(value, name)
    if not jnp.issubdtype(found.dtype, jnp.integer):
        raise DtypeError(f"{name} has dtype {found.dtype}; it holds whole numbers")
    shape = (1, *found.shape) if found.ndim == 1 else found.shape
    if len(shape) != 2 or shape[1] != length or (batch is not None and shape[0] not in (1, batch)):
        size = "b" if batch is None else batch
        raise ShapeError(f"{name} has shape {found.shape}; it is ({size}, {length})")
    return found.reshape(shape)
