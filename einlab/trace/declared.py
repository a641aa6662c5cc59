"""What einlab counts by its own convention where XLA, by its own, counts something else.

XLA's count of an operation by itself is known, ours is declared here a second time: the check
explains the difference of the two and nothing more, so that a wrong counting rule shows. An
operation that is not named here counts the same in both.
"""

from __future__ import annotations

import math

from einlab.trace.rows import Row

__all__ = ["declared"]

FREE = frozenset(
    (
        *("eq", "ne", "lt", "le", "gt", "ge", "eq_to", "le_to", "lt_to"),
        *("and", "or", "not", "xor", "reduce_and", "reduce_or", "reduce_xor"),
        *("shift_left", "shift_right_logical", "shift_right_arithmetic"),
        *("population_count", "clz", "is_finite", "select_n", "convert_element_type"),
        *("real", "imag", "complex", "reduce_precision", "pack_elementwise", "unpack_elementwise"),
        *("_copysign",),
    )
)
"""Comparison, choice, conversion, logic: no arithmetic by our convention, one operation an entry
by XLA's."""

SPELLED_OUT = frozenset(
    (
        *("log2", "cosh", "sinh", "acos", "acosh", "asin", "asinh", "atan", "atanh", "tan"),
        *("erfc", "erf_inv", "digamma", "lgamma", "polygamma", "zeta"),
        *("igamma", "igammac", "igamma_grad_a", "regularized_incomplete_beta"),
        *("bessel_i0e", "bessel_i1e", "polynomial", "one_minus_square", "pow"),
        *("rem", "mulhi", "nextafter", "reciprocal", "stochastic_round", "round"),
        *("argmax", "argmin", "reduce", "reduce_window", "select_and_scatter_add"),
        *("select_and_scatter", "select_and_gather_add"),
    )
)
"""One operation or function of ours that JAX lowers to several: XLA's count is that of these."""

LIBRARY = frozenset(
    ("linalg", "fft", "sort", "unknown", "kernel", "random", "collective", "cumulative")
)
"""Kinds of operations of which XLA has no count, or that of another algorithm."""

COMPLEX = {"add": 2, "add_any": 2, "sub": 2, "neg": 2, "mul": 6, "div": 11, "sign": 4}
"""Real operations of a complex one; XLA counts one."""
PADDED = ("ragged_dot_general", "einlab_tape")
"""Products of which more is computed than is asked for."""
COMPLEX_PRODUCTS = ("product", "convolution")
ADDING = ("scatter-add", "scatter-sub", "scatter-min", "scatter-max", "scatter-mul")
MOVING = ("movement", "gather", "scatter", "bookkeeping")


def declared(row: Row, measured: int) -> int | None:
    """FLOPs of one execution by our convention; None where XLA's count, `measured`, is ours too.

    >>> from einlab.cost import Cost
    >>> row = Row((), "select_n", "elementwise", "", "float32", Cost(), results=((4, 6),))
    >>> declared(row, 24)
    0
    """
    own = row.each.flops
    if row.kind == "elementwise" and row.xla == (0, 0) and row.name not in FREE:
        return own  # folded: XLA drops it
    if row.kind in LIBRARY or row.name in SPELLED_OUT or row.name in PADDED:
        return own
    if row.kind == "contraction":
        sliced = row.plan is not None and row.plan.slices > 1
        return own if sliced or row.dtype not in ("float32", "float64") else None
    if row.is_complex:
        return _complex(row, measured)
    if row.name in FREE:
        return 0
    if row.name == "clamp":
        return 2 * _entries(row.results)
    if row.name in ADDING:
        return math.prod(row.operands[2])
    if row.kind in MOVING:
        return own if row.name in ("get", "swap", "addupdate") else 0
    return None


def _complex(row: Row, measured: int) -> int:
    """A complex product is four real ones; functions are spelled out in real parts."""
    if row.kind in COMPLEX_PRODUCTS:
        return 4 * measured
    if row.kind == "elementwise" and row.name in COMPLEX:
        return COMPLEX[row.name] * _entries(row.results)
    return row.each.flops


def _entries(shapes: tuple[tuple[int, ...], ...]) -> int:
    return sum(math.prod(shape) for shape in shapes)
