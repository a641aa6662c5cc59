"""What is wrong with an equation, shown where it is wrong, and what to type instead.

Called when reading has failed: it goes over the text again, this time with positions, finds the
first fault and words it. A suggestion is made only if `accepts` says that it would pass.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from einlab.contraction import SizeClash, Term
from einlab.errors import Span, listing, message

__all__ = ["about", "is_letter", "likely_reading", "size_clash", "without_size"]

Accepts = Callable[[str], bool] | None
Complaint = tuple[str, str]
"""What is at fault, "equation" or "shape", and the text of the error."""

_READING_NAMES = {"letters": "letters", "named": "axis names"}


@dataclass(frozen=True)
class Token:
    """A piece of an equation and where it stands."""

    text: str
    span: Span


def is_letter(char: str) -> bool:
    """Whether a character can stand for an index: any letter, any printable sign beyond ASCII.

    >>> is_letter("i"), is_letter("行"), is_letter("1"), is_letter(" ")
    (True, True, False, False)
    """
    if char.isalpha():
        return True
    return char > "\x7f" and not char.isspace() and unicodedata.category(char) not in ("Cc", "Cs")


def likely_reading(equation: str) -> str:
    """The reading that the writer of a faulty equation most likely meant.

    >>> likely_reading("i j, j k -> ik"), likely_reading("batch key, key -> bath")
    ('letters', 'named')
    """
    terms = [term.split() for term in re.split(r",|->", equation)]
    several = any(len(term) > 1 for term in terms)
    words = [word for term in terms for word in term if word != "..."]
    long = [word for word in words if len(word) > 2 and word.isidentifier()]
    return "named" if several and long else "letters"


def about(
    equation: str, reading: str, ranks: tuple[int, ...] | None, accepts: Accepts
) -> Complaint:
    """The first fault of an equation that does not fit operands of these ranks."""
    fault = _arrow(equation) or _characters(equation, reading)
    if fault is None:
        terms, output = _tokens(equation, reading)
        fault = (
            _ellipses(equation, [*terms, output or []])
            or (reading == "named" and output is None and _no_output(equation))
            or (ranks is not None and _ranks(equation, reading, terms, ranks, accepts))
            or _output(equation, terms, output or [], accepts)
        )
    if not fault:
        fault = (
            "equation",
            message("the equation cannot be read", equation=equation, spans=[(0, len(equation))]),
        )
    kind, text = fault
    return kind, text + _named_reading(equation, reading)


def _named_reading(equation: str, reading: str) -> str:
    """The line that says how the equation was read, where it could have been read otherwise."""
    if not re.search(r"\S\s+\S", re.sub(r"\s*(,|->)\s*", r"\1", equation)):
        return ""
    return f"\n    (read as {_READING_NAMES[reading]})"


def _arrow(equation: str) -> Complaint | None:
    arrows = [match.span() for match in re.finditer("->", equation)]
    if len(arrows) > 1:
        return "equation", message(
            f"the equation has {len(arrows)} arrows '->'; one at most stands before the output",
            equation=equation,
            spans=arrows,
        )
    stray = [
        place
        for place, char in enumerate(equation)
        if char in "->" and not any(start <= place < stop for start, stop in arrows)
    ]
    if stray:
        return "equation", message(
            f"{equation[stray[0]]!r} at character {stray[0]} is not part of an arrow '->'",
            equation=equation,
            spans=[(place, place + 1) for place in stray],
        )
    if arrows and "," in equation[arrows[0][1] :]:
        place = equation.index(",", arrows[0][1])
        return "equation", message(
            f"',' at character {place} stands in the output, which is one term",
            equation=equation,
            spans=[(place, place + 1)],
        )
    return None


def _characters(equation: str, reading: str) -> Complaint | None:
    text = re.sub(r"\.\.\.|->", lambda found: " " * len(found.group()), equation)
    for place, char in enumerate(text):
        if char == ".":
            fact = f"'.' at character {place} is not part of an ellipsis '...'"
        elif char.isspace() or char == "," or is_letter(char):
            continue
        elif reading == "named" and (char.isidentifier() or char.isdigit()):
            continue
        else:
            fact = f"bad character {char!r} at character {place}: an index is a letter"
            if reading == "named":
                fact = f"bad character {char!r} at character {place} of an axis name"
        return "equation", message(fact, equation=equation, spans=[(place, place + 1)])
    if reading == "named":
        for word in re.finditer(r"[^\s,.]+", text):
            if not word.group().isidentifier():
                return "equation", message(
                    f"{word.group()!r} is no axis name: a name starts with a letter",
                    equation=equation,
                    spans=[word.span()],
                )
    return None


def _tokens(equation: str, reading: str) -> tuple[list[list[Token]], list[Token] | None]:
    """Tokens of each term and of the output, with positions."""
    pattern = re.compile(r"\.\.\.|[^\s,]" if reading == "letters" else r"\.\.\.|[^\s.,]+")
    head, arrow, tail = equation.partition("->")
    terms: list[list[Token]] = []
    offset = 0
    for text in head.split(","):
        terms.append(
            [
                Token(t.group(), (t.start() + offset, t.end() + offset))
                for t in pattern.finditer(text)
            ]
        )
        offset += len(text) + 1
    offset = len(head) + len(arrow)
    output = [
        Token(t.group(), (t.start() + offset, t.end() + offset)) for t in pattern.finditer(tail)
    ]
    return terms, output if arrow else None


def _ellipses(equation: str, terms: Iterable[list[Token]]) -> Complaint | None:
    for term in terms:
        spans = [token.span for token in term if token.text == "..."]
        if len(spans) > 1:
            return "equation", message("two ellipses in one term", equation=equation, spans=spans)
    return None


def _no_output(equation: str) -> Complaint:
    return "equation", message(
        "an equation of axis names needs its output, after '->'",
        equation=equation,
        spans=[(len(equation), len(equation) + 1)],
    )


def _ranks(
    equation: str,
    reading: str,
    terms: list[list[Token]],
    ranks: tuple[int, ...],
    accepts: Accepts,
) -> Complaint | None:
    if len(terms) != len(ranks):
        given = "1 operand was" if len(ranks) == 1 else f"{len(ranks)} operands were"
        return "equation", message(
            f"the equation has {len(terms)} term{'s' * (len(terms) != 1)} and {given} given",
            equation=equation,
            spans=[_span(term, equation) for term in terms],
        )
    for operand, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        dots = any(token.text == "..." for token in term)
        names = len(term) - dots
        if names == rank or (dots and names < rank):
            continue
        unit = "letters" if reading == "letters" else "axis names"
        shown = (
            " ".join(t.text for t in term) if reading == "named" else "".join(t.text for t in term)
        )
        return "shape", message(
            f"operand {operand} has {rank} {'axis' if rank == 1 else 'axes'} and its term "
            f"{shown!r} {'at least ' if dots else ''}{names} {unit[:-1] if names == 1 else unit}",
            equation=equation,
            spans=[_span(term, equation)],
            hint=_suggest(_with_ellipses(equation, terms, ranks), accepts),
        )
    return None


def _with_ellipses(equation: str, terms: list[list[Token]], ranks: tuple[int, ...]) -> list[str]:
    """The equation with '...' before each term that has too few indices, and in the output."""
    head, arrow, tail = equation.partition("->")
    parts = head.split(",")
    for operand, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        if len(term) < rank and not any(token.text == "..." for token in term):
            parts[operand] = "..." + parts[operand].lstrip()
    if parts == head.split(","):
        return []
    if arrow and "..." not in tail:
        tail = ("" if tail == tail.lstrip() else " ") + "..." + tail.lstrip()
    return [",".join(parts) + arrow + tail]


def _output(
    equation: str, terms: list[list[Token]], output: list[Token], accepts: Accepts
) -> Complaint | None:
    held = Counter(token.text for term in terms for token in term)
    counts = Counter(token.text for token in output)
    for token in output:
        if token.text not in held:
            word = "an ellipsis" if token.text == "..." else f"index {token.text!r}"
            free = [i for i, count in held.items() if count == 1 and i not in counts]
            instead = [""] if token.text == "..." else free if len(free) == 1 else []
            return "equation", message(
                f"the output has {word}, which occurs in no operand",
                equation=equation,
                spans=[token.span],
                hint=_suggest([_splice(equation, token.span, index) for index in instead], accepts),
            )
    for token in output:
        if counts[token.text] > 1:
            spans = [other.span for other in output if other.text == token.text]
            return "equation", message(
                f"index {token.text!r} occurs {counts[token.text]} times in the output",
                equation=equation,
                spans=spans,
                hint=_suggest([_splice(equation, spans[-1], "")], accepts),
            )
    return None


def size_clash(
    equation: str,
    reading: str,
    clash: SizeClash,
    shapes: Sequence[tuple[int, ...]],
    accepts: Accepts,
) -> str:
    """The text for two axes of one index that have different sizes."""
    terms, _ = _tokens(equation, reading)
    places = [_place(terms[operand], axis, len(shapes[operand])) for operand, axis in clash.axes]
    operands = list(dict.fromkeys(operand for operand, _ in clash.axes))
    suggestions = [
        _splice(equation, _span(terms[operand], equation), text)
        for operand in reversed(operands)
        for text in _reordered(terms[operand], reading)
    ]
    return message(
        str(clash),
        equation=equation,
        spans=[span for span in places if span is not None],
        details=[f"operand {operand} has shape {shapes[operand]}" for operand in operands],
        hint=_suggest(suggestions, accepts),
    )


def without_size(
    equation: str, reading: str, terms: Iterable[Term], sizes: Mapping[str, int]
) -> str:
    """The text for indices of the equation that have no size."""
    missing = list(dict.fromkeys(i for term in terms for i in term if i not in sizes))
    tokens, _ = _tokens(equation, reading)
    if missing == ["..."]:
        fact = "an ellipsis has no size: give shapes, not sizes"
    else:
        fact = f"no size is given for {listing(repr(index) for index in missing)}"
    return message(
        fact,
        equation=equation,
        spans=[token.span for term in tokens for token in term if token.text in missing],
        details=[f"sizes are given for {listing(map(repr, sizes))}"] if sizes else (),
    )


def _place(term: list[Token], axis: int, rank: int) -> Span | None:
    """Where the token of an axis stands; axes of an ellipsis share its place."""
    dots = next((place for place, token in enumerate(term) if token.text == "..."), None)
    if dots is None or axis < dots:
        return term[axis].span
    hidden = rank - (len(term) - 1)
    return term[dots].span if axis < dots + hidden else term[axis - hidden + 1].span


def _reordered(term: list[Token], reading: str) -> list[str]:
    """The term with its indices in other orders, fewest displaced first."""
    texts = [token.text for token in term]
    if not 2 <= len(texts) <= 5:
        return []
    orders = sorted(
        permutations(range(len(texts))), key=lambda order: sum(i != p for i, p in enumerate(order))
    )
    joint = "" if reading == "letters" else " "
    return [joint.join(texts[place] for place in order) for order in orders[1:]]


def _suggest(candidates: Iterable[str], accepts: Accepts) -> str | None:
    if accepts is None:
        return None
    found = next((candidate for candidate in candidates if accepts(candidate)), None)
    return None if found is None else f"did you mean {found!r}?"


def _splice(equation: str, span: Span, text: str) -> str:
    return equation[: span[0]] + text + equation[span[1] :]


def _span(term: list[Token], equation: str) -> Span:
    """From the first to the last character of a term; of an empty one, the end of the text."""
    if not term:
        return (len(equation), len(equation) + 1)
    return (term[0].span[0], term[-1].span[1])
