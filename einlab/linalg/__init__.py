"""Linear algebra by products, each with its plan, its cost and its rounding errors.

>>> from einlab import linalg
>>> linalg.project([1.0, 2.0, 3.0], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]).round(5).tolist()
[1.0, 2.0, 0.0]
"""

from einlab.linalg.clusters import (
    Clusters,
    assign,
    kmeans,
    kmeans_plus_plus,
    lloyd,
)
from einlab.linalg.components import (
    PCA,
    Whitening,
    pca,
    pca_inverse,
    pca_transform,
    unwhiten,
    whiten,
    whitening,
)
from einlab.linalg.convolution import compare_convolution, convolve, patch_matrix
from einlab.linalg.decisions import action_values, value_iteration_step
from einlab.linalg.decomposition import SVD, condition_number, svd
from einlab.linalg.distances import (
    distances,
    linear_kernel,
    matern_kernel,
    polynomial_kernel,
    rbf_kernel,
    squared_distances,
    tanimoto_kernel,
)
from einlab.linalg.fourier import compare_dft, dft, dft_matrix, inverse_dft
from einlab.linalg.gradients import input_gradient, weight_gradient
from einlab.linalg.graphs import (
    compare_edge_orders,
    compare_message_orders,
    edge_message_passing,
    message_passing,
    normalised_adjacency,
)
from einlab.linalg.leastsquares import Solution, compare_least_squares, least_squares
from einlab.linalg.powers import chain, compare_chain, matrix_power
from einlab.linalg.projections import (
    compare_projection,
    orthonormal_basis,
    project,
    projection_matrix,
    reject,
)
from einlab.linalg.regression import compare_ridge, ridge
from einlab.linalg.rotations import (
    givens,
    givens_to_zero,
    rotate,
    rotation_2d,
    rotation_3d,
    rotation_between,
)

__all__ = [
    "PCA",
    "SVD",
    "Clusters",
    "Solution",
    "Whitening",
    "action_values",
    "assign",
    "chain",
    "compare_chain",
    "compare_convolution",
    "compare_dft",
    "compare_edge_orders",
    "compare_least_squares",
    "compare_message_orders",
    "compare_projection",
    "compare_ridge",
    "condition_number",
    "convolve",
    "dft",
    "dft_matrix",
    "distances",
    "edge_message_passing",
    "givens",
    "givens_to_zero",
    "input_gradient",
    "inverse_dft",
    "kmeans",
    "kmeans_plus_plus",
    "least_squares",
    "linear_kernel",
    "lloyd",
    "matern_kernel",
    "matrix_power",
    "message_passing",
    "normalised_adjacency",
    "orthonormal_basis",
    "patch_matrix",
    "pca",
    "pca_inverse",
    "pca_transform",
    "polynomial_kernel",
    "project",
    "projection_matrix",
    "rbf_kernel",
    "reject",
    "ridge",
    "rotate",
    "rotation_2d",
    "rotation_3d",
    "rotation_between",
    "squared_distances",
    "svd",
    "tanimoto_kernel",
    "unwhiten",
    "value_iteration_step",
    "weight_gradient",
    "whiten",
    "whitening",
]
