"""Counting rules of element-wise operations: one entry of a dictionary a primitive.

An arithmetic operation counts one FLOP an entry of the result, a complex multiplication 6 and a
complex addition 2; comparisons, selections, conversions and logic count none. XLA's own count of
the operation as lowered stands beside it: 1 an entry for each of these too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from einlab.cost import COMPLEX_ADD, COMPLEX_MULTIPLY
from einlab.trace.operations import Counted, Operation, Rule

__all__ = ["ELEMENTWISE"]

COMPLEX_DIVIDE = 11  # (a+bi)/(c+di) = ((ac+bd) + (bc-ad)i)/(c²+d²): 6 products, 3 sums, 2 divisions


@dataclass(frozen=True, slots=True)
class Each:
    """What an operation costs an entry of its result, and what XLA says of it."""

    flops: int = 0
    complex_flops: int | None = None
    """None: as for real numbers."""
    transcendentals: int = 0
    xla: tuple[int, int] | None = None
    """FLOPs and transcendentals an entry; None: JAX lowers it to several operations."""

    def __call__(self, op: Operation) -> Counted:
        """The count for all entries."""
        entries, is_complex = op.written, op.is_complex
        flops = self.complex_flops if is_complex and self.complex_flops is not None else self.flops
        xla = None if self.xla is None else (self.xla[0] * entries, self.xla[1] * entries)
        return Counted(
            "elementwise",
            flops=flops * entries,
            transcendentals=self.transcendentals * entries,
            xla=xla,
        )


ARITHMETIC = Each(1, COMPLEX_ADD, xla=(1, 0))
FREE = Each(xla=(1, 0))
"""Comparison, selection, conversion, logic: no arithmetic, but XLA counts one an entry."""
TRANSCENDENTAL = Each(transcendentals=1, xla=(0, 1))
EXPANDED = Each(transcendentals=1)
"""One transcendental function of its own, which JAX or XLA spells out in several operations."""


def _integer_pow(op: Operation) -> Counted:
    """Multiplications of binary powering: squarings, and a product for each further bit set."""
    power = abs(int(op.params["y"]))
    entries = op.written
    products = power.bit_length() - 1 + power.bit_count() - 1 if power else 0
    divided = int(op.params["y"]) < 0
    each = products * (COMPLEX_MULTIPLY if op.is_complex else 1)
    each += divided * (COMPLEX_DIVIDE if op.is_complex else 1)
    if not power:
        return Counted("elementwise", xla=(0, 0))
    return Counted("elementwise", flops=each * entries, xla=((products + divided) * entries, 0))


def _function(op: Operation) -> Counted:
    """A transcendental function; of a complex number two real ones, which XLA spells out."""
    if not op.is_complex:
        return TRANSCENDENTAL(op)
    return Counted("elementwise", transcendentals=2 * op.written)


def _square(op: Operation) -> Counted:
    counted = ELEMENTWISE["mul"](op)
    return replace(counted, xla=None) if op.is_complex else counted


def _pow(op: Operation) -> Counted:
    """One transcendental; with a whole number as exponent JAX converts it, or multiplies."""
    counted = TRANSCENDENTAL(op)
    plain = op.ins[0].dtype == op.ins[1].dtype and not op.is_complex
    return counted if plain else replace(counted, xla=None)


def _clamp(op: Operation) -> Counted:
    return Counted("elementwise", flops=2 * op.written, xla=(op.written, 0))


def _abs(op: Operation) -> Counted:
    if op.is_complex:  # a hypotenuse: two squares, a sum, a root
        return Counted("elementwise", flops=3 * op.written, transcendentals=op.written)
    return ARITHMETIC(op)


def _convert(op: Operation) -> Counted:
    source = op.ins[0].dtype
    if source == op.outs[0].dtype:  # a weak type becomes strong: nothing runs
        return Counted("bookkeeping", reads=(0,), written=0, xla=(0, 0))
    return Counted("elementwise", xla=None if op.is_complex else (op.written, 0))


def _polynomial(op: Operation) -> Counted:
    """Horner's scheme: a product and a sum for each coefficient after the first."""
    terms = max(len(op.ins) - 2, 1)
    return Counted("elementwise", flops=2 * terms * op.written, macs=terms * op.written)


ELEMENTWISE: Mapping[str, Rule] = {
    "add": ARITHMETIC,
    "sub": ARITHMETIC,
    "neg": ARITHMETIC,
    "mul": Each(1, COMPLEX_MULTIPLY, xla=(1, 0)),
    "square": _square,
    "div": Each(1, COMPLEX_DIVIDE, xla=(1, 0)),
    "max": ARITHMETIC,
    "min": ARITHMETIC,
    "abs": _abs,
    "sign": Each(1, 4, xla=(1, 0)),
    "floor": ARITHMETIC,
    "ceil": ARITHMETIC,
    "round": ARITHMETIC,
    "add_any": ARITHMETIC,
    "one_minus_square": Each(2),
    "clamp": _clamp,
    "integer_pow": _integer_pow,
    "polynomial": _polynomial,
    "rem": Each(1),
    "mulhi": Each(1),
    "nextafter": Each(1),
    "_copysign": Each(),
    "reciprocal": Each(1, COMPLEX_DIVIDE),
    # Comparison, selection, conversion, bits.
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge"), FREE),
    **dict.fromkeys(("eq_to", "le_to", "lt_to"), Each()),
    **dict.fromkeys(("and", "or", "not", "xor"), FREE),
    **dict.fromkeys(("shift_left", "shift_right_logical", "shift_right_arithmetic"), FREE),
    **dict.fromkeys(("population_count", "clz"), FREE),
    **dict.fromkeys(("is_finite", "select_n"), FREE),
    **dict.fromkeys(("real", "imag", "complex"), FREE),
    "conj": Each(1),
    "convert_element_type": _convert,
    "reduce_precision": FREE,
    "stochastic_round": Each(1),
    **dict.fromkeys(("pack_elementwise", "unpack_elementwise"), Each()),
    # Functions that XLA has an operation for.
    **dict.fromkeys(("sqrt", "rsqrt", "exp", "log"), _function),
    **dict.fromkeys(("sin", "cos", "tanh"), _function),
    **dict.fromkeys(("tan", "log1p", "expm1"), _function),
    **dict.fromkeys(("cbrt", "erf", "atan2"), TRANSCENDENTAL),
    "pow": _pow,
    # Functions spelled out in several operations.
    "logistic": Each(3, transcendentals=1, xla=(3, 1)),  # 1 / (1 + exp(-x))
    "exp2": Each(1, transcendentals=1, xla=(1, 1)),  # exp(x·log 2)
    **dict.fromkeys(("log2", "cosh", "sinh", "acos", "acosh", "asin", "asinh"), EXPANDED),
    **dict.fromkeys(("atan", "atanh", "erfc", "erf_inv", "digamma", "lgamma"), EXPANDED),
    **dict.fromkeys(("polygamma", "zeta", "igamma", "igammac", "igamma_grad_a"), EXPANDED),
    **dict.fromkeys(("regularized_incomplete_beta", "bessel_i0e", "bessel_i1e"), EXPANDED),
}
