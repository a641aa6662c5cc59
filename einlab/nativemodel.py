"""Predicted seconds of a native step: a formula, and what a CPU takes.

A native product takes its operands and gives its result in any order of their axes. It multiplies
at a rate that sizes of a few entries do not reach, and reads and writes whole cache lines, of which
short runs use a part. One array is copied in another order in blocks that are turned in registers,
or summed as it lies. A call has its price once, whatever the number of its steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from einlab.native.sizing import LEAST_TOGETHER

__all__ = [
    "NATIVE_COSTS",
    "NO_ROWS",
    "NativeCosts",
    "Walk",
    "copy_seconds",
    "how_they_lie",
    "native_seconds",
    "run_within",
    "taken_together",
    "with_vectors",
]


class Walk(NamedTuple):
    """How a step without blocks of matrices goes over its entries; nothing of it need be known."""

    rows: float = 0.0
    """Rows that are gone over."""
    staged: float = 0.0
    """Entries that are turned or gathered before they are taken."""
    is_shared: bool = True
    """Whether more than one thread can take part."""


NO_ROWS = Walk()
"""Of steps that are multiplied in blocks, or of which it is not known."""


class NativeCosts(NamedTuple):
    """What native steps take on a device, for one dtype; all floats."""

    itemsize: float
    """Bytes of an entry."""
    rate: float
    """2·batch·m·k·n a second of a product without end in one thread."""
    half_m: float
    """Entries of the result along which its tiles lie, at which half of that rate is reached."""
    half_k: float
    half_n: float
    plain_rate: float
    """2·batch·m·k·n a second of a product with a vector, or that sums nothing, in the cache."""
    matrix: float
    """Seconds of starting one product of a batch."""
    gain: float
    """By how much more than one thread a large product is faster; 1 is twice as fast."""
    gain_from: float
    """Seconds of a product in one thread at which half of that is reached."""
    bandwidth: float
    """Bytes a second to and from memory."""
    cache: float
    """Bytes that a step may move at `cache_bandwidth`."""
    cache_bandwidth: float
    """Bytes a second while everything fits into the cache."""
    line: float
    """Bytes moved beside those of a run of entries."""
    copy_bandwidth: float
    """Bytes a second, read and written, of a copy in another order while it fits into the cache."""
    gathered: float
    """Bytes moved beside those of a run that a copy reads apart from its neighbours."""
    row: float
    """Seconds of a row that a step without blocks of matrices goes over, beside its entries."""
    staged: float
    """Seconds of an entry that such a step turns or gathers before it is taken."""
    step: float
    """Seconds of starting one step of a call."""
    call: float
    """Seconds of a call beside its steps."""


def native_seconds(
    c: NativeCosts,
    sizes: Sequence[float],
    arrays: Iterable[tuple[float, float]],
    walk: Walk = NO_ROWS,
) -> float:
    """Seconds of one step of a call, the call itself not counted.

    `sizes` are batch, m, k and n; `arrays` the entries of the operands and the result with the
    runs in which they lie; `walk` is how a step without blocks of matrices goes over them.

    >>> c, small = NATIVE_COSTS["float32"], (1, 64, 64, 64)
    >>> native_seconds(c, small, [(4096, 64)] * 3) < native_seconds(c, small, [(4096, 1)] * 3)
    True
    """
    batch, m, k, n = sizes
    if k > 1 and m > 1 and n > 1:
        filled = 2.0 * batch * (m + c.half_m) * (k + c.half_k) * (n + c.half_n)
        seconds = filled / c.rate + batch * c.matrix
    else:
        seconds = 2.0 * batch * m * k * n / c.plain_rate
    moved = sum(entries * (c.itemsize + c.line / run) for entries, run in arrays)
    beyond = max(0.0, moved - c.cache)
    seconds += (moved - beyond) / c.cache_bandwidth + beyond / c.bandwidth
    seconds += walk.rows * c.row + walk.staged * c.staged
    shared = 1.0 + c.gain * seconds / (seconds + c.gain_from) if walk.is_shared else 1.0
    return c.step + seconds / shared


def copy_seconds(c: NativeCosts, arrays: Iterable[tuple[float, float]]) -> float:
    """Seconds of a step that copies entries in another order, the call itself not counted.

    `arrays` are the entries that are read and those written with the runs in which they lie.

    >>> c = NATIVE_COSTS["float32"]
    >>> copy_seconds(c, [(4096, 4096)] * 2) < copy_seconds(c, [(4096, 1), (4096, 4096)])
    True
    """
    moved = sum(entries * (c.itemsize + c.gathered / run) for entries, run in arrays)
    beyond = max(0.0, moved - c.cache)
    seconds = (moved - beyond) / min(c.copy_bandwidth, c.cache_bandwidth) + beyond / c.bandwidth
    shared = 1.0 + c.gain * seconds / (seconds + c.gain_from)
    return c.step + seconds / shared


PIECE = 16
"""Entries that are taken side by side of two arrays that end in different axes."""


def how_they_lie(
    terms: Sequence[Sequence[str]], roles: Sequence[Sequence[str]], sizes: Mapping[str, int]
) -> tuple[tuple[int, int], ...]:
    """Entries of left, right and result, and of the runs of axes of one role in which they lie.

    `roles` are the indices of batch, m, k and n. Matrices that lie one within the other, their
    batch last, have no runs unless all do, alike; they are short where an operand ends in another
    axis of its role than the result has last of that role.

    >>> roles, sizes = ("b", "i", "k", "j"), {"b": 9, "i": 8, "k": 7, "j": 6}
    >>> how_they_lie(("bik", "kjb", "bij"), roles, sizes)
    ((504, 7), (378, 1), (432, 6))
    """
    role = {index: number for number, group in enumerate(roles) for index in group}
    matrices = all(any(sizes[index] > 1 for index in group) for group in roles[1:])
    together = taken_together(terms, roles, sizes)
    if together > 1:
        first, second, third = (math.prod(sizes[index] for index in term) for term in terms)
        return (first, together), (second, together), (third, together)
    found = []
    for term in terms:
        last = next((role[index] for index in reversed(term) if sizes[index] > 1), None)
        run = 1 if matrices and last == 0 else run_within(term, role, sizes)
        found.append([math.prod(sizes[index] for index in term), run])
    ends = [[index for index in term if sizes[index] > 1][-1:] for term in terms]
    for operand, free in ((0, 1), (1, 3)):
        of_result = [index for index in terms[2] if role[index] == free and sizes[index] > 1]
        if not of_result or not ends[operand] or role[ends[operand][0]] != free:
            continue
        if ends[operand][0] != of_result[-1]:
            found[operand][1] = min(found[operand][1], PIECE)
            if ends[2] == of_result[-1:]:
                found[2][1] = min(found[2][1], PIECE)
    return tuple((entries, run) for entries, run in found)


def taken_together(
    terms: Sequence[Sequence[str]], roles: Sequence[Sequence[str]], sizes: Mapping[str, int]
) -> int:
    """Elements of a batch of matrices along which vectors run, since all arrays end in them; or 1.

    `roles` are the indices of batch, m, k and n.

    >>> sizes = {"b": 9, "i": 8, "k": 7, "j": 6}
    >>> taken_together(("ikb", "kjb", "ijb"), ("b", "i", "k", "j"), sizes)
    9
    """
    if not all(any(sizes[index] > 1 for index in group) for group in roles[1:]):
        return 1
    together = 1
    ends = zip(*([i for i in reversed(term) if sizes[i] > 1] for term in terms), strict=False)
    for left, right, result in ends:
        if not left == right == result:
            break
        together *= sizes[left]
    return together if together >= LEAST_TOGETHER else 1


def with_vectors(
    sizes: tuple[float, float, float, float], together: int, itemsize: float
) -> tuple[float, float, float, float]:
    """Batch, m, k and n with vectors along so many elements of the batch for the columns.

    >>> with_vectors((60.0, 8.0, 7.0, 6.0), 30, 4.0)
    (4.0, 8.0, 7.0, 96.0)
    """
    if together == 1:
        return sizes
    batch, m, k, n = sizes
    lanes = 64.0 / itemsize
    return batch / together * math.ceil(together / lanes), m, k, n * lanes


def run_within(term: Sequence[str], group: Mapping[str, int], sizes: Mapping[str, int]) -> int:
    """Entries that lie side by side along axes of one role, the last ones of an array.

    `group` numbers the role of each index.

    >>> run_within("bik", {"b": 0, "i": 1, "k": 2}, {"b": 9, "i": 8, "k": 7})
    7
    """
    run, role = 1, None
    for index in reversed(term):
        if sizes[index] == 1:
            continue
        if role is not None and group[index] != role:
            break
        role = group[index]
        run *= sizes[index]
    return run


NATIVE_COSTS: dict[str, NativeCosts] = {
    "float32": NativeCosts(
        itemsize=4.0,
        rate=2e11,
        half_m=9.0,
        half_k=9.0,
        half_n=7.0,
        plain_rate=6.7e10,
        matrix=4.4e-8,
        gain=0.9,
        gain_from=7.8e-6,
        bandwidth=1.7e10,
        cache=2.0**25,
        cache_bandwidth=1.2e11,
        line=89.0,
        copy_bandwidth=6.7e10,
        gathered=40.0,
        row=2e-9,
        staged=1e-10,
        step=2.1e-7,
        call=8e-7,
    ),
    "float64": NativeCosts(
        itemsize=8.0,
        rate=1e11,
        half_m=5.0,
        half_k=2.4,
        half_n=0.3,
        plain_rate=5.5e10,
        matrix=4.1e-8,
        gain=0.9,
        gain_from=7.6e-6,
        bandwidth=1.8e10,
        cache=2.0**25,
        cache_bandwidth=1.2e11,
        line=87.0,
        copy_bandwidth=7e10,
        gathered=40.0,
        row=2e-9,
        staged=2e-10,
        step=1.9e-7,
        call=6e-7,
    ),
}
"""By dtype, of a CPU. Two cores of an AMD EPYC with AVX-512, jax 0.12.0.1, glibc's own settings,
measured 2026-11-22: `python -m benchmarks.forms --dtype float32 --keep FILE`, then `--fit FILE`."""
