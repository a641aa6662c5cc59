"""Small operands that calls of `einlab.linalg` share."""

from __future__ import annotations

import numpy as np

from einlab import linalg
from einlab.show.shown import Shown

_DRAW = np.random.default_rng(0)
TALL = _DRAW.normal(size=(6, 3)).astype(np.float32)
SIDE = _DRAW.normal(size=6).astype(np.float32)
SQUARE = _DRAW.normal(size=(4, 4)).astype(np.float32)
CLOUD = _DRAW.normal(size=(9, 2)).astype(np.float32)
IMAGE, FILTERS = np.ones((2, 3, 5, 6), np.float32), np.ones((4, 3, 2, 3), np.float32)
MOVES = np.full((2, 3, 3), 1 / 3, np.float32)
GAINS, WORTH = np.ones((3, 2), np.float32), np.ones(3, np.float32)
EDGES = np.array([0, 1, 2], np.int32), np.array([1, 2, 3], np.int32), np.ones(3, np.float32)
NODES, MAPS = np.ones((4, 3), np.float32), np.ones((3, 2), np.float32)
MODEL, WHITE = linalg.pca(TALL), linalg.whitening(TALL)

FLAT = np.ones(3, np.float32)


def numbers(shown: Shown, column: str) -> list[float]:
    """The numbers of a column of a comparison."""
    return [float(str(value)) for value in shown.table.column(column)]
