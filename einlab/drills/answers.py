"""Reading an answer as a reader types it, and comparing it with the computed one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from einlab.drills.records import Drill
from einlab.errors import ArgumentError

__all__ = ["Verdict", "canonical", "check", "number", "shape", "shown"]

PREFIXES = {
    "": 1.0,
    "k": 1e3,
    "m": 1e6,
    "g": 1e9,
    "t": 1e12,
    "p": 1e15,
    "ki": 2.0**10,
    "mi": 2.0**20,
    "gi": 2.0**30,
    "ti": 2.0**40,
    "thousand": 1e3,
    "million": 1e6,
    "billion": 1e9,
    "trillion": 1e12,
}
"""What may stand after a number, in any case, before a unit or alone; "m" is mega: no drill asks
for thousandths of anything but seconds, which are asked for as milliseconds or microseconds."""

NUMBER = re.compile(r"([-+−]?)((?:\d[\d_,  ]*)?\.?\d*(?:e[-+]?\d+)?)(%?)\s*(.*)")


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to say about it.

    >>> from einlab.drills.texts import find
    >>> check(find("shapes-plain"), "3 x 2")
    Verdict(right=True, said='right')
    """

    right: bool
    said: str


def check(drill: Drill, given: str) -> Verdict:
    """Compare an answer with the computed one.

    Raises ArgumentError if it cannot be read as an answer of this kind.

    >>> from einlab.drills.texts import find
    >>> check(find("shapes-plain"), "3 x 2").right
    True
    """
    if drill.kind == "model":
        raise ArgumentError("this one is compared with a model answer, by eye")
    reader, same = READERS[drill.kind]
    found = reader(given, drill)
    if same(found, drill):
        return Verdict(True, "right")
    return Verdict(False, NEAR[drill.kind](found, drill))


def number(given: str, drill: Drill) -> float:
    """A number, with separators of thousands, a power of ten, a prefix and the unit, if any.

    >>> from einlab.drills.texts import find
    >>> [number(text, find("order-left")) for text in ("22,000,000", "2.2e7", "22 MFLOP", "22M")]
    [22000000.0, 22000000.0, 22000000.0, 22000000.0]
    """
    text = given.strip().lower()
    found = NUMBER.fullmatch(text)
    digits = re.sub(r"[_,  ]", "", found[2]) if found else ""
    if found is None or not re.match(r"\.?\d", digits):
        raise ArgumentError(f"{given!r:.40} is no number")
    value = (
        float(digits)
        * (-1 if found[1] in ("-", "−") else 1)
        / (100 if found[3] and drill.unit != "%" else 1)
    )
    rest, unit = found[4].strip(), drill.unit.lower()
    for ending in sorted({unit, f"{unit}s", ""}, key=len, reverse=True):
        prefix = rest.removesuffix(ending).strip() if ending else rest
        if rest.endswith(ending) and prefix in PREFIXES:
            return value * PREFIXES[prefix]
    raise ArgumentError(
        f"{found[4]!r:.20} is no unit here; the answer is in {drill.unit or 'plain numbers'}"
    )


def shape(given: str, drill: Drill) -> tuple[int, ...]:
    """Sizes between blanks, commas, × or x, in brackets or not; "scalar" is ().

    >>> from einlab.drills.texts import find
    >>> shape("(3, 2)", find("shapes-plain")), shape("3×2", find("shapes-plain"))
    ((3, 2), (3, 2))
    """
    text = given.strip().lower().strip("()[]")
    if text in ("", "scalar"):
        return ()
    parts = re.split(r"\s*[,×x*\s]\s*", text.strip(" ,"))
    if not all(part.isdecimal() for part in parts):
        raise ArgumentError(f"{given!r:.40} is no shape: write sizes, such as 3×4")
    return tuple(map(int, parts))


def canonical(expression: str) -> str:
    """An einsum expression with its indices named in the order in which they appear.

    Raises ArgumentError if it is none.

    >>> canonical("xy , yz -> xz") == canonical("ij,jk->ik")
    True
    """
    text = re.sub(r"\s", "", expression).replace("→", "->")
    if not re.fullmatch(r"[A-Za-z]*(,[A-Za-z]*)*(->[A-Za-z]*)?", text):
        raise ArgumentError(f"{expression!r:.60} is no einsum expression, such as ij,jk->ik")
    inputs, arrow, output = text.partition("->")
    if not arrow:
        letters = inputs.replace(",", "")
        output = "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    names: dict[str, str] = {}
    for letter in f"{inputs}{output}".replace(",", ""):
        names.setdefault(letter, f"[{len(names)}]")
    return "".join(names.get(char, char) for char in f"{inputs}->{output}")


def letters(given: str, drill: Drill) -> tuple[str, ...]:
    """Letters of options, or one option's whole text."""
    options = drill.shown_options
    whole = [key for key, text in options.items() if text.lower() == given.strip().lower()]
    found = whole or re.findall(r"\w", given.strip().lower())
    if not found or not set(found) <= set(options):
        raise ArgumentError(f"{given!r:.40} names no options; they are {', '.join(options)}")
    return tuple(found)


def shown(drill: Drill) -> str:
    """The answer as it is written."""
    answer = drill.answer
    if drill.kind == "shape":
        return f"({', '.join(map(str, answer))})"
    if drill.kind == "order":
        return " ".join(answer)
    if drill.kind == "number":
        text = f"{answer:,}" if isinstance(answer, int) else f"{answer:.4g}"
        word = drill.unit.islower() and len(drill.unit) > 2
        return f"{text} {drill.unit}{'s' * (word and answer != 1)}".strip()
    return str(answer)


def _same_number(found: float, drill: Drill) -> bool:
    # Half a unit in the fifteenth digit is what binary fractions cost a decimal answer.
    gap = abs(found - drill.answer)
    return bool(gap <= max(drill.tolerance, 5e-15) * abs(drill.answer))


def _near_number(found: float, drill: Drill) -> str:
    for factor, why in FACTORS.items():
        if drill.answer and _same_number(found * factor, drill):
            return f"not quite: it is off by a factor of {why}"
    return "too small" if found < drill.answer else "too large"


FACTORS = {
    2: "2: a multiply-add is two FLOPs",
    0.5: "2: a multiply-add is two FLOPs, once",
    4: "4: bytes of a number?",
    0.25: "4: bytes of a number?",
    1000: "1,000",
    1e-3: "1,000",
    1.024: "1.024: kB and KiB",
    1 / 1.024: "1.024: kB and KiB",
}


def _near_shape(found: tuple[int, ...], drill: Drill) -> str:
    if sorted(found) == sorted(drill.answer):
        return "the right sizes in another order"
    if len(found) != len(drill.answer):
        return f"it has {len(drill.answer)} axes"
    return "another size"


def _near_order(found: Sequence[str], drill: Drill) -> str:
    if sorted(found) != sorted(drill.answer):
        return "each step is needed once"
    placed = sum(a == b for a, b in zip(found, drill.answer, strict=True))
    return f"{placed} of {len(drill.answer)} stand in the right place"


def _near_einsum(found: str, drill: Drill) -> str:
    wanted = canonical(drill.answer)
    if found.partition("->")[0] == wanted.partition("->")[0]:
        return "the inputs are right, the output is another one"
    return "not that one"


Reader = Callable[[str, Drill], Any]
READERS: dict[str, tuple[Reader, Callable[[Any, Drill], bool]]] = {
    "number": (number, _same_number),
    "shape": (shape, lambda found, drill: found == tuple(drill.answer)),
    "einsum": (
        lambda given, drill: canonical(given),
        lambda found, drill: found == canonical(drill.answer),
    ),
    "choice": (letters, lambda found, drill: found == (drill.answer,)),
    "order": (letters, lambda found, drill: list(found) == list(drill.answer)),
}
"""Kind → how an answer is read, and when it is right."""

NEAR: dict[str, Callable[[Any, Drill], str]] = {
    "number": _near_number,
    "shape": _near_shape,
    "einsum": _near_einsum,
    "choice": lambda found, drill: "another one",
    "order": _near_order,
}
"""Kind → what is said of a wrong answer, without giving the right one away."""
