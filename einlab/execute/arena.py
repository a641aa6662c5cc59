"""Places for results of some length in one array, used again once they are given up."""

from __future__ import annotations

__all__ = ["Arena"]

ALIGNED, SMALL = 16, 4
"""Entries to which places are rounded: a cache line of float32, and of results of less than that a
part of it."""


class Arena:
    """Places of some length in one array: the least free one that is long enough is taken."""

    def __init__(self) -> None:
        self.length = 0
        self.free: dict[int, int] = {}
        """Length of each free place, by where it begins."""
        self.ends: dict[int, int] = {}
        """Where each free place begins, by where it ends."""
        self.taken: dict[int, int] = {}

    def take(self, length: int) -> int:
        """Where a place of that length begins."""
        unit = SMALL if length < ALIGNED else ALIGNED
        length = -(-length // unit) * unit
        fitting = [(size, start) for start, size in self.free.items() if size >= length]
        if fitting:
            size, start = min(fitting)
            self._use(start)
        else:
            start = self.ends.get(self.length, self.length)
            size = length
            if start < self.length:  # the last place is free, and grows
                self._use(start)
            self.length = start + length
        if size > length:
            self._put(start + length, size - length)
        self.taken[start] = length
        return start

    def give(self, start: int) -> None:
        """Free a place; it joins free neighbours."""
        length = self.taken.pop(start)
        if start in self.ends:
            start, length = self.ends[start], length + self._use(self.ends[start])
        if start + length in self.free:
            length += self._use(start + length)
        self._put(start, length)

    def _put(self, start: int, length: int) -> None:
        self.free[start] = length
        self.ends[start + length] = start

    def _use(self, start: int) -> int:
        length = self.free.pop(start)
        del self.ends[start + length]
        return length
