"""Parameters in the layouts of torch and Flax, from and to: names, nesting, and weights turned.

torch keeps a weight as outputs × inputs under flat names ("0.weight", "2.bias"), Flax as inputs ×
outputs in nested dictionaries ("Dense_0", "kernel"). Neither package is needed here; values may be
arrays of any library.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab.arguments import array, choice, whole
from einlab.errors import ArgumentError, ArgumentTypeError, listing
from einlab.layers.linear_layer import CONVENTIONS, Linear, kind_of
from einlab.layers.networks import checked_layers

__all__ = ["from_flax", "from_torch", "to_flax", "to_torch"]


def from_torch(state: Mapping[str, Any], *, convention: str = "xW") -> tuple[Linear, ...]:
    """The layers of a torch module of linear layers, from its `state_dict()`.

    Layers whose names end in numbers are taken in their order, others in that of the dictionary.
    Values are copied.

    Raises ArgumentError for names that are no weight and no bias of a layer, ShapeError if a layer
    does not take what the one before it makes.

    >>> state = {"2.weight": np.ones((1, 3)), "0.weight": np.ones((3, 2)), "0.bias": np.zeros(3)}
    >>> [layer["weight"].shape for layer in from_torch(state)]
    [(2, 3), (3, 1)]
    """
    layers: dict[str, dict[str, Any]] = {}
    for name, value in _entries(state, "state").items():
        prefix, _, kind = name.rpartition(".")
        if kind not in ("weight", "bias"):
            raise ArgumentError(
                f"state has {name!r:.60}; the names of linear layers end in 'weight' or 'bias'"
            )
        layers.setdefault(prefix, {})[kind] = value
    return _layers(layers, "Wx", convention)


def to_torch(
    params: Sequence[Any], *, convention: str = "xW", step: int = 2
) -> dict[str, np.ndarray]:
    """The layers as a `state_dict` of `torch.nn.Sequential`, in NumPy arrays.

    step: modules from one linear layer to the next; 2 where an activation is in between.

    Raises what `mlp` raises for parameters that do not fit.

    >>> sorted(to_torch([{"weight": np.ones((2, 3))}, {"weight": np.ones((3, 1))}]))
    ['0.weight', '2.weight']
    """
    step = whole(step, "step")
    layers = _turned(checked_layers(params, convention), convention, "Wx")
    return {
        f"{step * place}.{name}": np.array(value)
        for place, layer in enumerate(layers)
        for name, value in layer.items()
    }


def from_flax(variables: Mapping[str, Any], *, convention: str = "xW") -> tuple[Linear, ...]:
    """The layers of a Flax module of `Dense` layers, from its variables or their "params".

    Layers whose names end in numbers are taken in their order, others in that of the dictionary.
    Values are copied.

    Raises ArgumentError for names that are no kernel and no bias of a layer, ShapeError if a layer
    does not take what the one before it makes.

    >>> dense = {"Dense_0": {"kernel": np.ones((2, 3)), "bias": np.zeros(3)}}
    >>> [layer["weight"].shape for layer in from_flax({"params": dense})]
    [(2, 3)]
    """
    given = _entries(variables, "variables")
    if "params" in given:
        given = _entries(given["params"], "params")
    single = any(name in given for name in ("kernel", "bias"))
    layers: dict[str, dict[str, Any]] = {}
    for name, layer in ({"": given} if single else given).items():
        found = _entries(layer, f"layer {name!r:.60}")
        extra = [each for each in found if each not in ("kernel", "bias")]
        if extra:
            raise ArgumentError(
                f"layer {name!r:.60} has {extra[0]!r:.60}; a Dense layer has a 'kernel' and, if "
                "any, a 'bias'"
            )
        layers[name] = {
            "weight" if kind == "kernel" else kind: value for kind, value in found.items()
        }
    return _layers(layers, "xW", convention)


def to_flax(params: Sequence[Any], *, convention: str = "xW") -> dict[str, Any]:
    """The layers as the variables of a Flax module whose `Dense` layers were left unnamed.

    Raises what `mlp` raises for parameters that do not fit.

    >>> made = to_flax([{"weight": np.ones((2, 3)), "bias": np.zeros(3)}])
    >>> {name: each.shape for name, each in made["params"]["Dense_0"].items()}
    {'kernel': (2, 3), 'bias': (3,)}
    """
    layers = _turned(checked_layers(params, convention), convention, "xW")
    named = {
        f"Dense_{place}": {
            "kernel" if name == "weight" else name: value for name, value in layer.items()
        }
        for place, layer in enumerate(layers)
    }
    return {"params": named}


def _entries(value: Any, name: str) -> dict[str, Any]:
    """A dictionary with names as keys.

    Raises ArgumentTypeError for anything else, ArgumentError for an empty one.
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ArgumentTypeError(f"{name} is a dictionary of arrays by name, not {kind_of(value)}")
    if not value:
        raise ArgumentError(f"{name} is empty; it holds one layer or more")
    return dict(value)


def _layers(
    found: Mapping[str, Mapping[str, Any]], theirs: str, convention: str
) -> tuple[Linear, ...]:
    """Layers under their names as layers in order, in another convention."""
    choice(convention, "convention", CONVENTIONS)
    numbers = {name: re.search(r"\d+$", name) for name in found}
    names = list(found)
    if all(numbers.values()):
        names.sort(key=lambda name: int(match[0]) if (match := numbers[name]) else 0)
    without = [name for name in names if "weight" not in found[name]]
    if without:
        raise ArgumentError(f"layer {listing(map(repr, without))} has a bias and no weight")
    arrays = tuple(
        {kind: _copied(value, f"{kind} of layer {name!r}") for kind, value in found[name].items()}
        for name in names
    )
    return _turned(checked_layers(arrays, theirs), theirs, convention)


def _copied(value: Any, name: str) -> jax.Array:
    """An array of any library as one of JAX's, in memory of its own."""
    if hasattr(value, "detach"):  # torch's, which may be part of a graph, or a view
        value = jnp.from_dlpack(value.detach().contiguous())
    return jnp.array(array(value, name), copy=True)


def _turned(layers: tuple[Linear, ...], before: str, after: str) -> tuple[Linear, ...]:
    """The same layers under another convention."""
    if before == after:
        return layers
    return tuple({**layer, "weight": layer["weight"].T} for layer in layers)
