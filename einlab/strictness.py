"""What `strict=True` refuses: legal contractions that are often a slip."""

from __future__ import annotations

from einlab import dtypes
from einlab.complaints import marked
from einlab.contraction import Contraction
from einlab.errors import DtypeError, ShapeError, listing

__all__ = ["check_strict"]


def check_strict(contraction: Contraction, dtype: str) -> None:
    """Refuse broadcasting, an index summed in one operand alone, and integers that can wrap.

    `dtype` is that of the result.

    Raises ShapeError or DtypeError saying which.
    """
    _no_broadcasting(contraction)
    _no_lone_sums(contraction)
    if dtypes.is_integer(dtype):
        _no_wrapping(contraction, dtype)


def _no_broadcasting(contraction: Contraction) -> None:
    long: dict[str, tuple[int, int]] = {}
    short: list[tuple[str, tuple[int, int]]] = []
    for operand, term in enumerate(contraction.terms):
        for axis, index in enumerate(term):
            if contraction.is_broadcast(operand, axis):
                short.append((index, (operand, axis)))
            else:
                long.setdefault(index, (operand, axis))
    if short:
        index, place = short[0]
        fact = (
            f"strict=True refuses broadcasting: index {index!r} has size 1 in operand {place[0]} "
            f"and {contraction.sizes[index]} in operand {long[index][0]}"
        )
        raise ShapeError(marked(fact, contraction, [place, long[index]]))


def _no_lone_sums(contraction: Contraction) -> None:
    kept = {index for leaf in contraction.leaves for index in leaf} | set(contraction.output)
    for operand, term in enumerate(contraction.terms):
        for axis, index in enumerate(term):
            if index not in kept:
                fact = (
                    f"strict=True refuses a lone sum: index {index!r} occurs in operand {operand} "
                    "alone and not in the output"
                )
                raise ShapeError(marked(fact, contraction, [(operand, axis)]))


def _no_wrapping(contraction: Contraction, dtype: str) -> None:
    bound = contraction.volume(set(contraction.sizes) - set(contraction.output))
    for given in contraction.dtypes:
        bound *= dtypes.largest_integer(given) if dtypes.is_integer(given) else 1
    if bound > dtypes.largest_integer(dtype) - 1:
        raise DtypeError(
            f"strict=True refuses integers that can wrap: a sum of products of "
            f"{listing(dict.fromkeys(contraction.dtypes))} can reach {bound:,}, beyond {dtype}; "
            "ask for a wider preferred_element_type"
        )
