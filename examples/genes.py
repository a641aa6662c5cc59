"""A table of genes × samples seen at low rank: what a few factors hold, and what they cost.

    python examples/genes.py [FOLDER]

The table is made up: programmes of genes that samples switch on, plus noise; no biology is claimed.
Its singular values show how many programmes there are; the rank for a given error, the crossover
below which factors are cheaper than the table, and a randomised decomposition that costs a fraction
of the full one. With a folder the singular values are drawn into it (needs matplotlib).
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from einlab import lowrank, plan, report
from einlab.extras import require
from einlab.show.shown import Shown
from einlab.table import Column, Table

GENES, SAMPLES, PROGRAMMES = 2000, 300, 8


def table() -> np.ndarray:
    """Expression of genes (rows) in samples: a few programmes, and noise."""
    random = np.random.default_rng(0)
    loadings = random.gamma(0.3, size=(GENES, PROGRAMMES)) * np.linspace(3, 1, PROGRAMMES)
    activity = random.gamma(1.0, size=(PROGRAMMES, SAMPLES))
    noise = random.normal(scale=0.3, size=(GENES, SAMPLES))
    whole = loadings @ activity + noise
    return np.asarray(whole - whole.mean(1, keepdims=True), np.float32)


def costs(expression: np.ndarray) -> Table:
    """Error, memory and FLOPs of a score of all samples, for several ranks and in full."""
    genes = jnp.asarray(expression)
    scores = (4, GENES)  # four signatures, each a weight for every gene
    rows: list[tuple[str, float, int, int]] = []
    for rank in (2, 4, 8, 16, 64):
        found = lowrank.truncated_svd(genes, rank)
        left, values, right = found.factors
        factors = lowrank.LowRank(left * values, right)
        priced = plan("sg,gn->sn", scores, factors)
        rows.append(
            (str(rank), float(found.relative_error), left.nbytes + right.nbytes, priced.flops)
        )
    rows.append(("full", 0.0, genes.nbytes, plan("sg,gn->sn", scores, genes).flops))
    columns = [
        Column("rank", alignment="right"),
        Column("error", "number"),
        Column("memory", "bytes"),
        Column("four scores", "quantity", "FLOP"),
    ]
    return Table(
        f"{GENES} genes × {SAMPLES} samples, {PROGRAMMES} made-up programmes", columns, rows
    )


def draw(values: np.ndarray, folder: Path) -> None:
    """The largest singular values."""
    require("matplotlib")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.semilogy(range(1, 41), values[:40], "o")
    axes.axvline(PROGRAMMES + 0.5, linestyle="--", color="grey")
    axes.set(xlabel="number", ylabel="singular value", title="where the programmes end")
    figure.savefig(folder / "singular_values.png", dpi=100)


def main(folder: Path | None = None) -> None:
    """Print ranks, the crossover, and the randomised decomposition beside the full one."""
    expression = table()
    print(Shown(costs(expression)))
    values = np.linalg.svd(expression, compute_uv=False)
    rank = lowrank.rank_for_error(values, 0.3)
    best = float(lowrank.eckart_young(values, rank).relative_frobenius)
    print(f"\nan error of 30 % needs rank {rank} (best possible there: {best:.3f})")
    most = lowrank.crossover(GENES, SAMPLES).held
    print(f"factors hold fewer bytes than the table up to rank {most}")
    quick = partial(lowrank.randomized_svd, rank=PROGRAMMES, key=jax.random.key(0))
    found = quick(expression)
    optimum = float(lowrank.eckart_young(values, PROGRAMMES).relative_frobenius)
    error = float(found.svd.relative_error)
    print(f"randomised at rank {PROGRAMMES}: error {error:.4f}, best {optimum:.4f}")
    print(report(lambda x: quick(x).svd.factors, expression))
    if error > 1.05 * optimum:
        sys.exit("the randomised decomposition is far from the best")
    if folder is not None:
        draw(values, folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
