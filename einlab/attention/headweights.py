"""The weights of multi-head attention: made by `init_multi_head`, applied by `multi_head`.

Matrices are stored with the axis they make in front (W·x), heads apart, as decoders of
`einlab.transformer` keep theirs. Queries, keys and values are made by one matrix each
(`MultiHead`) or by one for all (`FusedHeads`); `fuse` and `separate` turn one into the other.

Source: Vaswani et al. 2017, section 3.2.2; heads in groups: Ainslie et al. 2023.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from einlab.arguments import float_dtype, random_key, whole
from einlab.attention.shapes import sizes_of
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError

__all__ = [
    "FusedHeads",
    "MultiHead",
    "Weights",
    "apart",
    "checked",
    "fuse",
    "init_multi_head",
    "separate",
]


class MultiHead(NamedTuple):
    """Weights of attention with heads; a bias that is None is not added.

    >>> import jax.numpy as jnp
    >>> from einlab.attention import multi_head
    >>> one = jnp.ones((1, 1, 1))
    >>> multi_head(MultiHead(one, one, one, one), jnp.array([[[2.0], [2.0]]])).tolist()
    [[[2.0], [2.0]]]
    """

    query: Float[Array, "h d c"]
    key: Float[Array, "g d c"]
    value: Float[Array, "g e c"]
    output: Float[Array, "c h e"]
    query_bias: Float[Array, "h d"] | None = None
    key_bias: Float[Array, "g d"] | None = None
    value_bias: Float[Array, "g e"] | None = None
    output_bias: Float[Array, " c"] | None = None


class FusedHeads(NamedTuple):
    """Weights of attention whose queries, keys and values are made by one product.

    >>> import jax.numpy as jnp
    >>> from einlab.attention import multi_head
    >>> fused = FusedHeads(jnp.ones((3, 1, 1)), jnp.ones((1, 1, 1)))
    >>> multi_head(fused, jnp.array([[[2.0]]])).tolist()
    [[[2.0]]]
    """

    heads: Float[Array, "n d c"]
    """n = h + 2g: the heads of queries, of keys, and of values."""
    output: Float[Array, "c h d"]
    heads_bias: Float[Array, "n d"] | None = None
    output_bias: Float[Array, " c"] | None = None


Weights = MultiHead | FusedHeads

AXES = {
    "query": "h d c",
    "key": "g d c_key",
    "value": "g e c_value",
    "output": "c_out h e",
    "query_bias": "h d",
    "key_bias": "g d",
    "value_bias": "g e",
    "output_bias": "c_out",
}
FUSED_AXES = {"heads": "n d c", "output": "c_out h d", "heads_bias": "n d", "output_bias": "c_out"}
"""Widths may differ: keys and values can be made from something else than queries."""


def init_multi_head(
    key: PRNGKeyArray,
    width: int,
    heads: int,
    *,
    groups: int | None = None,
    head_size: int | None = None,
    value_size: int | None = None,
    context_width: int | None = None,
    bias: bool = True,
    dtype: Any = jnp.float32,
) -> MultiHead:
    """Weights of `heads` heads for hidden states of `width` entries, by Glorot's uniform rule.

    `groups` heads have keys and values (heads unless given), with keys of `head_size` entries
    (width / heads) and values of `value_size` (head_size); `context_width` is the width of what
    keys and values are made from (width). Biases start at zero.

    Raises ArgumentError or ArgumentTypeError for sizes that are no whole numbers of 1 or more,
    heads that are no multiple of the groups, or a width that is none of the heads where no size
    is given; DtypeError for a dtype that is not floating-point.

    Source: Glorot and Bengio 2010, eq. 16: uniform up to √(6 / (entries in + entries out)).

    >>> import jax
    >>> weights = init_multi_head(jax.random.key(0), 12, heads=4, groups=2)
    >>> weights.query.shape, weights.key.shape, weights.output.shape
    ((4, 3, 12), (2, 3, 12), (12, 4, 3))
    """
    width, heads = whole(width, "width"), whole(heads, "heads")
    groups = heads if groups is None else whole(groups, "groups")
    if heads % groups:
        raise ArgumentError(f"heads is {heads}; it is a multiple of the {groups} groups")
    if head_size is None and width % heads:
        raise ArgumentError(f"width is {width}, no multiple of {heads} heads: give head_size")
    d = width // heads if head_size is None else whole(head_size, "head_size")
    e = d if value_size is None else whole(value_size, "value_size")
    source = width if context_width is None else whole(context_width, "context_width")
    kind = float_dtype(dtype, "dtype")
    inward = jax.nn.initializers.glorot_uniform(in_axis=-1, out_axis=(0, 1))
    outward = jax.nn.initializers.glorot_uniform(in_axis=(1, 2), out_axis=0)
    one, two, three, four = jax.random.split(random_key(key, "key"), 4)
    return MultiHead(
        query=inward(one, (heads, d, width), kind),
        key=inward(two, (groups, d, source), kind),
        value=inward(three, (groups, e, source), kind),
        output=outward(four, (width, heads, e), kind),
        query_bias=jnp.zeros((heads, d), kind) if bias else None,
        key_bias=jnp.zeros((groups, d), kind) if bias else None,
        value_bias=jnp.zeros((groups, e), kind) if bias else None,
        output_bias=jnp.zeros(width, kind) if bias else None,
    )


def fuse(weights: MultiHead) -> FusedHeads:
    """The same weights with one matrix for queries, keys and values.

    Raises ArgumentError if values have another size than keys, keys another width than queries,
    or some of the three have biases and others not.

    >>> import jax
    >>> fuse(init_multi_head(jax.random.key(0), 12, heads=4, groups=2)).heads.shape
    (8, 3, 12)
    """
    if not isinstance(weights, MultiHead):
        raise ArgumentTypeError(f"weights are a MultiHead, not {weights!r:.60}")
    checked(weights)
    three = (weights.query, weights.key, weights.value)
    shapes = [part.shape[1:] for part in three]
    if len({*shapes}) != 1:
        raise ArgumentError(f"heads of (size, width) {shapes} do not fit into one matrix")
    biases = [
        bias
        for bias in (weights.query_bias, weights.key_bias, weights.value_bias)
        if bias is not None
    ]
    if len(biases) not in (0, 3):
        raise ArgumentError("of queries, keys and values some have a bias: give all one, or none")
    return FusedHeads(
        heads=jnp.concatenate(three),
        output=weights.output,
        heads_bias=jnp.concatenate(biases) if biases else None,
        output_bias=weights.output_bias,
    )


def separate(weights: FusedHeads) -> MultiHead:
    """The same weights with a matrix each for queries, keys and values: what `fuse` undoes.

    Raises ShapeError if the heads are not those of queries and twice a divisor of them.

    >>> import jax
    >>> weights = init_multi_head(jax.random.key(0), 12, heads=4, groups=2)
    >>> separate(fuse(weights)).key.shape
    (2, 3, 12)
    """
    if not isinstance(weights, FusedHeads):
        raise ArgumentTypeError(f"weights are FusedHeads, not {weights!r:.60}")
    checked(weights)
    bounds = _bounds(weights)
    query, key, value = jnp.split(weights.heads, bounds)
    found = MultiHead(query, key, value, weights.output, output_bias=weights.output_bias)
    if weights.heads_bias is None:
        return found
    query, key, value = jnp.split(weights.heads_bias, bounds)
    return found._replace(query_bias=query, key_bias=key, value_bias=value)


def checked(weights: Any) -> Weights:
    """Weights of heads whose shapes fit each other.

    Raises ArgumentTypeError for what are no such weights, OperandError, DtypeError or ShapeError
    for fields that do not fit.
    """
    if isinstance(weights, MultiHead):
        sizes = sizes_of(weights, AXES)
        if sizes["h"] % max(sizes["g"], 1):
            raise ShapeError(
                f"weights.query has {sizes['h']} heads, no multiple of the {sizes['g']} of "
                "weights.key"
            )
        return weights
    if isinstance(weights, FusedHeads):
        sizes_of(weights, FUSED_AXES)
        _bounds(weights)
        return weights
    raise ArgumentTypeError(f"weights are a MultiHead or FusedHeads, not {weights!r:.60}")


def apart(weights: Any) -> MultiHead:
    """Weights of heads with a matrix each, whichever they are; raises what `checked` does."""
    found = checked(weights)
    return found if isinstance(found, MultiHead) else separate(found)


def _bounds(weights: FusedHeads) -> list[int]:
    """Where keys and values begin among the fused heads."""
    heads = weights.output.shape[1]
    groups, rest = divmod(weights.heads.shape[0] - heads, 2)
    if rest or groups < 1 or heads % groups:
        raise ShapeError(
            f"weights.heads has shape {weights.heads.shape}; with {heads} heads of queries it has "
            f"{heads} + 2·groups rows, groups being a divisor of {heads}"
        )
    return [heads, heads + groups]
