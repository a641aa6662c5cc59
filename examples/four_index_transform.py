"""The four-index transform of quantum chemistry: n⁸ work done in n⁵.

    python examples/four_index_transform.py [FOLDER]

Two-electron integrals over atomic orbitals (μν|λσ) are turned to molecular orbitals by four copies
of one coefficient matrix. Written as one sum over all eight indices that is n⁸ work; a good order
turns one index at a time, n⁵. The symmetry (μν|λσ) = (λσ|μν) is checked on the result, and density
fitting, (μν|λσ) ≈ Σ_P B_Pμν B_Pλσ, is priced beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from einlab import contract, plan
from einlab.show.shown import Shown
from einlab.table import Column, Table

ORBITALS, OCCUPIED, AUXILIARY = 24, 6, 72

FULL = "pi,qj,pqrs,rk,sl->ijkl"
FITTED = "pi,qj,Ppq,Prs,rk,sl->ijkl"


def integrals(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Fitting vectors B (P, μ, ν), symmetric in μν, and the integrals (μν|λσ) made from them."""
    fitted = random.normal(size=(AUXILIARY, ORBITALS, ORBITALS)).astype(np.float32) / ORBITALS
    fitted = fitted + fitted.transpose(0, 2, 1)
    return fitted, np.asarray(contract("Ppq,Prs->pqrs", fitted, fitted))


def coefficients(random: np.random.Generator) -> np.ndarray:
    """Orthonormal molecular orbitals, the occupied ones first."""
    found, _ = np.linalg.qr(random.normal(size=(ORBITALS, ORBITALS)))
    return found.astype(np.float32)


def main(folder: Path | None = None) -> None:
    """Print both plans and what they cost, and check both results."""
    random = np.random.default_rng(0)
    fitted, whole = integrals(random)
    orbitals = coefficients(random)
    occupied, virtual = orbitals[:, :OCCUPIED], orbitals[:, OCCUPIED:]
    # The class that MP2 needs: (ia|jb).
    full = plan(FULL, occupied, virtual, whole, occupied, virtual)
    quick = plan(FITTED, occupied, virtual, fitted, fitted, occupied, virtual)
    print(full)
    print(quick)
    rows = [
        (name, one.flops, one.naive.flops, one.naive.flops / one.flops, one.peak)
        for name, one in (("four-index", full), ("density fitting", quick))
    ]
    columns = [
        Column("integrals"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("as one sum", "quantity", "FLOP"),
        Column("saved", "number"),
        Column("peak memory", "bytes"),
    ]
    title = f"(ia|jb) of {ORBITALS} orbitals, {OCCUPIED} occupied"
    print(Shown(Table(title, columns, rows)))
    exact = contract(full, occupied, virtual, whole, occupied, virtual)
    again = contract(quick, occupied, virtual, fitted, fitted, occupied, virtual)
    error = float(abs(exact - again).max() / abs(exact).max())
    skew = float(abs(exact - exact.transpose(2, 3, 0, 1)).max() / abs(exact).max())
    print(f"largest difference of the two {error:.1e}, from the symmetry {skew:.1e}")
    if max(error, skew) > 1e-4:
        raise SystemExit("the two ways disagree")
    if folder is not None:
        (folder / "four_index.svg").write_text(full.svg("tent"), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
