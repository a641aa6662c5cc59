"""Calls of every public name of `einlab.layers`."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import numpy as np

from einlab import layers
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    OperandError,
    ShapeError,
)
from tests.toolkit import Bad, Case

SIZES = (6, 10, 4, 3)
X = np.ones((5, 6), np.float32)
FIRST = {"weight": np.ones((6, 3), np.float32), "bias": np.ones(3, np.float32)}


def key() -> jax.Array:
    """The key of every draw here."""
    return jax.random.key(0)


def network() -> list[dict[str, np.ndarray]]:
    """Layers of `SIZES` whose weights are all ones."""
    return [
        {"weight": np.ones((k, n), np.float32), "bias": np.ones(n, np.float32)}
        for k, n in pairwise(SIZES)
    ]


def _own() -> int:
    shown = layers.cost_table(network(), X)
    return int(str(shown.table.column("FLOPs")[0]))


CASES = {
    "linear": Case(layers.linear, (FIRST, X)),
    "mlp": Case(layers.mlp, (network(), X), own=_own),
    "mlp_values": Case(layers.mlp_values, (network(), X)),
}

SILENT = {
    "ACTIVATIONS": "names of functions",
    "CONVENTIONS": "names of equations",
    "INITIALISERS": "names of spreads",
    "Values": "what mlp_values has worked out",
    "cost_table": "makes reports",
    "from_flax": "copies and turns weights",
    "from_torch": "copies and turns weights",
    "init_linear": "draws random numbers",
    "init_mlp": "draws random numbers",
    "parameter_table": "looks at shapes alone",
    "to_flax": "copies and turns weights",
    "to_torch": "copies and turns weights",
}

NOTHING: Any = None
INITIAL: list[tuple[dict[str, Any], Any, tuple[str, ...]]] = [
    ({"initialiser": "glorot"}, ArgumentError, ("'glorot'", "did you mean 'glorot_")),
    ({"bias": 1}, ArgumentTypeError, ("bias is True or False",)),
    ({"convention": "Wy"}, ArgumentError, ("xW and Wx",)),
    ({"dtype": "int8"}, DtypeError, ("int8 does not hold",)),
    ({"dtype": "complex64"}, DtypeError, ("complex64 does not hold",)),
    ({"dtype": "float31"}, DtypeError, ("float31",)),
]
KEYS: list[Any] = [0, NOTHING, np.zeros(2, np.uint32), "key"]


def _bad_draws(init: Any) -> list[Bad]:
    """Calls that both kinds of init refuse; `init` takes a key and options."""
    return [
        *(Bad(partial(init, key(), **given), error, says) for given, error, says in INITIAL),
        *(Bad(partial(init, each), ArgumentTypeError, ("single random key",)) for each in KEYS),
        Bad(
            lambda: init(jax.random.split(key(), 3)),
            ArgumentTypeError,
            ("single random key", "shape (3,)"),
        ),
    ]


def _bad_networks(apply: Any) -> list[Bad]:
    """Parameters and inputs that every function of a network and its inputs refuses."""
    whole, torn = network(), network()
    torn[1] = torn[2]
    named = [{"kernel": np.ones((6, 2))}]
    return [
        Bad(lambda: apply(torn, X), ShapeError, ("params[0] makes 10", "params[1] takes 4")),
        Bad(lambda: apply(whole, X.T), ShapeError, ("x has shape (6, 5)", "x.mT")),
        Bad(lambda: apply(whole[:1], X, convention="Wx"), ShapeError, ("convention='xW'?",)),
        Bad(lambda: apply(whole, X, convention="W·x"), ArgumentError, ("xW and Wx",)),
        Bad(lambda: apply(whole, X, activation="rely"), ArgumentError, ("'relu'?",)),
        Bad(lambda: apply(whole, X, activation=3), ArgumentTypeError, ("activation is a name",)),
        Bad(lambda: apply([], X), ArgumentError, ("params is empty",)),
        Bad(lambda: apply(FIRST, X), ArgumentTypeError, ("tuple or list of layers",)),
        Bad(lambda: apply(named, X), ArgumentError, ("params[0] has 'kernel'", "a 'weight'")),
        Bad(lambda: apply(whole, "cat"), OperandError, ("x is no array",)),
    ]


BAD = {
    "cost_table": _bad_networks(layers.cost_table),
    "from_flax": [
        Bad(lambda: layers.from_flax({}), ArgumentError, ("variables is empty",)),
        Bad(lambda: layers.from_flax(NOTHING), ArgumentTypeError, ("dictionary of arrays",)),
        Bad(
            lambda: layers.from_flax({"Dense_0": {"scale": X}}),
            ArgumentError,
            ("'Dense_0' has 'scale'",),
        ),
        Bad(
            lambda: layers.from_flax({"Dense_0": {"bias": X[0]}}),
            ArgumentError,
            ("a bias and no weight",),
        ),
        Bad(
            lambda: layers.from_flax({"Dense_0": {"kernel": X}, "Dense_1": {"kernel": X}}),
            ShapeError,
            ("params[0] makes 6", "takes 5"),
        ),
        Bad(lambda: layers.from_flax({"kernel": X[0]}), ShapeError, ("it has two axes",)),
        Bad(lambda: layers.from_flax({"kernel": "cat"}), OperandError, ("no array",)),
    ],
    "from_torch": [
        Bad(lambda: layers.from_torch({}), ArgumentError, ("state is empty",)),
        Bad(lambda: layers.from_torch({0: X}), ArgumentTypeError, ("by name",)),  # type: ignore[dict-item]
        Bad(
            lambda: layers.from_torch({"0.running_mean": X}),
            ArgumentError,
            ("'0.running_mean'", "'weight' or 'bias'"),
        ),
        Bad(lambda: layers.from_torch({"0.bias": X[0]}), ArgumentError, ("no weight",)),
        Bad(
            lambda: layers.from_torch({"0.weight": X, "2.weight": X}),
            ShapeError,
            ("params[0] makes 5", "takes 6"),
        ),
        Bad(
            lambda: layers.from_torch({"weight": X, "bias": np.ones(6)}),
            ShapeError,
            ("the bias of params[0]",),
        ),
        Bad(lambda: layers.from_torch({"weight": X}, convention="W"), ArgumentError, ("xW",)),
    ],
    "init_linear": [
        *_bad_draws(lambda chosen, **given: layers.init_linear(chosen, 4, 3, **given)),
        Bad(lambda: layers.init_linear(key(), 0, 3), ArgumentError, ("inputs is 0",)),
        Bad(lambda: layers.init_linear(key(), 3, NOTHING), ArgumentTypeError, ("outputs is a",)),
    ],
    "init_mlp": [
        *_bad_draws(lambda chosen, **given: layers.init_mlp(chosen, (4, 3), **given)),
        Bad(lambda: layers.init_mlp(key(), (4,)), ArgumentError, ("two or more",)),
        Bad(lambda: layers.init_mlp(key(), (4, 0, 2)), ArgumentError, ("sizes[1] is 0",)),
        Bad(lambda: layers.init_mlp(key(), (4, 2.5)), ArgumentTypeError, ("sizes[1]",)),
        Bad(lambda: layers.init_mlp(key(), NOTHING), ArgumentTypeError, ("tuple or list",)),
    ],
    "linear": [
        Bad(lambda: layers.linear(FIRST, X[:, :4]), ShapeError, ("(5, 4)", "6 entries")),
        Bad(lambda: layers.linear(FIRST, X.T), ShapeError, ("x.mT",)),
        Bad(
            lambda: layers.linear({"weight": FIRST["weight"]}, X, convention="Wx"),
            ShapeError,
            ("convention='xW'?",),
        ),
        Bad(
            lambda: layers.linear({**FIRST, "bias": np.ones(6)}, X),
            ShapeError,
            ("the bias of params has shape (6,)", "convention='Wx'?"),
        ),
        Bad(lambda: layers.linear({"weight": X[0]}, X), ShapeError, ("it has two axes",)),
        Bad(lambda: layers.linear({**FIRST, "scale": X}, X), ArgumentError, ("'scale'",)),
        Bad(lambda: layers.linear({}, X), ArgumentError, ("params is empty",)),
        Bad(lambda: layers.linear(NOTHING, X), ArgumentTypeError, ("params is a dictionary",)),
        Bad(lambda: layers.linear(FIRST, 1.0), ShapeError, ("x has shape ()",)),
        Bad(lambda: layers.linear(FIRST, X, convention="W"), ArgumentError, ("xW and Wx",)),
    ],
    "mlp": _bad_networks(layers.mlp),
    "mlp_values": _bad_networks(layers.mlp_values),
    "parameter_table": [
        Bad(lambda: layers.parameter_table({"a": "cat"}), OperandError, ("a is no array", "'cat'")),
        Bad(lambda: layers.parameter_table(network(), depth=0), ArgumentError, ("depth is 0",)),
        Bad(
            lambda: layers.parameter_table(network(), dtypes=["float31"]),
            DtypeError,
            ("float31",),
        ),
        Bad(
            lambda: layers.parameter_table(network(), dtypes=["float32", np.float32]),
            ArgumentError,
            ("each is named once",),
        ),
    ],
    "to_flax": [
        Bad(lambda: layers.to_flax([{"kernel": X}]), ArgumentError, ("'kernel'",)),
        Bad(lambda: layers.to_flax([]), ArgumentError, ("params is empty",)),
    ],
    "to_torch": [
        Bad(lambda: layers.to_torch([{"kernel": X}]), ArgumentError, ("'kernel'",)),
        Bad(lambda: layers.to_torch(network(), step=0), ArgumentError, ("step is 0",)),
        Bad(lambda: layers.to_torch(network(), convention="W"), ArgumentError, ("xW and Wx",)),
    ],
}
