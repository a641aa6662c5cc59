"""Text of a config.json, read strictly: JSON without surprises, fields taken one by one by name.

A field of the file is needed, or has a meaning where it is absent, or must have one value, or says
nothing about the computation; anything else is refused by name, never guessed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from einlab.errors import FileError, listing, message

__all__ = ["ABSENT", "LARGEST_SIZE", "Fields", "fields_of", "misfit", "short", "text_of"]

LARGEST_SIZE = 2**31 - 1  # positions in an array are 32-bit integers in JAX's default setting
LONGEST_FILE = 2**20  # characters; configs with thousands of label names stay far below

ABSENT: Any = object()
"""The default of a field that must be there."""


class Fields:
    """The fields of a config.json, and which of them have been asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.asked: set[str] = set()
        self.missing: list[str] = []

    def take(self, name: str, default: Any = ABSENT) -> Any:
        """The value of a field; where it is absent `default`, and without one it is missing."""
        self.asked.add(name)
        if name not in self.values and default is ABSENT:
            self.missing.append(name)
        return self.values.get(name, default)

    def given(self, *names: str) -> str:
        """The first of several names of one field that is there; the last if none is."""
        self.asked.update(names)
        return next((name for name in names if name in self.values), names[-1])

    def count(
        self,
        name: str,
        default: Any = ABSENT,
        *,
        least: int = 1,
        most: int = LARGEST_SIZE,
        nullable: bool = False,
    ) -> Any:
        """A whole number; None only if it may be null.

        Raises FileError naming the field for another type or a number out of range.
        """
        value = self.take(name, default)
        if value is ABSENT:
            return least
        if value is None and (nullable or default is None):
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.refuse(name, f"a whole number from {least} to {most}")
        return value

    def number(
        self,
        name: str,
        default: Any = ABSENT,
        *,
        above: float = 0.0,
        most: float = 1e12,
        nullable: bool = False,
    ) -> Any:
        """A number above `above`; None only if it may be null.

        Raises FileError as `count` does.
        """
        value = self.take(name, default)
        if value is ABSENT:
            return most
        if value is None and (nullable or default is None):
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(name, "a number")
        if not (math.isfinite(value) and above < value <= most):
            self.refuse(name, f"a number above {above:g} and up to {most:g}")
        return float(value)

    def flag(self, name: str, default: Any = ABSENT) -> bool:
        """True or false.

        Raises FileError as `count` does.
        """
        value = self.take(name, default)
        if value is not ABSENT and not isinstance(value, bool):
            self.refuse(name, "true or false")
        return value is True

    def one_of(self, name: str, meanings: Mapping[Any, Any], default: Any = ABSENT) -> Any:
        """The meaning of a word.

        Raises FileError for a word without one.
        """
        value = self.take(name, default)
        if value is ABSENT:
            return next(iter(meanings.values()))
        if not isinstance(value, str | None) or value not in meanings:
            self.refuse(name, f"one of {listing(map(repr, meanings))}")
        return meanings[value]

    def fixed(self, values: Mapping[str, Any]) -> None:
        """Fields that may be absent or null, and may have no other value than these.

        Raises FileError naming the one that has.
        """
        for name, value in values.items():
            found = self.take(name, value)
            if found is not None and not (type(found) is type(value) and found == value):
                self.refuse(name, f"{value!r}, all that this model computes")

    def object(self, name: str, default: Any = ABSENT) -> Fields | None:
        """A field that holds fields; None where it is null or absent by default."""
        value = self.take(name, default)
        if value is None or value is ABSENT:
            return None
        if not isinstance(value, dict):
            self.refuse(name, "an object with named fields, or null")
        return Fields(value)

    def refuse(self, name: str, expected: str) -> NoReturn:
        """Say what a field is and what it should be.

        Raises FileError.
        """
        raise FileError(f"{name} is {short(self.values.get(name))}; expected {expected}")

    def finish(self, what: str, idle: Collection[str] = ()) -> None:
        """Check that all fields were there and none is left.

        Raises FileError naming those that are missing or unknown.
        """
        unknown = [name for name in self.values if name not in self.asked and name not in idle]
        if self.missing or unknown:
            raise FileError(misfit(f"the fields are not those of {what}", self.missing, unknown))


def fields_of(text: str) -> Mapping[str, Any]:
    """The JSON object in `text`; its field names are unique and its numbers finite.

    Raises FileError for anything else.

    >>> fields_of('{"n_layer": 12}')
    {'n_layer': 12}
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_unique)
    except FileError:
        raise
    except RecursionError:
        raise FileError("the JSON is nested too deeply for a config") from None
    except ValueError as error:
        raise FileError(f"this is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise FileError(f"the JSON holds {short(value)}; expected an object with named fields")
    return value


def text_of(path: str | Path) -> str:
    """The text of the config at `path`.

    Raises FileError naming the file if it cannot be read or is longer than any config.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(LONGEST_FILE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"cannot read the config {path}: {error}") from None
    if len(text) > LONGEST_FILE:
        raise FileError(f"{path} has more than {LONGEST_FILE} characters: no config is that long")
    return text


def misfit(headline: str, missing: Iterable[str], unknown: Iterable[str]) -> str:
    """The message for fields that are missing or unknown, eight of each at most."""
    details = [
        f"{what}: {listing(names[:8])}{' …' if len(names) > 8 else ''}"
        for what, names in (("missing", list(missing)), ("unknown", list(unknown)))
        if names
    ]
    return message(headline, details=details)


def short(value: object) -> str:
    """`value` as Python writes it, cut to a readable length.

    >>> short("silu"), short(10**50)
    ("'silu'", 'a huge number')
    """
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."


def _no_constant(word: str) -> NoReturn:
    raise FileError(f"the JSON holds {word}, which is no number that a config can use")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise FileError(f"the field {short(name)} is there twice")
        fields[name] = value
    return fields
