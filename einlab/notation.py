"""Equations as text ⇄ terms: letters, axis names, ellipses, and operands between their labels.

`read` turns an equation and the ranks of its operands into terms; `parse` adds shapes and gives a
`Contraction`. Two readings exist: *letters* ('ij,jk->ik', one letter an axis, blanks mean nothing)
and *axis names* ('batch query, query key -> batch key', words between blanks). Letters win wherever
they fit the ranks. What is wrong with an equation that fits neither is said by `complaints`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np
import opt_einsum

from einlab import complaints
from einlab.contraction import Contraction, SizeClash, Term
from einlab.errors import ArgumentTypeError, EinlabError, EquationError, ShapeError, listing
from einlab.tokens import BLANKS, is_letter, without_blanks

__all__ = [
    "Labelled",
    "equation_and_operands",
    "from_labels",
    "parse",
    "parse_labelled",
    "shapes_from_sizes",
    "with_labels",
]

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


@dataclass(frozen=True)
class Labelled:
    """Operands that came between lists of labels, as an equation in letters."""

    equation: str
    operands: tuple[object, ...]
    labels: tuple[tuple[str, str], ...]
    """Each letter of the equation with the label it stands for, in the order of the letters."""


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


def parse_labelled(
    labelled: Labelled,
    shapes: tuple[tuple[int, ...], ...],
    dtypes: tuple[str, ...],
    axes: str | None = None,
) -> Contraction:
    """What `parse` gives; an error names the labels that its letters stand for.

    Raises EquationError or ShapeError.
    """
    try:
        return parse(labelled.equation, shapes, dtypes, axes)
    except EinlabError as error:
        raise with_labels(error, labelled) from None


def with_labels(error: EinlabError, labelled: Labelled) -> EinlabError:
    """The error with the labels that the letters quoted in its first line stand for."""
    fact = str(error).partition("\n")[0]
    letters = set("".join(re.findall(r"'([^']*)'", fact)))
    known = [f"{letter} is {label}" for letter, label in labelled.labels if letter in letters]
    if not known or not isinstance(error, (EquationError, ShapeError)):
        return error
    return type(error)(f"{error}\n    (labels: {listing(known)})")


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


def equation_and_operands(equation: object, arguments: tuple[object, ...]) -> Labelled:
    """The equation and operands of a call, whether labels stand between the operands or not.

    Raises EquationError if there is no operand.
    """
    if isinstance(equation, str):
        if not arguments:
            raise EquationError(f"no operand was given for {equation!r:.80}")
        return Labelled(equation, arguments, ())
    if not arguments:
        raise ArgumentTypeError(
            "the first argument is an equation such as 'ij,jk->ik', or an operand followed by its "
            f"labels; got {'None' if equation is None else type(equation).__name__} alone"
        )
    return from_labels([equation, *arguments])


def from_labels(arguments: Sequence[object]) -> Labelled:
    """The equation of `operand, labels, operand, labels, …[, output labels]`.

    Labels are any hashable objects; `...` stands for an ellipsis. Letters follow the order of the
    labels where they can be sorted, else the order of their appearance.

    Raises ArgumentTypeError if labels are no list of hashable objects.

    >>> from_labels(["A", [0, 1], "B", [1, 2], [0, 2]]).equation
    'ab,bc->ac'
    """
    count = len(arguments) // 2
    operands = tuple(arguments[0 : 2 * count : 2])
    lists = [_labels(labels, place) for place, labels in enumerate(arguments[1::2][:count])]
    has_output = len(arguments) % 2 == 1
    output = _labels(arguments[-1], None) if has_output else ()
    distinct = dict.fromkeys(label for labels in lists for label in labels if label is not ...)
    symbols = {
        label: opt_einsum.get_symbol(place) for place, label in enumerate(_ordered(distinct))
    }
    named = tuple((symbol, repr(label)) for label, symbol in symbols.items())
    unknown = next((label for label in output if label is not ... and label not in symbols), None)
    if unknown is not None:
        known = [label for _, label in named]
        raise EquationError(
            f"the output has label {unknown!r:.60}, which occurs in no operand; the operands have "
            f"{f'{listing(known):.200}' if known else 'no labels'}"
        )

    def text(labels: Iterable[Hashable]) -> str:
        return "".join(ELLIPSIS if label is ... else symbols[label] for label in labels)

    equation = ",".join(map(text, lists))
    if has_output:
        equation += f"->{text(output)}"
    elif len(symbols) > 26:
        # Beyond 26 the alphabetical order of the letters is no longer that of the labels.
        dots = ELLIPSIS if any(... in labels for labels in lists) else ""
        counts = Counter(chain.from_iterable(lists))
        equation += f"->{dots}{text(label for label in symbols if counts[label] == 1)}"
    return Labelled(equation, operands, named)


def _labels(labels: object, operand: int | None) -> tuple[Hashable, ...]:
    """One list of labels, checked."""
    where = "the output" if operand is None else f"operand {operand}"
    if not isinstance(labels, Iterable) or isinstance(labels, (Set, Mapping)):
        raise ArgumentTypeError(
            f"the labels of {where} are a list such as [0, 1], not {labels!r:.60}{_CALLS}"
        )
    labels = tuple(labels)
    if {",", "-", ">"}.intersection(label for label in labels if type(label) is str):
        raise ArgumentTypeError(
            f"{''.join(map(str, labels))!r:.60} stands where the labels of {where} belong{_CALLS}"
        )
    for label in labels:
        if hasattr(label, "shape") and not isinstance(label, np.integer):
            raise ArgumentTypeError(
                f"an array stands where the labels of {where} belong, a list such as [0, 1]{_CALLS}"
            )
        try:
            hash(label)
        except TypeError:
            raise ArgumentTypeError(
                f"label {label!r:.60} of {where} is not hashable; use numbers or strings"
            ) from None
    if labels.count(...) > 1:
        shown = ", ".join("..." if label is ... else repr(label) for label in labels)
        raise EquationError(f"the labels of {where}, [{shown}], hold two ellipses")
    return labels


_CALLS = """
    with an equation: contract('ij,jk->ik', a, b)
    with labels after each operand: contract(a, [0, 1], b, [1, 2], [0, 2])"""


def _ordered(labels: Iterable[Hashable]) -> list[Hashable]:
    labels = list(labels)
    try:
        return sorted(labels)  # type: ignore[type-var]
    except TypeError:
        return labels
