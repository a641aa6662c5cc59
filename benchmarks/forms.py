"""`python -m benchmarks.forms`: products in their plain, their best other and their native form.

Every product is measured in all three within one process, in turns, beside what the model predicts
of each. `--keep FILE` keeps the times; `--fit FILE` finds the constants of native products that
explain kept times best, and measures nothing.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import least_squares

import einlab
from einlab.contraction import Term
from einlab.execute.lowering import run_plan
from einlab.forms import ProductForm
from einlab.formsearch import best_form, form_seconds, native_form
from einlab.nativemodel import NATIVE_COSTS, NativeCosts
from einlab.permuting import FormCosts, form_costs
from einlab.show.text import render
from einlab.table import Column, Table

__all__ = ["main", "products"]

TURN = 0.004
"""Seconds of a turn, at least one call."""
KNOWN = ("itemsize", "cache")
"""Constants that are not fitted."""
FIRM = {"rate": 3.0, "gain": 3.0, "bandwidth": 1.0}
"""How firmly constants are held near what they are; the others are by 0.1."""
FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True)
class Product:
    """One product to be measured."""

    equation: str
    sizes: dict[str, int]

    @property
    def terms(self) -> tuple[Term, Term, Term]:
        """Left, right and result."""
        left, right, result = self.equation.replace("->", ",").split(",")
        return tuple(left), tuple(right), tuple(result)


def products() -> Iterator[Product]:
    """Squares, thin and permuted ones, batches, vectors, and products that sum nothing."""
    for equation in ("ij,jk->ik", "ij,jk->ki", "ji,jk->ik", "ij,kj->ik", "ji,kj->ki"):
        for size in (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024):
            yield Product(equation, dict.fromkeys("ijk", size))
    for thin in ((1000, 8, 1000), (4096, 64, 16), (16, 64, 4096), (16, 4096, 16), (300, 20, 5)):
        yield Product("ij,jk->ik", dict(zip("ijk", thin, strict=True)))
        yield Product("ji,jk->ki", dict(zip("ijk", thin, strict=True)))
    for batch, size in ((1000, 3), (5000, 4), (1000, 8), (200, 16), (100, 32), (30, 64), (8, 128)):
        for equation in ("bij,bjk->bik", "ijb,jkb->ikb", "bij,bkj->kbi", "ibj,bjk->ibk"):
            yield Product(equation, {"b": batch, **dict.fromkeys("ijk", size)})
    for size in (32, 100, 300, 1000, 3000):
        for equation in ("ij,j->i", "ji,j->i", "ij,ij->i", "ij,ij->j", "ij,ij->"):
            yield Product(equation, dict.fromkeys("ij", size))
    for heads, tokens in ((8, 256), (8, 4096), (16, 16384)):
        sizes = {"b": 1, "h": heads, "k": tokens, "d": 64}
        for equation in ("bhd,bkhd->bhk", "bhk,bkhd->bhd", "bhd,bhkd->bhk", "bhk,bhkd->bhd"):
            yield Product(equation, sizes)
    for equation in (
        "gfbc,dega->abcdef", "dfgb,geac->abcdef", "aebf,dfce->abcd", "abed,ec->abcd",
        "bda,dc->abc", "cad,db->abc", "dbea,ec->abcd", "cfae,bdef->abcd",
    ):  # fmt: skip
        for entries in (2**12, 2**18, 2**22):
            yield Product(equation, _spread(equation, entries))
    for equation in ("ij,kl->ikjl", "ij,ij->ij", "ij,ji->ij", "ij,jk->ijk", "ij,j->ji"):
        for entries in (2**14, 2**20):
            yield Product(equation, _spread(equation, entries))


def _spread(equation: str, entries: int) -> dict[str, int]:
    """One size for all indices, of which the largest array has about so many entries."""
    terms = equation.replace("->", ",").split(",")
    size = max(2, round(entries ** (1 / max(map(len, terms)))))
    return dict.fromkeys(sorted(set("".join(terms))), size)


@dataclass(frozen=True)
class Timed:
    """A product in several forms: seconds measured, and as predicted."""

    product: Product
    forms: tuple[ProductForm | None, ...]
    measured: tuple[float, ...]
    predicted: tuple[float, ...]


def _forms(product: Product, costs: FormCosts) -> list[ProductForm | None]:
    """The plain form, the best other one, and the native one."""
    other = best_form(*product.terms, product.sizes, replace(costs, native=None))[1]
    return [None, other, native_form(*product.terms)]


def _measured(product: Product, dtype: str, rounds: int, base: float) -> Timed:
    costs = form_costs("cpu", dtype)
    forms = _forms(product, costs)
    plan = einlab.plan(product.equation, sizes=product.sizes, dtype=dtype)
    plans = [replace(plan, product_forms=(form,) if form else ()) for form in forms]
    draw = np.random.default_rng(0)
    arrays = [jnp.asarray(draw.random(shape), dtype) for shape in plan.contraction.shapes]
    calls = [partial(jax.jit(partial(run_plan, one)), *arrays) for one in plans]
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for place, call in enumerate(calls):
            if forms[place] == forms[0] and place:
                continue  # the plain form is the best other one
            found = _turn(call)
            if number:
                times[place].append(found)
    best = [statistics.median(each) - base if each else math.nan for each in times]
    best = [best[0] if math.isnan(each) else max(each, 1e-7) for each in best]
    predicted = [form_seconds(form, *product.terms, product.sizes, costs) for form in forms]
    return Timed(product, tuple(forms), tuple(best), tuple(predicted))


def _turn(call: Callable[[], Any]) -> float:
    """Median seconds of the calls of one turn."""
    call().block_until_ready()
    found: list[float] = []
    end = time.perf_counter() + TURN
    while not found or time.perf_counter() < end:
        start = time.perf_counter()
        call().block_until_ready()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def _table(timed: Sequence[Timed], dtype: str) -> Table:
    columns = (
        Column("product", "code"),
        Column("sizes", "text"),
        Column("plain", "seconds"),
        Column("other", "text"),
        Column("other form", "seconds"),
        Column("native", "seconds"),
        Column("predicted", "seconds"),
        Column("ratio", "ratio"),
    )
    rows = []
    for one in timed:
        other = one.forms[1]
        rows.append(
            (
                one.product.equation,
                " ".join(f"{index}{size}" for index, size in one.product.sizes.items()),
                one.measured[0],
                other.kind if other else "plain",
                one.measured[1],
                one.measured[2],
                one.predicted[2],
                one.measured[2] / min(one.measured),
            )
        )
    return Table(f"Forms of products, {dtype}", columns, rows)


def fitted(timed: Sequence[Timed], dtype: str) -> tuple[NativeCosts, float]:
    """The constants whose predictions are nearest to the times, and the median error."""
    start, costs = NATIVE_COSTS[dtype], form_costs("cpu", dtype)
    names = [name for name in NativeCosts._fields if name not in KNOWN]

    def with_constants(values: Sequence[float]) -> FormCosts:
        found = dict(zip(names, np.exp(values), strict=True))
        return replace(costs, native=start._replace(**found))

    def off(values: Sequence[float]) -> Any:
        tried = with_constants(values)
        errors = [
            math.log(
                form_seconds(one.forms[2], *one.product.terms, one.product.sizes, tried)
                / one.measured[2]
            )
            for one in timed
        ]
        held = [
            FIRM.get(name, 0.1) * (value - first)
            for name, value, first in zip(names, values, first_values, strict=True)
        ]
        return np.array(errors + held)

    first_values = [math.log(getattr(start, name)) for name in names]
    found = least_squares(off, first_values, loss="soft_l1", f_scale=0.2)
    made = with_constants(found.x).native
    assert made is not None
    return made, float(np.median(np.abs(off(found.x)[: len(timed)])))


def _written(timed: Sequence[Timed]) -> str:
    """The times as JSON text."""
    return json.dumps([(t.product.equation, t.product.sizes, t.measured) for t in timed])


def _read(text: str, dtype: str) -> list[Timed]:
    """What `_written` wrote, predicted anew."""
    costs, found = form_costs("cpu", dtype), []
    for equation, sizes, measured in json.loads(text):
        one = Product(equation, sizes)
        forms = _forms(one, costs)
        predicted = [form_seconds(form, *one.terms, one.sizes, costs) for form in forms]
        found.append(Timed(one, tuple(forms), tuple(measured), tuple(predicted)))
    return found


@click.command()
@click.option("--dtype", default="float32", type=click.Choice(["float32", "float64"]))
@click.option("--rounds", default=3)
@click.option("--only", default="", help="Only equations that contain this.")
@click.option("--every", default=1, help="Only every so many-th product.")
@click.option("--keep", type=FILE, help="Keep the times there.")
@click.option("--fit", type=FILE, help="Fit the constants of native products to times kept there.")
def main(
    dtype: str, rounds: int, only: str, every: int, keep: Path | None, fit: Path | None
) -> None:
    """Measure products in their forms."""
    jax.config.update("jax_enable_x64", dtype == "float64")
    if fit is not None:
        timed = _read(fit.read_text(encoding="utf-8"), dtype)
        constants, error = fitted(timed, dtype)
        click.echo(f"median error {error:.0%}")
        for name, value in constants._asdict().items():
            click.echo(f"        {name}={value:.3g},")
        return
    base = _turn(partial(jax.jit(lambda x: x + 1), jnp.ones(4, dtype)))
    chosen = [one for one in products() if only in one.equation][::every]
    timed = [_measured(one, dtype, rounds, base) for one in chosen]
    click.echo(render(_table(timed, dtype), max_rows=len(timed) + 1))
    if keep is not None:
        keep.write_text(_written(timed), encoding="utf-8")


if __name__ == "__main__":
    main()
