"""What the writer of a faulty equation may have meant: equations near it, the likeliest first.

Nothing here is sure to be right: `suggest` keeps the first candidate that would pass.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, permutations

from einlab.errors import Span
from einlab.tokens import Part, Token

__all__ = [
    "Accepts",
    "other_index",
    "other_ranks",
    "other_sizes",
    "plainly",
    "splice",
    "suggest",
]

Accepts = Callable[[str], bool] | None
"""Tells whether a call with another equation would pass; None if that cannot be told."""

LONGEST = 200
"""Characters of an equation for which others are tried: it bounds the time of a complaint."""
MOST_SWAPPED = 6
"""Terms of which two are tried in each other's place."""
MOST_REORDERED = 5
"""Indices of a term that are tried in other orders."""

# What a word processor, another keyboard or another library writes instead.
_ARROWS = re.compile(r"\s?(?:<?[-=–—−~]+\s*>+|<[-=–—−]+|[-=–—−~]*[→⇒⟶⟹↦➔]|[-=–—−~]+|>+)")
_PLAIN = str.maketrans({**dict.fromkeys(";*@|&，、；×·⋅∗", ","), "…": "..."})


def suggest(equation: str, candidates: Iterable[str], accepts: Accepts) -> str | None:
    """The line "did you mean …?" with the first candidate that would pass, or None.

    >>> suggest("ij->k", ["ij->i ", "ij->j"], lambda candidate: True)
    "did you mean 'ij->i'?"
    """
    if accepts is None or len(equation) > LONGEST:
        return None
    tidy = (re.sub(r" {2,}", " ", candidate).strip() for candidate in candidates)
    found = next((other for other in tidy if other != equation and accepts(other)), None)
    return None if found is None else f"did you mean {found!r}?"


def splice(equation: str, span: Span, text: str) -> str:
    """The equation with `text` in place of a span."""
    return equation[: span[0]] + text + equation[span[1] :]


def plainly(equation: str, faults: Iterable[Span] = ()) -> Iterator[str]:
    """The equation with arrows and commas as they are typed here, or without its bad characters.

    >>> list(plainly("ij;jk=>ik"))
    ['ij,jk->ik', 'ij;jk=>ik', 'ij;jk=>ik']
    """
    plain = unicodedata.normalize("NFC", equation).translate(_PLAIN)
    plain = re.sub(r"[^\S ]", " ", plain)
    if len(_ARROWS.findall(plain)) == 1:
        plain = _ARROWS.sub("->", plain)
    yield plain
    yield re.sub(r",(?=\s*(,|->|$))", "", equation).lstrip(", ")  # without empty terms
    for span in reversed(list(faults)):
        equation = splice(equation, span, "")
    yield equation


def other_ranks(
    equation: str, terms: Sequence[Part], operand: int, ranks: Sequence[int]
) -> Iterator[str]:
    """Equations for a term that has too many or too few indices for its operand."""
    yield from plainly(equation)
    yield from _swapped(equation, terms)
    held = Counter(token.text for term in terms for token in term.tokens)
    for token in terms[operand].tokens:
        if held[token.text] == 1 and terms[operand].indices > ranks[operand]:
            yield splice(equation, token.span, "")
    yield _with_ellipses(equation, terms, ranks)


def other_sizes(
    equation: str, terms: Sequence[Part], operands: Sequence[int], joint: str
) -> Iterator[str]:
    """Equations for an index that has two sizes: other orders of a term's indices, or of terms."""
    for operand in reversed(operands):
        tokens = terms[operand].tokens
        if not 2 <= len(tokens) <= MOST_REORDERED:
            continue
        places = range(len(tokens))
        orders = sorted(permutations(places), key=lambda order: sum(map(int.__ne__, order, places)))
        for order in orders[1:]:
            text = joint.join(tokens[place].text for place in order)
            yield splice(equation, terms[operand].span, text)
    yield from _swapped(equation, terms)


def other_index(
    equation: str, terms: Sequence[Part], output: Sequence[Token], fault: Token
) -> Iterator[str]:
    """Equations with another index, or none, in place of a wrong one of the output."""
    held = Counter(token.text for term in terms for token in term.tokens)
    named = {token.text for token in output}
    yield from plainly(equation)
    for near in difflib.get_close_matches(fault.text, held, n=3):
        if near not in named:
            yield splice(equation, fault.span, near)
    free = [index for index, count in held.items() if count == 1 and index not in named]
    if len(free) == 1 and fault.text != "...":
        yield splice(equation, fault.span, free[0])
    if not free or fault.text == "...":
        yield splice(equation, fault.span, "")


def _swapped(equation: str, terms: Sequence[Part]) -> Iterator[str]:
    """Two terms in each other's place, as if two operands were."""
    if len(terms) > MOST_SWAPPED:
        return
    for left, right in combinations(terms, 2):
        texts = [equation[slice(*term.span)] for term in (left, right)]
        yield splice(splice(equation, right.span, texts[0]), left.span, texts[1])


def _with_ellipses(equation: str, terms: Sequence[Part], ranks: Sequence[int]) -> str:
    """The equation with '...' before each term that has too few indices, and in the output."""
    head, arrow, tail = equation.partition("->")
    parts = head.split(",")
    for operand, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        if term.indices < rank and not term.dots:
            parts[operand] = _with_ellipsis(parts[operand])
    if parts == head.split(","):
        return equation
    return ",".join(parts) + arrow + (_with_ellipsis(tail) if arrow and "..." not in tail else tail)


def _with_ellipsis(text: str) -> str:
    words = text.lstrip()
    return text[: len(text) - len(words)] + ("... " if " " in words.strip() else "...") + words
