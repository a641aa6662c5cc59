"""`Case`: one contraction to be timed, its operands drawn from a seed, and what it needs."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import ml_dtypes
import numpy as np
import opt_einsum

__all__ = ["GIB", "TOLERANCES", "Case", "Need", "need_of", "operands", "reference", "shrink"]

GIB = 2**30

TOLERANCES = {
    "bfloat16": 1e-1,
    "float16": 2e-2,
    "float32": 1e-4,
    "float64": 1e-11,
    "complex64": 1e-4,
    "complex128": 1e-11,
}
"""Largest accepted error by dtype: the largest absolute difference to the result in float64,
divided by the largest absolute entry of that result. Sums of up to some 10^6 products of normal
random numbers stay two to three orders of magnitude below; a wrong result is about 1."""


@dataclass(frozen=True)
class Case:
    """One contraction: what is computed, on arrays of which shapes, of which dtype.

    >>> Case("product", "tiny", "ij,jk->ik", ((2, 3), (3, 4)), "float32").sizes
    {'i': 2, 'j': 3, 'k': 4}
    """

    name: str
    """Unique within a suite."""
    family: str
    """What it belongs to: tccg, chain, star, …"""
    equation: str
    """In letters, with an explicit output."""
    shapes: tuple[tuple[int, ...], ...]
    """The shape of each operand."""
    dtype: str
    """The dtype of all operands, by name."""

    @property
    def terms(self) -> tuple[str, ...]:
        """The letters of each operand, then those of the result."""
        inputs, output = self.equation.split("->")
        return (*inputs.split(","), output)

    @property
    def sizes(self) -> dict[str, int]:
        """Length of each index; a ValueError if two operands disagree or a rank does not fit."""
        sizes: dict[str, int] = {}
        for term, shape in zip(self.terms[:-1], self.shapes, strict=True):
            for index, size in zip(term, shape, strict=True):
                if sizes.setdefault(index, size) != size:
                    raise ValueError(f"{self.name}: index {index!r} is {sizes[index]} and {size}")
        return sizes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        sizes = self.sizes
        return tuple(sizes[index] for index in self.terms[-1])


@dataclass(frozen=True)
class Need:
    """What a case takes, by opt_einsum's greedy path."""

    flops: int
    """Multiplications and additions of real numbers."""
    bytes: int
    """Operands, result and the largest array that a step makes together; where that is the result
    it counts twice, as a permuted view that is copied into C order takes."""


def need_of(case: Case) -> Need:
    """FLOPs and bytes of a case, found without making any array.

    >>> need_of(Case("product", "tiny", "ij,jk->ik", ((2, 3), (3, 4)), "float32"))
    Need(flops=48, bytes=136)
    """
    info: Any = opt_einsum.contract_path(
        case.equation, *case.shapes, shapes=True, optimize="greedy"
    )[1]
    elements = sum(map(math.prod, case.shapes)) + math.prod(case.shape)
    per_flop = 4 if case.dtype.startswith("complex") else 1
    return Need(
        flops=int(info.opt_cost) * per_flop,
        bytes=(elements + int(info.largest_intermediate)) * _numpy_dtype(case.dtype).itemsize,
    )


def operands(case: Case, seed: int) -> list[np.ndarray]:
    """Normal random arrays in C order; the same case and seed give the same arrays anywhere.

    Each is divided by the square root of the number of products that its summed indices add, so
    that long chains neither overflow nor vanish.
    """
    key = zlib.crc32(f"{case.equation}{case.shapes}".encode())
    generator = np.random.default_rng([seed, key])
    sizes = case.sizes
    summed = math.prod(size for index, size in sizes.items() if index not in case.terms[-1])
    scale = summed ** (-0.5 / len(case.shapes))
    return [_draw(generator, shape, case.dtype, scale) for shape in case.shapes]


def reference(case: Case, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The result in float64 (complex128) by NumPy, in C order."""
    wide = np.complex128 if case.dtype.startswith("complex") else np.float64
    raised = [array.astype(wide) for array in arrays]
    path = opt_einsum.contract_path(case.equation, *case.shapes, shapes=True, optimize="greedy")[0]
    result = np.einsum(case.equation, *raised, optimize=["einsum_path", *path])
    return np.asarray(result, order="C")


def shrink(case: Case, largest: int) -> Case:
    """The same case with no extent above `largest`; a test or a quick run uses it.

    >>> shrink(Case("p", "tiny", "ij,jk->ik", ((9, 3), (3, 4)), "float32"), 5).shapes
    ((5, 3), (3, 4))
    """
    shapes = tuple(tuple(min(size, largest) for size in shape) for shape in case.shapes)
    return replace(case, shapes=shapes)


def _draw(
    generator: np.random.Generator, shape: tuple[int, ...], dtype: str, scale: float
) -> np.ndarray:
    narrow = np.float64 if dtype in ("float64", "complex128") else np.float32
    array = generator.standard_normal(shape, dtype=narrow)
    if dtype.startswith("complex"):
        return np.asarray((array + 1j * generator.standard_normal(shape, narrow)) * scale, dtype)
    return np.asarray(array * scale, _numpy_dtype(dtype))


def _numpy_dtype(name: str) -> np.dtype[Any]:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
