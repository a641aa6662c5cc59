"""Why a count of ours and one of XLA's differ: a closed list of names.

The trace is compared with XLA's count of the program as lowered, and that with its count as
compiled. Lowered operations are counted one by one, so each of these differences is a number; what
the compiler does to a program is bounded instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from einlab.dtypes import all_names, itemsize
from einlab.trace.declared import declared
from einlab.trace.rows import Row

__all__ = ["BYTES", "COMPILED", "LOWERED", "SIMPLIFIED", "Difference", "Evidence", "Explanation"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One named part of a difference, in FLOPs: a number, or the range in which it lies."""

    name: str
    flops: int
    spread: tuple[int, int] = (0, 0)
    """How much less and more than `flops` it may be."""
    text: str = ""


@dataclass(frozen=True)
class Evidence:
    """What explanations look at: rows as counted, and XLA's count of one execution of each."""

    rows: Sequence[Row]
    traced: Sequence[Row]
    measured: Sequence[int]
    """FLOPs that XLA gives one execution of each row, as lowered by itself."""
    merged: Sequence[Row]
    merged_measured: Sequence[int]
    control: Sequence[int]
    batched: int = 0
    eased: Set[int] = frozenset()
    """Rows that XLA may drop, by place; of merged ones by -1, -2, …"""

    def excess(self, kinds: Callable[[Row], bool]) -> int:
        """What XLA counts more than our convention says, in rows of some kinds, each loop once.

        Only where the two are known to differ: anything else is left unexplained.
        """
        found = 0
        for row, measured in zip(self.traced, self.measured, strict=True):
            own = declared(row, measured) if row.taken and kinds(row) else None
            found += 0 if own is None else (measured - own) * row.once
        return found

    @property
    def elementwise(self) -> int:
        """FLOPs that XLA counts for everything but products, each loop once."""
        return sum(
            max(measured, 0) * row.once
            for row, measured in zip(self.traced, self.measured, strict=True)
            if not row.is_product
        )


Explanation = Callable[[Evidence], Difference | None]


def _taps(seen: Evidence) -> Difference | None:
    gap = sum(
        (row.each.flops - counted.each.flops) * row.count
        for row, counted in zip(seen.traced, seen.rows, strict=True)
        if row.dense and counted.each.flops == row.dense
    )
    return _unless_zero("valid taps", gap, "XLA leaves out taps on padding and holes")


def _convention(seen: Evidence) -> Difference | None:
    gap = sum(row.cost.flops for row in seen.traced) - sum(row.cost.flops for row in seen.rows)
    taps = _taps(seen)
    gap -= taps.flops if taps else 0  # these have a name of their own
    return _unless_zero("convention", gap, "the convention counts other things than run")


def _loops(seen: Evidence) -> Difference | None:
    gap = sum(row.each.flops * (row.once - row.count) for row in seen.traced if row.taken)
    gap += seen.excess(_is_sliced)
    return _unless_zero("loop counted once", gap, "XLA counts the body of a loop once")


def _control(seen: Evidence) -> Difference | None:
    return _unless_zero("loop counter", sum(seen.control), "a comparison and a sum for each scan")


def _equal(seen: Evidence) -> Difference | None:
    gap = sum(x * r.once for r, x in zip(seen.merged, seen.merged_measured, strict=True))
    return _unless_zero("equal operations", gap, "lowered twice, compiled once")


def _complex(seen: Evidence) -> Difference | None:
    gap = seen.excess(lambda row: row.is_complex and row.is_product)
    return _unless_zero("complex product", gap, "XLA counts a complex product like a real one")


def _folded(seen: Evidence) -> Difference | None:
    gap = seen.excess(_is_folded)
    return _unless_zero(
        "constant folded", gap, "x·1, x + 0 and operations on constants are dropped"
    )


def _elementwise(seen: Evidence) -> Difference | None:
    gap = seen.excess(lambda row: row.kind in ELEMENTWISE and not _is_folded(row))
    return _unless_zero(
        "element-wise", gap, "XLA counts comparisons, choices and conversions, and long scans more"
    )


def _batched(seen: Evidence) -> Difference | None:
    text = "under vmap each example of a loop has its own condition"
    return Difference("batched loop", 0, (0, seen.batched), text) if seen.batched else None


def _simplified(seen: Evidence) -> Difference | None:
    """Dropped while lowering: operations on known numbers, dead parts of expanded functions."""
    most = 0
    for place, (row, measured) in enumerate(zip(seen.traced, seen.measured, strict=True)):
        if row.kind in ELEMENTWISE and place in seen.eased:
            most += max(measured, 0) * row.once
        elif row.kind in (*ELEMENTWISE, *MOVEMENT) and row.xla is None:
            most += max(measured - (declared(row, measured) or 0), 0) * row.once
    for place, (row, measured) in enumerate(zip(seen.merged, seen.merged_measured, strict=True)):
        if row.kind in ELEMENTWISE and -1 - place in seen.eased:
            most += max(measured, 0) * row.once
    text = "operations that XLA drops while a program is lowered"
    return Difference("simplified", 0, (most, 0), text) if most else None


def _parts(seen: Evidence) -> Difference | None:
    """A complex function is spelled out in real parts; a part that nobody reads is dropped."""
    most = sum(
        max(measured, 0) * row.once
        for row, measured in zip(seen.traced, seen.measured, strict=True)
        if row.is_complex and row.kind == "elementwise" and row.xla is None
    )
    text = "of a complex number only the part that is read is computed"
    return Difference("complex part", 0, (most, 0), text) if most else None


def _movement(seen: Evidence) -> Difference | None:
    gap = seen.excess(lambda row: row.kind in MOVEMENT)
    return _unless_zero("movement", gap, "XLA counts bits read as another type, and some indices")


def _library(seen: Evidence) -> Difference | None:
    gap = seen.excess(lambda row: row.kind in LIBRARY)
    return _unless_zero("custom call", gap, "XLA has no count of its own for library code")


def _ragged(seen: Evidence) -> Difference | None:
    gap = seen.excess(
        lambda row: (
            row.kind in ("product", "contraction", "convolution")
            and not (row.is_complex or _is_sliced(row))
        )
    )
    return _unless_zero("dense lowering", gap, "XLA computes more than is asked for, and masks it")


def _random(seen: Evidence) -> Difference | None:
    rows = [row for row in seen.traced if row.kind in ("random", "collective") and row.taken]
    if not rows:
        return None
    gap = seen.excess(lambda row: row.kind in ("random", "collective"))
    few = 8 * len(rows)
    return Difference("random bits", gap, (few, few), "XLA counts integer operations its own way")


def _branches(seen: Evidence) -> Difference | None:
    others = [
        max(measured, row.each.flops) * row.once
        for row, measured in zip(seen.traced, seen.measured, strict=True)
        if not row.taken
    ]
    if not others:
        return None
    text = "XLA takes the branch that is the dearest by its own count"
    return Difference("branch", 0, (0, sum(others)), text)


def _rounding(seen: Evidence) -> Difference | None:
    """XLA adds up in numbers of 24 bits."""
    total = sum(row.each.flops * row.once for row in seen.traced)
    few = total >> 20 if total >> 24 else 0
    text = "XLA adds up in 32-bit floating point"
    return Difference("rounding", 0, (few, few), text) if few else None


LOWERED: Mapping[str, Explanation] = {
    "valid taps": _taps,
    "convention": _convention,
    "loop counted once": _loops,
    "loop counter": _control,
    "equal operations": _equal,
    "complex product": _complex,
    "constant folded": _folded,
    "element-wise": _elementwise,
    "complex part": _parts,
    "movement": _movement,
    "custom call": _library,
    "dense lowering": _ragged,
    "random bits": _random,
    "branch": _branches,
    "batched loop": _batched,
    "rounding": _rounding,
}
"""What lies between our count and XLA's of the program as lowered: exact numbers, but
for random bits, branches, rounding and parts of complex numbers."""


SIMPLIFIED: Mapping[str, Explanation] = {"simplified": _simplified}
"""What is asked only if the others leave something: a bound without products."""


def _merged(seen: Evidence) -> Difference | None:
    gap = _equal(seen)
    return None if gap is None else Difference("equal operations", -gap.flops, text=gap.text)


def _rewritten(seen: Evidence) -> Difference | None:
    """A product with m = n = 1 becomes 2k - 1, one with k = 1 a single operation an entry."""
    entries = sum(
        row.each.bytes_written * row.once for row in seen.traced if row.is_product
    )  # at least as many as entries, for numbers of a byte and more
    text = "multiply-and-reduce counts 2k - 1, an outer product 1"
    return Difference("product rewritten", 0, (entries, 0), text) if entries else None


def _fused(seen: Evidence) -> Difference | None:
    """Simplified away, or computed again in each of several fusions."""
    most = seen.elementwise
    text = "simplified, or computed again where it is read"
    return Difference("element-wise fused", 0, (most, 8 * most), text) if most else None


def _conversions(seen: Evidence) -> Difference | None:
    """A CPU computes narrow numbers in 32 bits; XLA counts the conversions."""
    narrow = [r for r in seen.traced if r.dtype in all_names() and itemsize(r.dtype) <= 2]
    if not narrow:
        return None
    most = sum(row.each.bytes * row.once for row in narrow)
    text = "numbers of 16 bits or fewer are converted to 32 and back"
    return Difference("conversions", 0, (0, 2 * most), text)


def _opaque(seen: Evidence) -> Difference | None:
    rows = [row for row in seen.traced if row.kind in (*LIBRARY, "random")]
    if not rows:
        return None
    most = sum(max(row.each.flops, row.each.bytes) * row.once for row in rows)
    return Difference("custom call", 0, (most, most), "library code counts -1 or nothing")


COMPILED: Mapping[str, Explanation] = {
    "equal operations": _merged,
    "product rewritten": _rewritten,
    "element-wise fused": _fused,
    "conversions": _conversions,
    "custom call": _opaque,
    "rounding": _rounding,
}
"""What lies between XLA's count as lowered and as compiled: bounds, the first apart."""


def _loop_bytes(seen: Evidence) -> Difference | None:
    gap = sum(row.each.bytes * (row.once - row.count) for row in seen.traced if row.taken)
    return _unless_zero("loop counted once", gap, "XLA counts the body of a loop once")


def _tables(seen: Evidence) -> Difference | None:
    """What gathers, scatters and slices do not touch of their tables."""
    most = sum(
        max(_operand_bytes(row) - row.each.bytes_read, 0) * row.once
        for row in seen.traced
        if row.kind in ("gather", "scatter", "movement")
    )
    text = "XLA bills the whole table where only a part is touched"
    return Difference("gather", 0, (0, 2 * most), text) if most else None


def _fused_bytes(seen: Evidence) -> Difference | None:
    most = sum(row.each.bytes * row.once for row in seen.traced if row.kind not in PRODUCTS)
    text = "what is fused is neither written nor read"
    return Difference("fused", 0, (most, 0), text) if most else None


def _copies(seen: Evidence) -> Difference | None:
    """Turned or converted operands, the state of loops; an operand taken twice is read once."""
    twice = sum(row.each.bytes_read * row.once for row in seen.traced if row.kind in PRODUCTS)
    most = sum((row.each.bytes + _operand_bytes(row)) * row.once for row in seen.traced)
    most += (
        6 * seen.elementwise
    )  # a function spelled out: two operands and a result of 8 bytes each
    text = "operands that are turned or converted, the state of loops"
    return Difference("copies", 0, (twice, 4 * most + 4096), text)


BYTES: Mapping[str, Explanation] = {
    "loop counted once": _loop_bytes,
    "gather": _tables,
    "fused": _fused_bytes,
    "copies": _copies,
}
"""What lies between our bytes, nothing fused, and XLA's of the compiled program: bounds."""

PRODUCTS = ("contraction", "product", "convolution", "kernel")
ELEMENTWISE = ("elementwise", "reduction", "cumulative")
MOVEMENT = ("movement", "gather", "scatter", "bookkeeping")
LIBRARY = ("linalg", "fft", "sort", "unknown", "kernel")


def _unless_zero(name: str, flops: int, text: str) -> Difference | None:
    return Difference(name, flops, text=text) if flops else None


def _is_folded(row: Row) -> bool:
    return row.kind == "elementwise" and row.xla == (0, 0)


def _is_sliced(row: Row) -> bool:
    """Whether a contraction runs its steps in a loop over slices."""
    return row.plan is not None and row.plan.slices > 1


def _operand_bytes(row: Row) -> int:
    """Bytes of the operands in full, at the size of the first one's numbers."""
    entries = sum(math.prod(shape) for shape in row.operands)
    known = row.dtype in all_names()
    return entries * (itemsize(row.dtype) if known else 8)
