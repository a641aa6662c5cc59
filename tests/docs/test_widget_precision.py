"""The precision explorer rounds, encodes, decodes and adds as NumPy and ml_dtypes do."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from tests.docs.node import evaluate

FLOATS = {
    "float32": (np.float32, np.uint32, 32),
    "bfloat16": (ml_dtypes.bfloat16, np.uint16, 16),
    "float16": (np.float16, np.uint16, 16),
}
EDGES = [0.0, -0.0, 1.0, 0.1, 2.5, 65504.0, 65519.0, 65520.0, 16777217.0, 3.4e38, 2.0**-149]
EDGES += [2.0**-24, 2.0**-25, 3 * 2.0**-25, 6e-8, -6.1e-5, 1 + 2.0**-8, 1 + 3 * 2.0**-8]


def call(function, cases):
    """What a function of the script gives, its numbers spelled so that no infinity is lost."""
    spelled = f"(...args) => String(einlabPrecision.{function}(...args))"
    found = evaluate("widgets/precision.js", spelled, cases)
    assert len(found) == len(cases) >= 500
    return found


def numbers(count=500):
    """float32 numbers over the whole range, and edges; of 32 bits, so that each rounds once."""
    random = np.random.default_rng(0)
    drawn = random.choice([-1.0, 1.0], count) * 2.0 ** random.uniform(-150, 128, count)
    near = random.normal(size=count) * 2.0 ** random.uniform(-26, 17, count)
    with np.errstate(over="ignore"):
        return [float(x) for x in np.array([*EDGES, *drawn, *near], np.float32) if np.isfinite(x)]


def same(text, value):
    return float(text) == value or (math.isnan(float(text)) and math.isnan(value))


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("name", FLOATS)
def test_rounding_and_bits_are_those_of_the_dtype(name):
    dtype, integer, width = FLOATS[name]
    cases = [[x, name] for x in numbers()]
    if name != "bfloat16":  # which ml_dtypes rounds twice from 64 bits
        cases += [[float(x), name] for x in np.random.default_rng(1).normal(size=500)]
    rounded = [dtype(x) for x, _ in cases]
    for text, value in zip(call("nearest", cases), rounded, strict=True):
        assert same(text, float(value))
    for (x, _), bits, value in zip(cases, call("encode", cases), rounded, strict=True):
        expected = f"{np.asarray(value).view(integer).item():0{width}b}"
        assert bits == expected or (x == 0 and bits[1:] == expected[1:])  # JSON has no -0


@pytest.mark.parametrize("name", FLOATS)
def test_any_bits_stand_for_the_number_that_the_dtype_reads_in_them(name):
    dtype, integer, width = FLOATS[name]
    drawn = np.random.default_rng(2).integers(0, 2**width, 600, np.uint64).astype(integer)
    cases = [[f"{int(each):0{width}b}", name] for each in drawn]
    for text, value in zip(call("decode", cases), drawn.view(dtype), strict=True):
        assert same(text, float(value))


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("name", FLOATS)
def test_sums_add_one_term_after_the_other(name, wide):
    dtype = FLOATS[name][0]
    kept = np.float32 if wide else dtype
    random = np.random.default_rng(3)
    numbers = (random.normal(size=500) * 2.0 ** random.uniform(-10, 14, 500)).astype(np.float32)
    cases = [[float(x), int(random.integers(1, 60)), name, wide] for x in numbers]
    for (x, count, *_), text in zip(cases, call("sum", cases), strict=True):
        total = kept(0)
        for _ in range(count):
            total = kept(total + kept(dtype(x)))
        assert same(text, float(total))


def test_int8_is_scaled_rounded_and_held_and_its_sums_wrap():
    random = np.random.default_rng(4)
    scales = 2.0 ** random.integers(-6, 3, 500)
    cases: list[list[Any]] = [
        [float(x), "int8", float(scale)]
        for x, scale in zip(random.normal(size=500) * 60, scales, strict=True)
    ]
    cases += [[each / 2, "int8", 1.0] for each in range(-300, 300)]
    held = [np.clip(np.rint(x / s), -128, 127).astype(np.int8) for x, _, s in cases]
    bits = call("encode", cases)
    for (*_, scale), text, value in zip(cases, call("nearest", cases), held, strict=True):
        assert float(text) == int(value) * scale
    assert bits == [f"{int(value.view(np.uint8)):08b}" for value in held]
    scaled = [scale for *_, scale in cases]
    read = call("decode", [[one, "int8", scale] for one, scale in zip(bits, scaled, strict=True)])
    for text, value, scale in zip(read, held, scaled, strict=True):
        assert float(text) == int(value) * scale
    counts = random.integers(1, 1000, len(cases)).tolist()
    for wide, kept in ((False, np.int8), (True, np.int32)):
        sums = [[x, n, "int8", wide, s] for (x, _, s), n in zip(cases, counts, strict=True)]
        for (*_, scale), n, value, text in zip(cases, counts, held, call("sum", sums), strict=True):
            assert float(text) == int(np.full(n, value).sum(dtype=kept)) * scale
