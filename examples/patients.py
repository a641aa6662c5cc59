"""Two tables of real patients: regression, principal components and clusters, as products.

    python examples/patients.py

A demonstration of methods and their cost, not of medicine. Data: the diabetes table (442 patients,
Efron et al. 2004) and the breast-cancer table (569 patients, Street, Wolberg and Mangasarian 1993)
that scikit-learn ships. Least squares by three methods with the digits each may lose; principal
components after centring, and what goes wrong without; k-means against the known classes.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab import linalg, report
from einlab.extras import require
from einlab.show.shown import Shown
from einlab.table import Column, Table


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    """Ten features and a column of ones for 442 patients, and the progression of their disease."""
    require("sklearn")
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    features = np.column_stack([data.data, np.ones(len(data.data))])
    return features.astype(np.float32), data.target.astype(np.float32)


def tumours() -> tuple[np.ndarray, np.ndarray]:
    """Thirty features of 569 tumours, each scaled to deviation 1, and whether they are benign."""
    require("sklearn")
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    scaled = (data.data - data.data.mean(0)) / data.data.std(0)
    return scaled.astype(np.float32), data.target


def regress() -> None:
    """Least squares by three methods: digits lost, and the residual against NumPy's in float64."""
    features, target = diabetes()
    exact, *_ = np.linalg.lstsq(features.astype(float), target.astype(float), rcond=None)
    rows = []
    for method in ("normal", "qr", "svd"):
        found = linalg.least_squares(features, target, method)
        error = float(np.linalg.norm(found.solution - exact) / np.linalg.norm(exact))
        counted = report(partial(linalg.least_squares, method=method), features, target)
        rows.append((method, counted.flops, error, float(found.digits_lost)))
        if method != "normal" and error > 1e-2:
            sys.exit(f"{method} is off by {error:.1e}")
    columns = [
        Column("method"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("relative error", "number"),
        Column("digits it may lose", "number"),
    ]
    title = f"progression of diabetes, 442 patients, condition {float(found.condition):.0f}"
    print(Shown(Table(title, columns, rows)))


def components() -> np.ndarray:
    """How much of the variance two components hold, and what they are without centring."""
    require("sklearn")
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    scaled, _ = tumours()
    model = linalg.pca(scaled, 2)
    print(f"\ntwo components of 30 hold {100 * float(model.ratio.sum()):.1f} % of the variance")
    raw = data.data.astype(np.float32)
    uncentred = np.linalg.svd(raw, full_matrices=False)[2][0]
    mean = raw.mean(0) / np.linalg.norm(raw.mean(0))
    print(f"without centring the first direction is the mean: cosine {abs(uncentred @ mean):.4f}")
    print(report(partial(linalg.pca, count=2), scaled))
    return np.asarray(linalg.pca_transform(model, scaled))


def clusters(places: np.ndarray) -> None:
    """Two clusters of the tumours in the plane of the components, against the known classes."""
    _, benign = tumours()
    key: Any = jax.random.key(0)
    found = linalg.kmeans(places, 2, key, starts=8)
    labels = np.asarray(found.labels)
    agreement = max((labels == benign).mean(), (labels != benign).mean())
    print(f"\nk-means of two, {int(found.rounds)} rounds: {100 * agreement:.1f} % as in the table")
    print("(clusters know nothing of benign and malignant; this is no diagnosis)")
    distances = report(linalg.squared_distances, jnp.asarray(places), found.centres)
    print(f"distances of one round: {distances.flops:,} FLOPs")
    if agreement < 0.85:
        sys.exit("the clusters are not those of the table")


def main() -> None:
    """Print regression, components and clusters."""
    regress()
    clusters(components())


if __name__ == "__main__":
    main()
