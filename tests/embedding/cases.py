"""Calls of every public name of `einlab.embedding`."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from einlab import embedding
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    OperandError,
    ShapeError,
)
from tests.toolkit import Bad, Case

TABLE = np.ones((12, 8), np.float32)
IDS = np.array([[0, 3, 11], [5, 5, 1]], np.int32)
NOTHING: Any = None


def one_device() -> jax.sharding.Mesh:
    """A mesh of one device, whose axis is "v"."""
    return jax.make_mesh((1,), ("v",), axis_types=(jax.sharding.AxisType.Auto,))


def _logits(hidden: jax.Array, table: jax.Array) -> jax.Array:
    return embedding.sharded_logits(hidden, table, one_device(), "v")


def _own() -> int:
    shown = embedding.compare_methods(IDS, TABLE)
    return int(str(shown.table.column("FLOPs")[1]))


CASES = {
    "embed": Case(partial(embedding.embed, method="one_hot"), (IDS, TABLE), own=_own),
    "sharded_logits": Case(_logits, (np.ones((3, 8), np.float32), TABLE)),
    "tied_logits": Case(embedding.tied_logits, (np.ones((3, 8), np.float32), TABLE)),
}

SILENT = {
    "METHODS": "names",
    "MODES": "names",
    "calibrate_embedding": "runs both methods and keeps what they took",
    "compare_methods": "makes reports",
    "crossover": "shows what was measured",
    "embed_shard": "a part of a program on several devices: XLA cannot be asked for a part of one",
    "embed_sharded": "adds up over devices, which XLA cannot be asked for alone; counted in a test",
    "predicted_seconds": "of what was measured",
}

LOOKS_UP = [
    (TABLE, [[1], [2, 3]], OperandError, ("ids is no array",)),
    (TABLE, "cat", OperandError, ("ids is no array", "'cat'")),
    (TABLE, [0.5], DtypeError, ("float64", "whole numbers")),
    (TABLE, [True], DtypeError, ("bool", "whole numbers")),
    (TABLE[0], [0], ShapeError, ("table has shape (8,)", "(v c)")),
    (TABLE[:0], [0], ShapeError, ("table has shape (0, 8)", "one row or more")),
    ("cat", [0], OperandError, ("table is no array",)),
    (TABLE, [[3, 4], [12, 40]], ArgumentError, ("ids[1, 0] is 12", "0 to 11", "2 of 4")),
    (TABLE, [2**31], ArgumentError, ("ids[0] is 2147483647",)),
    (TABLE, [-1], ArgumentError, ("ids[0] is -1", "wrap=True")),
]
"""Tables and ids that every kind of look-up refuses."""


def _bad(look_up: Any) -> list[Bad]:
    found = [Bad(partial(look_up, ids, table), error, says) for table, ids, error, says in LOOKS_UP]
    return [
        *found,
        Bad(lambda: look_up([-13], TABLE, wrap=True), ArgumentError, ("is -13", "-12 to 11")),
        Bad(lambda: look_up([0], TABLE, method="onehot"), ArgumentError, ("'one_hot'?",)),
        Bad(lambda: look_up([0], TABLE, method=7), ArgumentTypeError, ("method is a name",)),
        Bad(lambda: look_up([0], TABLE, mode="wrap"), ArgumentError, ("error, clip and fill",)),
        Bad(lambda: look_up([0], TABLE, wrap=1), ArgumentTypeError, ("True or False",)),
    ]


def _over_one_device(ids: Any, table: Any, **options: Any) -> object:
    return embedding.embed_sharded(ids, table, one_device(), "v", **options)


BAD = {
    "calibrate_embedding": [
        Bad(lambda: embedding.calibrate_embedding("int8"), ArgumentError, ("'int8'", "float32")),
    ],
    "compare_methods": [
        Bad(lambda: embedding.compare_methods([0.5], TABLE), DtypeError, ("whole numbers",)),
        Bad(lambda: embedding.compare_methods(IDS, TABLE[0]), ShapeError, ("(v c)",)),
        Bad(lambda: embedding.compare_methods(IDS, TABLE, "abacus"), ArgumentError, ("abacus",)),
    ],
    "crossover": [
        Bad(lambda: embedding.crossover("float31"), DtypeError, ("float31",)),
        Bad(lambda: embedding.crossover(machine="abacus"), ArgumentError, ("abacus",)),
    ],
    "embed": _bad(embedding.embed),
    "embed_shard": [
        Bad(lambda: embedding.embed_shard([0], TABLE, "v"), ArgumentError, ("no axis 'v' here",)),
        Bad(lambda: embedding.embed_shard([0.5], TABLE, "v"), DtypeError, ("whole numbers",)),
        Bad(lambda: embedding.embed_shard([0], TABLE[0], "v"), ShapeError, ("(v c)",)),
    ],
    "embed_sharded": [
        *_bad(_over_one_device),
        Bad(
            lambda: embedding.embed_sharded([0], TABLE, one_device(), "w"),
            ArgumentError,
            ("no axis 'w'", "it has v"),
        ),
        Bad(
            lambda: embedding.embed_sharded([0], TABLE, NOTHING, "v"),
            ArgumentTypeError,
            ("mesh is a jax.sharding.Mesh",),
        ),
    ],
    "predicted_seconds": [
        Bad(lambda: embedding.predicted_seconds(0, 5, 8), ArgumentError, ("count is 0",)),
        Bad(lambda: embedding.predicted_seconds(9, -5, 8), ArgumentError, ("rows is -5",)),
        Bad(
            lambda: embedding.predicted_seconds(9, 5, NOTHING),
            ArgumentTypeError,
            ("width is a whole number",),
        ),
        Bad(lambda: embedding.predicted_seconds(9, 5, 8, "float31"), DtypeError, ("float31",)),
        Bad(
            lambda: embedding.predicted_seconds(9, 5, 8, machine="abacus"),
            ArgumentError,
            ("abacus",),
        ),
    ],
    "sharded_logits": [
        Bad(
            lambda: embedding.sharded_logits(np.ones(7), TABLE, one_device(), "v"),
            ShapeError,
            ("hidden has shape (7,)", "(12, 8)"),
        ),
        Bad(
            lambda: embedding.sharded_logits(np.ones(8), TABLE, one_device(), "w"),
            ArgumentError,
            ("no axis 'w'",),
        ),
    ],
    "tied_logits": [
        Bad(lambda: embedding.tied_logits(np.ones(7), TABLE), ShapeError, ("(7,)", "(12, 8)")),
        Bad(lambda: embedding.tied_logits(1.0, TABLE), ShapeError, ("hidden has shape ()",)),
        Bad(lambda: embedding.tied_logits("cat", TABLE), OperandError, ("hidden is no array",)),
        Bad(
            lambda: embedding.tied_logits(np.ones(8), TABLE, preferred_element_type="float31"),
            DtypeError,
            ("float31",),
        ),
    ],
}
