"""Counting rules of linear algebra: leading and next terms of the standard algorithms.

Sources: LAPACK Working Note 41 (Blackford and Dongarra 1999), appendix C, for factorisations;
Golub and Van Loan, Matrix Computations, 4th edition (GVL), for eigenvalues and singular values,
whose counts assume the usual number of iterations. Complex arithmetic counts four times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from einlab.trace.operations import Counted, Operation, Rule, elements

__all__ = ["LINALG"]

Formula = Callable[[int, int, Operation], float]
"""FLOPs of one m×n matrix."""


def _each_matrix(formula: Formula) -> Rule:
    """A formula for one matrix, applied to all of the batch."""

    def rule(op: Operation) -> Counted:
        *batch, m, n = (int(size) for size in op.ins[0].shape)
        count = 1
        for size in batch:
            count *= size
        flops = round(formula(m, n, op)) * count * (4 if op.is_complex else 1)
        return Counted("linalg", flops=flops, macs=flops // 2)

    return rule


def _cholesky(m: int, n: int, op: Operation) -> float:
    """n³/3 + n²/2 + n/6."""
    return n**3 / 3 + n**2 / 2 + n / 6


def _lu(m: int, n: int, op: Operation) -> float:
    """m·n² - n³/3 for m ≥ n, and with m and n exchanged below; next term -n²/2."""
    long, short = max(m, n), min(m, n)
    return long * short**2 - short**3 / 3 - short**2 / 2 + 5 * short / 6


def _geqrf(m: int, n: int, op: Operation) -> float:
    """2·m·n² - 2·n³/3 for m ≥ n: R and the Householder vectors."""
    long, short = max(m, n), min(m, n)
    return 2 * long * short**2 - 2 * short**3 / 3


def _orgqr(m: int, k: int, columns: int) -> float:
    """4·m·n·k - 2·(m + n)·k² + 4·k³/3: n columns of Q from k reflectors."""
    return 4 * m * columns * k - 2 * (m + columns) * k**2 + 4 * k**3 / 3


def _qr(m: int, n: int, op: Operation) -> float:
    """The factorisation, and Q formed from it: as many columns as the result has."""
    return _geqrf(m, n, op) + _orgqr(m, min(m, n), int(op.outs[0].shape[-1]))


def _householder_product(m: int, n: int, op: Operation) -> float:
    return _orgqr(m, int(op.ins[1].shape[-1]), n)


def _ormqr(m: int, k: int, op: Operation) -> float:
    """4·m·n·k - 2·n·k²: Q applied to n columns from k reflectors, or to rows from the right."""
    rows, columns = (int(size) for size in op.ins[2].shape[-2:])
    long, other = (rows, columns) if op.params.get("left", True) else (columns, rows)
    return 4 * long * other * k - 2 * other * k**2


def _eigh(m: int, n: int, op: Operation) -> float:
    """Values alone 4·n³/3, with vectors 9·n³ (GVL, section 8.3)."""
    return 4 * n**3 / 3 if len(op.outs) == 1 else 9 * n**3


def _eig(m: int, n: int, op: Operation) -> float:
    """Values alone 10·n³; else the Schur form, 25·n³ (GVL, section 7.5), and n³ for each side."""
    sides = sum(
        bool(op.params.get(name))
        for name in ("compute_left_eigenvectors", "compute_right_eigenvectors")
    )
    return 10 * n**3 if not sides else (25 + sides) * n**3


def _schur(m: int, n: int, op: Operation) -> float:
    """10·n³ for T alone, 25·n³ with the vectors (GVL, section 7.5)."""
    return 25 * n**3 if op.params.get("compute_schur_vectors", True) else 10 * n**3


def _svd(m: int, n: int, op: Operation) -> float:
    """Golub and Reinsch's algorithm, GVL, figure 8.6.1.

    Values 4·m·n² - 4·n³/3; thin 14·m·n² + 8·n³; full 4·m²·n + 8·m·n² + 9·n³.
    """
    long, short = max(m, n), min(m, n)
    if not op.params.get("compute_uv", True):
        return 4 * long * short**2 - 4 * short**3 / 3
    if op.params.get("full_matrices", False):
        return 4 * long**2 * short + 8 * long * short**2 + 9 * short**3
    return 14 * long * short**2 + 8 * short**3


def _hessenberg(m: int, n: int, op: Operation) -> float:
    """10·n³/3 (GVL, section 7.4)."""
    return 10 * n**3 / 3


def _tridiagonal(m: int, n: int, op: Operation) -> float:
    """4·n³/3 (GVL, section 8.3)."""
    return 4 * n**3 / 3


def _cholesky_update(m: int, n: int, op: Operation) -> float:
    """6·n² + n: n rotations along the columns (GVL, section 6.5)."""
    return 6 * n**2 + n


def _symmetric_product(n: int, k: int, op: Operation) -> float:
    """n·(n + 1)·k: one triangle of A·Aᵀ."""
    return n * (n + 1) * k


def _triangular_solve(op: Operation) -> Counted:
    """n² FLOPs a right-hand side of n entries."""
    n = int(op.ins[0].shape[-1])
    flops = n * elements(op.ins[1]) * (4 if op.is_complex else 1)
    return Counted("linalg", flops=flops, macs=flops // 2)


def _tridiagonal_solve(op: Operation) -> Counted:
    """8 FLOPs an entry of the right-hand sides: Thomas' algorithm (GVL, section 4.3)."""
    flops = 8 * elements(op.ins[3]) * (4 if op.is_complex else 1)
    return Counted("linalg", flops=flops)


def _pivots(op: Operation) -> Counted:
    """Exchanges integers; no arithmetic."""
    return Counted("linalg")


LINALG: Mapping[str, Rule] = {
    "cholesky": _each_matrix(_cholesky),
    "cholesky_update": _each_matrix(_cholesky_update),
    "lu": _each_matrix(_lu),
    "geqrf": _each_matrix(_geqrf),
    "geqp3": _each_matrix(_geqrf),
    "qr": _each_matrix(_qr),
    "householder_product": _each_matrix(_householder_product),
    "ormqr": _each_matrix(_ormqr),
    "eigh": _each_matrix(_eigh),
    "eig": _each_matrix(_eig),
    "schur": _each_matrix(_schur),
    "svd": _each_matrix(_svd),
    "hessenberg": _each_matrix(_hessenberg),
    "tridiagonal": _each_matrix(_tridiagonal),
    "symmetric_product": _each_matrix(_symmetric_product),
    "triangular_solve": _triangular_solve,
    "tridiagonal_solve": _tridiagonal_solve,
    "lu_pivots_to_permutation": _pivots,
}
