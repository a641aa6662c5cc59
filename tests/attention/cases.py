"""Calls of every public name of `einlab.attention`."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from einlab import attention
from einlab.attention import Rotary, Scaling
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError
from tests.toolkit import Bad, Case

HEADS = np.ones((2, 5, 4, 8), np.float32)
ROTARY = Rotary(size=8)
NUMBER: Any = 8

CASES = {
    "rotate": Case(partial(attention.rotate, rotary=ROTARY), (HEADS,)),
}

SILENT = {
    "Rotary": "a record of settings",
    "Scaling": "a record of settings",
    "frequencies": "NumPy numbers, one for each pair of entries",
}

BAD = {
    "frequencies": [
        Bad(lambda: attention.frequencies(Rotary(size=5)), ArgumentError, ("size is 5",)),
        Bad(
            lambda: attention.frequencies(
                Rotary(size=4, scaling=Scaling(kind="linear", factor=-1.0))
            ),
            ArgumentError,
            ("scaling.factor is -1",),
        ),
    ],
    "rotate": [
        Bad(lambda: attention.rotate(HEADS[0], ROTARY), ShapeError, ("b t h d",)),
        Bad(lambda: attention.rotate(HEADS, NUMBER), ArgumentTypeError, ("not 8",)),
        Bad(lambda: attention.rotate(HEADS, Rotary(size=10)), ShapeError, ("8 entries",)),
        Bad(lambda: attention.rotate(HEADS, ROTARY, offset=0.5), DtypeError, ("float",)),
        Bad(lambda: attention.rotate(HEADS, ROTARY, offset=[1, 2, 3]), ShapeError, ("(2,)",)),
        Bad(
            lambda: attention.rotate(HEADS, ROTARY, offset=1, positions=np.arange(5)),
            ArgumentError,
            ("both given",),
        ),
        Bad(lambda: attention.rotate(HEADS, ROTARY, positions=[0]), ShapeError, ("(5,)",)),
    ],
}
