"""`attend`: softmax attention of queries to keys, by the implementation that suits it."""

from __future__ import annotations

import logging
from typing import Any

import jax
from jaxtyping import Array, Float

from einlab.arguments import choice
from einlab.attention.blocks import spans
from einlab.attention.blockwise import blockwise
from einlab.attention.choosing import IMPLEMENTATIONS, Choice, choice_for
from einlab.attention.dispatching import dispatched
from einlab.attention.kernels import flash
from einlab.attention.masks import Mask, reach
from einlab.attention.plain import plain, sequential
from einlab.attention.problem import Problem, problem
from einlab.attention.trimming import trimmed

__all__ = ["attend", "explain_attend", "over_heads", "run"]

logger = logging.getLogger("einlab")


def attend(
    q: Any,
    k: Any,
    v: Any,
    *,
    mask: Mask | Any = None,
    bias: Any = None,
    slopes: Any = None,
    scale: float | None = None,
    soft_cap: float | None = None,
    sinks: Any = None,
    dropout: float = 0.0,
    key: Any = None,
    implementation: str = "auto",
) -> Float[Array, "b t h e"]:
    """Softmax attention: for each query the mean of the values, weighed by its scores.

    q: (b, t, h, d), k: (b, s, g, d), v: (b, s, g, e); h is a multiple of g, and head i has the keys
    and values of group i·g // h. The result has the dtype of the operands together; scores and
    softmax are computed in float32 at least. A query that sees no key gets zeros.

    mask: a `Mask`, or an array of booleans (t, s), (h, t, s) or (b, h, t, s), True where seen.
    scale: the factor of the products, 1/√d unless given. soft_cap: scores x become
      cap·tanh(x / cap). Then are added: bias, (t, s), (h, t, s) or (b, h, t, s), axes of length 1
      standing for all, and −slope·|distance| for each head's slope (ALiBi, `alibi_slopes`).
    sinks: (h,), the score of one more key of each head, whose value is 0.
    dropout: the share of weights set to 0, others grow by 1 / (1 − dropout); by `key`, a key of
      `jax.random.key`. All implementations drop the same ones.
    implementation: "auto", the fastest predicted one that memory allows (`explain_attend` tells
      which, as does the logger "einlab" at debug level), "plain", all scores at once, "sequential",
      those of one sequence, "blockwise", linear memory, or, where they mean the same, "jax" and
      "cudnn", `jax.nn.dot_product_attention`, and "pallas", JAX's kernel for TPUs.

    Raises ShapeError, DtypeError, OperandError, ArgumentError or ArgumentTypeError, all
    ValueErrors, for operands that do not fit or settings that cannot be.

    Sources: Vaswani et al. 2017, eq. 1; grouped heads: Ainslie et al. 2023; cap: Gemma team 2024;
    sinks: OpenAI 2025, gpt-oss model card, section 2.2; ALiBi: Press et al. 2022.

    >>> import jax.numpy as jnp
    >>> from einlab.attention import CAUSAL
    >>> x = jnp.eye(3).reshape(1, 3, 1, 3)
    >>> (100 * attend(x, x, x, mask=CAUSAL)[0, :, 0]).round().astype(int).tolist()
    [[100, 0, 0], [36, 64, 0], [26, 26, 47]]
    """
    return over_heads(
        q,
        k,
        v,
        by_head=False,
        implementation=implementation,
        mask=mask,
        bias=bias,
        slopes=slopes,
        scale=scale,
        soft_cap=soft_cap,
        sinks=sinks,
        dropout=dropout,
        key=key,
    )


def over_heads(
    q: Any, k: Any, v: Any, *, by_head: bool = True, implementation: str = "auto", **settings: Any
) -> Float[Array, "b t h e"]:
    """As `attend`, of keys and values as a cache keeps them: (b, g, s, d) and (b, g, s, e)."""
    choice(implementation, "implementation", ("auto", *IMPLEMENTATIONS))
    one = trimmed(problem(q, k, v, by_head=by_head, **settings))
    chosen = choice_for(one, implementation)
    logger.debug("attend: %s", chosen)
    return run(one, chosen)


def explain_attend(
    q: Any, k: Any, v: Any, *, implementation: str = "auto", **settings: Any
) -> Choice:
    """Which implementation `attend` takes for these arguments, with its predicted time and memory.

    Takes and raises what `attend` does.

    >>> import jax.numpy as jnp
    >>> x = jnp.ones((1, 64, 1, 8))
    >>> explain_attend(x, x, x, implementation="plain").implementation
    'plain'
    """
    choice(implementation, "implementation", ("auto", *IMPLEMENTATIONS))
    return choice_for(trimmed(problem(q, k, v, **settings)), implementation)


def run(one: Problem, chosen: Choice) -> Float[Array, "b t h e"]:
    """The attention in the way chosen, as one program."""
    mixed: Array
    if chosen.size is not None and chosen.keys is not None:
        _, t, s, *_ = one.sizes
        blocks = spans(t, s, chosen.size, reach(one.mask, t, s))
        mixed = _blockwise(one, blocks, chosen.keys)
    elif chosen.implementation == "pallas":
        mixed = flash(one)
    elif chosen.implementation in _WHOLE:
        mixed = _WHOLE[chosen.implementation](one)
    else:
        mixed = _dispatched(one, chosen.implementation)
    return mixed


_blockwise = jax.jit(blockwise, static_argnums=(1, 2))
_dispatched = jax.jit(dispatched, static_argnums=1)
_WHOLE = {"plain": jax.jit(plain), "sequential": jax.jit(sequential)}
