"""The arguments that steer a plan, checked once and kept as a value.

`settings_from` takes what a caller wrote (a limit as text, a path as lists, a dtype as a type) and
gives a `Settings`: hashable, comparable, and without anything left that could be wrong.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, cast

from einlab import dtypes
from einlab.contraction import Contraction
from einlab.errors import ArgumentError, ArgumentTypeError, DtypeError, ShapeError, listing
from einlab.machines import Machine, machine_for
from einlab.search.budget import Trials

__all__ = ["Settings", "check_strict", "result_dtype", "settings_from"]

UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
PRECISIONS = (
    "default",
    "fastest",
    "high",
    "highest",
    "bfloat16",
    "bfloat16_3x",
    "tensorfloat32",
    "float32",
)
_ALGORITHM = re.compile(r"ANY_[A-Z0-9_]+|[A-Z]+\d+(_[A-Z0-9]+)+|DEFAULT")
_REFUSED = {
    "out": "JAX arrays are immutable: take the returned array instead of out=",
    "order": "a JAX array is always C-contiguous: leave order= out",
    "casting": "JAX promotes dtypes by its own rules: convert operands with x.astype(…) "
    "or ask for preferred_element_type=",
}
_IGNORED = {
    "backend": "einlab always runs on JAX",
    "use_blas": "XLA chooses the library for every product",
}


@dataclass(frozen=True)
class Settings:
    """How to plan: every field checked."""

    optimize: Hashable = "auto"
    """A name, a path as a tuple of tuples, or an object of opt_einsum's or cotengra's."""
    objective: str | None = None
    budget: float | Trials | None = None
    """Seconds as a float, a number of trials, or None for a number worked out from the cost."""
    seed: int = 0
    memory_bytes: int | None = None
    """Limit of everything alive at once, in bytes."""
    size_limit: int | str | None = None
    """Limit of the largest intermediate in elements, or "max_input"."""
    precision: str | tuple[str, str] | None = None
    preferred_element_type: str | None = None
    strict: bool = False
    axes: str | None = None
    machine: Machine | None = None

    def elements_limit(self, contraction: Contraction) -> int | None:
        """The limit of the largest intermediate in elements, "max_input" worked out."""
        if self.size_limit != "max_input":
            return self.size_limit  # type: ignore[return-value]
        terms = (*contraction.terms, contraction.output)
        return max(contraction.volume(set(term)) for term in terms)


NAMES = tuple(
    {"memory_bytes": "memory_limit"}.get(field.name, field.name)
    for field in fields(Settings)
    if field.name != "size_limit"
)


def settings_from(options: Mapping[str, object]) -> Settings:
    """Checked settings from keyword arguments as a user wrote them.

    Raises ArgumentTypeError for an unknown or refused argument, ArgumentError for a value that an
    argument cannot have. `dtype` means `preferred_element_type`; `backend` and `use_blas` are
    ignored with a DeprecationWarning.

    >>> settings_from({"memory_limit": "2GiB", "optimize": [(0, 1)]}).memory_bytes
    2147483648
    """
    given = dict(options)
    _compatible(given)
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in NAMES:
            raise ArgumentTypeError(_unknown(name))
        if name == "memory_limit":
            values["memory_bytes"], values["size_limit"] = memory_limit(value)
        else:
            values[name] = _CHECKS[name](value)
    return Settings(**values)  # type: ignore[arg-type]


def _compatible(given: dict[str, object]) -> None:
    """Translate, ignore or refuse what opt_einsum's functions take."""
    for name, reason in _REFUSED.items():
        if given.pop(name, None) not in (None, "K", "safe"):
            raise ArgumentTypeError(f"{name}= is not taken: {reason}")
    ignored = [name for name in _IGNORED if name in given]
    if ignored:
        reasons = "; ".join(f"{name}= is ignored: {_IGNORED[name]}" for name in ignored)
        warnings.warn(reasons, DeprecationWarning, stacklevel=4)
        for name in ignored:
            del given[name]
    if "dtype" in given:
        dtype = given.pop("dtype")
        if dtype is not None:
            given.setdefault("preferred_element_type", dtype)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, NAMES, 1)
    hint = f"did you mean {close[0]}=?" if close else f"known are {listing(sorted(NAMES))}"
    return f"unknown argument {name}=; {hint}"


def memory_limit(value: object) -> tuple[int | None, int | str | None]:
    """A memory limit as (bytes, elements): text with a unit or "auto" is bytes, a number elements.

    >>> memory_limit("1.5 KiB"), memory_limit(1000), memory_limit("max_input"), memory_limit(-1)
    ((1536, None), (None, 1000), (None, 'max_input'), (None, None))
    """
    if value is None or value == "max_input":
        return None, value
    if isinstance(value, str):
        return (host_memory() if value == "auto" else _bytes(value)), None
    if isinstance(value, bool) or not isinstance(value, (Real, Decimal)):
        raise ArgumentTypeError(
            f"memory_limit is text with a unit ('2GiB'), 'auto', 'max_input' or a number of "
            f"elements, not {value!r:.60}"
        )
    if value == -1:
        return None, None
    if math.isnan(value) or value < 1:
        raise ArgumentError(
            f"memory_limit is {value}; a number of elements is at least 1, and -1 means no limit"
        )
    return None, None if math.isinf(value) else int(float(value))


def _bytes(text: str) -> int:
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*([A-Za-z]+)\s*", text)
    number, unit = found.groups() if found else ("", "")
    if unit not in UNITS:
        alike = [known for known in UNITS if known.lower() in (unit.lower(), unit.lower() + "b")]
        hint = f"; did you mean '{number}{alike[0]}'?" if alike and number else ""
        raise ArgumentError(
            f"memory limit {text!r:.60} is no number with a unit of {listing(UNITS)}{hint}"
        )
    if float(number) * UNITS[unit] < 1 or math.isinf(float(number)):
        raise ArgumentError(f"memory limit {text!r} is less than a byte, or more than can be")
    return int(Decimal(number) * UNITS[unit])


def host_memory() -> int:
    """Physical memory of this computer in bytes.

    Raises ArgumentError where the operating system does not tell.
    """
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        raise ArgumentError(
            "memory_limit='auto' needs to know the memory of this computer, which its system does "
            "not tell; give it as text, for instance '8GiB'"
        ) from None


def _optimize(value: Any) -> Hashable:
    """A name or object as it is, a path as a tuple of tuples; True and None mean "auto"."""
    if value is None or value is True:
        return "auto"
    if isinstance(value, (str, bool)) or callable(value) or not isinstance(value, Iterable):
        return cast(Hashable, value)
    if hasattr(value, "get_path"):
        return cast(Hashable, value)
    steps = list(value)
    return tuple(
        tuple(step) if isinstance(step, Iterable) and not isinstance(step, str) else step
        for step in steps
    )


def _budget(value: object) -> float | Trials | None:
    """Seconds from a number or text such as "2s"; None and numbers of trials unchanged."""
    if value is None or isinstance(value, Trials):
        return value
    number: Any = value
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(ms|s|min)\s*", value)
        if not found:
            raise ArgumentError(f"budget {value!r:.60} is no time; '2s' or 0.5, for instance")
        number = float(found[1]) * {"ms": 1e-3, "s": 1.0, "min": 60.0}[found[2]]
    if isinstance(number, bool) or not isinstance(number, Real):
        raise ArgumentTypeError(f"budget is seconds or Trials(n), not {value!r:.60}")
    if not 0 < float(number) < math.inf:
        raise ArgumentError(f"budget is {value}; it is a positive number of seconds")
    return float(number)


def _seed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"seed is a whole number, not {value!r:.60}")
    if value < 0:
        raise ArgumentError(f"seed is {value}; it is 0 or more")
    return int(value)


def _precision(value: object) -> str | tuple[str, str] | None:
    """The name of a precision; of two, for the left and the right operand."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        left, right = (_precision(part) or "default" for part in value)
        return str(left), str(right)
    name = getattr(value, "name", value)
    if name is None:
        return None
    if not isinstance(name, str):
        raise ArgumentTypeError(f"precision is a name such as 'highest', not {value!r:.60}")
    if name.lower() in PRECISIONS:
        return name.lower()
    if not _ALGORITHM.fullmatch(name):
        close = difflib.get_close_matches(name.lower(), PRECISIONS, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {listing(PRECISIONS)}"
        raise ArgumentError(f"unknown precision {name!r:.60}; {hint}")
    return name


def _objective(value: object) -> object:
    return value


def _axes(value: object) -> str | None:
    """The reading of an equation: "letters", "named", or None for whichever fits."""
    if value is not None and value not in ("letters", "named"):
        kind = ArgumentError if isinstance(value, str) else ArgumentTypeError
        raise kind(f"axes is 'letters', 'named' or None, not {value!r:.60}")
    return value


def _strict(value: object) -> bool:
    if not isinstance(value, bool):
        raise ArgumentTypeError(f"strict is True or False, not {value!r:.60}")
    return value


def _preferred(value: object) -> str | None:
    return None if value is None else dtypes.dtype_name(value)


_CHECKS: dict[str, Callable[[object], object]] = {
    "optimize": _optimize,
    "objective": _objective,
    "budget": _budget,
    "seed": _seed,
    "precision": _precision,
    "preferred_element_type": _preferred,
    "strict": _strict,
    "axes": _axes,
    "machine": lambda value: None if value is None else machine_for(cast(Any, value)),
}


def result_dtype(operands: tuple[str, ...], preferred: str | None) -> str:
    """The dtype of a result: `preferred`, else the promotion of the operands.

    Raises DtypeError if complex operands are to give a real result.
    """
    if preferred is None:
        return dtypes.promote(operands)
    if any(map(dtypes.is_complex, operands)) and not dtypes.is_complex(preferred):
        raise DtypeError(
            f"a product of {listing(dict.fromkeys(operands))} is complex and cannot be given as "
            f"{preferred}; take .real of the result instead"
        )
    return preferred


def check_strict(contraction: Contraction, dtype: str) -> None:
    """Refuse what is legal but often a slip: broadcasting, lone sums, integers that can wrap.

    Raises ShapeError or DtypeError saying which.
    """
    for operand, term in enumerate(contraction.terms):
        for axis, index in enumerate(term):
            if contraction.is_broadcast(operand, axis):
                raise ShapeError(
                    f"strict: index {index!r} has size 1 in operand {operand} and "
                    f"{contraction.sizes[index]} elsewhere; it would be broadcast"
                )
    lone = set(contraction.sizes) - {i for term in contraction.leaves for i in term}
    for operand, term in enumerate(contraction.terms):
        for index in term:
            if index in lone:
                raise ShapeError(
                    f"strict: index {index!r} occurs in operand {operand} alone and not in the "
                    "output; it would be summed there"
                )
    if dtypes.is_integer(dtype):
        summed = set(contraction.sizes) - set(contraction.output)
        bound = contraction.volume(summed)
        for given in contraction.dtypes:
            bound *= dtypes.largest_integer(given) if dtypes.is_integer(given) else 1
        if bound > dtypes.largest_integer(dtype) - 1:
            raise DtypeError(
                f"strict: a sum of products of {listing(dict.fromkeys(contraction.dtypes))} can "
                f"reach {bound:,} and wrap around in {dtype}; ask for a wider "
                "preferred_element_type"
            )
