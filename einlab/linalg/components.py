"""Principal components and whitening of samples kept as rows, both after centring.

Source: Jolliffe 2002, "Principal Component Analysis", sections 1.1 and 3.5; whitening: Kessy, Lewin
and Strimmer 2018, "Optimal Whitening and Decorrelation".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from einlab.arguments import choice, real, whole
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from einlab.linalg.decomposition import signs
from einlab.linalg.operands import exact_product, spacing, together, wide_matrix

__all__ = [
    "PCA",
    "Whitening",
    "pca",
    "pca_inverse",
    "pca_transform",
    "unwhiten",
    "whiten",
    "whitening",
]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class PCA:
    """The directions of largest variance of samples with c features.

    >>> found = pca([[1.0, 0.0], [3.0, 0.0]])
    >>> found.mean.tolist(), found.components[0].tolist(), f"{found.variance[0]:.3f}"
    ([2.0, 0.0], [1.0, 0.0], '2.000')
    """

    mean: Inexact[Array, " c"]
    components: Inexact[Array, "r c"]
    """Orthonormal rows, largest variance first; of each the entry of largest magnitude is real and
    positive."""
    variance: Float[Array, " r"]
    """Variance along each component, with n − 1 in the denominator."""
    ratio: Float[Array, " r"]
    """Each variance over that of all features together."""
    singular_values: Float[Array, " r"]
    """Of the centred samples."""


def pca(x: Any, count: int | None = None, method: str = "svd") -> PCA:
    """The principal components of samples x (n, c), centred first; all min(n, c) without a count.

    method "svd" decomposes the centred samples. "covariance" decomposes XᵀX/(n − 1): for n much
    larger than c it is cheaper, and directions whose deviation is below √ε of the largest are lost
    in rounding, because the condition number is squared.

    Raises OperandError or ShapeError if x is no matrix of two samples or more, ArgumentError or
    ArgumentTypeError for a count or method that cannot be.

    >>> found = pca([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]], 1)
    >>> found.components.round(4).tolist(), found.variance.round(4).tolist()
    ([[0.707..., 0.707...]], [8.0...])
    """
    samples = _samples(x)
    n, features = samples.shape
    most = min(n, features)
    kept = most if count is None else whole(count, "count")
    if kept > most:
        raise ArgumentError(f"count is {kept}; {n} samples of {features} have {most} components")
    decompose = METHODS[choice(method, "method", METHODS)]
    mean = samples.mean(0)
    components, values = decompose(samples - mean)
    components = components * signs(components).conj()[:, None]
    variance = values**2 / (n - 1)
    total = variance.sum()
    ratio = variance / jnp.where(total > 0, total, 1)
    return PCA(mean, components[:kept], variance[:kept], ratio[:kept], values[:kept])


def _by_svd(centred: jax.Array) -> tuple[jax.Array, jax.Array]:
    _, values, right = jnp.linalg.svd(centred, full_matrices=False)
    return right, values


def _by_covariance(centred: jax.Array) -> tuple[jax.Array, jax.Array]:
    scatter = exact_product("ni,nj->ij", centred.conj(), centred)
    squares, columns = jnp.linalg.eigh(scatter)
    most = min(centred.shape)
    values = jnp.sqrt(jnp.maximum(squares[::-1][:most], 0))
    return columns[:, ::-1][:, :most].conj().T, values


METHODS: dict[str, Callable[[jax.Array], tuple[jax.Array, jax.Array]]] = {
    "svd": _by_svd,
    "covariance": _by_covariance,
}


def pca_transform(model: PCA, x: Any) -> Inexact[Array, "n r"]:
    """The coordinates of samples x (n, c) along the components: (x − mean)·componentsᵀ.

    Raises ArgumentTypeError if model is no PCA, ShapeError or OperandError if x has other features.

    >>> samples = [[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]
    >>> pca_transform(pca(samples, 1), samples).round(3).tolist()
    [[-2.828...], [0.0], [2.828...]]
    """
    _is(model, PCA)
    samples = _with_features(x, "x", model.mean.shape[0])
    return exact_product("nc,rc->nr", samples - model.mean, model.components.conj())


def pca_inverse(model: PCA, z: Any) -> Inexact[Array, "n c"]:
    """The samples whose coordinates are z (n, r): z·components + mean.

    With all components it undoes `pca_transform`; with fewer it gives the nearest such samples.

    Raises ArgumentTypeError if model is no PCA, ShapeError or OperandError if z has other columns.

    >>> samples = [[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]
    >>> model = pca(samples, 1)
    >>> abs(pca_inverse(model, pca_transform(model, samples))).round(3).tolist()
    [[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]
    """
    _is(model, PCA)
    coordinates = _with_features(z, "z", model.components.shape[0])
    return exact_product("nr,rc->nc", *together(coordinates, model.components)) + model.mean


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Whitening:
    """The map that makes the covariance of samples the identity, and its inverse.

    >>> found = whitening([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> (found.matrix @ found.inverse).round(3).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    mean: Inexact[Array, " c"]
    matrix: Inexact[Array, "r c"]
    inverse: Inexact[Array, "c r"]


def whitening(x: Any, kind: str = "zca", epsilon: float = 0.0) -> Whitening:
    """The whitening of samples x (n, c).

    kind "pca": along the principal components, scaled, so r = min(n, c). "zca": turned back, so
    that whitened samples stay as near to the centred ones as can be, r = c. `epsilon` is added to
    each variance. Directions without variance, to rounding, are mapped to 0 both ways.

    Raises OperandError or ShapeError if x is no matrix of two samples or more, ArgumentError or
    ArgumentTypeError for another kind or a negative epsilon.

    >>> samples = [[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, -3.0]]
    >>> abs(whitening(samples).matrix).round(3).tolist()
    [[1.225..., 0.0], [0.0, 0.408...]]
    """
    choice(kind, "kind", ("pca", "zca"))
    added = real(epsilon, "epsilon", 0.0)
    found = pca(x)
    rounding = max(_samples(x).shape) * spacing(found.variance.dtype)
    some = found.singular_values > rounding * found.singular_values[0]
    deviation = jnp.sqrt(jnp.where(some, found.variance + added, 1))
    forward = jnp.where(some, 1 / deviation, 0).astype(found.components.dtype)
    backward = jnp.where(some, deviation, 0).astype(found.components.dtype)
    rows = found.components
    if kind == "pca":
        return Whitening(found.mean, forward[:, None] * rows.conj(), rows.T * backward)
    turned = exact_product("ri,r,rj->ij", rows, forward, rows.conj())
    return Whitening(found.mean, turned, exact_product("ri,r,rj->ij", rows, backward, rows.conj()))


def whiten(model: Whitening, x: Any) -> Inexact[Array, "n r"]:
    """Samples x (n, c) whitened: (x − mean)·matrixᵀ.

    Raises ArgumentTypeError if model is no Whitening, ShapeError or OperandError if x has other
    features.

    >>> samples = [[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, -3.0]]
    >>> abs(whiten(whitening(samples), samples)).max(0).round(3).tolist()
    [1.225..., 1.225...]
    """
    _is(model, Whitening)
    samples = _with_features(x, "x", model.mean.shape[0])
    return exact_product("nc,rc->nr", *together(samples - model.mean, model.matrix))


def unwhiten(model: Whitening, z: Any) -> Inexact[Array, "n c"]:
    """What `whiten` made z (n, r) of: z·inverseᵀ + mean.

    Raises ArgumentTypeError if model is no Whitening, ShapeError or OperandError if z has other
    columns.

    >>> samples = [[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0], [0.0, -3.0]]
    >>> model = whitening(samples)
    >>> bool(jnp.allclose(unwhiten(model, whiten(model, samples)), jnp.array(samples), atol=1e-5))
    True
    """
    _is(model, Whitening)
    whitened = _with_features(z, "z", model.matrix.shape[0])
    return exact_product("nr,cr->nc", *together(whitened, model.inverse)) + model.mean


def _samples(x: Any) -> jax.Array:
    samples = wide_matrix(x, "x", "n c")
    if samples.shape[0] < 2:
        raise ShapeError(f"x has shape {samples.shape}: one sample has no variance")
    return samples


def _with_features(value: Any, name: str, count: int) -> jax.Array:
    found = wide_matrix(value, name, "n c")
    if found.shape[1] != count:
        raise ShapeError(f"{name} has shape {found.shape}; it has {count} columns, as the model")
    return found


def _is(model: object, kind: type) -> None:
    if not isinstance(model, kind):
        raise ArgumentTypeError(f"model is a {kind.__name__}, not {model!r:.60}")
