"""The linear layer: y = x·W + b for rows, y = W·x + b for columns; the same layer, two conventions.

Under "xW" a weight has a row for each input and a column for each output (Flax, Keras); under "Wx"
a row for each output (torch, Equinox). The one is the other transposed. Batches are rows in both:
under "Wx" a batch is X·Wᵀ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from einlab.arguments import array, choice, whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError, listing, message
from einlab.layers.initial import draw_weight, floating_dtype, random_key

__all__ = [
    "CONVENTIONS",
    "Linear",
    "checked",
    "fitting_rows",
    "init_linear",
    "kind_of",
    "linear",
    "sizes_of",
]

CONVENTIONS = {"xW": "...k,kn->...n", "Wx": "...k,nk->...n"}
"""Each convention of a weight with the equation of its layer: k inputs, n outputs.

>>> from einlab import plan
>>> plan(CONVENTIONS["Wx"], (5, 3), (4, 3)).contraction.shape
(5, 4)
"""

Linear = dict[str, jax.Array]
"""The parameters of a layer: "weight", and "bias" if it has one."""


def init_linear(
    key: Any,
    inputs: int,
    outputs: int,
    *,
    initialiser: str = "glorot_normal",
    bias: bool = True,
    convention: str = "xW",
    dtype: Any = "float32",
) -> Linear:
    """Parameters of a linear layer: a weight drawn at random, a bias of zeros.

    initialiser: "glorot_normal", "glorot_uniform", "he_normal" or "he_uniform" (see
    `INITIALISERS`). The same key gives the same layer under both conventions.

    Raises ArgumentError for a size below 1 or an unknown name, ArgumentTypeError for what is no
    key, DtypeError for a dtype that is not real floating-point.

    >>> params = init_linear(jax.random.key(0), 4, 3)
    >>> {name: each.shape for name, each in params.items()}
    {'weight': (4, 3), 'bias': (3,)}
    """
    chosen = random_key(key)
    inputs, outputs = whole(inputs, "inputs"), whole(outputs, "outputs")
    choice(convention, "convention", CONVENTIONS)
    name = floating_dtype(dtype)
    if not isinstance(bias, bool):
        raise ArgumentTypeError(f"bias is True or False, not {bias!r:.60}")
    weight = draw_weight(chosen, inputs, outputs, initialiser, name)
    params = {"weight": weight if convention == "xW" else weight.T}
    if bias:
        params["bias"] = jnp.zeros(outputs, weight.dtype)
    return params


def linear(params: Mapping[str, Any], x: Any, *, convention: str = "xW") -> Float[Array, "... n"]:
    """The layer applied to rows of k inputs: a row, a batch of rows, or batches of any shape.

    Raises ShapeError if the rows have other than k entries or the bias other than n, ArgumentError
    for parameters of other names.

    >>> W = [[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 1.0, 1.1, 1.2]]
    >>> params = {"weight": W, "bias": [0.01, 0.02, 0.03]}
    >>> [round(float(y), 4) for y in linear(params, [1.0, 2.0, 3.0, 4.0], convention="Wx")]
    [3.01, 7.02, 11.03]
    """
    found = checked(params, convention)
    weight, bias = found["weight"], found.get("bias")
    made = contract(CONVENTIONS[convention], fitting_rows(x, weight, convention), weight)
    return made if bias is None else made + bias


def checked(params: Any, convention: str, name: str = "params") -> Linear:
    """The parameters of one layer as arrays whose shapes fit each other.

    Raises ArgumentTypeError for what is no dictionary, ArgumentError for other names than "weight"
    and "bias", ShapeError for shapes that do not fit.
    """
    choice(convention, "convention", CONVENTIONS)
    if not isinstance(params, Mapping):
        raise ArgumentTypeError(
            f"{name} is a dictionary of 'weight' and 'bias', not {kind_of(params)}"
        )
    extra = [each for each in params if each not in ("weight", "bias")]
    if extra or "weight" not in params:
        found = f"has {listing(map(repr, params))}" if params else "is empty"
        raise ArgumentError(f"{name} {found}; a layer has a 'weight' and, if any, a 'bias'")
    weight = array(params["weight"], f"the weight of {name}")
    if weight.ndim != 2:
        raise ShapeError(f"the weight of {name} has shape {weight.shape}; it has two axes")
    made: Linear = {"weight": weight}
    if params.get("bias") is not None:
        made["bias"] = array(params["bias"], f"the bias of {name}")
        _check_bias(weight, made["bias"], convention, name)
    return made


def kind_of(value: Any) -> str:
    """What something is that should be something else.

    >>> kind_of(None), kind_of([])
    ('None', 'a list')
    """
    return "None" if value is None else f"a {type(value).__name__}"


def _check_bias(weight: jax.Array, bias: jax.Array, convention: str, name: str) -> None:
    inputs, outputs = sizes_of(weight, convention)
    if bias.shape == (outputs,):
        return
    other = {"xW": "Wx", "Wx": "xW"}[convention]
    raise ShapeError(
        message(
            f"the bias of {name} has shape {bias.shape}, and its weight {weight.shape} makes "
            f"{outputs} outputs under convention {convention!r}",
            hint=f"did you mean convention={other!r}?" if bias.shape == (inputs,) else None,
        )
    )


def fitting_rows(x: Any, weight: jax.Array, convention: str) -> Shaped[Array, "... k"]:
    """The inputs as an array whose rows the weight fits.

    Raises ShapeError if they have other than its inputs, OperandError for what is no array.
    """
    found = array(x, "x")
    inputs, outputs = sizes_of(weight, convention)
    if found.ndim and found.shape[-1] == inputs:
        return found
    other = {"xW": "Wx", "Wx": "xW"}[convention]
    hint = None
    if found.ndim and found.shape[-1] == outputs:
        hint = f"did you mean convention={other!r}?"
    elif found.ndim > 1 and found.shape[-2] == inputs:
        hint = "did you mean x.mT? Batches are rows under both conventions"
    raise ShapeError(
        message(
            f"x has shape {found.shape}; the last axis has {inputs} entries, the inputs of a "
            f"weight {weight.shape} under convention {convention!r}",
            hint=hint,
        )
    )


def sizes_of(weight: jax.Array, convention: str) -> tuple[int, int]:
    """The inputs and outputs of a weight."""
    first, last = weight.shape
    return (first, last) if convention == "xW" else (last, first)
