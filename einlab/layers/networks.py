"""Multi-layer perceptrons: linear layers with a nonlinearity between them, as init and apply.

Parameters are a tuple of layers, each a dictionary of "weight" and "bias": a pytree that `jax.grad`
and any optimizer of one's own take as it is. Without the nonlinearity all layers would be one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from einlab.arguments import choice, whole
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError, listing
from einlab.layers.initial import random_key
from einlab.layers.linear_layer import Linear, checked, init_linear, kind_of, linear, sizes_of

__all__ = [
    "ACTIVATIONS",
    "Values",
    "activation_of",
    "checked_layers",
    "init_mlp",
    "mlp",
    "mlp_values",
]


def _exact_gelu(x: jax.Array) -> jax.Array:
    return jax.nn.gelu(x, approximate=False)


def _identity(x: jax.Array) -> jax.Array:
    return x


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "gelu": _exact_gelu,
    "gelu_tanh": jax.nn.gelu,
    "silu": jax.nn.silu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jax.nn.tanh,
    "identity": _identity,
}
"""Nonlinearities by name; "gelu" is the exact one, "gelu_tanh" its approximation.

>>> {name: round(float(active(jax.numpy.float32(-1))), 3) for name, active in ACTIVATIONS.items()}
{'relu': 0.0, 'gelu': -0.159, 'gelu_tanh': -0.159, 'silu': -0.269, 'sigmoid': 0.269,
 'tanh': -0.762, 'identity': -1.0}
"""

Activation = str | Callable[[jax.Array], jax.Array]


class Values(NamedTuple):
    """Every layer's values for some inputs, from the first layer to the last.

    >>> layers = [{"weight": jax.numpy.eye(2), "bias": jax.numpy.array([0.0, -3.0])}] * 2
    >>> values = mlp_values(layers, jax.numpy.array([1.0, 2.0]))
    >>> [sums.tolist() for sums in values.sums], values.outputs[0].tolist()
    ([[1.0, -1.0], [1.0, -3.0]], [1.0, 0.0])
    """

    inputs: jax.Array
    sums: tuple[jax.Array, ...]
    """Of each layer, x·W + b."""
    outputs: tuple[jax.Array, ...]
    """Of each layer, after the nonlinearity; the last one has none, so its sums are the result."""


def init_mlp(
    key: Any,
    sizes: Any,
    *,
    initialiser: str = "he_normal",
    bias: bool = True,
    convention: str = "xW",
    dtype: Any = "float32",
) -> tuple[Linear, ...]:
    """Parameters of a network whose layers have these sizes, from the inputs to the outputs.

    Each layer has a key of its own, made of the one given. See `init_linear`.

    Raises ArgumentError for fewer than two sizes or one below 1, and what `init_linear` raises.

    >>> params = init_mlp(jax.random.key(0), (8, 16, 8, 4))
    >>> [layer["weight"].shape for layer in params]
    [(8, 16), (16, 8), (8, 4)]
    """
    chosen = random_key(key)
    if isinstance(sizes, str) or not isinstance(sizes, Sequence):
        raise ArgumentTypeError(f"sizes are whole numbers in a tuple or list, not {sizes!r:.60}")
    if len(sizes) < 2:
        raise ArgumentError(f"sizes are {tuple(sizes)}; there are two or more, inputs and outputs")
    numbers = [whole(size, f"sizes[{place}]") for place, size in enumerate(sizes)]
    keys = jax.random.split(chosen, len(numbers) - 1)
    return tuple(
        init_linear(
            each,
            inputs,
            outputs,
            initialiser=initialiser,
            bias=bias,
            convention=convention,
            dtype=dtype,
        )
        for each, (inputs, outputs) in zip(keys, pairwise(numbers), strict=True)
    )


def mlp(
    params: Sequence[Any],
    x: Any,
    *,
    activation: Activation = "relu",
    convention: str = "xW",
) -> Float[Array, "... n"]:
    """The network applied to rows of inputs (… × k), a nonlinearity after every layer but the last.

    activation: a name of `ACTIVATIONS`, or a function of arrays.

    Raises ShapeError if a layer does not take what the one before it makes, or the first one not
    the rows of x; ArgumentError for an unknown name.

    >>> params = [{"weight": [[1.0, -1.0]]}, {"weight": [[1.0], [1.0]]}]
    >>> mlp(params, [[-3.0], [2.0]]).tolist()
    [[3.0], [2.0]]
    """
    return mlp_values(params, x, activation=activation, convention=convention).sums[-1]


def mlp_values(
    params: Sequence[Any],
    x: Any,
    *,
    activation: Activation = "relu",
    convention: str = "xW",
) -> Values:
    """As `mlp`, with every layer's values kept: a pytree, so it works under jit and vmap.

    Raises what `mlp` raises.

    >>> params = [{"weight": [[1.0, -1.0]]}, {"weight": [[1.0], [1.0]]}]
    >>> kept = mlp_values(params, [-3.0])
    >>> [each.tolist() for each in kept.sums], [each.tolist() for each in kept.outputs]
    ([[-3.0, 3.0], [3.0]], [[0.0, 3.0], [3.0]])
    """
    layers = checked_layers(params, convention)
    bend = activation_of(activation)
    values, sums, outputs = x, [], []
    for place, layer in enumerate(layers):
        with jax.named_scope(f"layer_{place}"):
            made = linear(layer, values, convention=convention)
            values = made if place == len(layers) - 1 else bend(made)
        sums.append(made)
        outputs.append(values)
    return Values(jnp.asarray(x), tuple(sums), tuple(outputs))


def activation_of(activation: Activation) -> Callable[[jax.Array], jax.Array]:
    """The nonlinearity of a name, or the function given.

    Raises ArgumentError for an unknown name, ArgumentTypeError for what is neither.
    """
    if callable(activation):
        return activation
    return ACTIVATIONS[choice(activation, "activation", ACTIVATIONS)]


def checked_layers(params: Any, convention: str) -> tuple[Linear, ...]:
    """The layers of a network, each of which takes what the one before it makes.

    Raises ArgumentTypeError for what is no sequence of layers, ArgumentError if there are none or
    one has other names, ShapeError for shapes that do not fit.
    """
    if isinstance(params, str) or not isinstance(params, Sequence):
        raise ArgumentTypeError(f"params is a tuple or list of layers, not {kind_of(params)}")
    if not params:
        raise ArgumentError("params is empty; a network has one layer or more")
    layers = tuple(
        checked(layer, convention, f"params[{place}]") for place, layer in enumerate(params)
    )
    shapes = [sizes_of(layer["weight"], convention) for layer in layers]
    for place, (before, after) in enumerate(pairwise(shapes)):
        if before[1] != after[0]:
            chain = listing(layer["weight"].shape for layer in layers)
            raise ShapeError(
                f"params[{place}] makes {before[1]} outputs, and params[{place + 1}] takes "
                f"{after[0]} inputs under convention {convention!r}; the weights are {chain}"
            )
    return layers
