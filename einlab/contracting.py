"""`contract` and `contract_expression`: the hot path from a call to a compiled program.

A call looks its equation and options up in a dictionary that holds one jitted function each; JAX's
own cache below it knows shapes, dtypes and JAX's settings. Planning happens while that function is
traced, once for each set of shapes. Everything slow stands behind the look-up.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, TypedDict, Unpack

import jax

from einlab.compiling import FEWEST_STEPS
from einlab.config import config
from einlab.contraction import Contraction
from einlab.errors import ArgumentTypeError, EinlabError, OperandError, PlanError, message
from einlab.execute import arrays
from einlab.execute.dispatch import Direct
from einlab.execute.executable import Limited, one_contraction
from einlab.execute.jax_compat import without_jax_notes
from einlab.execute.primitive import bind
from einlab.execute.tuning import tuned_by_itself
from einlab.factored import flat, is_factored, unfold
from einlab.labels import Labelled, equation_and_operands, from_labels, with_labels
from einlab.notation import parse
from einlab.operands import specs
from einlab.planning import Plan, make_plan
from einlab.settings import Settings, result_dtype, settings_from
from einlab.tuned import is_free

__all__ = ["Options", "compiled", "contract"]

logger = logging.getLogger("einlab")

Compiled = Callable[..., jax.Array]

MOST_KEPT = 4096
"""Equations remembered; JAX keeps their programs only as long as they are here."""


class Options(TypedDict, total=False):
    """What `contract` takes by name."""

    optimize: Any
    objective: str | None
    budget: Any
    seed: int
    memory_limit: Any
    precision: Any
    preferred_element_type: Any
    strict: bool
    axes: str | None
    compile_budget: Any
    dtype: Any
    backend: Any
    use_blas: Any
    out: Any
    order: Any
    casting: Any


DEFAULTS: dict[str, Any] = {
    "optimize": "auto",
    "objective": None,
    "budget": None,
    "seed": 0,
    "memory_limit": None,
    "precision": None,
    "preferred_element_type": None,
    "strict": False,
    "axes": None,
    "compile_budget": None,
}

_functions: dict[Any, Compiled] = {}
_making = threading.Lock()


def _forget() -> None:
    """Drop every function made under settings of einlab that no longer hold."""
    _functions.clear()
    compiled.cache_clear()


config.on_change(_forget)


def contract(equation: Any, *operands: Any, **options: Unpack[Options]) -> jax.Array:
    """The contraction that an equation describes, in a good order, at the machine's speed.

    `equation` is in letters ('ij,jk->ik') or axis names ('row key, key -> row'), a `Plan`, or the
    first operand where labels follow each operand. Operands are JAX or NumPy arrays, anything with
    `__dlpack__`, lists or scalars. The result is a `jax.Array` of shape and dtype as
    `jax.numpy.einsum`'s.

    optimize: name of a search ("auto", "optimal", "greedy", …), a path, an opt_einsum or cotengra
      search. objective: "flops", "seconds", "size", "peak", "bytes" or "combo"; None is seconds
      once `einlab calibrate` has measured the device, else flops. budget: seconds or Trials(n).
    memory_limit: text with a unit ("2GiB") or "auto" (the memory of the device) bounds the bytes of
      everything alive, forward and backward; a number bounds the elements of the largest
      intermediate. The compiled program is held to it, and planned anew if it holds more. Inside a
      program of the caller's (jit, grad, vmap) a program of the contraction alone, or of its
      gradient, is; what the caller computes beside it is not counted.
    precision and preferred_element_type: as for `jax.lax.dot_general`. strict: refuse broadcasting,
      lone sums and integers that can wrap.
    axes: "letters" or "named" forces a reading. compile_budget: seconds that compiling may take,
      1 unless given; hundreds of small steps then share one loop, or every step is a program.

    Raises EquationError, ShapeError, OperandError, DtypeError, ArgumentError, PathError or
    MemoryLimitError, all ValueErrors, with the place of the fault.

    >>> import jax.numpy as jnp
    >>> contract("ij,jk->ik", jnp.ones((2, 3)), jnp.ones((3, 2)))
    Array([[3., 3.],
           [3., 3.]], dtype=float32)
    """
    if type(equation) is not str and type(equation) is not Plan:
        equation, operands = _apart(equation, operands)
    try:
        if options:
            values = options.values()
            function = _functions[equation, *options, *values, *map(type, values)]
        else:
            function = _functions[equation]
    except (KeyError, TypeError):
        function = None
    if function is None:  # beyond the handler, so that what went wrong there is not shown
        function = _new_function(equation, operands, options)
    if not arrays.READY.issuperset(map(type, operands)):
        try:
            ready: tuple[Any, ...] | None = arrays.ready(operands)
        except OperandError:
            if not any(map(is_factored, operands)):
                raise
            ready = None
        if ready is None:
            return _contract_factors(equation, operands, options)
        operands = ready
    try:
        return function(*operands)
    except EinlabError as error:
        raise without_jax_notes(_with_labels(error, equation, operands)) from None
    except (ValueError, RuntimeError) as error:
        arrays.explain(error, operands, getattr(equation, "precision", options.get("precision")))
        raise


contract.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [
        inspect.Parameter("equation", inspect.Parameter.POSITIONAL_ONLY),
        inspect.Parameter("operands", inspect.Parameter.VAR_POSITIONAL),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
            for name, default in DEFAULTS.items()
        ),
    ],
    return_annotation=jax.Array,
)


def _apart(first: Any, rest: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The labels, as a tuple that can be looked up, and the operands of `operand, labels, …`."""
    if isinstance(first, str):  # a subclass, such as NumPy's
        return str(first), rest
    key: tuple[Any, ...] | None
    try:
        if len(rest) == 4:  # two operands and an output: a loop here costs a tenth of the call
            a, other, b, output = rest
            key = (4, _AS_TUPLE[type(a)](a), _AS_TUPLE[type(b)](b), _AS_TUPLE[type(output)](output))
            return key, (first, other)
        lists = rest[::2] if len(rest) % 2 else rest[::2] + rest[-1:]
        key = (len(rest), *[_AS_TUPLE[type(labels)](labels) for labels in lists])
    except KeyError:  # labels in something else, or none at all
        key = None
    if rest and key is not None:
        return key, (first, *rest[1:-1:2])
    labelled = equation_and_operands(first, rest)
    return labelled.equation, labelled.operands


_AS_TUPLE: dict[type, type[tuple[Any, ...]]] = dict.fromkeys((list, tuple, str, range), tuple)
"""Labels in anything else are looked at closely: a set has no order, an array may be an operand."""


def _labelled(key: tuple[Any, ...], operands: tuple[Any, ...]) -> Labelled:
    """The equation of what `_apart` made."""
    _, *labels = key
    pairs = [part for pair in zip(operands, labels, strict=False) for part in pair]
    return from_labels([*pairs, *labels[len(operands) :]])


def _contract_factors(equation: Any, operands: tuple[Any, ...], options: Options) -> jax.Array:
    """The contraction over the factors that operands stand for."""
    if isinstance(equation, Plan):
        return contract(equation, *flat(operands), **options)
    labelled = (
        _labelled(equation, operands)
        if type(equation) is tuple
        else equation_and_operands(equation, operands)
    )
    whole = unfold(labelled, None, options.get("axes"), as_shapes=False)
    if "axes" in options:
        options = {**options, "axes": None}
    return contract(whole.equation, *whole.operands, **options)


def _with_labels(error: EinlabError, equation: Any, operands: tuple[Any, ...]) -> EinlabError:
    """The error, with the labels behind its letters if the caller wrote labels."""
    return with_labels(error, _labelled(equation, operands)) if type(equation) is tuple else error


def _new_function(equation: Any, operands: tuple[Any, ...], options: Options) -> Compiled:
    """The function of a call that is new, kept for the next one."""
    if isinstance(equation, Plan):
        if options:
            raise ArgumentTypeError(
                f"a plan is run as it is: {next(iter(options))}= belongs to the call that plans"
            )
        source: str | Plan = equation
    elif isinstance(equation, str):
        source = equation_and_operands(equation, operands).equation
    else:
        source = _labelled(equation, operands).equation
    settings = settings_from(options, jax.default_backend())
    arrays.check_width(settings.preferred_element_type, "results of preferred_element_type")
    with _making:  # of many threads with the same new call, one makes the function
        function = compiled(source, settings, options.get("memory_limit") == "auto")
    _remember(_key(equation, options), function)
    return function


def _key(equation: Any, options: Options) -> Any:
    """What `contract` looks up; None if it cannot be hashed (a path as a list, for instance)."""
    values = options.values()
    key = (equation, *options, *values, *map(type, values)) if options else equation
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _remember(key: Any, function: Compiled) -> None:
    """Keep a function for the next call; one made meanwhile by another thread is as good."""
    if key is None:
        return
    if len(_functions) >= MOST_KEPT:
        _functions.clear()
    _functions.setdefault(key, function)


@lru_cache(maxsize=MOST_KEPT)
def compiled(source: str | Plan, settings: Settings, automatic: bool = False) -> Compiled:
    """The jitted function of an equation or a plan; it plans when it is traced for new shapes.

    `automatic` takes the limit of memory from the device. A program under a limit is held to it.
    """
    if isinstance(source, str) and settings.memory_bytes is not None:
        return Limited(one_contraction(partial(_read, source, settings)), settings, automatic)

    kept = None if isinstance(source, Plan) else settings

    def planned(*operands: jax.Array) -> Plan:
        if isinstance(source, Plan):
            plan = fitted(source, *specs(operands, None, as_shapes=False))
        else:
            plan = make_plan(_read(source, settings, *operands), settings)
            if config.tune and is_free(settings):
                plan = tuned_by_itself(plan, settings)
        tell(plan)
        return plan

    def contract(*operands: jax.Array) -> jax.Array:
        return bind(planned(*operands), kept, *operands)

    if _is_one_program(source, settings):
        return jax.jit(contract)
    return Direct(planned, lambda plan, *operands: bind(plan, kept, *operands))


def tell(plan: Plan) -> None:
    """Say at debug level what a call that is new takes."""
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug(
            "%.80s: %d steps in the order of %r, %d slices, as %s",
            plan.eq, len(plan.steps), plan.searched_by, plan.slices, plan.compilation.form,
        )  # fmt: skip


def _is_one_program(source: str | Plan, settings: Settings) -> bool:
    """Whether it is known before operands are seen that a compile budget asks for no other form."""
    if isinstance(source, Plan):
        return source.compilation.form == "program"
    return settings.compile_budget is None and source.count(",") < FEWEST_STEPS


def _read(equation: str, settings: Settings, *operands: Any) -> Contraction:
    """The contraction of an equation for these operands."""
    given = equation_and_operands(equation, operands).operands
    return parse(equation, *specs(given, None, as_shapes=False), settings.axes)


def fitted(plan: Plan, shapes: tuple[tuple[int, ...], ...], names: tuple[str, ...]) -> Plan:
    """The plan for operands of these shapes and dtypes.

    Operands of other dtypes than the plan's are contracted in theirs, unless the plan itself asks
    for another dtype than its operands have.

    Raises PlanError if the shapes are not the plan's.
    """
    made_for = plan.contraction
    if shapes != made_for.shapes:
        raise PlanError(misfit(made_for, shapes))
    if names == made_for.dtypes:
        return plan
    contraction = replace(made_for, dtypes=names)
    asked = None if plan.dtype == result_dtype(made_for.dtypes, None) else plan.dtype
    return replace(plan, contraction=contraction, dtype=result_dtype(names, asked))


def misfit(contraction: Contraction, shapes: tuple[tuple[int, ...], ...]) -> str:
    """The text for operands that have other shapes than a plan's, or are more or fewer."""
    given, wanted = len(shapes), len(contraction.shapes)
    if given != wanted:
        operands = "1 operand" if wanted == 1 else f"{wanted} operands"
        fact = f"the plan takes {operands}, but {given} {'was' if given == 1 else 'were'} given"
    else:
        place = next(i for i, s in enumerate(shapes) if s != contraction.shapes[i])
        fact = (
            f"operand {place} has shape {shapes[place]}, but the plan is for shape "
            f"{contraction.shapes[place]}"
        )
    return message(
        fact,
        details=[f"the plan is for {contraction.equation!r:.80}"],
        hint="plan again for these operands, or contract by the equation",
    )
