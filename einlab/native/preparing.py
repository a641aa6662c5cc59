"""How a strided step runs: which axis fills vectors, what is transposed in blocks, in which order.

A strided step is C[c] (+)= Σ A[a] · B[b], or Σ A[a], bound by memory. `prepared` reduces its axes
to loops around a block of rows, as words that the kernels of `einlab.native.strided` read. Entries
of a row are neighbours in C, or summed. Where an operand lies across, the rows of a block follow
each other along the operand's own neighbours, so that a block is transposed in registers and the
cache lines it touches are used up. No Numba here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

from einlab.native.words import Axis

__all__ = ["DOT", "EACH", "FLAT", "GATHER", "HEADER", "SCATTER", "SUM", "TURN", "UNIT", "prepared"]

EACH, SUM, DOT = 0, 1, 2
"""Kinds: nothing is summed; rows are summed entry by entry; each row is summed to a number."""
UNIT, FLAT, TURN, GATHER = 0, 1, 2, 3
"""How an operand's row lies: neighbours, one number, across but in runs, any other way."""
SCATTER = 1
"""The entries of a row of C lie apart."""

(
    KIND, ADD, SWAP, ONE, WIDE, PAST, POSITIONS, TASKS, SCRATCH, LOOPS, AT_LOOPS, SUMS, AT_SUMS,
    SUMMANDS, ROW, ROW_LAST, ROW_COUNTER, ROW_FINAL, COUNT, COUNT_LAST, COUNT_COUNTER, COUNT_FINAL,
    COUNT_SUMMED, MODE_A, MODE_B, MODE_C, RUN_A, RUN_B, AV, BV, CV, UV, AJ, BJ, CJ, SJ,
    TILE_A, TILE_B, HIGH, LOW, HEADER,
) = range(41)  # fmt: skip

NARROW = 16  # entries of a row below which a longer row of several axes is better
SIDE = 64  # entries of a row that is transposed
LONG = 256  # rows of a block that is only copied: long stretches of the operand
CACHED = 8192  # numbers of a block that is worth a turn of the loops
WIDE_SUM = 2048  # entries of a row of sums: long stretches of the operand
NARROW_SUM = 512  # entries of a row of sums where there are few rows for many threads
ADDENDS = 2048  # numbers that are added before rounding errors are kept apart
PARTS = 1, 2, 4, 8, 16
"""Parts of blocks that are tried where there is little room."""
SUMMED_ROWS = 16  # rows that are added before rounding errors are kept apart
PAST_CACHES = 1 << 23  # bytes of a result that is not awaited in the caches
TASK = 1 << 17  # bytes read and written that are worth a task
TURNED = 4  # entries of a row, and neighbours across, from which on blocks are transposed
NO_AXIS = Axis(1, 0, 0, 1)


class _Block(NamedTuple):
    """Part of the axes as one direction of a block.

    `places` has the strides' sums of each element, unless the axis is one whose neighbours lie
    together; `last` is the length of the last part of an axis that is parted by `loop`.
    """

    taken: list[Axis]
    places: list[tuple[int, int, int]] | None
    length: int
    last: int
    loop: Axis | None


class _Side(NamedTuple):
    """An operand in a block: how its rows lie, how many follow each other as neighbours."""

    mode: int
    run: int


@functools.lru_cache(256)
def prepared(
    axes: tuple[Axis, ...], itemsize: int, *, two: bool = True, add: bool = False, room: int = 0
) -> tuple[int, ...]:
    """The words of a strided step over `axes`, for numbers of `itemsize` bytes.

    Strides count elements; an axis with stride 0 in the result is summed over. With `two` the step
    multiplies two operands, else strides of the right one are ignored; with `add` the result is
    added to what is there. The words ask for at most `room` bytes of scratch, if it is not 0, or
    for as few as can be: that is at most 8 KiB.

    >>> words = prepared((Axis(3, 1, 0, 2), Axis(2, 3, 0, 1)), 4, two=False)
    >>> words[KIND] == EACH, words[ROW], words[COUNT], words[MODE_A] == GATHER
    (True, 6, 1, True)
    """
    found = _merged([axis if two else axis._replace(right=0) for axis in map(Axis._make, axes)])
    halves = _halved(found) if not two and not add and itemsize == 4 else None
    wide = halves is not None
    for part in PARTS:
        words = _words(
            found if halves is None else _merged(halves), 8 if wide else itemsize, two, add, part,
            wide=wide,
        )  # fmt: skip
        if not room or words[SCRATCH] <= room:
            break
    return words


def _merged(axes: Sequence[Axis]) -> list[Axis]:
    """Axes without those of one element; neighbours in all arrays become one axis."""
    left = [axis for axis in axes if axis.extent != 1]
    if any(axis.extent == 0 for axis in left):
        kept = [axis._replace(left=0, right=0) for axis in left if axis.result]
        return kept + [Axis(0, 0, 0, 0)] * any(not a.extent and not a.result for a in left)
    left.sort(key=lambda axis: (axis.result, axis.left, axis.right))
    done: list[Axis] = []
    while left:
        inner = left.pop(0)
        n, strides = inner.extent, inner[1:]
        outer = next((x for x in left if x[1:] == tuple(n * s for s in strides)), None)
        if outer is None:
            done.append(inner)
        else:
            left.remove(outer)
            left.insert(0, Axis(n * outer.extent, *strides))
    return done


def _halved(axes: list[Axis]) -> list[Axis] | None:
    """The axes of a copy in pairs of numbers, if all that are neighbours in both are pairs."""
    unit = [axis for axis in axes if axis.result == 1 and axis.left == 1]
    rest = [axis for axis in axes if axis not in unit]
    if [axis.extent for axis in unit] != [2]:
        return None
    if any(axis.left % 2 or axis.result % 2 or not axis.result for axis in rest):
        return None
    return [axis._replace(left=axis.left // 2, result=axis.result // 2) for axis in rest]


def _straight(axis: Axis) -> bool:
    """Whether the operands' numbers are neighbours along the axis, or one and the same."""
    return axis.left in (0, 1) and axis.right in (0, 1)


def _kind(kept: list[Axis], summed: list[Axis], lanes: int) -> tuple[int, Axis]:
    """What a row is, and the axis it begins with."""
    row = min(kept, key=lambda axis: abs(axis.result), default=NO_AXIS)
    if not summed:
        return EACH, row
    dots = [axis for axis in summed if _straight(axis) and (axis.left or axis.right)]
    dot = max(dots, key=lambda axis: axis.extent, default=None)
    across = min(summed, key=lambda axis: (axis.left or axis.right, axis.right))
    if not all(axis.extent for axis in summed):
        return SUM, row
    if kept and row.result == 1 and _straight(row):
        if dot is None or row.extent >= lanes or dot.extent < row.extent:
            return SUM, row
        return DOT, dot
    if dot is not None and dot.extent >= min(lanes, math.prod(axis.extent for axis in kept)):
        return DOT, dot
    apart = [axis for axis in kept if _straight(axis) and axis.left | axis.right]
    apart = [axis for axis in apart if axis.extent >= NARROW]
    if apart and math.prod(axis.extent for axis in summed) >= 4:
        return SUM, apart[0]
    return (SUM, row) if kept and row.result == 1 and row.extent >= 4 else (DOT, dot or across)


def _taken(order: list[Axis], limit: int, *, table: bool = True) -> _Block:
    """The first axes, up to `limit` elements of them; the axis that no longer fits is parted."""
    places, length, last, parted = [(0, 0, 0)], 1, 1, None
    taken: list[Axis] = []
    for axis in order:
        chunk = axis.extent
        if length * chunk > limit:
            chunk = -(-chunk // -(-chunk // max(1, limit // length)))
            if length == 1:
                chunk = min(limit, -(-chunk // 16) * 16)
            if chunk == 1:
                break
            parted = Axis(-(-axis.extent // chunk), *(chunk * stride for stride in axis[1:]))
        if table:
            steps = [[i * stride for stride in axis[1:]] for i in range(chunk)]
            places = [(x + a, y + b, z + c) for a, b, c in steps for x, y, z in places]
        taken.append(axis)
        last = length * (axis.extent - chunk * (parted.extent - 1) if parted else chunk)
        length *= chunk
        if parted:
            break
    return _Block(taken, places if table else None, length, last, parted)


def _row(
    kind: int, first: Axis, kept: list[Axis], summed: list[Axis], size: int, two: bool, part: int
) -> _Block:
    """The axes of a row."""
    straight = _straight(first) and (kind == DOT or first.result == 1)
    straight = straight and (kind == SUM or not two or bool(first.left or first.right))
    short = 4 if kind == EACH and not two and first.left else NARROW
    if straight and (kind == DOT or first.extent >= short):
        results = math.prod(axis.extent for axis in kept)
        sums = max(NARROW_SUM, min(WIDE_SUM, results // 8))
        limit = {EACH: CACHED, SUM: sums // part, DOT: ADDENDS // part}[kind] * 4 // size
        return _taken([first], limit, table=False)
    if kind == DOT:
        others = [axis for axis in summed if axis is not first]
        return _taken([first, *sorted(others, key=lambda axis: abs(axis.left))], SIDE // part)
    chain, length = [first], first.extent
    while first.result == 1:
        after = next((axis for axis in kept if axis.result == length), None)
        if after is None or (kind == EACH and length >= TURNED and _lies_along(first, after)):
            break
        chain.append(after)
        length *= after.extent
    return _taken(chain, SIDE // part)


def _lies_along(first: Axis, after: Axis) -> bool:
    """Whether an operand's neighbours lie along `after`: its rows are turned, not gathered."""
    return after.extent >= TURNED and any(
        after[1 + x] == 1 and first[1 + x] not in (0, 1) for x in (0, 1)
    )


def _rows(kind: int, row: _Block, across: int, axes: list[Axis], two: bool, part: int) -> _Block:
    """The axes along which the rows of a block follow each other.

    `across` is the place in an axis of the stride of an operand that lies across; 0 if none does.
    """
    if across:
        lying = sorted((x for x in axes if x[across]), key=lambda axis: abs(axis[across]))
        first = lying[:1]
        alike = [axis for axis in lying if bool(axis.result) == bool(first[0].result)]
        return _taken(alike, (SIDE if two else LONG) // part)
    long = row.length >= NARROW and kind != DOT
    near = 3 if long else 1  # else use up the lines that are read
    kept = sorted((x for x in axes if x.result), key=lambda axis: abs(axis[near]))
    summed = sorted((x for x in axes if not x.result), key=lambda axis: axis.left or axis.right)
    if kind == SUM:
        few = math.prod(axis.extent for axis in summed) <= 2 * SUMMED_ROWS
        return _taken(summed, SUMMED_ROWS << few)
    alone = kind == DOT and row.loop  # a long row is read at one go
    return _taken(kept or summed, 1 if alone else max(1, min(SIDE // part, CACHED // row.length)))


def _side(row: _Block, rows: list[int], operand: int) -> _Side:
    """How an operand lies in a block; `rows` has the places of its rows."""
    if row.places is None:
        return _Side(FLAT if row.taken[0][1 + operand] == 0 else UNIT, 1)
    places = [place[operand] for place in row.places]
    if places == list(range(len(places))):
        return _Side(UNIT, 1)
    if not any(places):
        return _Side(FLAT, 1)
    run = 1
    while run < len(rows) and rows[run] == rows[0] + run:
        run += 1
    starts = range(0, len(rows), run)
    even = all(rows[i : i + run] == list(range(rows[i], rows[i] + run)) for i in starts)
    return _Side(TURN, run) if even and run >= 4 and len(places) >= 4 else _Side(GATHER, 1)


def _left(axes: list[Axis], block: _Block) -> list[Axis]:
    """The axes of which a block has nothing."""
    taken = {id(axis) for axis in block.taken}
    return [axis for axis in axes if id(axis) not in taken]


def _words(
    axes: list[Axis], size: int, two: bool, add: bool, part: int, *, wide: bool = False,
    swap: bool = False,
) -> tuple[int, ...]:  # fmt: skip
    """The words of canonical axes; blocks are a `part` of what is best."""
    if any(axis.extent == 0 and axis.result for axis in axes):
        return (0,) * HEADER
    kept, summed = [x for x in axes if x.result], [x for x in axes if not x.result]
    kind, first = _kind(kept, summed, NARROW)
    row = _row(kind, first, kept, summed, size, two, part)
    modes = [_side(row, [0], x).mode for x in (0, 1)]
    if two and not swap and modes[0] == FLAT and modes[1] != FLAT:
        axes = [Axis(n, right, left, result) for n, left, right, result in axes]
        return _words(axes, size, two, add, part, swap=True)
    across = next((1 + x for x in range(1 + two) if modes[x] == GATHER), 0)
    left = _left(axes, row)
    rows = _rows(kind, row, across, [axis for axis in left if axis.extent], two, part)
    loops = [x for x in (*_left(left, rows), row.loop, rows.loop) if x]
    outer = sorted((x for x in loops if x.result), key=lambda x: -abs(x.result))
    inner = sorted((x for x in loops if not x.result), key=lambda x: -abs(x.left or x.right))
    sides = [_side(row, [place[x] for place in rows.places or ()], x) for x in (0, 1)]
    if sides[0].mode == FLAT and (kind == DOT or (kind == EACH and two)):
        sides[0] = _Side(GATHER, 1)
    head = [0] * HEADER
    head[KIND], head[ADD], head[SWAP], head[ONE], head[WIDE] = kind, add, swap, not two, wide
    head[POSITIONS] = math.prod(x.extent for x in outer)
    head[SUMMANDS] = math.prod(x.extent for x in inner)
    head[LOOPS], head[SUMS] = len(outer), len(inner)
    (head[MODE_A], head[RUN_A]), (head[MODE_B], head[RUN_B]) = sides
    head[ROW], head[ROW_LAST], head[COUNT], head[COUNT_LAST] = (*row[2:4], *rows[2:4])
    head[COUNT_SUMMED] = bool(rows.taken) and not rows.taken[0].result
    for counter, block in ((ROW_COUNTER, row), (COUNT_COUNTER, rows)):
        place = next((i for i, x in enumerate(outer + inner) if x is block.loop), None)
        head[counter] = 8 * (place or 0)
        head[counter + 1] = block.loop.extent - 1 if block.loop else -1
    numbers = math.prod(x.extent for x in kept)
    moved = size * (numbers + (1 + two) * numbers * math.prod(x.extent for x in summed))
    head[TASKS] = max(1, min(head[POSITIONS], moved // TASK))
    return _tabled(head, row, rows, outer, inner, size)


def _tabled(
    head: list[int], row: _Block, rows: _Block, outer: list[Axis], inner: list[Axis], size: int
) -> tuple[int, ...]:
    """The words with loops, tables of places, and places in the scratch memory."""
    pitch = -(-row.length * size // 64) * 64
    body: list[int] = []

    def put(at: int, words: list[int]) -> None:
        head[at] = 8 * (HEADER + len(body))
        body.extend(words)

    for at, loops in ((AT_LOOPS, outer), (AT_SUMS, inner)):
        put(at, [w for n, *strides in loops for w in (n, *(size * s for s in strides))])
    entries, lines = row.places or [], rows.places or []
    for x, (at_row, at_rows) in enumerate(((AV, AJ), (BV, BJ), (CV, CJ))):
        put(at_row, [size * place[x] for place in entries])
        put(at_rows, [size * place[x] for place in lines])
    put(UV, [size * x for x in range(len(entries))])
    put(SJ, [pitch * x for x in range(rows.length)])
    if head[KIND] != DOT and entries and [z for _, _, z in entries] != list(range(row.length)):
        head[MODE_C] = SCATTER
    room = 64 * (1 + (len(outer) + len(inner)) // 8)
    sums = pitch if head[KIND] == SUM and head[COUNT_SUMMED] else pitch * rows.length
    if head[KIND] == DOT:
        sums = -(-rows.length * size // 64) * 64
    staged = [head[mode] in (TURN, GATHER) for mode in (MODE_A, MODE_B)]
    straight = head[MODE_C] != SCATTER and head[KIND] != DOT
    alone = head[SUMMANDS] == 1 and (head[COUNT_SUMMED] == 1 or head[COUNT] == 1)
    direct = straight and (head[KIND] == EACH or alone)
    parts = (staged[0], staged[1], not direct, head[KIND] != EACH and not direct)
    for at, needed in zip((TILE_A, TILE_B, HIGH, LOW), parts, strict=True):
        head[at] = room
        room += needed * (sums if at in (HIGH, LOW) else pitch * rows.length)
    head[SCRATCH] = room
    steps = [stride for *_, stride in outer] + [place[2] for place in lines]
    steps += [row.length, row.last]
    steps += [head[RUN_A], rows.last] if head[MODE_A] == TURN else []
    large = size * math.prod(x.extent for x in outer) * row.length * rows.length >= PAST_CACHES
    head[PAST] = large and all(size * step % 64 == 0 for step in steps)
    return (*map(int, head), *body)
