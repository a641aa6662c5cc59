"""Both methods side by side: what each costs as traced, what each takes, and where they cross."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from einlab.dtypes import dtype_name
from einlab.embedding.choosing import ROWS, WIDTHS, chosen_method, figures_of
from einlab.embedding.ids import read_ids
from einlab.embedding.lookup import table_of
from einlab.embedding.rows import rows_of
from einlab.machines import Machine, machine_for
from einlab.show.shown import Shown
from einlab.table import Column, Fact, Table, Value
from einlab.trace.reporting import report

__all__ = ["compare_methods", "crossover"]

PASSES = ("forward", "gradient")


def compare_methods(ids: Any, table: Any, machine: Machine | str | None = None) -> Shown:
    """FLOPs and bytes of each method, forward and for the table's gradient, as traced.

    Every id is taken for a row. Bytes are those of single operations, nothing fused, and those that
    must move: a look-up reads the rows it takes, a product the whole table. Seconds are predicted
    from what was measured on the machine, by default this one (see `predicted_seconds`).

    Raises ShapeError if the table has other than two axes or no rows, DtypeError if the ids are no
    whole numbers, ArgumentError for an unknown machine.

    >>> compare_methods(jnp.array(5), jnp.ones((600, 64))).table.column("FLOPs")[:2]
    (0, 76800)
    """
    given = None if machine is None else machine_for(machine)
    taken, rows = read_ids(ids), table_of(table)
    sizes = (taken.size, rows.shape[0], rows.shape[1])
    figures = figures_of(str(rows.dtype), given)
    seconds = {} if figures is None or not taken.size else figures.seconds(*sizes)
    lines: list[tuple[Value, ...]] = []
    for which in PASSES:
        for method in ("gather", "one_hot"):
            found = report(_program(method, which), taken, rows)
            predicted = seconds.get(method) if which == "forward" else None
            lines.append(
                (which, method, found.flops, found.bytes, found.ideal_bytes, found.peak, predicted)
            )
    columns = [
        Column("pass"),
        Column("method", "code"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("unfused", "bytes"),
        Column("must move", "bytes"),
        Column("peak", "bytes", rank=1),
        Column("predicted", "seconds"),
    ]
    title = f"{taken.size:,} ids of a table {rows.shape[0]:,}×{rows.shape[1]:,} in {rows.dtype}"
    facts = [Fact("auto takes", chosen_method(*sizes, str(rows.dtype)), "code", remark="here")]
    if figures is not None:
        facts.append(Fact("the product is faster", _up_to(figures.crossover(rows.shape[1]))))
    notes = ["bytes unfused, bytes that must move, and peak memory with the table in it"]
    return Shown(Table(title, columns, lines, facts=facts, notes=notes))


def _program(method: str, which: str) -> Callable[[jax.Array, jax.Array], Any]:
    """The look-up alone, or what it takes to bring its gradient to the table."""
    forward = partial(rows_of, method=method)
    if which == "forward":
        return forward

    def backward(ids: jax.Array, table: jax.Array) -> Any:
        made, pull = jax.vjp(lambda rows: forward(ids, rows), table)
        return pull(jnp.ones_like(made))

    return backward


def crossover(dtype: str = "float32", machine: Machine | str | None = None) -> Shown:
    """By width of a row: what an id takes by each method, and up to how many rows one-hot wins.

    From what `calibrate_embedding` measured on the machine, by default this one; the table has no
    rows where nothing was.

    Raises ArgumentError for an unknown machine, DtypeError for an unknown dtype.

    >>> crossover("int8").table.rows
    ()
    """
    given = None if machine is None else machine_for(machine)
    figures = figures_of(dtype_name(dtype), given)
    columns = [
        Column("width", "count"),
        Column("look-up", "seconds"),
        *(Column(f"{rows} rows", "seconds") for rows in ROWS),
        Column("the product is faster"),
    ]
    lines: list[tuple[Value, ...]] = []
    if figures is not None:
        measured = zip(WIDTHS, figures.gather, *figures.one_hot, strict=True)
        lines = [(width, *each, _up_to(figures.crossover(width))) for width, *each in measured]
    notes = [
        "seconds of one id among many: looked up, and by a product with tables of so many rows; a "
        "call of a product takes more to start"
    ]
    return Shown(Table(f"look-up against one-hot product in {dtype}", columns, lines, notes=notes))


def _up_to(rows: int) -> str:
    return f"up to {rows:,} rows" if rows else "never"
