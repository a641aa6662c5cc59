"""`Cost` and the counting rules: what a step of a contraction costs, as a fact.

FLOPs count multiplications and additions of real numbers. A product that sums over k ≥ 2 entries
counts 2·batch·m·k·n, as XLA counts it; a product that sums nothing counts one multiplication an
entry; a plain sum of k entries counts k - 1 additions. A complex multiplication is 4 real
multiplications and 2 additions, a complex addition 2 additions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Cost", "product_cost", "product_flops_exact", "sum_cost"]

COMPLEX_MULTIPLY = 6  # 4 real multiplications and 2 real additions
COMPLEX_ADD = 2
COMPLEX_MACS = 4  # a complex multiply-accumulate is 4 real ones


@dataclass(frozen=True, slots=True)
class Cost:
    """A count of work; costs add, and multiply by a count.

    >>> Cost(flops=12, macs=6) + Cost(flops=2) * 3
    Cost(flops=18, macs=6, transcendentals=0, bytes_read=0, bytes_written=0, bytes_sent=0)
    """

    flops: int = 0
    """Multiplications and additions of real numbers."""
    macs: int = 0
    """Multiply-accumulates of real numbers."""
    transcendentals: int = 0
    """Evaluations of exp, log, tanh and their like."""
    bytes_read: int = 0
    """Bytes read, each operand once."""
    bytes_written: int = 0
    """Bytes written, the result once."""
    bytes_sent: int = 0
    """Bytes sent between devices."""

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __radd__(self, other: int) -> Cost:
        return self if other == 0 else NotImplemented

    def __mul__(self, count: int) -> Cost:
        return Cost(*(getattr(self, f.name) * count for f in fields(self)))

    __rmul__ = __mul__

    @property
    def bytes(self) -> int:
        """Bytes read and written."""
        return self.bytes_read + self.bytes_written

    @property
    def intensity(self) -> float:
        """Arithmetic intensity: FLOPs a byte read or written; 0 where no byte moves.

        >>> work = Cost(flops=600, bytes_read=200, bytes_written=100)
        >>> work.bytes, work.intensity
        (300, 2.0)
        """
        return self.flops / self.bytes if self.bytes else 0.0


def product_cost(batch: int, m: int, k: int, n: int, itemsize: int, is_complex: bool) -> Cost:
    """The cost of `batch` products of an m×k and a k×n matrix; k = 1 sums nothing.

    Bytes count each operand and the result once, of `itemsize` bytes an element.

    >>> product_cost(1, 1000, 10, 1000, 4, False).flops
    20000000
    >>> product_cost(1, 3, 1, 4, 4, False).flops
    12
    """
    entries = batch * m * n
    if k == 1:
        flops = entries * (COMPLEX_MULTIPLY if is_complex else 1)
    else:
        flops = 2 * entries * k * (COMPLEX_MACS if is_complex else 1)
    return Cost(
        flops=flops,
        macs=entries * k * (COMPLEX_MACS if is_complex else 1),
        bytes_read=(batch * m * k + batch * k * n) * itemsize,
        bytes_written=entries * itemsize,
    )


def product_flops_exact(batch: int, m: int, k: int, n: int) -> int:
    """Multiplications and additions of a real product when the first term is not added to zero.

    That is batch·m·n·(2k - 1): k multiplications and k - 1 additions an entry, and nothing for
    an empty sum.

    >>> product_flops_exact(1, 2, 3, 2)
    20
    """
    return batch * m * n * max(2 * k - 1, 0)


def sum_cost(entries_read: int, entries_written: int, itemsize: int, is_complex: bool) -> Cost:
    """The cost of summing axes of one array: k - 1 additions for each entry of the result.

    >>> sum_cost(12, 3, 4, False)
    Cost(flops=9, macs=0, transcendentals=0, bytes_read=48, bytes_written=12, bytes_sent=0)
    """
    additions = max(entries_read - entries_written, 0)
    return Cost(
        flops=additions * (COMPLEX_ADD if is_complex else 1),
        bytes_read=entries_read * itemsize,
        bytes_written=entries_written * itemsize,
    )
