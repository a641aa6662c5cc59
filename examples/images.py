"""Convolution as one product: real images by patches, and a batch of volumes.

    python examples/images.py [FOLDER]

Data: the 8×8 digits that scikit-learn ships (1,797 images of handwriting). Edges are found by 3×3
filters, as a product over the matrix of patches, equal to XLA's convolution. The same for a batch
of made-up volumes with 3×3×3 filters. What the patches cost in memory stands beside what they cost
in FLOPs. With a folder a few digits and their edges are drawn into it (needs matplotlib).
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from einlab import linalg, report
from einlab.extras import require
from einlab.show.shown import Shown
from einlab.table import Column, Table, Value

SOBEL = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], np.float32)
FILTERS = np.stack([SOBEL, SOBEL.T])[:, None]  # (filter, channel, row, column)


def digits(count: int) -> np.ndarray:
    """Images of handwritten digits, (image, channel, row, column)."""
    require("sklearn")
    from sklearn.datasets import load_digits

    images = load_digits().images[:count]
    return np.asarray(images, np.float32)[:, None]


def volumes(count: int, side: int) -> np.ndarray:
    """Made-up volumes with a ball of random size in each, (volume, channel, depth, row, column)."""
    axis = np.linspace(-1, 1, side)
    radius2 = sum(np.meshgrid(axis**2, axis**2, axis**2, indexing="ij"))
    sizes = np.random.default_rng(0).uniform(0.2, 0.8, count)
    return np.asarray(radius2 < sizes[:, None, None, None], np.float32)[:, None]


def by_library(x: jax.Array, filters: jax.Array) -> jax.Array:
    """The same convolution by XLA."""
    return lax.conv_general_dilated(x, filters, (1,) * (x.ndim - 2), "SAME")


def row(name: str, x: np.ndarray, filters: np.ndarray) -> tuple[Value, ...]:
    """Patches' shape and memory, FLOPs, and the largest difference from XLA's convolution."""
    ours = linalg.convolve(x, filters, padding="same")
    theirs = by_library(jnp.asarray(x), jnp.asarray(filters))
    error = float(abs(ours - theirs).max() / abs(theirs).max())
    if error > 1e-5:
        sys.exit(f"{name}: the two convolutions disagree by {error:.1e}")
    patches = jax.eval_shape(
        partial(linalg.patch_matrix, window=filters.shape[2:], padding="same"), x
    )
    shape = "×".join(map(str, patches.shape))
    counted = report(partial(linalg.convolve, padding="same"), x, filters)
    held = patches.size * 4
    return name, shape, held, held / x.nbytes, counted.flops, error


def draw(images: np.ndarray, folder: Path) -> None:
    """Eight digits above the size of their gradient."""
    require("matplotlib")
    from matplotlib.figure import Figure

    edges = np.asarray(linalg.convolve(images, FILTERS, padding="same"))
    figure = Figure(figsize=(9, 2.6), layout="constrained")
    panes = figure.subplots(2, len(images))
    for column, (image, edge) in enumerate(zip(images[:, 0], edges, strict=True)):
        panes[0, column].imshow(image, cmap="gray_r")
        panes[1, column].imshow(np.hypot(*edge), cmap="gray_r")
        for axes in panes[:, column]:
            axes.set_axis_off()
    figure.suptitle("digits (scikit-learn), and the size of their gradient")
    figure.savefig(folder / "digits.png", dpi=100)


def main(folder: Path | None = None) -> None:
    """Print what patches cost for images and volumes, and the report of one product."""
    filters3 = np.random.default_rng(1).normal(size=(4, 1, 3, 3, 3)).astype(np.float32)
    columns = [
        Column("what"),
        Column("patches", "code"),
        Column("memory", "bytes"),
        Column("times the input", "number"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("difference", "number"),
    ]
    rows = [
        row("512 digits 8×8", digits(512), FILTERS),
        row("4 volumes 24³", volumes(4, 24), filters3),
    ]
    print(Shown(Table("convolutions as products", columns, rows)))
    print(report(partial(linalg.convolve, padding="same"), digits(512), FILTERS))
    if folder is not None:
        draw(digits(8), folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
