"""The weights of a real sentence encoder, looked at: histograms, heat maps, singular values.

    python examples/minilm_weights.py [FOLDER]

For each kind of matrix of MiniLM: shape, bytes, spread, and how much of it a low rank holds (the
share of the squared singular values in the first tenth of them). With a folder, histograms of all
kinds and heat maps of the first layer's attention matrices are drawn into it (needs matplotlib).
Needs the model's package, and says how to get it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import jax
import numpy as np

from einlab import contract, report
from einlab.demo.minilm import find_model, missing
from einlab.extras import require
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.transformer.parameters import named_leaves
from einlab.transformer.sentences import load

MATRICES = ("query", "key", "value", "output", "widen", "narrow")


def matrices(folder: Path) -> dict[str, np.ndarray]:
    """Each layer's matrices as kind → (layers, out, in), heads and head size as one axis."""
    encoder = load(folder)
    width = encoder.config.width
    found: dict[str, list[np.ndarray]] = {name: [] for name in MATRICES}
    for name, leaf in named_leaves(encoder.weights).items():
        kind = name.rpartition(".")[2]
        if kind in found:
            rows = width if kind in ("output", "narrow") else -1
            found[kind].append(np.asarray(leaf).reshape(rows, width if rows == -1 else -1))
    return {kind: np.stack(arrays) for kind, arrays in found.items()}


def held_by_a_tenth(stack: np.ndarray) -> float:
    """Share of the squared Frobenius norm in the largest tenth of the singular values."""
    values = np.linalg.svd(stack, compute_uv=False) ** 2
    few = values.shape[-1] // 10
    return float((values[:, :few].sum(-1) / values.sum(-1)).mean())


def draw(found: dict[str, np.ndarray], folder: Path) -> None:
    """Histograms of all kinds, and heat maps of the first layer's query, key, value, output."""
    require("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    for axes, (kind, stack) in zip(figure.subplots(2, 3).flat, found.items(), strict=True):
        axes.hist(stack.ravel(), bins=121, range=(-0.25, 0.25), log=True)
        axes.set_title(f"{kind}, {stack.size:,} numbers")
    figure.savefig(folder / "histograms.png", dpi=100)
    figure = Figure(figsize=(9, 9), layout="constrained")
    for axes, kind in zip(figure.subplots(2, 2).flat, MATRICES[:4], strict=True):
        image = axes.imshow(found[kind][0], cmap="RdBu", vmin=-0.2, vmax=0.2)
        axes.set_title(f"{kind} of layer 1")
    figure.colorbar(image, ax=figure.axes)
    figure.savefig(folder / "heat_maps.png", dpi=100)


def main(folder: Path | None = None) -> None:
    """Print a row for each kind of matrix, and what applying them to a token costs."""
    if missing():
        sys.exit("\n".join(missing()))
    found = matrices(Path(str(find_model())))
    rows = [
        (
            kind,
            f"{stack.shape[1]}×{stack.shape[2]}",
            len(stack),
            stack.nbytes,
            float(stack.std()),
            float(np.max(abs(stack))),
            held_by_a_tenth(stack),
        )
        for kind, stack in found.items()
    ]
    columns = [
        Column("matrix"),
        Column("shape", "code"),
        Column("layers", "count"),
        Column("memory", "bytes"),
        Column("deviation", "number"),
        Column("largest", "number"),
        Column("in a tenth", "number"),
    ]
    note = "in a tenth: share of the squared norm in the largest tenth of the singular values"
    print(Shown(Table("MiniLM's matrices", columns, rows, notes=[note])))

    def apply_all(stacks: dict[str, jax.Array], token: jax.Array) -> dict[str, jax.Array]:
        made = {
            kind: contract("loi,i->lo", stack, token)
            for kind, stack in stacks.items()
            if kind != "narrow"
        }
        return made | {"narrow": contract("loi,li->lo", stacks["narrow"], made["widen"])}

    width = found["query"].shape[-1]
    print(report(apply_all, found, np.ones(width, np.float32)))
    if folder is not None:
        draw(found, folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
