"""A program of small products as a tape: its chunks in order, and index arrays for their operands.

One flat buffer holds 0, 1, the inputs, and the regions that chunks fill. Index arrays are made for
all steps of one form at once: first as if every value lay in a place of its own, then looked up
where the schedule puts it. No JAX here.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from einlab.execute.tape_patterns import Form, form_of, grid, pattern_of
from einlab.execute.tape_program import ONE, Output, Program, View
from einlab.execute.tape_schedule import Kind, schedule

__all__ = ["FIRST", "Tape", "tape_of"]

Indices = np.ndarray[Any, np.dtype[np.int32]]

ZERO_AT, ONE_AT, FIRST = 0, 1, 2
"""Where in the buffer 0 and 1 lie, and where the inputs begin."""
REGION = 256
"""Entries that a chunk writes: of longer ones fewer are filled, of shorter ones there are more."""


@dataclass(frozen=True, eq=False)
class Tape:
    """What `tape` runs: the order of the chunks, and where each finds and leaves its numbers."""

    kinds: tuple[Kind, ...]
    left: tuple[Indices, ...]
    """For each kind, where the left operands lie: (chunks, chunk, m, k)."""
    right: tuple[Indices, ...]
    """For each kind, where the right operands lie: (chunks, chunk, k, n)."""
    order: Indices
    """For each chunk in turn its kind, its number within the kind, and where its results begin."""
    region: int
    """Entries that a chunk writes."""
    regions: int
    """Regions of the buffer that are needed at once."""
    outputs: tuple[Indices, ...]
    """Where the entries of each output lie."""

    @property
    def index_bytes(self) -> int:
        """Bytes of all index arrays."""
        return sum(array.nbytes for array in (*self.left, *self.right, self.order, *self.outputs))


@lru_cache(maxsize=64)
def tape_of(program: Program, region: int = REGION) -> Tape:
    """The tape of a program; a chunk writes `region` entries, at least as many as a tile has."""
    return _Writer(program, region).tape()


class _Writer:
    """Writes the index arrays of a program."""

    def __init__(self, program: Program, region: int) -> None:
        self.program, self.region = program, region
        self.count = len(program.inputs)
        self.starts = FIRST + np.concatenate([[0], np.cumsum(program.lengths, dtype=np.int64)])
        self.results_at = int(self.starts[self.count])
        self.where = np.zeros(int(self.starts[-1]), np.int32)
        """For each entry of each value, each in a place of its own, its place in the buffer."""
        self.where[: self.results_at] = np.arange(self.results_at)
        self.forms = [form_of(step, program) for step in program.steps]
        self.schedule = schedule(program, self.forms, region)

    def tape(self) -> Tape:
        """The tape."""
        kinds, plan = self.schedule.kinds, self.schedule
        tiles = [plan.made(number) * kind.chunk for number, kind in enumerate(kinds)]
        left = [np.zeros((c, k.m, k.k), np.int64) for c, k in zip(tiles, kinds, strict=True)]
        right = [np.zeros((c, k.k, k.n), np.int64) for c, k in zip(tiles, kinds, strict=True)]
        groups: dict[Form, list[int]] = defaultdict(list)
        for place, form in enumerate(self.forms):
            groups[form].append(place)
        for form, places in groups.items():
            number = plan.kind_of[places[0]]
            self._write(form, places, kinds[number], left[number], right[number])
        order = [(c.kind, c.number, self.results_at + c.region * self.region) for c in plan.chunks]
        return Tape(
            kinds,
            tuple(self._found(at, k.chunk) for at, k in zip(left, kinds, strict=True)),
            tuple(self._found(at, k.chunk) for at, k in zip(right, kinds, strict=True)),
            np.array(order, np.int32).reshape(-1, 3),
            self.region,
            plan.regions,
            tuple(self.where[self._output(output)] for output in self.program.outputs),
        )

    def _found(self, places: Any, chunk: int) -> Indices:
        """Places in the buffer, by chunk."""
        found: Indices = self.where[places].reshape(-1, chunk, *places.shape[1:])
        return found

    def _write(self, form: Form, places: list[int], kind: Kind, left: Any, right: Any) -> None:
        """The operands of all tiles of steps of one form, and where their results come to lie."""
        pattern = pattern_of(form, kind.sides)
        bases = np.array(
            [
                [[self._base(view) for view in term] for term in self.program.steps[p].terms]
                for p in places
            ]
        )  # (steps, terms, 2)
        lefts, rights = bases[:, pattern.term_of, 0], bases[:, pattern.term_of, 1]
        if form.swapped:
            lefts, rights = rights, lefts
        slots, starts = self._slots(places, kind)
        left[slots] = _based(pattern.left, lefts[:, None, None, :])
        right[slots] = _based(pattern.right, rights[:, None, :, None])
        values = self.starts[[self.count + p for p in places]]
        alone = pattern.result + values[:, None, None, None]
        inside = np.arange(kind.m * kind.n).reshape(kind.m, kind.n)
        buffer = self.results_at + starts[:, :, None, None] + inside
        filled = np.broadcast_to(pattern.result >= 0, alone.shape)
        self.where[alone[filled]] = buffer[filled]

    def _slots(self, places: list[int], kind: Kind) -> tuple[Any, Any]:
        """(steps, tiles): the place of each tile within its kind, and where its results begin."""
        runs = [run for place in places for run in self.schedule.stretches[place]]
        tiles = np.array([run.tiles for run in runs])
        within = np.arange(tiles.sum()) - np.repeat(np.cumsum(tiles) - tiles, tiles)
        slots = np.repeat([run.slot for run in runs], tiles) + within
        starts = np.repeat([run.start for run in runs], tiles) + within * (kind.m * kind.n)
        return slots.reshape(len(places), -1), starts.reshape(len(places), -1)

    def _base(self, view: View) -> int:
        """Where a view begins while every value lies in a place of its own."""
        return ONE_AT if view.value == ONE else int(self.starts[view.value]) + view.offset

    def _output(self, output: Output) -> Any:
        """Where the entries of an output lie in the same sense."""
        places = np.full(output.length, ZERO_AT, np.int64)
        for piece in output.pieces:
            sizes = [self.program.sizes[label] for label in piece.source.labels]
            source = grid(sizes, piece.source.strides) + self._base(piece.source)
            places[grid(sizes, piece.strides) + piece.offset] = source
        return places


def _based(pattern: Any, bases: Any) -> Any:
    """Patterns moved to where their values begin: (steps, tiles, …)."""
    return np.where(pattern >= 0, pattern + bases, ZERO_AT)
