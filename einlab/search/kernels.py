"""What every compiled search shares: the decorator, bit counts, random numbers.

This module imports Numba (0.25 to 0.7 s), so it and the modules of kernels are imported only inside
the functions that run them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba import types
from numba.extending import intrinsic

__all__ = [
    "GONE",
    "SUMS",
    "bit_count",
    "draw",
    "enter",
    "first",
    "helper",
    "kernel",
    "log_product",
    "log_volume",
    "lowest_bit",
]

GONE = float("inf")  # the score of what is no longer in a tournament
SUMS = 0.5849625007211562  # log2(3/2): a step sums if its product exceeds its result by more


def kernel(signature: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function for one signature, without the GIL, and keep the code on disk if we can.

    Numba raises RuntimeError when it finds no folder to write to; then the code is compiled anew in
    each process.
    """

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        made: Callable[..., Any]
        try:
            made = numba.njit(signature, nogil=True, no_cfunc_wrapper=True, cache=True)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            made = numba.njit(signature, nogil=True, no_cfunc_wrapper=True)(function)
        return made

    return compiled


helper: Any = numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
"""Compile a function that kernels alone call: with them, and without a way in from Python."""


def _bit_count(context: Any, word: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), code


def _lowest_bit(context: Any, word: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], context.get_constant(types.boolean, False))

    return types.int64(types.uint64), code


bit_count: Any = intrinsic(_bit_count)
"""Number of ones in a 64-bit word."""
lowest_bit: Any = intrinsic(_lowest_bit)
"""Place of the lowest one in a 64-bit word; 64 if there is none."""


@helper
def draw(state):  # type: ignore[no-untyped-def]
    """The next 64 random bits of `state` (one word), by splitmix64 (Steele et al. 2014)."""
    state[0] += numba.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> numba.uint64(30))) * numba.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> numba.uint64(27))) * numba.uint64(0x94D049BB133111EB)
    return z ^ (z >> numba.uint64(31))


@helper
def log_volume(words, stops, logs, rest):  # type: ignore[no-untyped-def]
    """log2 of the number of elements of an array over the set `words`."""
    total, word = 0.0, 0
    for group in range(len(stops)):
        count = 0
        while word < stops[group]:
            count += bit_count(words[word])
            word += 1
        total += count * logs[group]
    base = 0
    while word < len(words):
        bits = words[word]
        while bits != numba.uint64(0):
            total += rest[base + lowest_bit(bits)]
            bits &= bits - numba.uint64(1)
        word, base = word + 1, base + 64
    return total


@helper
def log_product(left, right, stops, logs, rest):  # type: ignore[no-untyped-def]
    """log2 of the volume of the union of two sets: the multiplications of a step."""
    total, word, base = 0.0, 0, 0
    for group in range(len(stops)):
        count = 0
        while word < stops[group]:
            count += bit_count(left[word] | right[word])
            word += 1
        total += count * logs[group]
    while word < len(left):
        bits = left[word] | right[word]
        while bits != numba.uint64(0):
            total += rest[base + lowest_bit(bits)]
            bits &= bits - numba.uint64(1)
        word, base = word + 1, base + 64
    return total


@helper
def enter(scores, leaf, score):  # type: ignore[no-untyped-def]
    """Put a score into a tournament: node i holds the lesser of nodes 2i and 2i + 1."""
    node = leaf + len(scores) // 2
    scores[node] = score
    while node > 1:
        node //= 2
        scores[node] = min(scores[2 * node], scores[2 * node + 1])


@helper
def first(scores):  # type: ignore[no-untyped-def]
    """The leaf that holds the least score."""
    node = 1
    while node < len(scores) // 2:
        node *= 2
        if scores[node] != scores[node // 2]:
            node += 1
    return node - len(scores) // 2
