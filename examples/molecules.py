"""Molecules as graphs: is Â(HW) or (ÂH)W cheaper, and when does it change?

    python examples/molecules.py

A demonstration of cost, not of chemistry: six small molecules are drawn from their bonds, features
are the atoms' kinds, weights are random. A layer of message passing is Â·H·W; which product comes
first is the planner's choice and depends on the sizes alone. Then a batch of molecules padded to
one size runs as one contraction, and gives what each molecule gives alone.
"""

from __future__ import annotations

import sys

import numpy as np

from einlab import linalg, plan, report
from einlab.show.shown import Shown
from einlab.table import Column, Table

# Heavy atoms, and the bonds between them, of well-known molecules.
MOLECULES: dict[str, tuple[str, tuple[tuple[int, int], ...]]] = {
    "ethanol": ("CCO", ((0, 1), (1, 2))),
    "benzene": ("CCCCCC", ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0))),
    "acetic acid": ("CCOO", ((0, 1), (1, 2), (1, 3))),
    "urea": ("NCNO", ((0, 1), (1, 2), (1, 3))),
    "phenol": ("CCCCCCO", ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (0, 6))),
    "pyridine": ("NCCCCC", ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0))),
}
KINDS = "CNO"


def graph(name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Adjacency (n, n) and one-hot features (n, f) of a molecule, filled up with zeros."""
    atoms, bonds = MOLECULES[name]
    adjacency, features = np.zeros((size, size), np.float32), np.zeros((size, len(KINDS)))
    for i, j in bonds:
        adjacency[i, j] = adjacency[j, i] = 1
    features[range(len(atoms)), [KINDS.index(atom) for atom in atoms]] = 1
    return adjacency, features.astype(np.float32)


def orders() -> Table:
    """For growing results, the FLOPs of both orders and the planner's choice."""
    rows = []
    for n, f, g in ((32, 16, 4), (32, 16, 16), (32, 16, 64), (32, 64, 16), (4, 64, 16)):
        shapes = (n, n), (n, f), (f, g)
        features_first = plan("ij,jf,fg->ig", *shapes, optimize=[(0, 1), (0, 1)]).flops
        weights_first = plan("ij,jf,fg->ig", *shapes, optimize=[(1, 2), (0, 1)]).flops
        chosen = plan("ij,jf,fg->ig", *shapes).flops
        if chosen != min(features_first, weights_first):
            sys.exit("the planner did not take the cheaper order")
        name = "(ÂH)W" if features_first < weights_first else "Â(HW)"
        same = features_first == weights_first
        rows.append((n, f, g, features_first, weights_first, "either" if same else name))
    columns = [
        *(Column(name, "count") for name in ("nodes", "features", "results")),
        Column("(ÂH)W", "quantity", "FLOP"),
        Column("Â(HW)", "quantity", "FLOP"),
        Column("cheaper"),
    ]
    return Table("message passing over a dense Â", columns, rows)


def main() -> None:
    """Print when the order changes, then a batch of molecules against each one alone."""
    print(Shown(orders()))
    size = max(len(atoms) for atoms, _ in MOLECULES.values())
    pairs = [graph(name, size) for name in MOLECULES]
    adjacency, features = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
    weights = np.random.default_rng(0).normal(size=(len(KINDS), 8)).astype(np.float32)
    normalised = linalg.normalised_adjacency(adjacency)
    together = linalg.message_passing(normalised, features, weights)
    for place, (name, (atoms, _)) in enumerate(MOLECULES.items()):
        count = len(atoms)
        one, own = graph(name, count)
        alone = linalg.message_passing(linalg.normalised_adjacency(one), own, weights)
        if not np.allclose(together[place, :count], alone, atol=1e-5):
            sys.exit(f"{name} differs in the batch")
        print(f"{name:12} {count} atoms, mean state {float(alone.mean()):+.4f}")
    print(report(linalg.message_passing, normalised, features, weights))


if __name__ == "__main__":
    main()
