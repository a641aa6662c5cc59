"""The wide set of `benchmarks.search`: seventy networks of every family."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.search_families import (
    Edge,
    Network,
    bayesian,
    chain,
    circuit,
    clauses,
    dense,
    fourier,
    honeycomb,
    lattice,
    lattice_edges,
    layers,
    local_clauses,
    mera,
    mixed,
    partial_k_tree,
    qaoa,
    regular,
    sandwich,
    scale_free,
    small_world,
    sparse,
    spins,
    tree,
    triangular,
)

__all__ = ["FAMILIES"]


def _line(qubits: int) -> list[Edge]:
    return [(qubit, qubit + 1) for qubit in range(qubits - 1)]


def _grid(rows: int, columns: int) -> list[Edge]:
    return lattice_edges((rows, columns))


Make = Callable[[random.Random], Network]

FAMILIES: dict[str, dict[str, Make]] = {
    "lattice": {
        "square 10x10": lambda d: lattice((10, 10), 2),
        "square 14x14": lambda d: lattice((14, 14), 2),
        "square 20x20": lambda d: lattice((20, 20), 2),
        "square 8x8, size 4": lambda d: lattice((8, 8), 4),
        "torus 9x9": lambda d: lattice((9, 9), 2, periodic=True),
        "honeycomb 12x12": lambda d: honeycomb(12, 12, 2),
        "honeycomb 20x20, size 3": lambda d: honeycomb(20, 20, 3),
        "triangular 9x9": lambda d: triangular(9, 9, 2),
    },
    "cube": {
        "cube 4x4x4": lambda d: lattice((4, 4, 4), 2),
        "cube 5x5x5": lambda d: lattice((5, 5, 5), 2),
        "cube 6x6x6": lambda d: lattice((6, 6, 6), 2),
        "cube 4x4x12": lambda d: lattice((4, 4, 12), 2),
        "torus 4x4x4": lambda d: lattice((4, 4, 4), 2, periodic=True),
        "hypercube 3x3x3x3": lambda d: lattice((3, 3, 3, 3), 2),
    },
    "random graph": {
        "3-regular, 60": lambda d: regular(d, 60, 3, 3),
        "3-regular, 120": lambda d: regular(d, 120, 3, 3),
        "3-regular, 300": lambda d: regular(d, 300, 3, 2),
        "4-regular, 80": lambda d: regular(d, 80, 4, 2),
        "5-regular, 60": lambda d: regular(d, 60, 5, 2),
        "sparse, 200": lambda d: sparse(d, 200, 280, 2),
        "sparse, 1000": lambda d: sparse(d, 1000, 1100, 2),
        "small world, 100": lambda d: small_world(d, 100, 2, 0.1, 2),
    },
    "scale-free": {
        "scale-free 100, 2 links": lambda d: scale_free(d, 100, 2, 2),
        "scale-free 300, 2 links": lambda d: scale_free(d, 300, 2, 2),
        "scale-free 60, 3 links": lambda d: scale_free(d, 60, 3, 2),
    },
    "tree": {
        "open tree, 200": lambda d: tree(d, 200, 20, 20),
        "closed tree, 1000": lambda d: tree(d, 1000, 12, 0),
        "open tree, 60": lambda d: tree(d, 60, 9, 6),
    },
    "chain": {
        "chain of 400": lambda d: chain(d, 400, 100),
        "ring of 150": lambda d: chain(d, 150, 60, ring=True),
        "states of 300 sites, bond 8": lambda d: sandwich(300, 8, 0, 1),
        "states of 40 sites, bond 64": lambda d: sandwich(40, 64, 0, 1),
        "state and operator, 60 sites": lambda d: sandwich(60, 16, 1, 5),
        "state and 4 operators, 30 sites": lambda d: sandwich(30, 8, 4, 3),
    },
    "lattice state": {
        "lattice state 5x5, bond 4": lambda d: layers((5, 5), 4),
        "lattice state 8x8, bond 3": lambda d: layers((8, 8), 3),
        "lattice state 4x4x3, bond 2": lambda d: layers((4, 4, 3), 2),
        "MERA, 16 sites": lambda d: mera(16, 4),
        "MERA, 64 sites": lambda d: mera(64, 3),
    },
    "circuit": {
        "line of 24 qubits, depth 12": lambda d: circuit(d, _line(24), 24, 12, 0.2),
        "line of 50 qubits, depth 16": lambda d: circuit(d, _line(50), 50, 16, 0.2),
        "grid 4x5, depth 12": lambda d: circuit(d, _grid(4, 5), 20, 12, 0.0),
        "grid 5x6, depth 14": lambda d: circuit(d, _grid(5, 6), 30, 14, 0.5),
        "grid 7x7, depth 20": lambda d: circuit(d, _grid(7, 7), 49, 20, 0.0),
        "QAOA, 40 qubits, 2 rounds": lambda d: qaoa(d, 40, 3, 2),
        "QAOA, 60 qubits, 3 rounds": lambda d: qaoa(d, 60, 3, 3),
        "QAOA, 24 qubits of degree 5, 2 rounds": lambda d: qaoa(d, 24, 5, 2),
        "Fourier transform, 20 qubits": lambda d: fourier(20),
    },
    "graphical model": {
        "spins 12x12 with diagonals": lambda d: spins((12, 12), 2, True),
        "spins 6x6x6": lambda d: spins((6, 6, 6), 2, False),
        "spins 16x16, 3 states": lambda d: spins((16, 16), 3, False),
        "partial 8-tree, 150": lambda d: partial_k_tree(d, 150, 8, 0.8),
        "partial 12-tree, 300": lambda d: partial_k_tree(d, 300, 12, 0.6),
        "Bayesian network, 150": lambda d: bayesian(d, 150, 3, 12),
        "Bayesian network, 600": lambda d: bayesian(d, 600, 3, 8),
    },
    "model counting": {
        "3-clauses, 60 variables": lambda d: clauses(d, 60, 110, (3,)),
        "3-clauses, 100 variables": lambda d: clauses(d, 100, 180, (3,)),
        "2- and 3-clauses, 200 variables": lambda d: clauses(d, 200, 230, (2, 2, 3)),
        "local clauses, 400 variables": lambda d: local_clauses(d, 400, 1200, 14),
        "local clauses, 1000 variables": lambda d: local_clauses(d, 1000, 2500, 10),
    },
    "mixed": {
        "mixed, 60": lambda d: mixed(d, 60, 70, 4),
        "mixed, 200": lambda d: mixed(d, 200, 220, 6),
        "mixed, 500": lambda d: mixed(d, 500, 520, 8),
    },
    "dense small": {
        "complete graph of 12": lambda d: dense(d, 12, 1.0, 4),
        "complete graph of 16": lambda d: dense(d, 16, 1.0, 3),
        "half of all pairs of 20": lambda d: dense(d, 20, 0.5, 5),
        "third of all pairs of 28": lambda d: dense(d, 28, 0.33, 4),
    },
    "large": {
        "square 40x40": lambda d: lattice((40, 40), 2),
        "sparse, 4000": lambda d: sparse(d, 4000, 4300, 2),
        "line of 100 qubits, depth 40": lambda d: circuit(d, _line(100), 100, 40, 0.3),
    },
}
"""How each network of the wide set is made, by family and name; the name is the seed."""
