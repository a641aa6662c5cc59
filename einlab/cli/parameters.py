"""The options that several commands share, and how their text is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from einlab.dtypes import dtype_name
from einlab.errors import DtypeError
from einlab.search.budget import Trials

__all__ = ["Function", "dtypes", "merged", "planning_options", "settings_given", "shape", "sizes"]

Function = TypeVar("Function", bound=Callable[..., Any])


def shape(text: str) -> tuple[int, ...]:
    """A shape: 1000,10 or 1000x10 or 1000×10; scalar or nothing for an array without axes.

    Raises BadParameter for anything else.

    >>> shape("1000,10"), shape("(3,)"), shape("scalar")
    ((1000, 10), (3,), ())
    """
    inner = text.strip().strip("()[]").rstrip(",").strip()
    if inner in ("", "scalar"):
        return ()
    parts = re.split(r"\s*[,x×]\s*|\s+", inner)
    if not all(re.fullmatch(r"[0-9]{1,18}", part) for part in parts):
        raise click.BadParameter(f"{text!r:.60} is no shape; write 1000,10 or 1000x10, or scalar")
    return tuple(map(int, parts))


def sizes(text: str) -> dict[str, int]:
    """Sizes of indices.

    Raises BadParameter if the text is something else or gives an index two sizes.

    >>> sizes("i=1000,j=10")
    {'i': 1000, 'j': 10}
    """
    return merged(_size(part) for part in re.split(r"[,\s]+", text.strip(", ")))


def merged(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    """All sizes in one dictionary.

    Raises BadParameter if an index has two sizes.
    """
    together: dict[str, int] = {}
    for part in parts:
        for name, size in part.items():
            if together.setdefault(name, size) != size:
                raise click.BadParameter(
                    f"{name!r} is given the sizes {together[name]} and {size}",
                    param_hint="'--sizes'",
                )
    return together


def dtypes(text: str) -> tuple[str, ...]:
    """A dtype for all operands, or one for each.

    Raises BadParameter if there is no such dtype.

    >>> dtypes("float32,bfloat16")
    ('float32', 'bfloat16')
    """
    try:
        return tuple(dtype_name(part.strip()) for part in text.split(","))
    except DtypeError as error:
        raise click.BadParameter(str(error)) from None


def _size(part: str) -> dict[str, int]:
    name, _, size = part.partition("=")
    if not name or not re.fullmatch(r"[0-9]{1,18}", size):
        raise click.BadParameter(f"{part!r:.60} is no size; write i=1000,j=10")
    return {name: int(size)}


_OPTIONS = (
    click.option(
        "--optimize",
        metavar="SEARCH",
        help="A search, or a path such as '[(0, 1), (0, 1)]'.  [default: auto]",
    ),
    click.option("--objective", metavar="NAME", help="What to minimise.  [default: flops]"),
    click.option(
        "--memory-limit",
        metavar="LIMIT",
        help="Bytes alive at once, such as 2GiB or auto; a bare number is elements of the largest "
        "intermediate.",
    ),
    click.option(
        "--budget",
        metavar="BUDGET",
        help="Time for the search, such as 2s or 0.5, or '200 trials', which repeat exactly.",
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Seed of the search.  [default: 0]"),
    click.option(
        "--axes",
        type=click.Choice(["letters", "named"]),
        help="Read the equation as letters or as axis names.  [default: what fits]",
    ),
)


def planning_options(function: Function) -> Function:
    """The options that steer a search, passed to the command by the names of `plan`'s arguments."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def settings_given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, as `plan` and `contract` take them.

    >>> settings_given({"memory_limit": "1000", "seed": None, "optimize": "[(0, 1)]"})
    {'memory_limit': 1000, 'optimize': [(0, 1)]}
    >>> settings_given({"budget": "200 trials"})
    {'budget': Trials(trials=200)}
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in ("memory_limit", "budget"):
        if re.fullmatch(r"\s*-?([0-9]+\.?[0-9]*|\.[0-9]+)\s*", str(given.get(name, ""))):
            number = float(given[name])
            given[name] = int(number) if number == int(number) else number
    trials = re.fullmatch(r"\s*([1-9][0-9]{0,8})\s*trials?\s*", str(given.get("budget", "")))
    if trials:
        given["budget"] = Trials(int(trials[1]))
    if str(given.get("optimize", "")).lstrip().startswith(("[", "(")):
        try:
            given["optimize"] = ast.literal_eval(given["optimize"].strip())
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            raise click.BadParameter(
                f"{given['optimize']!r:.60} is no path; write '[(0, 1), (0, 1)]'",
                param_hint="'--optimize'",
            ) from None
    return given
