"""A photograph kept by rank: how it looks, what it weighs, how far it is off.

    python examples/photograph.py [FOLDER]

Data: a photograph by danielbuechele (flickr.com, CC BY 2.0), which scikit-learn ships as china.jpg,
at half its size. The three colours side by side are one matrix; its best approximation of each rank
comes from the singular values, and its error is known before the picture is made. With a folder the
pictures are drawn into it (needs matplotlib).
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np

from einlab import lowrank, report
from einlab.extras import require
from einlab.show.shown import Shown
from einlab.table import Column, Table

RANKS = (2, 8, 32, 128)
CREDIT = "photograph: danielbuechele, CC BY 2.0"


def photograph() -> np.ndarray:
    """Rows × columns × colours, from 0 to 1, every second pixel."""
    require("sklearn")
    from sklearn.datasets import load_sample_image

    image = load_sample_image("china.jpg")
    return np.asarray(image[::2, ::2], np.float32) / 255


def draw(pictures: dict[str, np.ndarray], folder: Path) -> None:
    """The original and its approximations."""
    require("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 2.4), layout="constrained")
    for axes, (title, picture) in zip(
        figure.subplots(1, len(pictures)), pictures.items(), strict=True
    ):
        axes.imshow(np.clip(picture, 0, 1))
        axes.set_title(title)
        axes.set_axis_off()
    figure.supxlabel(CREDIT, fontsize=8)
    figure.savefig(folder / "photograph.png", dpi=110)


def main(folder: Path | None = None) -> None:
    """Print error and memory by rank, and the ranks for a share of the bytes or of the error."""
    image = photograph()
    rows_, columns_, colours = image.shape
    matrix = image.reshape(rows_, columns_ * colours)
    values = np.linalg.svd(matrix, compute_uv=False)
    pictures, rows = {"original": image}, []
    for rank in RANKS:
        found = lowrank.truncated_svd(matrix, rank)
        promised = float(lowrank.eckart_young(values, rank).relative_frobenius)
        made = np.asarray(found.dense())
        error = float(np.linalg.norm(made - matrix) / np.linalg.norm(matrix))
        if abs(error - promised) > 1e-4:
            sys.exit(f"rank {rank}: promised {promised:.4f}, found {error:.4f}")
        held = sum(factor.nbytes for factor in found.factors)
        rows.append((rank, held, held / matrix.nbytes, promised, error))
        pictures[f"rank {rank}"] = made.reshape(image.shape)
    columns = [
        Column("rank", "count"),
        Column("memory", "bytes"),
        Column("of the whole", "number"),
        Column("error promised", "number"),
        Column("found", "number"),
    ]
    shape = f"{matrix.shape[0]}×{matrix.shape[1]}"
    print(Shown(Table(f"{CREDIT}; {shape}, {matrix.nbytes:,} B", columns, rows)))
    tenth = lowrank.rank_for_bytes(*matrix.shape, matrix.nbytes // 10)
    close = lowrank.rank_for_error(values, 0.1)
    print(f"\na tenth of the bytes: rank {tenth}; an error of a tenth: rank {close}")
    print(report(partial(lowrank.truncated_svd, rank=32), matrix))
    if folder is not None:
        draw(pictures, folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
