"""What moving an array and multiplying two cost in seconds: the constants and one formula of each.

A program is bound by its products or by the arrays that it permutes between them. Three things
decide what a permutation takes: the bytes that it reads and writes, the number of contiguous runs
in which it does so, and whether the memory that it writes is fresh, because an operating system
gives a large allocation page by page at the first touch. `MoveCosts` holds the constants, for one
kind of device; a calibration puts measured ones in their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MOVE_COSTS", "MoveCosts", "contiguous_run"]


@dataclass(frozen=True, slots=True)
class MoveCosts:
    """Constants of one kind of device, in seconds, bytes and FLOPs.

    Permuting v elements of s bytes that keep contiguous runs of r elements takes

        launch + 2·v·s / rate + (v / r)·run + fresh·v·s

    where rate is `cached_bytes_per_second` if both copies (2·v·s bytes) fit in `cache`, else
    `bytes_per_second`; the last term counts only above `fresh_from` bytes. A run longer than
    `longest_run` bytes counts as several.

    >>> costs = MOVE_COSTS["cpu"]
    >>> costs.permuting(2**20, 4, 1) > costs.permuting(2**20, 4, 64) > costs.copying(2**20, 4)
    True
    """

    launch: float
    """Seconds that one more operation of a program takes."""
    cached_bytes_per_second: float
    """Bytes read or written a second where all fits in `cache`."""
    bytes_per_second: float
    """Bytes read or written a second beyond it."""
    cache: float
    """Bytes of the last level of memory on the chip."""
    run: float
    """Seconds for each contiguous run that is copied by itself."""
    fresh: float
    """Seconds a byte for memory that is touched for the first time."""
    fresh_from: float
    """Bytes of a program's temporaries, or of a result, from which memory is fresh in each call."""
    flops_per_second: float
    """FLOPs a second of a large float32 product of fused axes."""
    first_transposed: float
    """Factor of the time of a product whose first operand has k before its free axes."""
    second_transposed: float
    """Factor of the time of a product whose second operand has its free axes before k."""
    iteration: float
    """Seconds that one iteration of a loop takes beside its operations."""

    def permuting(self, volume: int, itemsize: int, run: int) -> float:
        """Seconds of permuting `volume` elements of `itemsize` bytes in runs of `run` elements."""
        return self.copying(volume, itemsize) + volume / max(run, 1) * self.run

    def copying(self, volume: int, itemsize: int) -> float:
        """Seconds of copying `volume` elements of `itemsize` bytes in their order."""
        size = volume * itemsize
        fits = 2 * size <= self.cache
        rate = self.cached_bytes_per_second if fits else self.bytes_per_second
        return self.launch + 2 * size / rate + self.touching(size)

    def touching(self, size: int) -> float:
        """Seconds that fresh memory of `size` bytes takes at the first touch."""
        return self.fresh * size if size > self.fresh_from else 0.0

    def multiplying(self, flops: int, itemsize: int, *, first: bool, second: bool) -> float:
        """Seconds of a product of fused axes; `first` and `second` say which lie transposed."""
        factor = self.first_transposed if first else 1.0
        factor *= self.second_transposed if second else 1.0
        return self.launch + flops * factor * (itemsize / 4) / self.flops_per_second


def contiguous_run(term: Sequence[str], order: Sequence[str], sizes: dict[str, int]) -> int:
    """Elements that stay side by side when axes in the order `term` are put in the order `order`.

    >>> contiguous_run("abc", "bac", {"a": 2, "b": 3, "c": 4}), contiguous_run("ab", "ba", {})
    (4, 1)
    """
    run = 1
    for one, other in zip(reversed(term), reversed(order), strict=True):
        if one != other:
            break
        run *= sizes[one]
    return run


MOVE_COSTS: dict[str, MoveCosts] = {
    # Two cores of an AMD EPYC with 32 MiB of last-level cache, jax 0.12.0.1, glibc's own settings,
    # 2026-11-22: x + 1 and transpositions of 1 KiB to 150 MiB, products of 16³ to 6144·24·384.
    "cpu": MoveCosts(
        launch=4e-6,
        cached_bytes_per_second=80e9,
        bytes_per_second=28e9,
        cache=32 * 2**20,
        run=1e-10,
        fresh=2.3e-10,
        fresh_from=32 * 2**20,  # the largest M_MMAP_THRESHOLD that glibc adapts to (mallopt(3))
        flops_per_second=1.8e11,
        first_transposed=1.2,
        second_transposed=1.3,
        iteration=4e-6,
    ),
    # NVIDIA H100 SXM data sheet, read 2026-11-21: 3.35e12 bytes/s, 6.7e13 FLOP/s, 50 MB of L2;
    # a kernel launch is about 4 µs, a loop of XLA reads its condition back to the host.
    "gpu": MoveCosts(
        launch=4e-6,
        cached_bytes_per_second=5.5e12,
        bytes_per_second=3.35e12,
        cache=50e6,
        run=1e-12,
        fresh=0.0,
        fresh_from=0.0,
        flops_per_second=6.7e13,
        first_transposed=1.0,
        second_transposed=1.0,
        iteration=2e-5,
    ),
    # Google Cloud, TPU v5e: 8.19e11 bytes/s, 1.97e14 FLOP/s in bfloat16, read 2026-11-21; the
    # compiler lays arrays out as it likes, so that order costs nothing but the copy.
    "tpu": MoveCosts(
        launch=2e-6,
        cached_bytes_per_second=8.19e11,
        bytes_per_second=8.19e11,
        cache=0.0,
        run=1e-11,
        fresh=0.0,
        fresh_from=0.0,
        flops_per_second=1.97e14,
        first_transposed=1.0,
        second_transposed=1.0,
        iteration=2e-6,
    ),
}
"""Constants by kind of device."""
