"""Equations as text ⇄ terms: letters, axis names and ellipses.

`read` turns an equation and the ranks of its operands into terms; `parse` adds shapes and gives a
`Contraction`. Two readings exist: *letters* ('ij,jk->ik', one letter an axis, blanks mean nothing)
and *axis names* ('batch query, query key -> batch key', words between blanks). Letters win wherever
they fit the ranks. What is wrong with an equation that fits neither is said by `complaints`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import opt_einsum

from einlab import complaints
from einlab.contraction import Contraction, SizeClash, Term
from einlab.errors import EinlabError, EquationError, ShapeError
from einlab.tokens import BLANKS, is_letter, without_blanks

__all__ = ["parse", "shapes_from_sizes"]

ELLIPSIS = "..."
READINGS = ("letters", "named")
_TOKENS = {
    "letters": re.compile(rf"\.\.\.|[^{BLANKS}]"),
    "named": re.compile(r"\.\.\.|[^\s.,>-]+"),
}


@dataclass(frozen=True)
class Written:
    """An equation in one reading, ellipses not yet expanded."""

    equation: str
    reading: str
    terms: tuple[Term, ...]
    output: Term | None


@lru_cache(maxsize=4096)
def parse(
    equation: str,
    shapes: tuple[tuple[int, ...], ...],
    dtypes: tuple[str, ...],
    axes: str | None = None,
) -> Contraction:
    """The contraction that an equation means for operands of these shapes.

    `axes` is "letters", "named", or None for letters where they fit and names elsewhere.

    Raises EquationError or ShapeError with carets under the offending characters.

    >>> parse("ij,jk", ((2, 3), (3, 4)), ("float32",) * 2).equation
    'ij,jk->ik'
    >>> parse("row key, key -> row", ((2, 3), (3,)), ("float32",) * 2).output
    ('row',)
    """

    def accepts(other: str) -> bool:
        try:
            _parse(other, shapes, dtypes, axes)
        except EinlabError:
            return False
        return True

    return _parse(equation, shapes, dtypes, axes, accepts)


def _parse(
    equation: str,
    shapes: tuple[tuple[int, ...], ...],
    dtypes: tuple[str, ...],
    axes: str | None,
    accepts: Callable[[str], bool] | None = None,
) -> Contraction:
    written = _read(equation, shapes, axes, accepts)
    terms, output = _expand(written, shapes)
    try:
        return Contraction(terms, output, shapes, dtypes)
    except SizeClash as clash:
        raise ShapeError(
            complaints.size_clash(equation, written.reading, clash, shapes, accepts)
        ) from None


def _read(
    equation: str,
    shapes: tuple[tuple[int, ...], ...],
    axes: str | None,
    accepts: Callable[[str], bool] | None,
) -> Written:
    """The reading of `equation` that fits the shapes; else the complaint about the likelier one."""
    ranks = tuple(map(len, shapes))
    for reading in (axes,) if axes else READINGS:
        written = _split(equation, reading)
        if written is not None and _fits(written, ranks, axes):
            return written
    reading = axes or complaints.likely_reading(equation)
    kind, text = complaints.about(equation, reading, shapes, accepts)
    raise (ShapeError if kind == "shape" else EquationError)(text)


def _split(equation: str, reading: str) -> Written | None:
    """Terms of an equation, or None if it cannot be read so."""
    head, arrow, tail = equation.partition("->")
    if "-" in head or ">" in head or "-" in tail or ">" in tail or "," in tail:
        return None
    if reading == "letters":
        head, tail = without_blanks(head), without_blanks(tail)
        if "." not in equation:
            letters = head.replace(",", "")
            if not _all_letters(letters) or not _all_letters(tail):
                return None
            terms = tuple(map(tuple, head.split(",")))
            return Written(equation, reading, terms, tuple(tail) if arrow else None)
    elif not arrow:
        return None
    tokens = _TOKENS[reading]
    split = [tuple(tokens.findall(text)) for text in (*head.split(","), tail)]
    if any("." in token and token != ELLIPSIS for term in split for token in term):
        return None
    if any(term.count(ELLIPSIS) > 1 for term in split):
        return None
    valid = is_letter if reading == "letters" else str.isidentifier
    if not all(valid(token) for term in split for token in term if token != ELLIPSIS):
        return None
    signs = equation.replace(",", "").replace("->", "")
    signs = without_blanks(signs) if reading == "letters" else "".join(signs.split())
    if sum(len(token) for term in split for token in term) != len(signs):
        return None
    return Written(equation, reading, tuple(split[:-1]), split[-1] if arrow else None)


def _all_letters(text: str) -> bool:
    return (text.isascii() and text.isalpha()) or all(map(is_letter, text))


def _fits(written: Written, ranks: tuple[int, ...], axes: str | None) -> bool:
    """Whether terms, ranks and output agree."""
    if len(written.terms) != len(ranks):
        return False
    if written.reading == "named" and axes is None and " " not in written.equation.strip():
        return False
    for term, rank in zip(written.terms, ranks, strict=True):
        if len(term) != rank and not (ELLIPSIS in term and len(term) - 1 <= rank):
            return False
    if written.output is None:
        return True
    known = set(chain.from_iterable(written.terms))
    return known.issuperset(written.output) and len(set(written.output)) == len(written.output)


def _expand(written: Written, shapes: tuple[tuple[int, ...], ...]) -> tuple[tuple[Term, ...], Term]:
    """Terms and output with ellipses replaced by unused symbols and the output written out."""
    terms, output = written.terms, written.output
    if ELLIPSIS in written.equation:
        used = set(chain.from_iterable(terms))
        counts = [
            len(shape) - len(term) + 1 if ELLIPSIS in term else 0
            for term, shape in zip(terms, shapes, strict=True)
        ]
        dots = tuple(opt_einsum.parser.gen_unused_symbols(used, max(counts)))
        terms = tuple(
            _replace(term, dots[len(dots) - count :])
            for term, count in zip(terms, counts, strict=True)
        )
        if output is not None:
            return terms, _replace(output, dots)
        return terms, dots + _implicit_output(terms, set(dots))
    return terms, _implicit_output(terms, set()) if output is None else output


def _replace(term: Term, dots: Term) -> Term:
    if ELLIPSIS not in term:
        return term
    place = term.index(ELLIPSIS)
    return term[:place] + dots + term[place + 1 :]


def _implicit_output(terms: Iterable[Term], without: set[str]) -> Term:
    """Indices that occur once, in alphabetical order."""
    counts = Counter(chain.from_iterable(terms))
    return tuple(sorted(i for i, count in counts.items() if count == 1 and i not in without))


def shapes_from_sizes(
    equation: str, sizes: Mapping[str, int], axes: str | None = None
) -> tuple[tuple[int, ...], ...]:
    """The shapes of the operands from the size of each index; an ellipsis has no size.

    Letters are read if each has a size, axis names otherwise.

    Raises EquationError if the equation cannot be read, or names an index without a size.

    >>> shapes_from_sizes("ij,jk->ik", {"i": 2, "j": 3, "k": 4})
    ((2, 3), (3, 4))
    """
    readings = (axes,) if axes else READINGS
    splits = [split for split in (_split(equation, r) for r in readings) if split is not None]
    for written in splits:
        if all(index in sizes for term in written.terms for index in term):
            return tuple(tuple(sizes[index] for index in term) for term in written.terms)
    if not splits:
        reading = axes or complaints.likely_reading(equation)
        raise EquationError(complaints.about(equation, reading, None, None)[1])
    likely = complaints.likely_reading(equation)
    written = next((split for split in splits if split.reading == likely), splits[0])
    raise EquationError(complaints.without_size(equation, written.reading, sizes))
