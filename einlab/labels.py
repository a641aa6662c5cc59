"""Operands between lists of labels, as other einsums take them, and the equation they mean."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

import numpy as np
import opt_einsum

from einlab.contraction import Contraction
from einlab.errors import ArgumentTypeError, EinlabError, EquationError, ShapeError, listing
from einlab.notation import ELLIPSIS, parse

__all__ = [
    "Labelled",
    "equation_and_operands",
    "from_labels",
    "parse_labelled",
    "with_labels",
]


@dataclass(frozen=True)
class Labelled:
    """Operands that came between lists of labels, as an equation in letters."""

    equation: str
    operands: tuple[object, ...]
    labels: tuple[tuple[str, str], ...]
    """Each letter of the equation with the label it stands for, in the order of the letters."""


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
    named = tuple((symbol, f"{label!r:.40}") for label, symbol in symbols.items())
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
    if "->" in "".join(label for label in labels if type(label) is str):
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
