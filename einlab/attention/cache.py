"""The cache of keys and values: what attention keeps of the tokens before.

A cache has `s` places for each sequence. Without a window, place p holds position p, and a sequence
may have as many tokens as there are places. With a window the places form a ring: position p lies
at place p mod s, the oldest is given up for the newest, and sequences may be of any length.

All functions return a new cache; under `jax.jit` with the old one donated, arrays are written in
place. Sequences of a batch have lengths of their own.

Keys and values lie head by head: a step of decoding reads all places of a head, one after the
other, and so copies none of them; it writes one row to each head instead of one in all.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from einlab.arguments import array, float_dtype, floating, shaped, whole
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError

__all__ = [
    "Cache",
    "append",
    "checked",
    "counts",
    "fitting",
    "init_cache",
    "known",
    "prompt",
    "rollback",
    "seen",
]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Cache:
    """Keys and values of the tokens so far; a pytree, made by `init_cache`.

    >>> cache = init_cache(1, 8, groups=2, head_size=3)
    >>> cache.keys.shape, cache.values.shape, cache.capacity, cache.window
    ((1, 8, 2, 3), (1, 8, 2, 3), 8, None)
    """

    key_heads: Float[Array, "b g s d"]
    value_heads: Float[Array, "b g s e"]
    lengths: Int[Array, " b"]
    """The tokens that each sequence has."""
    positions: Int[Array, "b s"] | None
    """With a window: the position that lies at each place, −1 where there is none."""
    window: int | None = field(default=None, metadata={"static": True})
    """How many keys a query sees, its own among them; None: all before it."""

    @property
    def keys(self) -> Float[Array, "b s g d"]:
        """The key at each place, in the order of axes that `attend` takes: a copy."""
        return self.key_heads.swapaxes(1, 2)

    @property
    def values(self) -> Float[Array, "b s g e"]:
        """The value at each place, in the order of axes that `attend` takes: a copy."""
        return self.value_heads.swapaxes(1, 2)

    @property
    def capacity(self) -> int:
        """s, the places of each sequence."""
        return int(self.key_heads.shape[2])

    @property
    def nbytes(self) -> int:
        """The bytes of all its arrays.

        >>> init_cache(1, 100, 2, 64, dtype="bfloat16").nbytes
        51204
        """
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(self))


def init_cache(
    batch: int,
    capacity: int,
    groups: int,
    head_size: int,
    value_size: int | None = None,
    *,
    dtype: Any = jnp.float32,
    window: int | None = None,
) -> Cache:
    """An empty cache of `capacity` places for each of `batch` sequences.

    `groups` heads have keys of `head_size` entries and values of `value_size` (head_size unless
    given). With a window the places form a ring, so `capacity` must be the window or more: a call
    of `rollback` may go back by `capacity − window + 1` tokens.

    Raises ArgumentError or ArgumentTypeError for a size that is no whole number of 1 or more, or
    fewer places than the window, DtypeError for a dtype that is not floating-point.

    >>> cache = init_cache(2, 16, groups=1, head_size=8)
    >>> cache.keys.shape, cache.lengths.tolist()
    ((2, 16, 1, 8), [0, 0])
    """
    batch, capacity = whole(batch, "batch"), whole(capacity, "capacity")
    groups, head_size = whole(groups, "groups"), whole(head_size, "head_size")
    value_size = head_size if value_size is None else whole(value_size, "value_size")
    kind = float_dtype(dtype, "dtype")
    if window is not None and capacity < whole(window, "window"):
        raise ArgumentError(
            f"capacity is {capacity}, but a query with a window of {window} sees {window} keys: "
            f"give {window} or more"
        )
    return Cache(
        key_heads=jnp.zeros((batch, groups, capacity, head_size), kind),
        value_heads=jnp.zeros((batch, groups, capacity, value_size), kind),
        lengths=jnp.zeros(batch, jnp.int32),
        positions=None if window is None else jnp.full((batch, capacity), -1, jnp.int32),
        window=window,
    )


def append(cache: Cache, k: Any, v: Any, lengths: Any = None) -> Cache:
    """The cache with t more tokens of each sequence, or with the first `lengths` (b,) of the t.

    k: (b, t, g, d), v: (b, t, g, e); they are rounded to the dtype of the cache.

    Raises ShapeError or DtypeError for arrays that do not fit the cache, ArgumentError if a
    sequence has no place left. Inside of `jax.jit`, where lengths are not known, tokens without a
    place are counted but not kept.

    >>> import jax.numpy as jnp
    >>> cache = append(init_cache(2, 16, 1, 8), jnp.ones((2, 3, 1, 8)), jnp.ones((2, 3, 1, 8)))
    >>> cache.lengths.tolist()
    [3, 3]
    """
    keys, values = fitting(cache, k, v)
    batch, length = keys.shape[:2]
    added = counts(lengths, "lengths", batch, length)
    end = cache.lengths + (length if added is None else added)
    check_places(cache, end)
    positions = cache.lengths[:, None] + jnp.arange(length)
    kept = positions < end[:, None]
    slots = positions
    if cache.positions is not None:
        kept &= positions >= end[:, None] - cache.capacity
        slots = positions % cache.capacity
    slots = jnp.where(kept, slots, cache.capacity)  # beyond the last place: not written

    rows = jnp.arange(batch)[:, None]

    def write(old: Array, new: Array) -> Array:
        return old.at[rows, :, slots].set(new.astype(old.dtype), mode="drop")

    with jax.named_scope("cache"):
        held = cache.positions
        return replace(
            cache,
            key_heads=write(cache.key_heads, keys),
            value_heads=write(cache.value_heads, values),
            lengths=end,
            positions=None if held is None else held.at[rows, slots].set(positions, mode="drop"),
        )


def prompt(cache: Cache, k: Any, v: Any, lengths: Any = None) -> Cache:
    """The cache with the tokens of a prompt alone, whatever it held before.

    Takes and raises what `append` does; long slices are copied whole instead of row by row.
    """
    keys, values = fitting(cache, k, v)
    batch, length = keys.shape[:2]
    given = counts(lengths, "lengths", batch, length)
    end = jnp.full(batch, length, jnp.int32) if given is None else given
    check_places(cache, end)
    size = cache.capacity
    places = jnp.arange(size)
    last = end[:, None] - 1
    held = last - (last - places) % size  # the newest position that belongs to each place
    ring = cache.positions is not None

    def write(old: Array, new: Array) -> Array:
        if length <= size or not ring:
            new = new[:, :size].swapaxes(1, 2).astype(old.dtype)
            return jax.lax.dynamic_update_slice_in_dim(old, new, 0, axis=2)
        new = jnp.take_along_axis(new, jnp.maximum(held, 0)[:, :, None, None], axis=1)
        return new.swapaxes(1, 2).astype(old.dtype)

    with jax.named_scope("cache"):
        return replace(
            cache,
            key_heads=write(cache.key_heads, keys),
            value_heads=write(cache.value_heads, values),
            lengths=end,
            positions=jnp.maximum(held, -1) if ring else None,
        )


def rollback(cache: Cache, lengths: Any) -> Cache:
    """The cache as it was when its sequences had `lengths` tokens, one number or one for each.

    Speculative decoding (Leviathan et al. 2023, arXiv 2211.17192) drops tokens that were not
    accepted. Nothing is copied: what lies behind the lengths is not seen, and written over.

    Raises ArgumentError if a sequence has fewer tokens, or if a ring has given up keys that the
    next query would see; inside of `jax.jit`, where lengths are not known, the shorter length
    holds, and keys given up are not seen.

    >>> import jax.numpy as jnp
    >>> cache = append(init_cache(2, 16, 1, 8), jnp.ones((2, 3, 1, 8)), jnp.ones((2, 3, 1, 8)))
    >>> rollback(cache, [1, 2]).lengths.tolist()
    [1, 2]
    """
    checked(cache)
    batch = cache.key_heads.shape[0]
    wanted = jnp.broadcast_to(_numbers(lengths, "lengths", batch), (batch,))
    _check_return(cache, wanted)
    wanted = jnp.clip(wanted, 0, cache.lengths).astype(cache.lengths.dtype)
    positions = cache.positions
    if positions is not None:
        positions = jnp.where(positions < wanted[:, None], positions, -1)
    return replace(cache, lengths=wanted, positions=positions)


def seen(
    positions: Int[Array, "b s"], queries: Int[Array, "b t"], window: int
) -> Bool[Array, "b t s"]:
    """Which places of a ring each query sees."""
    keys, places = positions[:, None, :], queries[:, :, None]
    return (keys >= 0) & (keys <= places) & (keys > places - window)


def checked(cache: object) -> Cache:
    """The cache, if it is one; raises ArgumentTypeError otherwise."""
    if not isinstance(cache, Cache):
        raise ArgumentTypeError(f"cache is a Cache of init_cache, not {cache!r:.60}")
    return cache


def known(value: Any) -> np.ndarray | None:
    """The numbers of an array; None inside of a transformation, where they are not known yet."""
    return None if isinstance(value, jax.core.Tracer) else np.asarray(value)


def fitting(cache: object, k: Any, v: Any) -> tuple[Array, Array]:
    """Keys and values that a cache can hold; raises ShapeError, OperandError or DtypeError."""
    held = checked(cache)
    keys = floating(shaped(k, "k", "b t g d"), "k")
    values = floating(shaped(v, "v", "b t g e"), "v")
    for name, found, kept in (("k", keys, held.key_heads), ("v", values, held.value_heads)):
        batch, groups, _, size = kept.shape
        wanted = (batch, keys.shape[1], groups, size)
        if found.shape != wanted:
            raise ShapeError(f"{name} has shape {found.shape}; for this cache it is {wanted}")
        if jnp.issubdtype(found.dtype, jnp.complexfloating):
            raise DtypeError(f"{name} has dtype {found.dtype}; a cache holds real numbers")
    return keys, values


def counts(value: Any, name: str, batch: int, most: int) -> Int[Array, " b"] | None:
    """How many of `most` tokens each sequence really has; None if none is said to have fewer.

    Raises ShapeError or DtypeError for what is no such array, ArgumentError for numbers out of
    range where they are known; others are brought into it.
    """
    if value is None:
        return None
    found = jnp.broadcast_to(_numbers(value, name, batch), (batch,))
    numbers = known(found)
    if numbers is not None and numbers.size and not 0 <= numbers.min() <= numbers.max() <= most:
        worst = numbers.min() if numbers.min() < 0 else numbers.max()
        raise ArgumentError(f"{name} holds {worst}; each is between 0 and {most}")
    return jnp.clip(found, 0, most).astype(jnp.int32)


def check_places(cache: Cache, end: Int[Array, " b"]) -> None:
    """Raise ArgumentError if sequences of these lengths are known to have no place."""
    numbers = known(end)
    if cache.positions is not None or numbers is None or numbers.max() <= cache.capacity:
        return
    raise ArgumentError(
        f"the cache has {cache.capacity} places, but sequence {np.argmax(numbers)} would have "
        f"{numbers.max()} tokens: make it larger, or give it a window"
    )


def _check_return(cache: Cache, wanted: Int[Array, " b"]) -> None:
    goal, now = known(wanted), known(cache.lengths)
    if goal is None or now is None:
        return
    for number, (new, old) in enumerate(zip(goal, now, strict=True)):
        if not 0 <= new <= old:
            raise ArgumentError(
                f"lengths holds {new}, but sequence {number} has {old} tokens: it goes back to "
                f"between 0 and {old}"
            )
        if cache.positions is None or cache.window is None:
            continue
        held = np.asarray(cache.positions)[number]
        oldest = max(0, new - cache.window + 1)
        if new < old and np.count_nonzero((held >= oldest) & (held < new)) < new - oldest:
            raise ArgumentError(
                f"sequence {number} cannot go back from {old} to {new} tokens: the ring of "
                f"{cache.capacity} places has given up keys that a window of {cache.window} sees; "
                "make it larger by the tokens that are rolled back"
            )


def _numbers(value: Any, name: str, batch: int) -> Array:
    found = array(value, name)
    if not jnp.issubdtype(found.dtype, jnp.integer):
        raise DtypeError(f"{name} has dtype {found.dtype}; it holds whole numbers")
    if found.shape not in ((), (batch,)):
        raise ShapeError(f"{name} has shape {found.shape}; it is one number or ({batch},)")
    return found
