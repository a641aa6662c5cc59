"""Generation with a cache: prompts and a key in, tokens out, in one compiled program."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Key

from einlab.arguments import array, random_key, whole
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from einlab.transformer.decoder import Cache, decode, prefill
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import DecoderWeights
from einlab.transformer.sampling import GREEDY, Sampling, next_token

__all__ = ["Generated", "generate"]

NOTHING = -1
"""What stands behind a sequence's stop: no token."""


class Generated(NamedTuple):
    """What was generated, a pytree.

    >>> from einlab.transformer import init_weights
    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> weights = init_weights(config, jax.random.key(0))
    >>> found = generate(weights, [[1, 2, 3], [4]], config, tokens=2)
    >>> found.ids.shape, found.lengths.tolist()
    ((2, 2), [2, 2])
    """

    ids: Int[Array, "b n"]
    """The tokens after each prompt; -1 behind a stop."""
    lengths: Int[Array, " b"]
    """How many tokens of each sequence count, the stop among them."""


def generate(
    weights: DecoderWeights,
    prompts: Any,
    config: DecoderConfig,
    key: Key[Array, ""] | None = None,
    *,
    tokens: int,
    sampling: Sampling = GREEDY,
    lengths: Any = None,
    stop: Sequence[int] = (),
) -> Generated:
    """Up to `tokens` tokens after each prompt, chosen one by one from the decoder's logits.

    prompts: (b, t), of which each row's first `lengths` (b,) tokens count, or lists of any length.
    A sequence ends with a token in `stop`, and the program when all have ended. The whole prompt is
    read at once, then each step reads one token a sequence and the cache. Without `stop` a report
    counts exactly what runs; with it the number of steps is unknown before the tokens are.

    Raises ShapeError if prompts and lengths have other shapes, or prompt and tokens together exceed
    a table of positions; ArgumentError for a token or length out of range; ArgumentTypeError if
    there is no key, but tokens are to be drawn; OperandError or DtypeError for what are no whole
    numbers; and what `decoder.apply` raises.

    >>> from einlab.transformer.decoder_parameters import init_decoder
    >>> config = DecoderConfig(vocabulary=9, positions=8, width=6, layers=3, heads=2, groups=1,
    ...                        head_size=4, feed_forward=8, norm_eps=1e-5)
    >>> weights = init_decoder(config, jax.random.key(0))
    >>> generate(weights, [[1, 2, 3], [4]], config, tokens=5).ids.shape
    (2, 5)
    """
    if not isinstance(config, DecoderConfig):
        raise ArgumentTypeError(f"config is a DecoderConfig, not {config!r:.60}")
    if not isinstance(sampling, Sampling):
        raise ArgumentTypeError(f"sampling is a Sampling, not {sampling!r:.60}")
    if not sampling.greedy:
        random_key(key, "key")
    ids, held = _prompts(prompts, lengths, config)
    whole(tokens, "tokens")
    longest = ids.shape[1] + tokens - 1  # the last token is chosen and not read
    if config.rotary is None and longest > config.positions:
        raise ShapeError(
            f"{ids.shape[1]} tokens of a prompt and {tokens} more are longer than the "
            f"{config.positions} positions of this decoder"
        )
    ends = tuple(whole(each, "a token in stop", 0, config.vocabulary - 1) for each in stop)
    found: Generated = _generate(weights, ids, held, key, config, tokens, sampling, ends)
    return found


class State(NamedTuple):
    """Where generation stands."""

    step: Int[Array, ""]
    """How many tokens are chosen."""
    ids: Int[Array, "b n"]
    token: Int[Array, " b"]
    """The last token of each sequence, which the cache does not hold yet."""
    ended: Bool[Array, " b"]
    cache: Cache
    seen: Bool[Array, "b v"] | None
    """Which tokens were there, if a penalty asks for it."""


@partial(jax.jit, static_argnums=(4, 5, 6, 7))
def _generate(
    weights: DecoderWeights,
    ids: Int[Array, "b t"],
    lengths: Int[Array, " b"] | None,
    key: Any,
    config: DecoderConfig,
    tokens: int,
    sampling: Sampling,
    stop: tuple[int, ...],
) -> Generated:
    ids, starts = _aligned(ids, lengths)
    logits, cache = prefill(weights, ids, config, ids.shape[1] + tokens - 1, starts)
    seen = _seen(ids, config) if sampling.repetition_penalty != 1 else None

    def chosen(logits: Array, state: State) -> State:
        drawn = None if sampling.greedy else jax.random.fold_in(key, state.step)
        token = next_token(logits, sampling, drawn, state.seen).astype(state.ids.dtype)
        written = jnp.where(state.ended, NOTHING, token)
        rows = jnp.arange(token.shape[0])
        return state._replace(
            step=state.step + 1,
            ids=jax.lax.dynamic_update_slice(state.ids, written[:, None], (0, state.step)),
            token=token,
            ended=state.ended | jnp.isin(token, jnp.array(stop, token.dtype)),
            seen=None if state.seen is None else state.seen.at[rows, token].set(True),
        )

    def advanced(state: State) -> State:
        logits, cache = decode(weights, state.token, state.cache, config)
        return chosen(logits, state._replace(cache=cache))

    batch = ids.shape[0]
    empty = jnp.full((batch, tokens), NOTHING, jnp.int32)
    first = jnp.zeros(batch, jnp.int32)
    state = State(jnp.asarray(0), empty, first, jnp.zeros(batch, bool), cache, seen)
    state = chosen(logits, state)
    if stop:
        state = jax.lax.while_loop(
            lambda state: (state.step < tokens) & ~state.ended.all(), advanced, state
        )
    else:
        state = jax.lax.fori_loop(1, tokens, lambda _, state: advanced(state), state)
    return Generated(state.ids, (state.ids != NOTHING).sum(axis=1))


def _aligned(
    ids: Int[Array, "b t"], lengths: Int[Array, " b"] | None
) -> tuple[Int[Array, "b t"], Int[Array, " b"] | None]:
    """Prompts moved to the end of their rows, and where each begins."""
    if lengths is None:
        return ids, None
    starts = ids.shape[1] - lengths
    places = jnp.arange(ids.shape[1]) - starts[:, None]
    return jnp.take_along_axis(ids, jnp.maximum(places, 0), axis=1), starts


def _seen(ids: Int[Array, "b t"], config: DecoderConfig) -> Bool[Array, "b v"]:
    """Which tokens each prompt holds; what fills a row up in front repeats its first token."""
    rows = jnp.arange(ids.shape[0])[:, None]
    return jnp.zeros((ids.shape[0], config.vocabulary), bool).at[rows, ids].set(True)


def _prompts(
    prompts: Any, lengths: Any, config: DecoderConfig
) -> tuple[Int[Array, "b t"], Int[Array, " b"] | None]:
    """Prompts as an array and their lengths, checked as far as their values are known."""
    if lengths is None and isinstance(prompts, (list, tuple)):
        rows = [np.asarray(row) for row in prompts]
        empty = [place for place, row in enumerate(rows) if not row.size]
        if empty:
            raise ShapeError(f"prompt {empty[0]} is empty; expected one token or more")
        if len({row.shape for row in rows}) > 1 and all(row.ndim == 1 for row in rows):
            longest = max(len(row) for row in rows)
            prompts = np.stack([np.pad(row, (0, longest - len(row))) for row in rows])
            lengths = [len(row) for row in rows]
    ids = _whole_numbers(prompts, "prompts")
    if ids.ndim != 2 or not ids.size:
        raise ShapeError(f"prompts have shape {ids.shape}; expected (sequences, tokens), none 0")
    _check_range(ids, "a token of the prompts", 0, config.vocabulary - 1)
    if lengths is None:
        return ids, None
    held = _whole_numbers(lengths, "lengths")
    if held.shape != ids.shape[:1]:
        raise ShapeError(f"lengths have shape {held.shape}; expected {ids.shape[:1]}")
    _check_range(held, "a length", 1, ids.shape[1])
    return ids, held


def _whole_numbers(value: Any, name: str) -> Int[Array, "*b"]:
    found = array(value, name)
    if not jnp.issubdtype(found.dtype, jnp.integer):
        raise DtypeError(f"{name} have dtype {found.dtype}; expected whole numbers")
    return found


def _check_range(values: Int[Array, "*b"], name: str, least: int, most: int) -> None:
    """Check values that are known, as inside of a transformation they are not."""
    if isinstance(values, jax.core.Tracer):
        return
    low, high = int(values.min()), int(values.max())
    if low < least or high > most:
        wrong = low if low < least else high
        raise ArgumentError(f"{name} is {wrong}; it is between {least} and {most}")
