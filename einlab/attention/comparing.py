"""All implementations of one attention side by side: what each costs, and which "auto" takes."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Any

from einlab.attention.attending import run
from einlab.attention.choosing import Choice, choice_for
from einlab.attention.dispatching import why_not
from einlab.attention.plain import plain
from einlab.attention.problem import Problem, problem
from einlab.attention.trimming import trimmed
from einlab.machines import Machine, machine_for
from einlab.show.shown import Shown
from einlab.table import Column, Fact, Table, Value
from einlab.trace.reporting import Report, report

__all__ = ["compare"]


def compare(
    q: Any, k: Any, v: Any, *, machine: Machine | str | None = None, **settings: Any
) -> Shown:
    """A row for each implementation that defines this attention: its FLOPs, bytes and memory.

    Takes and raises what `attend` does, but for `implementation`. All counts are of the traced
    program (`einlab.report`); of these "products" are the two contractions, over all keys that some
    query may see for "plain", without the blocks that nobody sees for "blockwise". The facts say
    how many FLOPs of the dense products the mask leaves, by its own count of pairs, and the bytes
    of keys and values. Seconds are those by which "auto" chooses or, with a machine
    (`einlab.machines`), the least ones for the traced operations, unfused, beside what bounds most.

    Raises ArgumentError for an unknown machine.

    >>> import jax.numpy as jnp
    >>> from einlab.attention import CAUSAL
    >>> x = jnp.ones((1, 256, 2, 16))
    >>> compare(x, x, x, mask=CAUSAL).table.column("implementation")
    ('plain', 'sequential', 'blockwise', 'jax')
    """
    where = None if machine is None else machine_for(machine)
    one = problem(q, k, v, **settings)
    dense = _products(report(plain, one))
    cut = trimmed(one)
    taken = choice_for(cut)
    rows = [
        _row(each, report(partial(run, chosen=each), cut), taken, where) for each in _choices(cut)
    ]
    b, t, s, h, g, d, e = one.sizes
    seen = one.mask.pairs(t, s)
    facts = [
        Fact("dense products", dense, "quantity", unit="FLOP"),
        Fact("after the mask", round(dense * seen / (t * s)), "quantity", unit="FLOP"),
        Fact("pairs seen", f"{seen:,} of {t * s:,} a head"),
        Fact("keys and values", one.k.nbytes + one.v.nbytes, "bytes"),
        Fact('"auto" takes', str(taken)),
    ]
    columns = [
        Column("implementation", "code"),
        Column("taken", "text"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("products", "quantity", "FLOP"),
        Column("bytes, unfused", "bytes", rank=1),
        Column("peak memory", "bytes"),
        Column(f"least on {where.name}" if where else "predicted", "seconds"),
        *([Column("bound", "text", rank=1)] if where else []),
    ]
    shapes = f"q {(b, t, h, d)}, k {(b, s, g, d)}, v {(b, s, g, e)}"
    return Shown(Table(f"attention: {shapes} in {one.q.dtype}", columns, rows, facts=facts))


def _choices(one: Problem) -> list[Choice]:
    """The best choice of every implementation that defines this attention, "plain" first."""
    names = ["plain", "sequential", "blockwise"]
    names += [name for name in ("jax", "cudnn", "pallas") if why_not(one, name) is None]
    return [choice_for(one, name) for name in names]


def _row(
    each: Choice, counted: Report, taken: Choice, machine: Machine | None
) -> tuple[Value, ...]:
    """One implementation: what its trace says."""
    mark = "auto" if each.implementation == taken.implementation else ""
    counts = (counted.flops, _products(counted), counted.bytes, counted.peak)
    if machine is None:
        return (each.implementation, mark, *counts, each.seconds)
    placed = counted.on(machine)
    return (each.implementation, mark, *counts, placed.seconds, _bound(placed))


def _products(counted: Report) -> int:
    """FLOPs of the two contractions, however often they run."""
    return sum(row.cost.flops for row in counted.rows if row.is_product)


def _bound(placed: Report) -> str:
    """What bounds the operations that take most of the time."""
    shares: dict[str, float] = defaultdict(float)
    for row, found in zip(placed.rows, placed.predictions, strict=True):
        if found is not None and row.taken and row.kind != "bookkeeping":
            shares[found.bound] += found.seconds * row.count
    return max(shares, key=lambda bound: shares[bound])
