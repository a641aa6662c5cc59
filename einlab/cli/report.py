"""`einlab report`: what a JAX function costs, from the shapes of its arguments."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from einlab.cli.output import json_option, print_json, print_table, write_text
from einlab.cli.parameters import dtypes, shape
from einlab.errors import ArgumentError

if TYPE_CHECKING:
    from einlab.trace.reporting import Report

__all__ = ["command", "reported"]

HELP = """Show what a JAX function costs. Nothing is computed.

TARGET names it, as package.module:function; the current folder is looked in first.

\b
Examples:
  einlab report jax.numpy:matmul --shape 1000,10 --shape 10,1000
  einlab report jax.nn:softmax --shape 128,128 --dtype bfloat16 --machine 'H100 SXM'
  einlab report jax.numpy:dot --shape 64 --shape 64 --under macs --check

\b
Trees of arguments come from a function of the same module, without arguments, that returns their
tuple, made of jax.ShapeDtypeStructs:  mymodel:train_step --arguments example
"""


@click.command("report", help=HELP)
@click.argument("target")
@click.option(
    "--shape",
    "shapes",
    type=shape,
    metavar="SHAPE",
    multiple=True,
    help="The shape of an argument, such as 1000,10 or scalar; once for each, in order.",
)
@click.option(
    "--dtype",
    type=dtypes,
    metavar="DTYPE",
    help="One for all, or one each: float32,int32.  [default: float32]",
)
@click.option("--arguments", metavar="NAME", help="The function that returns the arguments.")
@click.option("--under", metavar="NAME", help="A counting convention, such as palm.")
@click.option("--machine", metavar="NAME", help="Times on a machine of the table of devices.")
@click.option("--depth", type=click.IntRange(min=1), help="How many levels of scopes to show.")
@click.option("--steps", is_flag=True, help="Every operation, and the steps of contractions.")
@click.option("--check", is_flag=True, help="Compare with XLA; exit code 1 if that fails.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page.")
@click.option("--csv", type=click.Path(dir_okay=False, path_type=Path), help="Write the rows.")
@json_option
def command(
    target: str,
    shapes: tuple[tuple[int, ...], ...],
    dtype: tuple[str, ...] | None,
    arguments: str | None,
    under: str | None,
    machine: str | None,
    depth: int | None,
    steps: bool,
    check: bool,
    html: Path | None,
    csv: Path | None,
    as_json: bool,
) -> None:
    """The command `einlab report`; its help is `HELP`."""
    if shapes and arguments:
        raise click.UsageError("give --shape for each argument, or --arguments, not both")
    found = reported(target, shapes, dtype, arguments)
    found = found if under is None else found.under(under)
    found = found if machine is None else found.on(machine)
    if html is not None:
        write_text(html, found.to_html())
    if csv is not None:
        write_text(csv, found.to_csv())
    if as_json:
        print_json(found.to_json())
    else:
        print_table(found.table(depth=depth, steps=steps), as_json=False)
    if check:
        _check(found, quiet=as_json)


def reported(
    target: str,
    shapes: tuple[tuple[int, ...], ...],
    dtype: tuple[str, ...] | None,
    arguments: str | None = None,
) -> Report:
    """The report of the function that TARGET names, on arrays of these shapes.

    Raises UsageError or ArgumentError if there is no such function, or it cannot be traced so.
    """
    function, named = _found(target, arguments)
    return _report(function, _structs(shapes, dtype) if named is None else named())


def _found(
    target: str, arguments: str | None
) -> tuple[Callable[..., Any], Callable[[], Any] | None]:
    """The function named, and the one that returns its arguments.

    Raises ArgumentError if there is no such module or function.
    """
    name, colon, function = target.partition(":")
    if not colon or not name or not function:
        raise click.UsageError(f"{target!r:.80} names no function; write package.module:function")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise ArgumentError(f"{name!r:.80} cannot be imported: {error}") from None
    return _attribute(module, function), _attribute(module, arguments) if arguments else None


def _attribute(module: Any, path: str) -> Callable[..., Any]:
    """A function of a module, or of a class in it."""
    found = module
    for part in path.split("."):
        if not hasattr(found, part):
            raise ArgumentError(f"{module.__name__} has no {path!r:.80}")
        found = getattr(found, part)
    if not callable(found):
        raise ArgumentError(f"{module.__name__}:{path} is {found!r:.40}, no function")
    return found  # type: ignore[no-any-return]


def _structs(shapes: tuple[tuple[int, ...], ...], given: tuple[str, ...] | None) -> tuple[Any, ...]:
    """The arguments as types of arrays."""
    names = given or ("float32",)
    if len(names) == 1:
        names *= len(shapes)
    if len(names) != len(shapes):
        raise click.UsageError(f"there are {len(shapes)} shapes and {len(names)} dtypes")
    jax = importlib.import_module("jax")
    return tuple(
        jax.ShapeDtypeStruct(one, jax.numpy.dtype(name))
        for one, name in zip(shapes, names, strict=True)
    )


def _report(function: Callable[..., Any], arguments: Any) -> Report:
    """The report of a call; what the function itself raises is told in one line."""
    reporting = importlib.import_module("einlab.trace.reporting")
    given = arguments if isinstance(arguments, tuple) else (arguments,)
    try:
        found: Report = reporting.report(function, *given)
    except (TypeError, ValueError, IndexError) as error:
        if isinstance(error, ArgumentError):
            raise
        name = getattr(function, "__name__", "the function")
        raise ArgumentError(f"{name} cannot be traced on these arguments: {error}") from None
    return found


def _check(found: Report, quiet: bool) -> None:
    """The way from our count to XLA's; exit code 1 if something is left unexplained."""
    checking = importlib.import_module("einlab.trace.checking")
    try:
        table = found.check().table()
    except checking.CheckError as error:
        raise click.ClickException(str(error)) from None
    if not quiet:
        click.echo()
        print_table(table, as_json=False)
