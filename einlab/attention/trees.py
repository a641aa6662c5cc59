"""Weights of multi-head attention from and into the parameter trees of Flax and Equinox.

Flax keeps matrices with the axis they read in front (x·W), heads apart: kernels (c, h, d), and
(h, e, c) for the output; `flax.linen` in dictionaries, `flax.nnx` in a State with the same names.
Equinox keeps W·x, heads side by side: (h·d, c). Neither package is imported here: a tree is any
pytree whose leaves lie at those names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from einlab.attention.headweights import MultiHead, apart
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError

__all__ = ["from_equinox", "from_flax", "to_equinox", "to_flax"]

FLAX = {
    "query.kernel": "query",
    "key.kernel": "key",
    "value.kernel": "value",
    "out.kernel": "output",
    "query.bias": "query_bias",
    "key.bias": "key_bias",
    "value.bias": "value_bias",
    "out.bias": "output_bias",
}
"""What a name at the end of a leaf's path is here."""

EQUINOX = {
    "query_proj.weight": "query",
    "key_proj.weight": "key",
    "value_proj.weight": "value",
    "output_proj.weight": "output",
    "query_proj.bias": "query_bias",
    "key_proj.bias": "key_bias",
    "value_proj.bias": "value_bias",
    "output_proj.bias": "output_bias",
}


def from_flax(tree: Any) -> MultiHead:
    """The weights of one `MultiHeadDotProductAttention` of Flax.

    tree: what `flax.linen` calls params, or the variables around them, or `flax.nnx.state(module,
    flax.nnx.Param)`.

    Raises ArgumentError if a parameter is missing or there are others, such as a cache or norms of
    queries and keys; ShapeError if shapes do not fit each other.

    >>> import jax
    >>> from einlab.attention import init_multi_head
    >>> weights = init_multi_head(jax.random.key(0), 12, heads=4)
    >>> kernel = jax.numpy.transpose(weights.query, (2, 0, 1))
    >>> tree = {name: {"kernel": kernel} for name in ("query", "key", "value")}
    >>> from_flax({**tree, "out": {"kernel": jax.numpy.ones((4, 3, 12))}}).query.shape
    (4, 3, 12)
    """
    found = _leaves(tree, FLAX, "a multi-head attention of Flax")

    def turned(name: str, value: Array) -> Array:
        if name.endswith("bias"):
            return value
        if value.ndim != 3:
            raise ShapeError(f"the kernel of {name} has shape {value.shape}; it has 3 axes")
        return value.transpose((2, 0, 1) if name == "output" else (1, 2, 0))

    return apart(MultiHead(**{name: turned(name, value) for name, value in found.items()}))


def to_flax(weights: Any, tree: Any) -> Any:
    """The tree with its parameters replaced by these weights; what `from_flax` reads back.

    tree: a linen params or variables dictionary, or an `nnx.State`: any with the right names.

    Raises ArgumentError if the tree has a place that the weights do not fill, or none for one of
    them; ShapeError if a shape differs.

    >>> import jax
    >>> from einlab.attention import init_multi_head
    >>> weights = init_multi_head(jax.random.key(0), 12, heads=4, bias=False)
    >>> inside, out = ({"kernel": jax.numpy.zeros(n)} for n in ((12, 4, 3), (4, 3, 12)))
    >>> tree = to_flax(weights, {"query": inside, "key": inside, "value": inside, "out": out})
    >>> bool((from_flax(tree).query == weights.query).all())
    True
    """

    def turned(name: str, value: Array) -> Array:
        if name.endswith("bias"):
            return value
        return value.transpose((1, 2, 0) if name == "output" else (2, 0, 1))

    return _replaced(weights, tree, FLAX, turned, "a multi-head attention of Flax")


def from_equinox(module: Any) -> MultiHead:
    """The weights of one `equinox.nn.MultiheadAttention`.

    Raises ArgumentError if the module has no such parameters, or others.

    >>> import equinox, jax
    >>> module = equinox.nn.MultiheadAttention(4, 12, key=jax.random.key(0))
    >>> from_equinox(module).query.shape
    (4, 3, 12)
    """
    found = _leaves(module, EQUINOX, "a MultiheadAttention of Equinox")
    heads = _heads(module)

    def split(name: str, value: Array) -> Array:
        if name == "output_bias":
            return value
        if name == "output":
            return value.reshape(value.shape[0], heads, -1)
        return value.reshape(heads, -1, *value.shape[1:])

    return apart(MultiHead(**{name: split(name, value) for name, value in found.items()}))


def to_equinox(weights: Any, module: Any) -> Any:
    """The module with its parameters replaced by these weights; what `from_equinox` reads back.

    Raises ArgumentError if the module has a place that the weights do not fill, or none for one of
    them; ShapeError if a shape differs, as that of fewer groups than heads does.

    >>> import equinox, jax
    >>> module = equinox.nn.MultiheadAttention(4, 12, key=jax.random.key(0))
    >>> from einlab.attention import init_multi_head
    >>> weights = init_multi_head(jax.random.key(1), 12, heads=4, bias=False)
    >>> bool((from_equinox(to_equinox(weights, module)).query == weights.query).all())
    True
    """
    _heads(module)

    def together(name: str, value: Array) -> Array:
        if name == "output_bias":
            return value
        if name == "output":
            return value.reshape(value.shape[0], -1)
        return value.reshape(-1, *value.shape[2:])

    return _replaced(weights, module, EQUINOX, together, "a MultiheadAttention of Equinox")


def _heads(module: Any) -> int:
    heads = getattr(module, "num_heads", None)
    if not isinstance(heads, int):
        raise ArgumentTypeError(
            f"module is no MultiheadAttention of Equinox, but of type {type(module).__name__}"
        )
    return heads


def _name(path: tuple[Any, ...], names: Mapping[str, str]) -> str | None:
    """What the leaf at this path is here; None if it is none of the parameters."""
    words = [str(getattr(part, "key", getattr(part, "name", ""))) for part in path]
    if words[-1:] == ["value"]:  # an array inside of a variable of nnx
        words = words[:-1]
    return names.get(".".join(words[-2:]))


def _leaves(tree: Any, names: Mapping[str, str], what: str) -> dict[str, Array]:
    """The arrays of a tree by our names; raises ArgumentError for missing or unknown ones."""
    found: dict[str, Array] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if not jnp.issubdtype(getattr(leaf, "dtype", int), jnp.floating):
            continue  # counters of random numbers, and settings
        name = _name(path, names)
        if name is None or name in found:
            raise ArgumentError(
                f"{what} has no parameter {jax.tree_util.keystr(path)}: give its parameters alone"
            )
        found[name] = jnp.asarray(leaf)
    missing = [theirs for theirs, ours in names.items() if ours not in found and "bias" not in ours]
    if missing:
        raise ArgumentError(f"{what} has parameters {', '.join(missing)}, which are missing")
    return found


def _replaced(
    weights: Any,
    tree: Any,
    names: Mapping[str, str],
    form: Callable[[str, Array], Array],
    what: str,
) -> Any:
    """The tree with each parameter replaced by ours in the form that it has there."""
    ours = apart(weights)
    places = _leaves(tree, names, what)
    for name, value in ours._asdict().items():
        if (value is None) == (name in places):
            one, other = ("have no", "has one") if value is None else ("have", "has none")
            raise ArgumentError(f"the weights {one} {name}, but the tree {other}")

    pairs, structure = jax.tree_util.tree_flatten_with_path(tree)
    leaves = []
    for path, leaf in pairs:
        place = _name(path, names)
        value = leaf if place is None else form(place, getattr(ours, place))
        if place is not None and value.shape != leaf.shape:
            raise ShapeError(f"{place} has shape {value.shape}, but the tree's {leaf.shape}")
        leaves.append(value)
    return jax.tree_util.tree_unflatten(structure, leaves)
