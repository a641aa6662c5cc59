"""Calls that the functions of `einlab.linalg` refuse."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from einlab import linalg
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, OperandError, ShapeError
from tests.linalg.operands import (
    CLOUD,
    FILTERS,
    FLAT,
    GAINS,
    IMAGE,
    MAPS,
    MODEL,
    MOVES,
    NODES,
    SIDE,
    SQUARE,
    TALL,
    WHITE,
    WORTH,
)
from tests.toolkit import Bad

__all__ = ["BAD"]

KEY = jax.random.key(0)
WORD: Any = "ab"
REAL: Any = 1.5
COMPLEX = np.ones((3, 2), np.complex64)

OTHER_SPACE = ("x have 2 coordinates", "y 3")

PAIRS = {
    name: [
        Bad(partial(function, CLOUD, np.ones((4, 3))), ShapeError, OTHER_SPACE),
        Bad(partial(function, COMPLEX), DtypeError, ("complex64", "real numbers")),
        Bad(partial(function, FLAT), ShapeError, ("x has shape (3,)",)),
        Bad(partial(function, WORD), OperandError, ("x is no array",)),
    ]
    for name, function in {
        "distances": linalg.distances,
        "linear_kernel": linalg.linear_kernel,
        "matern_kernel": linalg.matern_kernel,
        "polynomial_kernel": linalg.polynomial_kernel,
        "rbf_kernel": linalg.rbf_kernel,
        "squared_distances": linalg.squared_distances,
        "tanimoto_kernel": linalg.tanimoto_kernel,
    }.items()
}
PAIRS["distances"].append(
    Bad(lambda: linalg.distances(CLOUD, CLOUD, "products"), ArgumentError, ("mean 'product'?",))
)
PAIRS["squared_distances"].append(
    Bad(lambda: linalg.squared_distances(CLOUD, method=""), ArgumentError, ("method is ''",))
)
PAIRS["polynomial_kernel"] += [
    Bad(lambda: linalg.polynomial_kernel(CLOUD, degree=0), ArgumentError, ("degree is 0",)),
    Bad(lambda: linalg.polynomial_kernel(CLOUD, degree=REAL), ArgumentTypeError, ("whole",)),
    Bad(lambda: linalg.polynomial_kernel(CLOUD, offset=-1), ArgumentError, ("offset is -1",)),
]
PAIRS["rbf_kernel"] += [
    Bad(lambda: linalg.rbf_kernel(CLOUD, length=0.0), ArgumentError, ("length is 0",)),
    Bad(lambda: linalg.rbf_kernel(CLOUD, length=CLOUD), ArgumentTypeError, ("length is a number",)),
    Bad(lambda: linalg.rbf_kernel(CLOUD, length=KEY), ArgumentTypeError, ("length has dtype",)),
]
PAIRS["matern_kernel"].append(
    Bad(lambda: linalg.matern_kernel(CLOUD, smoothness=2), ArgumentError, ("0.5, 1.5 or 2.5",))
)

SQUARES = {
    "condition_number": [Bad(lambda: linalg.condition_number(FLAT), ShapeError, ("a has shape",))],
    "matrix_power": [
        Bad(lambda: linalg.matrix_power(TALL, 2), ShapeError, ("(6, 3)", "equal")),
        Bad(lambda: linalg.matrix_power(FLAT, 2), ShapeError, ("(3,)",)),
        Bad(lambda: linalg.matrix_power(SQUARE, REAL), ArgumentTypeError, ("whole number",)),
    ],
    "svd": [
        Bad(lambda: linalg.svd(FLAT), ShapeError, ("a has shape (3,)",)),
        Bad(lambda: linalg.svd(np.ones((0, 3))), ShapeError, ("one entry at least",)),
    ],
    "normalised_adjacency": [
        Bad(lambda: linalg.normalised_adjacency(TALL), ShapeError, ("last two axes are equal",)),
        Bad(lambda: linalg.normalised_adjacency(WORD), OperandError, ("no array",)),
    ],
}

SPANS = {
    "orthonormal_basis": [
        Bad(lambda: linalg.orthonormal_basis(TALL.T), ShapeError, ("6 columns of 3 entries",)),
        Bad(
            lambda: linalg.orthonormal_basis(np.array([[1.0, 2.0], [2.0, 4.0]])),
            ArgumentError,
            ("column 1 of a",),
        ),
        Bad(lambda: linalg.orthonormal_basis(np.zeros((3, 1))), ArgumentError, ("column 0",)),
    ],
    "project": [
        Bad(lambda: linalg.project(FLAT, TALL), ShapeError, ("v has shape (3,)", "(6,)")),
        Bad(lambda: linalg.project(SIDE, SIDE), ShapeError, ("a has shape (6,)",)),
    ],
    "projection_matrix": [
        Bad(lambda: linalg.projection_matrix(TALL.T), ShapeError, ("at most 3",)),
    ],
    "reject": [Bad(lambda: linalg.reject(FLAT, TALL), ShapeError, ("v has shape",))],
    "compare_projection": [
        Bad(lambda: linalg.compare_projection(3, 4), ArgumentError, ("r is 4",)),
        Bad(lambda: linalg.compare_projection(REAL, 1), ArgumentTypeError, ("m is a whole",)),
    ],
}

TURNS = {
    "givens": [
        Bad(lambda: linalg.givens(3, 1, 1, 0.5), ArgumentError, ("i and j are both 1",)),
        Bad(lambda: linalg.givens(3, 0, 3, 0.5), ArgumentError, ("j is 3",)),
        Bad(lambda: linalg.givens(3, 0, 1, FLAT), ShapeError, ("angle has shape (3,)",)),
    ],
    "givens_to_zero": [
        Bad(lambda: linalg.givens_to_zero(FLAT, 1.0), ShapeError, ("a has shape",)),
        Bad(lambda: linalg.givens_to_zero(1.0, 1j), DtypeError, ("real numbers",)),
    ],
    "rotate": [
        Bad(lambda: linalg.rotate(TALL, TALL), ShapeError, ("it is square",)),
        Bad(lambda: linalg.rotate(TALL, SQUARE), ShapeError, ("4 coordinates",)),
    ],
    "rotation_2d": [
        Bad(lambda: linalg.rotation_2d(FLAT), ShapeError, ("single number",)),
        Bad(lambda: linalg.rotation_2d(WORD), OperandError, ("angle is no array",)),
        Bad(lambda: linalg.rotation_2d(float("nan")), ArgumentError, ("finite",)),
    ],
    "rotation_3d": [
        Bad(lambda: linalg.rotation_3d(SIDE, 0.5), ShapeError, ("axis has shape", "vector of 3")),
        Bad(lambda: linalg.rotation_3d(np.zeros(3), 0.5), ArgumentError, ("no direction",)),
    ],
    "rotation_between": [
        Bad(lambda: linalg.rotation_between(SIDE, FLAT), ShapeError, ("a vector of 6",)),
        Bad(lambda: linalg.rotation_between([1.0], [1.0]), ShapeError, ("two axes",)),
        Bad(lambda: linalg.rotation_between(FLAT, 0 * FLAT), ArgumentError, ("end has length 0",)),
    ],
}

FITS = {
    "least_squares": [
        Bad(lambda: linalg.least_squares(TALL.T, FLAT), ShapeError, ("method='svd'",)),
        Bad(lambda: linalg.least_squares(TALL, FLAT), ShapeError, ("b has shape", "row of a")),
        Bad(lambda: linalg.least_squares(TALL, SIDE, "q r"), ArgumentError, ("mean 'qr'?",)),
        Bad(
            lambda: linalg.least_squares(TALL, SIDE, "svd", 2.0),
            ArgumentError,
            ("cutoff is 2", "between 0 and 1"),
        ),
    ],
    "compare_least_squares": [
        Bad(lambda: linalg.compare_least_squares(TALL, FLAT), ShapeError, ("b has shape",))
    ],
    "ridge": [
        Bad(lambda: linalg.ridge(TALL, SIDE, 0.0), ArgumentError, ("strength is 0",)),
        Bad(lambda: linalg.ridge(TALL, SIDE, -1.0), ArgumentError, ("strength is -1",)),
        Bad(lambda: linalg.ridge(TALL, SIDE, SIDE), ShapeError, ("strength has shape",)),
        Bad(lambda: linalg.ridge(TALL, SIDE, 1.0, "duel"), ArgumentError, ("mean 'dual'?",)),
        Bad(lambda: linalg.ridge(TALL, FLAT, 1.0), ShapeError, ("b has shape",)),
    ],
    "compare_ridge": [Bad(lambda: linalg.compare_ridge(0, 3), ArgumentError, ("m is 0",))],
    "pca": [
        Bad(lambda: linalg.pca(TALL, 4), ArgumentError, ("count is 4", "3 components")),
        Bad(lambda: linalg.pca(TALL, REAL), ArgumentTypeError, ("count is a whole",)),
        Bad(lambda: linalg.pca(TALL[:1]), ShapeError, ("one sample has no variance",)),
        Bad(lambda: linalg.pca(TALL, method="cov"), ArgumentError, ("svd",)),
    ],
    "pca_inverse": [
        Bad(lambda: linalg.pca_inverse(MODEL, SQUARE), ShapeError, ("z has shape", "3 columns"))
    ],
    "pca_transform": [
        Bad(lambda: linalg.pca_transform(MODEL, SQUARE), ShapeError, ("x has shape",)),
        Bad(lambda: linalg.pca_transform(WORD, TALL), ArgumentTypeError, ("model is a PCA",)),
    ],
    "whitening": [
        Bad(lambda: linalg.whitening(TALL, "zac"), ArgumentError, ("mean 'zca'?",)),
        Bad(lambda: linalg.whitening(TALL, epsilon=-1.0), ArgumentError, ("epsilon is -1",)),
        Bad(lambda: linalg.whitening(FLAT), ShapeError, ("x has shape",)),
    ],
    "whiten": [Bad(lambda: linalg.whiten(WHITE, SQUARE), ShapeError, ("x has shape",))],
    "unwhiten": [
        Bad(lambda: linalg.unwhiten(WHITE, SQUARE), ShapeError, ("z has shape",)),
        Bad(lambda: linalg.unwhiten(WORD, TALL), ArgumentTypeError, ("model is a Whitening",)),
    ],
}

GROUPS = {
    "assign": [Bad(lambda: linalg.assign(CLOUD, np.ones((4, 3))), ShapeError, OTHER_SPACE)],
    "kmeans": [
        Bad(lambda: linalg.kmeans(CLOUD, 10, KEY), ArgumentError, ("count is 10", "9 points")),
        Bad(lambda: linalg.kmeans(CLOUD, 0, KEY), ArgumentError, ("count is 0",)),
        Bad(lambda: linalg.kmeans(CLOUD, 3, FLAT), ArgumentTypeError, ("key",)),
        Bad(lambda: linalg.kmeans(CLOUD, 3, KEY, starts=0), ArgumentError, ("starts is 0",)),
        Bad(lambda: linalg.kmeans(CLOUD, 3, KEY, rounds=0), ArgumentError, ("rounds is 0",)),
        Bad(lambda: linalg.kmeans(COMPLEX, 2, KEY), DtypeError, ("real numbers",)),
    ],
    "kmeans_plus_plus": [
        Bad(lambda: linalg.kmeans_plus_plus(FLAT, 2, KEY), ShapeError, ("x has shape",)),
        Bad(lambda: linalg.kmeans_plus_plus(CLOUD, REAL, KEY), ArgumentTypeError, ("whole",)),
    ],
    "lloyd": [
        Bad(lambda: linalg.lloyd(CLOUD[:2], CLOUD), ArgumentError, ("count is 9",)),
        Bad(lambda: linalg.lloyd(CLOUD, TALL), ShapeError, OTHER_SPACE),
    ],
}

IMAGES = {
    "convolve": [
        Bad(lambda: linalg.convolve(TALL, TALL), ShapeError, ("one to three axes of space",)),
        Bad(lambda: linalg.convolve(IMAGE, TALL), ShapeError, ("filters has shape (6, 3)",)),
        Bad(
            lambda: linalg.convolve(IMAGE, np.ones((4, 2, 2, 2))),
            ShapeError,
            ("filters has 2 channels", "x has 3"),
        ),
        Bad(
            lambda: linalg.convolve(IMAGE, np.ones((4, 3, 9, 2))),
            ShapeError,
            ("9 entries of axis 2", "has 5"),
        ),
        Bad(lambda: linalg.convolve(IMAGE, FILTERS, 0), ArgumentError, ("stride is 0",)),
        Bad(
            lambda: linalg.convolve(IMAGE, FILTERS, (1,)), ArgumentError, ("stride has 1 numbers",)
        ),
        Bad(
            lambda: linalg.convolve(IMAGE, FILTERS, 1, "some"), ArgumentError, ("'valid', 'same'",)
        ),
        Bad(lambda: linalg.convolve(IMAGE, FILTERS, 1, [(1, -1)] * 2), ArgumentError, ("-1",)),
        Bad(lambda: linalg.convolve(IMAGE, FILTERS, dilation=REAL), ArgumentTypeError, ("whole",)),
        Bad(lambda: linalg.convolve(IMAGE, FILTERS, groups=2), ArgumentError, ("3 channels",)),
    ],
    "compare_convolution": [
        Bad(lambda: linalg.compare_convolution(IMAGE, TALL), ShapeError, ("filters has shape",))
    ],
    "patch_matrix": [
        Bad(lambda: linalg.patch_matrix(IMAGE, 9), ShapeError, ("9 entries of axis 2",)),
        Bad(lambda: linalg.patch_matrix(TALL, 2), ShapeError, ("x has shape",)),
        Bad(lambda: linalg.patch_matrix(IMAGE, 0), ArgumentError, ("window is 0",)),
    ],
}

WAVES = {
    "dft": [
        Bad(lambda: linalg.dft(1.0), ShapeError, ("along an axis",)),
        Bad(lambda: linalg.dft(FLAT, 1), ArgumentError, ("axis is 1",)),
        Bad(lambda: linalg.dft(WORD), OperandError, ("x is no array",)),
    ],
    "inverse_dft": [Bad(lambda: linalg.inverse_dft(FLAT, REAL), ArgumentTypeError, ("axis",))],
    "dft_matrix": [
        Bad(lambda: linalg.dft_matrix(0), ArgumentError, ("n is 0",)),
        Bad(lambda: linalg.dft_matrix(2, "float32"), ArgumentError, ("dtype is float32",)),
    ],
    "compare_dft": [Bad(lambda: linalg.compare_dft(1.0), ShapeError, ("along an axis",))],
}

GRAPHS = {
    "message_passing": [
        Bad(lambda: linalg.message_passing(TALL, NODES, MAPS), ShapeError, ("adjacency has",)),
        Bad(lambda: linalg.message_passing(SQUARE, MAPS, MAPS), ShapeError, ("4 nodes",)),
        Bad(lambda: linalg.message_passing(SQUARE, NODES, NODES), ShapeError, ("3 features",)),
        Bad(
            lambda: linalg.message_passing(np.ones((2, 4, 4)), np.ones((3, 4, 3)), MAPS),
            ShapeError,
            ("do not broadcast",),
        ),
    ],
    "compare_message_orders": [
        Bad(lambda: linalg.compare_message_orders(0, 1, 1), ArgumentError, ("n is 0",))
    ],
    "edge_message_passing": [
        Bad(
            lambda: linalg.edge_message_passing([0, 4], [0, 1], [1.0, 1.0], NODES, MAPS),
            ArgumentError,
            ("senders[1] is 4", "4 nodes"),
        ),
        Bad(
            lambda: linalg.edge_message_passing([0], [-1], [1.0], NODES, MAPS),
            ArgumentError,
            ("receivers[0] is -1",),
        ),
        Bad(
            lambda: linalg.edge_message_passing([0], [1, 2], [1.0], NODES, MAPS),
            ShapeError,
            ("an entry for every edge",),
        ),
        Bad(
            lambda: linalg.edge_message_passing([0.5], [1], [1.0], NODES, MAPS),
            DtypeError,
            ("senders has dtype",),
        ),
        Bad(
            lambda: linalg.edge_message_passing([0], [1], [1.0], NODES, NODES),
            ShapeError,
            ("3 features",),
        ),
    ],
    "compare_edge_orders": [
        Bad(lambda: linalg.compare_edge_orders(0, 1, 1, 1), ArgumentError, ("edges is 0",))
    ],
}

STEPS = {
    "action_values": [
        Bad(lambda: linalg.action_values(SQUARE, GAINS, WORTH), ShapeError, ("transitions",)),
        Bad(lambda: linalg.action_values(MOVES, GAINS.T, WORTH), ShapeError, ("it is (3, 2)",)),
        Bad(lambda: linalg.action_values(MOVES, GAINS, SIDE), ShapeError, ("values has shape",)),
    ],
    "value_iteration_step": [
        Bad(
            lambda: linalg.value_iteration_step(MOVES, GAINS, WORTH, 1.5),
            ArgumentError,
            ("discount is 1.5",),
        )
    ],
    "weight_gradient": [
        Bad(lambda: linalg.weight_gradient(TALL, SQUARE), ShapeError, ("equally many rows",))
    ],
    "input_gradient": [
        Bad(lambda: linalg.input_gradient(TALL, SQUARE), ShapeError, ("equally many columns",)),
        Bad(lambda: linalg.input_gradient(SIDE, SQUARE), ShapeError, ("delta has shape",)),
    ],
    "chain": [
        Bad(lambda: linalg.chain([]), ArgumentError, ("matrices is empty",)),
        Bad(lambda: linalg.chain(WORD), ArgumentTypeError, ("list of matrices",)),
        Bad(lambda: linalg.chain([TALL, TALL]), ShapeError, ("sizes that meet differ",)),
        Bad(lambda: linalg.chain([TALL, FLAT, TALL]), ShapeError, ("matrices[1]",)),
    ],
    "compare_chain": [
        Bad(lambda: linalg.compare_chain([(2, 3)]), ArgumentError, ("has no order",)),
        Bad(lambda: linalg.compare_chain([(2, 3), (4, 5)]), ShapeError, ("(2, 3)", "(4, 5)")),
        Bad(lambda: linalg.compare_chain([(2, 3), (3, -5)]), ArgumentError, ("is -5",)),
    ],
}

BAD = {
    **PAIRS,
    **SQUARES,
    **SPANS,
    **TURNS,
    **FITS,
    **GROUPS,
    **IMAGES,
    **WAVES,
    **GRAPHS,
    **STEPS,
}
