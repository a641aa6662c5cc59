"""Random contractions for Hypothesis: everything that an equation may hold, in one place.

A `Case` is drawn as terms, and its text is written from them, so that what the equation means is
known without reading it.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Term = tuple[str, ...]

SYMBOLS = "abcijkXZéβ行"
"""Small and capital letters, and some beyond the 52 of classic einsum."""
DOTS = ("…0", "…1")
"""Names for the axes of an ellipsis; their order is that of the axes."""

FLOATS = ("float32",)
ALL_FLOATS = ("float32", "bfloat16", "float16")
COMPLEX = ("complex64",)
INTEGERS = ("int8", "int16", "int32", "uint8", "uint16", "uint32")
FLOAT8 = ("float8_e4m3fn", "float8_e5m2", "float8_e3m4")
INT4 = ("int4", "uint4")
PROMOTABLE = (*ALL_FLOATS, *COMPLEX, *INTEGERS, "bool")
WIDE = ("float64", "complex128", "int64", "uint64")


@dataclass(frozen=True)
class Case:
    """An equation as written, what it means, and operands for it."""

    equation: str
    terms: tuple[Term, ...]
    output: Term
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...]
    seed: int

    def __str__(self) -> str:
        operands = ", ".join(f"{d}{s}" for d, s in zip(self.dtypes, self.shapes, strict=True))
        return f"{self.equation!r} of {operands} (seed {self.seed})"

    __repr__ = __str__

    @property
    def count(self) -> int:
        """How many operands there are."""
        return len(self.terms)

    def arrays(self) -> list[np.ndarray]:
        """Operands with random entries."""
        random = np.random.default_rng(self.seed)
        wraps = all(dtype.startswith(("int", "uint", "bool")) for dtype in self.dtypes)
        return [
            random_array(random, shape, dtype, wraps)
            for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
        ]


def random_array(
    random: np.random.Generator, shape: Sequence[int], dtype: str, wraps: bool = True
) -> np.ndarray:
    """Entries of moderate size; integers over their whole range if they may wrap around."""
    kind = np.dtype(getattr(ml_dtypes, dtype, dtype))
    if dtype == "bool":
        return np.asarray(random.random(shape) < 0.6)
    if dtype.startswith(("int", "uint")):
        info = ml_dtypes.iinfo(kind)
        most = 2**62 if wraps else 2
        low, high = max(int(info.min), -most), min(int(info.max), most)
        return np.asarray(random.integers(low, high, shape, endpoint=True)).astype(kind)
    if dtype.startswith("complex"):
        return np.asarray(random.normal(size=shape) + 1j * random.normal(size=shape)).astype(kind)
    if dtype in ("float32", "float64"):
        return np.asarray(random.normal(size=shape)).astype(kind)
    # Eight operands of at most 1 stay within the range of 16 bits, most of them within 8.
    return np.asarray(random.integers(-4, 4, shape, endpoint=True) / 4).astype(kind)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    least: int = 1,
    most: int = 8,
    dtypes: Sequence[str] = FLOATS,
    same_dtype: bool = False,
    sizes: Sequence[int] = (2, 3, 1, 2, 3, 0),
    symbols: str = SYMBOLS,
    ellipses: bool = True,
    broadcasts: bool = True,
    blanks: bool = True,
) -> Case:
    """Up to `most` operands: hyperedges, repeated indices, scalars, ellipses, broadcast axes."""
    pool = draw(st.lists(st.sampled_from(symbols), min_size=1, max_size=6, unique=True))
    dots = draw(st.sampled_from(((), DOTS[1:], DOTS))) if ellipses else ()
    length = {index: draw(st.sampled_from(sizes)) for index in (*pool, *dots)}
    written, terms, shapes = [], [], []
    for _ in range(draw(st.integers(least, most))):
        term = tuple(draw(st.lists(st.sampled_from(pool), max_size=4)))
        text = "".join(term)
        if dots and draw(st.booleans()):
            place, first = draw(st.integers(0, len(term))), draw(st.integers(0, len(dots)))
            text = "".join((*term[:place], "...", *term[place:]))
            term = (*term[:place], *dots[first:], *term[place:])
        shapes.append(
            tuple(
                1 if broadcasts and draw(st.integers(0, 9)) == 9 else length[index]
                for index in term
            )
        )
        terms.append(term)
        written.append(text)
    output, text = draw(_outputs(terms, any("..." in text for text in written)))
    separator = draw(st.sampled_from((",", ", ", " , "))) if blanks else ","
    common = draw(st.sampled_from(dtypes))
    return Case(
        separator.join(written) + text,
        tuple(terms),
        output,
        tuple(shapes),
        tuple(common if same_dtype else draw(st.sampled_from(dtypes)) for _ in terms),
        draw(st.integers(0, 2**16)),
    )


@st.composite
def _outputs(draw: st.DrawFn, terms: Sequence[Term], dotted: bool) -> tuple[Term, str]:
    """An output and its text: given, or implied as indices that occur once, in order."""
    counts = Counter(index for term in terms for index in term)
    dots = tuple(index for index in DOTS if index in counts)
    letters = [index for index in counts if index not in DOTS]
    if draw(st.integers(0, 3)) == 0:
        return (*dots, *sorted(index for index in letters if counts[index] == 1)), ""
    kept = draw(st.lists(st.sampled_from(letters), unique=True, max_size=4)) if letters else []
    if not dotted:
        return tuple(kept), f"->{''.join(kept)}"
    place = draw(st.integers(0, len(kept)))
    text = "".join((*kept[:place], "...", *kept[place:]))
    return (*kept[:place], *dots, *kept[place:]), f"->{text}"


@st.composite
def paths(draw: st.DrawFn, count: int, widest: int = 2) -> list[tuple[int, ...]]:
    """A path over `count` operands in opt_einsum's form, with steps over up to `widest` arrays."""
    path = []
    left = count
    while left > 1:
        taken = draw(st.integers(2, min(widest, left)))
        step = draw(st.lists(st.integers(0, left - 1), min_size=taken, max_size=taken, unique=True))
        path.append(tuple(step))
        left -= taken - 1
    return path or [(0,)]


def with_paths(strategy: st.SearchStrategy[Case]) -> st.SearchStrategy[tuple[Case, Any]]:
    """Cases, each with a random path."""
    return strategy.flatmap(lambda case: st.tuples(st.just(case), paths(case.count)))


def law(
    *strategies: st.SearchStrategy[Any], quick: int, long: int
) -> Callable[[Callable[..., None]], Callable[[int], None]]:
    """A test of a law on `quick` random examples, and one on `long` of them in the long tier."""

    def decorate(check: Callable[..., None]) -> Callable[[int], None]:
        @pytest.mark.parametrize(
            "examples",
            [
                pytest.param(quick, id=f"{quick} examples"),
                pytest.param(long, id=f"{long} examples", marks=pytest.mark.long),
            ],
        )
        def test(examples: int) -> None:
            settings(max_examples=examples)(given(*strategies)(check))()

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        test.__module__ = check.__module__
        assert len(inspect.signature(check).parameters) == len(strategies), check.__name__
        return test

    return decorate
