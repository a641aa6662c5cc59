"""How a product runs: which operand gives rows, in which blocks, cut into how many pieces.

`sized` says this in words, which the kernels of `einlab.native.product` read. Rows are places of
the operand that gives the rows of tiles, called A here, columns those of the other, B. Blocks are
as large as caches like them, or as the room for scratch memory allows. No Numba here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from einlab.native.scratch import DOTS, HEAD, scratch_of
from einlab.native.words import ALONG_BATCH, Axis, Host

__all__ = ["LEAST_ROOM", "WIDEST", "Sized", "sized", "sized_by_counts"]

WIDEST = Host(64, 8)
"""A processor with AVX-512."""
LEAST_ROOM = 1 << 13
"""Bytes of scratch of one thread that always do."""
LONGEST, FLATTEST, LONGEST_ALONG = 256, 16, 2048
"""Places in k of a block. Else: a panel of B of 32 float32 columns takes 32 KiB, a first-level
cache less room for A and C. Flat: as many streams from memory as there are rows. Along: few rows
of A then stay in a first-level cache."""
TALLEST = 256
"""Places in m of a block: its part of A takes a quarter of a second-level cache of 1 MiB, half in
float64."""
NEAR, FAR = 1 << 18, 1 << 21
"""Bytes of a block of B: near, where few rows of A use it; else in a share of the last cache."""
WIDEST_BLOCK = 4096
"""Places in n of a block, whose tables are held."""
SHORTEST = 4
"""Places in k of a block where there is little room."""
STREAMED = 1 << 25
"""Bytes of a result from which on it is written past the caches."""
PIECE, PIECES = 25_000, 16
"""Nanoseconds of the smallest piece that is worth a thread; the most pieces, which up to so many
threads share evenly."""
LEAST_TOGETHER, PACKED_TOGETHER, ACROSS = 4, 32, 4
"""Elements of the batch that are next to each other in all arrays from which on vectors run along
them; rows and columns from which on these are packed; columns of a tile then."""
LONGEST_TOGETHER, MOST_TOGETHER, CACHED_TOGETHER = 64, 16, 1 << 12
"""Then: places in k of a block, vectors of a block, and bytes of a row of A in a block: a tile
takes four, and four columns of B."""
CHANGED = 32
"""Places in m and k from which on operands change their roles where n is a part of a vector, and
in k from which on few rows are read along k."""
FEW = 4
"""Tiles of rows up to which B is not packed where its columns follow each other."""
SMALL = 1 << 14
"""Bytes of B up to which it is not packed, since a first-level cache holds it as it lies."""
CACHED, AHEAD = 1 << 20, 512
"""Bytes of B from which on it is taken to come from memory where it is not packed; bytes by which
it is asked for beforehand then, since its rows are too far apart for processors to foresee."""
WORTH_PACKING = 4096
"""Elements of A above which it is packed, where enough columns use it."""


class Sized(NamedTuple):
    """The words of a product up to its axes, its pieces, and the bytes of scratch of a thread."""

    words: tuple[int, ...]
    pieces: int
    scratch: int


class _Counts(NamedTuple):
    """Places in batch, rows, k and columns."""

    batch: int
    m: int
    k: int
    n: int


class _Lies(NamedTuple):
    """How many places follow each other: of k in B, of columns in B, of columns in C.

    And how many elements of the batch, in all three.
    """

    along: int
    across: int
    result: int
    batch: int = 1


class _Block(NamedTuple):
    """Places in m, k and n of a block, and elements for one place in k of packed A and B."""

    tall: int
    long: int
    wide: int
    of_a: int
    of_b: int


class _Packs(NamedTuple):
    """Whether A and B are packed; columns to multiples of which blocks are cut, and the fewest.

    Then elements for each place in k of a line of what is packed, and whether rows can be cut.
    """

    a: bool
    b: bool
    unit: int
    least: int
    depth: int
    by_rows: bool = True


@lru_cache(maxsize=4096)
def sized(descriptor: tuple[int, ...], size: int, room: int = 0, host: Host = WIDEST) -> Sized:
    """How the product runs that a descriptor of `einlab.native.words.product` tells.

    Elements have `size` bytes; `room` are the bytes of scratch that a thread may have, 0 if as many
    as are best; if that is less than can be, and than LEAST_ROOM, it takes as few as can be.

    >>> matrices = ((256, 256, 0, 256), (256, 1, 256, 0), (256, 0, 1, 1))
    >>> words = (0, 1, 1, 1, 0, *(word for axis in matrices for word in axis))
    >>> sized(words, 4).scratch, sized(words, 4, 8192).scratch
    (283200, 7488)
    """
    groups = _groups(descriptor)
    batch, m, k, n = (math.prod(axis.extent for axis in group) for group in groups)
    left = True
    if n <= host.rows // 2 and m >= CHANGED and k >= CHANGED:
        left, m, n = False, n, m
    operand, columns = (2, groups[3]) if left else (1, groups[1])
    together = min(_run(groups[0], place) for place in (1, 2, 3))
    lies = _Lies(_run(groups[2], operand), _run(columns, operand), _run(columns, 3), together)
    words, pieces, scratch = _sized(_Counts(batch, m, k, n), lies, size, room, host)
    return Sized((*descriptor[:5], 1 if left else 3, *words), pieces, scratch)


def sized_by_counts(
    batch: int, m: int, k: int, n: int, size: int, room: int = 0, host: Host = WIDEST
) -> tuple[int, int]:
    """Pieces and bytes of scratch that a product has at most, however its operands lie.

    >>> sized_by_counts(1, 512, 512, 512, 4)
    (16, 553536)
    """
    found = [
        _sized(_Counts(batch, rows, k, columns), lies, size, room, host)
        for rows, columns in ((m, n), (n, m))
        for lies in (
            _Lies(1, 1, 1),
            _Lies(1, columns, columns),
            _Lies(k, 1, 1),
            _Lies(1, 1, 1, batch),
        )
    ]
    return max(made.pieces for made in found), max(made.scratch for made in found)


def _groups(descriptor: tuple[int, ...]) -> list[list[Axis]]:
    numbers = iter(descriptor[5:])
    axes = map(Axis, numbers, numbers, numbers, numbers)
    return [[next(axes) for _ in range(count)] for count in descriptor[:4]]


def _run(axes: Sequence[Axis], operand: int) -> int:
    """How many places of a group, from its first on, follow each other without a gap."""
    run = 1
    for axis in reversed(axes):
        if axis.extent != 1 and axis[operand] != run:
            break
        run *= axis.extent
    return run


def _sized(counts: _Counts, lies: _Lies, size: int, room: int, host: Host) -> Sized:
    """All words after the fifth but which operand gives the rows."""
    batch, m, k, n = counts
    if batch * m * n == 0:
        return Sized((0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1), 1, 64)
    if lies.batch >= LEAST_TOGETHER:
        return _along_batch(counts, lies.batch, size, room, host)
    lanes = host.vector // size
    panel = (2 if m > host.rows // 2 else 4) * lanes
    along = m <= host.rows // 2 and lies.along >= CHANGED and lies.across < DOTS and n >= DOTS
    flat = m <= host.rows and lies.across >= 4 * host.vector and lies.result >= lanes
    cuts = _cuts(_pieces(counts, size), counts, 2 * lanes, host.rows)
    rows, columns = -(-m // cuts[1]), -(-n // cuts[2])
    packed = along or (columns > 4 * panel and m * k > WORTH_PACKING)
    straight = rows <= FEW * host.rows or k * n * size <= SMALL
    in_place = straight and (lies.across >= n or lies.across % panel == 0)
    if along:
        block = m, min(lies.along, LONGEST_ALONG), min(n, WIDEST_BLOCK)
    else:
        block = _lengths(counts, panel, FLATTEST if flat else LONGEST, flat, size)
    packs = _Packs(packed, not (along or in_place), panel, 4 * lanes, 1, not along)
    made = _fitting(block, packs, size, room, host)
    past = batch * m * n * size >= STREAMED
    ahead = AHEAD if m <= host.rows // 2 or (straight and k * n * size >= CACHED) else 0
    words = along, lies.along if along else k, packed, straight, past, ahead
    return Sized((*map(int, words), *made, *cuts), math.prod(cuts), _bytes(made, size, host))


def _along_batch(counts: _Counts, together: int, size: int, room: int, host: Host) -> Sized:
    """The words where vectors run along the batch.

    As many of them are taken together as a first-level cache holds; one where they are packed.
    """
    batch, m, k, n = counts
    lanes, long = host.vector // size, min(max(k, 1), LONGEST_TOGETHER)
    packed = min(m, n) >= PACKED_TOGETHER
    vectors = 1 if packed else CACHED_TOGETHER // (long * host.vector)
    run = min(together, max(1, min(MOST_TOGETHER, vectors)) * lanes)
    units = counts._replace(batch=-(-batch // run))
    least = PACKED_TOGETHER if packed else ACROSS
    cuts = _cuts(_pieces(counts, size), units, least, max(least, host.rows))
    wide = FAR // 8 // (run * long * size) // ACROSS * ACROSS
    block = min(m, wide), long, min(n, wide, WIDEST_BLOCK)
    packs = _Packs(packed, packed, ACROSS, ACROSS, lanes if packed else 1)
    made = _fitting(block, packs, size, room, host)
    words = ALONG_BATCH, run, packed, 1, 0, 0
    return Sized((*map(int, words), *made, *cuts), math.prod(cuts), _bytes(made, size, host))


def _lengths(counts: _Counts, panel: int, most: int, flat: bool, size: int) -> tuple[int, int, int]:
    """Places in m, k and n of a block where room does not matter."""
    _, m, k, n = counts
    long = k
    if k > most:
        parts = -(-k // most)
        long = -(-k // parts)
    wide = n
    if not flat:
        share = NEAR if m <= 64 else FAR
        if n * max(long, 16) * size > share:
            wide = share // (size * max(long, 16))
    return min(m, TALLEST), max(long, 1), min(WIDEST_BLOCK, _up(wide, panel))


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def _fitting(
    block: tuple[int, int, int],
    packs: _Packs,
    size: int,
    room: int,
    host: Host,
) -> _Block:
    """The block, made smaller until it fits the room; 0 if there is no limit.

    As small as can be is below LEAST_ROOM. Halved is what is least missed: packing A again for
    every block of columns costs most, then adding to C for every block of k, then reading B again
    for every block of rows.
    """
    tall, long, wide = block

    def made() -> _Block:
        of_a = packs.depth * _up(tall, host.rows) if packs.a else 0
        of_b = packs.depth * _up(wide, packs.least) if packs.b else 0
        return _Block(tall, long, wide, of_a, of_b)

    while room and _bytes(made(), size, host) > room:
        worth = wide / 3, float(tall), long / 2
        can = wide > packs.least, packs.by_rows and tall > host.rows, long > SHORTEST
        missed = [(worth[place], place) for place in range(3) if can[place]]
        if not missed:
            break
        _, place = max(missed)
        if place == 0:
            wide = _up(wide // 2, packs.unit)
        elif place == 1:
            tall = _up(tall // 2, host.rows)
        else:
            long = -(-long // 2)
    return made()


def _bytes(block: _Block, size: int, host: Host) -> int:
    return HEAD + sum(scratch_of(*block, size, *host))


def _pieces(counts: _Counts, size: int) -> int:
    """Pieces that are worth a thread each."""
    batch, m, k, n = counts
    nanoseconds = batch * (m * n * k * size / 250 + (m * k + k * n + 2 * m * n) * size / 12)
    pieces = int(min(nanoseconds / PIECE, PIECES))
    if pieces < 2:
        return 1
    return -(-pieces // batch) * batch if batch < pieces else pieces


def _cuts(pieces: int, counts: _Counts, across: int, down: int) -> tuple[int, int, int]:
    """Into how many parts batch, m and n are cut for at most so many pieces.

    A piece has so many columns, and rows, at least.
    """
    if pieces == 1:
        return 1, 1, 1
    batch, m, _, n = counts
    by_batch = min(pieces, batch)
    rest = pieces // by_batch
    most_m, most_n = -(-m // down), -(-n // across)
    best, by_m, by_n = 0.0, 1, 1
    for cut_n in range(1, min(rest, most_n) + 1):
        cut_m = min(rest // cut_n, most_m)
        value = cut_m * cut_n / (m / cut_m + n / cut_n)
        if value > best:
            best, by_m, by_n = value, cut_m, cut_n
    return by_batch, by_m, by_n
