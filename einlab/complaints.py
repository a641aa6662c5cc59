"""What is wrong with an equation, shown where it is wrong, and what to type instead.

Called when reading has failed: it goes over the text again, this time with positions, finds the
first fault and words it. A suggestion is made only if `accepts` says that it would pass.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from einlab import suggestions
from einlab.contraction import Contraction, SizeClash
from einlab.errors import Span, listing, message
from einlab.suggestions import Accepts, suggest
from einlab.tokens import BLANKS, Part, cut, is_letter

__all__ = ["about", "likely_reading", "marked", "size_clash", "without_size"]

Complaint = tuple[str, str]
"""What is at fault, "equation" or "shape", and the text of the error."""

Shapes = Sequence[tuple[int, ...]]

_NAMES = {"letters": ("letter", "letters"), "named": ("axis name", "axis names")}


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


def about(equation: str, reading: str, shapes: Shapes | None, accepts: Accepts) -> Complaint:
    """The first fault of an equation that does not fit operands of these shapes."""
    kind, text = _fault(equation, reading, shapes, accepts) or (
        "equation",
        message("the equation cannot be read", equation=equation, spans=[(0, len(equation))]),
    )
    return kind, text + _reading_note(equation, reading)


def _fault(
    equation: str, reading: str, shapes: Shapes | None, accepts: Accepts
) -> Complaint | None:
    fault = _arrow(equation, accepts) or _characters(equation, reading, accepts)
    if fault is not None:
        return fault
    terms, output = cut(equation, reading)
    fault = _ellipses(equation, terms, output)
    if fault is None and reading == "named" and output is None:
        fault = _no_output(equation)
    if fault is None and shapes is not None:
        fault = _count(equation, terms, shapes, accepts) or _ranks(
            equation, reading, terms, shapes, accepts
        )
    if fault is None and output is not None:
        fault = _output(equation, terms, output, accepts)
    return fault


def _reading_note(equation: str, reading: str) -> str:
    """The line that says how the equation was read, where it could have been read otherwise."""
    blanks_matter = re.search(r"\S\s+\S", re.sub(r"\s*(,|->)\s*", r"\1", equation))
    if reading == "letters" and not blanks_matter:
        return ""
    how = {"letters": "letters, one an axis", "named": "axis names between blanks"}[reading]
    return f"\n    (read as {how})"


def _arrow(equation: str, accepts: Accepts) -> Complaint | None:
    arrows = [match.span() for match in re.finditer("->", equation)]
    if len(arrows) > 1:
        one_less = [
            suggestions.splice(equation, arrow, text) for arrow in arrows for text in (",", "")
        ]
        return "equation", message(
            f"the equation has {len(arrows)} arrows '->'; one at most stands before the output",
            equation=equation,
            spans=arrows,
            hint=suggest(equation, one_less, accepts),
        )
    stray = [
        (place, place + 1)
        for place, char in enumerate(equation)
        if char in "->" and not any(start <= place < stop for start, stop in arrows)
    ]
    if stray:
        place = stray[0][0]
        return "equation", message(
            f"{equation[place]!r} at character {place} is not part of an arrow '->'",
            equation=equation,
            spans=stray,
            hint=suggest(equation, suggestions.plainly(equation, stray), accepts),
        )
    if arrows and "," in equation[arrows[0][1] :]:
        place = equation.index(",", arrows[0][1])
        span = place, place + 1
        return "equation", message(
            f"',' at character {place} stands in the output, which is one term",
            equation=equation,
            spans=[span],
            hint=suggest(equation, [suggestions.splice(equation, span, "")], accepts),
        )
    return None


def _characters(equation: str, reading: str, accepts: Accepts) -> Complaint | None:
    """A character that no index has, a lone dot, or a word that is no name."""
    fault = _bad_letter(equation) if reading == "letters" else _bad_name(equation)
    if fault is None:
        return None
    fact, span = fault
    hint = suggest(equation, suggestions.plainly(equation, [span]), accepts)
    return "equation", message(fact, equation=equation, spans=[span], hint=hint)


def _bad_letter(equation: str) -> tuple[str, Span] | None:
    for found in re.finditer(rf"\.\.\.|->|[^{BLANKS},]", equation):
        char, place = found.group(), found.start()
        if char == ".":
            return f"'.' at character {place} is not part of an ellipsis '...'", found.span()
        if len(char) == 1 and not is_letter(char):
            fact = f"bad character {char!r} at character {place}: an index is a letter"
            return fact, found.span()
    return None


def _bad_name(equation: str) -> tuple[str, Span] | None:
    for found in re.finditer(r"\.\.\.|\.|->|[^\s.,>-]+", equation):
        word, place = found.group(), found.start()
        if word == ".":
            return f"'.' at character {place} is not part of an ellipsis '...'", found.span()
        if word in ("...", "->") or word.isidentifier():
            continue
        # Digits may stand in a name, but not begin it.
        bad = next((i for i, char in enumerate(word) if not f"a{char}".isidentifier()), None)
        if bad is None:
            fact = f"{word!r} at character {place} is no axis name: a name begins with a letter"
            return fact, found.span()
        span = place + bad, place + bad + 1
        return f"bad character {word[bad]!r} at character {span[0]} of an axis name", span
    return None


def _ellipses(equation: str, terms: Sequence[Part], output: Part | None) -> Complaint | None:
    for part in (*terms, output) if output else terms:
        spans = [token.span for token in part.tokens if token.text == "..."]
        if len(spans) > 1:
            return "equation", message(
                f"{len(spans)} ellipses in one term; one at most stands for the axes not named",
                equation=equation,
                spans=spans,
            )
    return None


def _no_output(equation: str) -> Complaint:
    return "equation", message(
        "an equation of axis names needs its output, after '->'",
        equation=equation,
        spans=[(len(equation), len(equation) + 1)],
    )


def _count(
    equation: str, terms: Sequence[Part], shapes: Shapes, accepts: Accepts
) -> Complaint | None:
    if len(terms) == len(shapes):
        return None
    given = {0: "no operand was", 1: "1 operand was"}.get(
        len(shapes), f"{len(shapes)} operands were"
    )
    # The terms that have no operand, or all where there are too few terms.
    at_fault = terms[len(shapes) :] or terms
    return "equation", message(
        f"the equation has {len(terms)} term{'s' * (len(terms) != 1)}, but {given} given",
        equation=equation,
        spans=[part.span for part in at_fault],
        hint=suggest(equation, suggestions.plainly(equation), accepts),
    )


def _ranks(
    equation: str, reading: str, terms: Sequence[Part], shapes: Shapes, accepts: Accepts
) -> Complaint | None:
    for operand, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        names, rank = term.indices, len(shape)
        if names == rank or (term.dots and names < rank):
            continue
        written = equation[slice(*term.span)]
        ranks = list(map(len, shapes))
        others = suggestions.other_ranks(equation, terms, operand, ranks)
        return "shape", message(
            f"operand {operand} has {rank or 'no'} {'axis' if rank == 1 else 'axes'}, but its term "
            f"{written!r} has {'at least ' if term.dots else ''}{names or 'no'} "
            f"{_NAMES[reading][names != 1]}",
            equation=equation,
            spans=[term.span],
            details=[f"operand {operand} has shape {shape}"],
            hint=suggest(equation, others, accepts),
        )
    return None


def _output(
    equation: str, terms: Sequence[Part], output: Part, accepts: Accepts
) -> Complaint | None:
    held = {token.text for term in terms for token in term.tokens}
    counts = Counter(token.text for token in output.tokens)
    for token in output.tokens:
        spans = [other.span for other in output.tokens if other.text == token.text]
        if token.text not in held:
            word = "an ellipsis" if token.text == "..." else f"index {token.text!r}"
            fact = f"the output has {word}, which occurs in no operand"
        elif counts[token.text] > 1:
            fact = f"index {token.text!r} occurs {counts[token.text]} times in the output"
        else:
            continue
        fault = [other for other in output.tokens if other.text == token.text][-1]
        others = suggestions.other_index(equation, terms, output.tokens, fault)
        return "equation", message(
            fact, equation=equation, spans=spans, hint=suggest(equation, others, accepts)
        )
    return None


def size_clash(
    equation: str, reading: str, clash: SizeClash, shapes: Shapes, accepts: Accepts
) -> str:
    """The text for two axes of one index that have different sizes."""
    terms, _ = cut(equation, reading)
    places = [_place(terms[operand], axis, len(shapes[operand])) for operand, axis in clash.axes]
    operands = list(dict.fromkeys(operand for operand, _ in clash.axes))
    joint = "" if reading == "letters" else " "
    others = suggestions.other_sizes(equation, terms, operands, joint)
    fact = str(clash)
    if any(equation[slice(*place)] == "..." for place in places):  # its letter is not the caller's
        fact = re.sub(r"^index '.*?'", "an axis of '...'", fact)
    return message(
        fact,
        equation=equation,
        spans=places,
        details=[f"operand {operand} has shape {shapes[operand]}" for operand in operands],
        hint=suggest(equation, others, accepts),
    ) + _reading_note(equation, reading)


def marked(fact: str, contraction: Contraction, axes: Iterable[tuple[int, int]]) -> str:
    """The text for axes, given as (operand, axis), of a contraction that was read."""
    equation = contraction.equation
    reading = "named" if any(len(index) > 1 for index in contraction.sizes) else "letters"
    terms, _ = cut(equation, reading)
    spans = [terms[operand].tokens[axis].span for operand, axis in axes]
    return message(fact, equation=equation, spans=spans)


def without_size(equation: str, reading: str, sizes: Mapping[str, int]) -> str:
    """The text for indices of the equation that have no size."""
    terms, _ = cut(equation, reading)
    lacking = [token for term in terms for token in term.tokens if token.text not in sizes]
    missing = list(dict.fromkeys(token.text for token in lacking))
    if missing == ["..."]:
        fact = "an ellipsis has no size: give shapes, not sizes"
    else:
        fact = f"no size is given for {listing(repr(index) for index in missing)}"
    return message(
        fact,
        equation=equation,
        spans=[token.span for token in lacking],
        details=[f"sizes are given for {listing(map(repr, sizes))}"] if sizes else (),
    ) + _reading_note(equation, reading)


def _place(term: Part, axis: int, rank: int) -> Span:
    """Where the token of an axis stands; axes of an ellipsis share its place."""
    tokens = term.tokens
    dots = next((place for place, token in enumerate(tokens) if token.text == "..."), None)
    if dots is None or axis < dots:
        return tokens[axis].span
    hidden = rank - (len(tokens) - 1)
    return tokens[dots if axis < dots + hidden else axis - hidden + 1].span
