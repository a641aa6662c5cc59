"""Which kinds of products a tape has: few, because each costs XLA a branch to compile.

A step may be cut into tiles of a product of matrices, which look every operand up once for many
entries of the result; or into rows, one for each entry of the result, which look both factors of
every product up. Rows of one length serve steps of all shapes, so small steps are cut into rows,
and tiles stand where they spare many look-ups.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from einlab.execute.tape_patterns import Form, Sides

__all__ = ["WORTH", "choose_sides"]

WORTH = 2**16
"""Look-ups that a kind of its own must spare. They take about 60 µs at every call, a kind takes 50
ms once: `python -m benchmarks.compile`."""


def choose_sides(forms: Sequence[Form]) -> dict[Form, Sides]:
    """The sides of the tiles of each form."""
    times = Counter(forms)
    spared: dict[Sides, int] = defaultdict(int)
    for form, count in times.items():
        spared[form.tile] += count * (fetched(form, form.row) - fetched(form, form.tile))
    tiled = {form: form.tile for form in times if spared[form.tile] >= WORTH}
    lifted = _lifted({form: count for form, count in times.items() if form not in tiled})
    return {form: tiled.get(form) or (1, lifted[form.row[1]], 1) for form in times}


def fetched(form: Form, sides: Sides) -> int:
    """Numbers looked up for a step."""
    m, k, n = sides
    return form.tiles(sides) * (m * k + k * n)


def _lifted(rows: Mapping[Form, int]) -> dict[int, int]:
    """The length of row that serves each length: a longer one, where few rows have this one."""
    entries: dict[int, int] = defaultdict(int)
    for form, count in rows.items():
        entries[form.row[1]] += count * form.tiles(form.row)
    lengths = sorted(entries)
    to = {length: length for length in lengths}
    for length, longer in pairwise(lengths):
        if 2 * entries[length] * (longer - length) < WORTH:
            entries[longer] += entries[length]
            to = {given: longer if now == length else now for given, now in to.items()}
    return to
