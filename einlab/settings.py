"""The arguments that steer a plan, checked once and kept as a value.

`settings_from` takes what a caller wrote (a limit as text, a path as lists, a dtype as a type) and
gives a `Settings`: hashable, comparable, and without anything left that could be wrong.
"""

from __future__ import annotations

import difflib
import math
import re
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, cast

from einlab import dtypes, machinestore
from einlab.contraction import Contraction
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    EinlabError,
    PathError,
    listing,
    outside,
)
from einlab.machines import Machine, machine_for
from einlab.memory import memory_limit
from einlab.objectives import Objective, objective_for, seconds_by
from einlab.search.budget import Trials
from einlab.stepmodel import StepModel

__all__ = ["Settings", "objective_name", "objective_of", "result_dtype", "settings_from"]

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
ALGORITHMS = (
    "ANY_F8_ANY_F8_F32",
    "ANY_F8_ANY_F8_F32_FAST_ACCUM",
    "ANY_F8_ANY_F8_ANY",
    "ANY_F8_ANY_F8_ANY_FAST_ACCUM",
    "F16_F16_F16",
    "F16_F16_F32",
    "BF16_BF16_BF16",
    "BF16_BF16_F32",
    "BF16_BF16_F32_X3",
    "BF16_BF16_F32_X6",
    "BF16_BF16_F32_X9",
    "TF32_TF32_F32",
    "TF32_TF32_F32_X3",
    "F32_F32_F32",
    "F64_F64_F64",
)
"""The names of `jax.lax.DotAlgorithmPreset`: dtypes of the operands and of the accumulator."""
_REFUSED = {
    "out": "JAX arrays are immutable: take the returned array instead of out=",
    "order": "a JAX array is always C-contiguous",
    "casting": "JAX promotes dtypes by its own rules: convert operands with x.astype(…) "
    "or ask for preferred_element_type=",
}
_HARMLESS = {"order": "K", "casting": "safe"}
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
    """A name, or None for seconds where the machine is known and flops elsewhere."""
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
    compile_budget: float | None = None
    """Seconds that compiling may take; None for the default."""

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


def settings_from(options: Mapping[str, object], device: str | None = None) -> Settings:
    """Checked settings from keyword arguments as a user wrote them.

    Raises ArgumentTypeError for an unknown or refused argument, ArgumentError for a value that an
    argument cannot have. The machine is the one last calibrated here unless another is given, if it
    is of the kind of `device` ("cpu", "gpu", "tpu"; None for any). `dtype` means
    `preferred_element_type`; `backend` and `use_blas` are ignored with a DeprecationWarning.

    >>> settings_from({"memory_limit": "2GiB", "optimize": [(0, 1)]}).memory_bytes
    2147483648
    """
    given = dict(options)
    _compatible(given)
    values: dict[str, object] = {}
    for name, value in given.items():
        if name not in NAMES:
            raise ArgumentTypeError(_unknown(name, value))
        if name == "memory_limit":
            values["memory_bytes"], values["size_limit"] = memory_limit(value)
        else:
            values[name] = _CHECKS[name](value)
    if values.get("machine") is None:
        values["machine"] = machinestore.here(device)
    return Settings(**values)  # type: ignore[arg-type]


def _compatible(given: dict[str, object]) -> None:
    """Translate, ignore or refuse what opt_einsum's functions take."""
    for name, reason in _REFUSED.items():
        value = given.pop(name, None)
        if value is not None and not (isinstance(value, str) and value == _HARMLESS.get(name)):
            raise ArgumentTypeError(f"{name}= is refused; {reason}")
    ignored = [name for name in _IGNORED if name in given]
    if ignored:
        reasons = "; ".join(f"{name}= is ignored: {_IGNORED[name]}" for name in ignored)
        warnings.warn(reasons, DeprecationWarning, stacklevel=outside())
        for name in ignored:
            del given[name]
    dtype = given.pop("dtype", None)
    if dtype is not None:
        preferred = given.setdefault("preferred_element_type", dtype)
        if preferred is None or _preferred(preferred) != _preferred(dtype):
            raise ArgumentError(
                f"dtype= means preferred_element_type=, but one is {dtype!r:.60} and the other "
                f"{preferred!r:.60}; give one of them"
            )


def _unknown(name: str, value: object) -> str:
    close = difflib.get_close_matches(name, NAMES)
    fitting = [other for other in close if _is_accepted(other, value)]
    hint = f"did you mean {fitting[0]}=?" if fitting else f"known are {listing(sorted(NAMES))}"
    return f"unknown argument {name}=; {hint}"


def _is_accepted(name: str, value: object) -> bool:
    try:
        settings_from({name: value})
    except EinlabError:
        return False
    return True


def _optimize(value: Any) -> Hashable:
    """A name or object as it is, a path as a tuple of tuples; True and None mean "auto"."""
    if value is None or value is True:
        return "auto"
    if isinstance(value, (str, bool)):
        return value
    if isinstance(value, type):
        raise ArgumentTypeError(
            f"optimize is the class {value.__name__}, not a search: make one, {value.__name__}(…)"
        )
    if callable(value) or hasattr(value, "get_path"):
        if not isinstance(value, Hashable):
            raise ArgumentTypeError(
                f"optimize is of type {type(value).__name__}, whose objects have no hash; einlab "
                "remembers calls by their settings"
            )
        return value
    if not isinstance(value, Iterable) or isinstance(value, (Mapping, Set, bytes)):
        raise ArgumentTypeError(
            f"optimize is the name of a search, a path or a search object, not {value!r:.60}"
        )
    steps = list(value)
    if steps and isinstance(steps[0], str) and steps[0] == "einsum_path":  # NumPy's form of a path
        del steps[0]
    return tuple(_step(step, place) for place, step in enumerate(steps))


def _step(step: Any, place: int) -> tuple[int, ...]:
    """One step of a path."""
    positions = tuple(step) if isinstance(step, Iterable) else ()
    if not positions or not all(isinstance(position, Integral) for position in positions):
        raise PathError(f"step {place} of the path is {step!r:.60}, not a tuple of operand numbers")
    return tuple(map(int, positions))


def _budget(value: object) -> float | Trials | None:
    """Seconds from a number or text such as "2s"; None and numbers of trials unchanged."""
    if isinstance(value, Trials):
        trials: Any = value.trials
        if isinstance(trials, bool) or not isinstance(trials, int) or trials < 1:
            raise ArgumentError(f"budget is {value!r:.60}; a number of trials is 1 or more")
        return value
    if value is None:
        return value
    return _seconds("budget", value, "seconds or Trials(n)")


def _compile_budget(value: object) -> float | None:
    """Seconds from a number or text."""
    return None if value is None else _seconds("compile_budget", value, "seconds")


def _seconds(name: str, value: object, kind: str) -> float:
    """A positive number of seconds, from a number or text such as "2s"."""
    number: Any = value
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*(ms|s|min)\s*", value)
        if not found:
            raise ArgumentError(
                f"{name} {value!r:.60} is no time; '2s', '100ms', '1min' or 0.5, for instance"
            )
        number = float(found[1]) * {"ms": 1e-3, "s": 1.0, "min": 60.0}[found[2]]
    if isinstance(number, bool) or not isinstance(number, Real):
        raise ArgumentTypeError(f"{name} is {kind}, not {value!r:.60}")
    if not 0 < float(number) < math.inf:
        raise ArgumentError(f"{name} is {value!r:.60}; it is a positive number of seconds")
    return float(number)


def _seed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ArgumentTypeError(f"seed is a whole number, not {value!r:.60}")
    if value < 0:
        raise ArgumentError(f"seed is {value}; it is 0 or more")
    return int(value)


def _precision(value: object) -> str | tuple[str, str] | None:
    """The name of a precision; of two, for the left and the right operand."""
    if value is None:
        return None
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ArgumentTypeError(
                f"precision is one name, or two for the left and right operand, not {value!r:.60}"
            )
        left, right = (
            "default" if part is None else _precision_name(part, PRECISIONS) for part in value
        )
        return left, right
    return _precision_name(value, (*PRECISIONS, *ALGORITHMS))


def _precision_name(value: object, known: tuple[str, ...]) -> str:
    name = getattr(value, "name", value)
    if not isinstance(name, str):
        raise ArgumentTypeError(f"precision is a name such as 'highest', not {value!r:.60}")
    for one in name, name.lower():
        if one in known:
            return one
    close = difflib.get_close_matches(name, known, 1) or difflib.get_close_matches(
        name.lower(), known, 1
    )
    hint = f"did you mean {close[0]!r}?" if close else f"known are {listing(PRECISIONS)}"
    raise ArgumentError(f"unknown precision {name!r:.60}; {hint}")


def _objective(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ArgumentTypeError(f"objective is a name such as 'flops', not {value!r:.60}")
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
    "compile_budget": _compile_budget,
    "seed": _seed,
    "precision": _precision,
    "preferred_element_type": _preferred,
    "strict": _strict,
    "axes": _axes,
    "machine": lambda value: None if value is None else machine_for(cast(Any, value)),
}


def objective_of(settings: Settings, operands: tuple[str, ...], dtype: str) -> Objective:
    """What a search for these operands and a result of `dtype` minimises.

    `seconds` are those that the step model predicts for the machine of the settings, calibrated or
    from its peak figures, for products of the dtype that they are held in.

    Raises ArgumentError for an unknown objective, and for seconds without a machine.

    >>> objective_of(Settings(objective="combo"), ("float32",), "float32").write
    64
    """
    name = objective_name(settings, operands, dtype)
    if name == "seconds" and settings.machine is not None:
        precision = settings.precision if isinstance(settings.precision, str) else None
        held_in = dtypes.held_in(operands, dtype)
        return seconds_by(StepModel.from_machine(settings.machine, held_in, precision).searched)
    return objective_for(name, any(map(dtypes.is_complex, operands)))


def objective_name(settings: Settings, operands: tuple[str, ...], dtype: str) -> str:
    """The name of the objective; if none is given, `seconds` where the machine knows the dtype.

    >>> objective_name(Settings(), ("float32",), "float32")
    'flops'
    >>> objective_name(Settings(machine=machine_for("T4")), ("float32",), "float32")
    'seconds'
    """
    if settings.objective is not None:
        return settings.objective
    machine = settings.machine
    if machine is None:
        return "flops"
    held_in = dtypes.held_in(operands, dtype)
    measured = machine.measured
    known = held_in in measured if measured else machine.rate(held_in) is not None
    return "seconds" if known else "flops"


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
