"""Calls of every public name of `einlab.linalg`."""

from __future__ import annotations

from functools import partial

import jax
import numpy as np

from einlab import linalg
from tests.linalg.bad_calls import BAD
from tests.linalg.operands import (
    CLOUD,
    EDGES,
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
from tests.toolkit import Case

__all__ = ["BAD", "CASES", "SILENT"]

CASES = {
    "action_values": Case(linalg.action_values, (MOVES, GAINS, WORTH)),
    "assign": Case(linalg.assign, (CLOUD, CLOUD[:3])),
    "chain": Case(lambda a, b, c: linalg.chain([a, b, c]), (TALL, TALL.T, SIDE)),
    "condition_number": Case(linalg.condition_number, (TALL,)),
    "convolve": Case(partial(linalg.convolve, padding="same"), (IMAGE, FILTERS)),
    "dft": Case(linalg.dft, (SQUARE,)),
    "distances": Case(linalg.distances, (CLOUD, CLOUD[:3])),
    "edge_message_passing": Case(linalg.edge_message_passing, (*EDGES, NODES, MAPS)),
    "givens_to_zero": Case(linalg.givens_to_zero, (np.float32(3), np.float32(4))),
    "givens": Case(partial(linalg.givens, 3, 0, 2), (np.float32(0.5),)),
    "input_gradient": Case(linalg.input_gradient, (TALL, SQUARE[:, :3])),
    "inverse_dft": Case(linalg.inverse_dft, (SQUARE.astype(np.complex64),)),
    "kmeans": Case(
        lambda x, key: linalg.kmeans(x, 3, key, starts=2, rounds=4),
        (CLOUD, jax.random.PRNGKey(0)),
    ),
    "kmeans_plus_plus": Case(
        lambda x, key: linalg.kmeans_plus_plus(x, 3, key), (CLOUD, jax.random.PRNGKey(0))
    ),
    "least_squares": Case(linalg.least_squares, (TALL, SIDE)),
    "linear_kernel": Case(linalg.linear_kernel, (CLOUD, CLOUD[:3])),
    "lloyd": Case(partial(linalg.lloyd, rounds=4), (CLOUD, CLOUD[:3])),
    "matern_kernel": Case(linalg.matern_kernel, (CLOUD, CLOUD[:3])),
    "matrix_power": Case(partial(linalg.matrix_power, exponent=11), (SQUARE,)),
    "message_passing": Case(linalg.message_passing, (SQUARE, NODES, MAPS)),
    "normalised_adjacency": Case(linalg.normalised_adjacency, (SQUARE,)),
    "orthonormal_basis": Case(linalg.orthonormal_basis, (TALL,)),
    "patch_matrix": Case(lambda x: linalg.patch_matrix(x, (2, 3)), (IMAGE,)),
    "pca": Case(linalg.pca, (TALL,)),
    "pca_inverse": Case(linalg.pca_inverse, (MODEL, TALL)),
    "pca_transform": Case(linalg.pca_transform, (MODEL, TALL)),
    "polynomial_kernel": Case(linalg.polynomial_kernel, (CLOUD, CLOUD[:3])),
    "project": Case(linalg.project, (SIDE, TALL)),
    "projection_matrix": Case(linalg.projection_matrix, (TALL,)),
    "rbf_kernel": Case(linalg.rbf_kernel, (CLOUD, CLOUD[:3])),
    "reject": Case(linalg.reject, (SIDE, TALL)),
    "ridge": Case(partial(linalg.ridge, strength=0.5), (TALL, SIDE)),
    "rotate": Case(linalg.rotate, (NODES, SQUARE[:3, :3])),
    "rotation_2d": Case(linalg.rotation_2d, (np.float32(0.5),)),
    "rotation_3d": Case(linalg.rotation_3d, (FLAT, np.float32(0.5))),
    "rotation_between": Case(linalg.rotation_between, (SIDE, SIDE[::-1].copy())),
    "squared_distances": Case(linalg.squared_distances, (CLOUD, CLOUD[:3])),
    "svd": Case(linalg.svd, (TALL,)),
    "tanimoto_kernel": Case(linalg.tanimoto_kernel, (CLOUD, CLOUD[:3])),
    "unwhiten": Case(linalg.unwhiten, (WHITE, TALL)),
    "value_iteration_step": Case(linalg.value_iteration_step, (MOVES, GAINS, WORTH)),
    "weight_gradient": Case(linalg.weight_gradient, (TALL, TALL[:, :2])),
    "whiten": Case(linalg.whiten, (WHITE, TALL)),
    "whitening": Case(linalg.whitening, (TALL,)),
}

SILENT = {
    "Clusters": "what k-means has found",
    "PCA": "components that pca has found",
    "SVD": "a decomposition that svd has found",
    "Solution": "what least_squares has found",
    "Whitening": "a map that whitening has found",
    "compare_chain": "compares plans",
    "compare_convolution": "compares reports",
    "compare_dft": "compares reports",
    "compare_edge_orders": "compares reports",
    "compare_least_squares": "compares reports",
    "compare_message_orders": "compares plans",
    "compare_projection": "compares plans",
    "compare_ridge": "compares reports",
    "dft_matrix": "worked out by NumPy, from no array",
}
