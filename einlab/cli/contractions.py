"""What commands on one contraction share: the options that describe it, and its plan."""

from __future__ import annotations

from typing import Any

import click

from einlab.cli.parameters import Function, dtypes, merged, settings_given, shape
from einlab.cli.parameters import sizes as sizes_of
from einlab.planning import Plan, plan

__all__ = ["contraction_options", "planned"]

_OPTIONS = (
    click.option(
        "--shape",
        "shapes",
        type=shape,
        metavar="SHAPE",
        multiple=True,
        help="The shape of an operand, such as 1000,10 or scalar; once for each, in order.",
    ),
    click.option(
        "--sizes",
        type=sizes_of,
        metavar="SIZES",
        multiple=True,
        help="The sizes of the indices instead, such as i=1000,j=10.",
    ),
    click.option(
        "--dtype",
        type=dtypes,
        metavar="DTYPE",
        help="One for all, or one each: float32,bfloat16.  [default: float32]",
    ),
)


def contraction_options(function: Function) -> Function:
    """The options that describe the operands of a contraction."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def planned(
    equation: str,
    shapes: tuple[tuple[int, ...], ...],
    sizes: tuple[dict[str, int], ...],
    dtype: tuple[str, ...] | None,
    options: dict[str, Any],
) -> Plan:
    """The plan that these options describe.

    Raises UsageError if neither shapes nor sizes are given, or both; what `plan` raises.
    """
    if bool(shapes) == bool(sizes):
        raise click.UsageError("give --shape once for each operand, or --sizes for all indices")
    return plan(
        equation,
        *shapes,
        sizes=merged(sizes) or None,
        dtype=dtype[0] if dtype and len(dtype) == 1 else dtype,
        **settings_given(options),
    )
