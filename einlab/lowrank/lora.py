"""LoRA: a weight that stays as it is, and a trained update of low rank beside it.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1: the
update is (alpha/r)·B·A with B zero at the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from einlab import dtypes
from einlab.arguments import choice, floating, real, whole
from einlab.contracting import contract
from einlab.errors import ArgumentError, ArgumentTypeError, ShapeError
from einlab.lowrank.factors import LowRank
from einlab.lowrank.operands import random_key
from einlab.show.shown import Shown
from einlab.table import Column, Fact, Table
from einlab.trace.reporting import report

__all__ = [
    "LoRA",
    "lora_apply",
    "lora_cost",
    "lora_init",
    "lora_merge",
    "lora_unmerge",
    "trainable_count",
]

CONVENTIONS = ("xW", "Wx")
"""x·W, a weight with its input axis first, as in Flax; or W·x, with it last, as in PyTorch."""


@partial(jax.tree_util.register_dataclass, data_fields=("a", "b"), meta_fields=("scale",))
@dataclass(frozen=True, eq=False)
class LoRA:
    """The factors of an update: the only parameters that are trained.

    >>> made = lora_init(0, inputs=8, outputs=4, rank=2)
    >>> made.update().shape, made.update("Wx").shape
    ((8, 4), (4, 8))
    """

    a: Any
    """(rank, inputs), drawn at random."""
    b: Any
    """(outputs, rank), zero at the start, so that the update is."""
    scale: float
    """What the product is multiplied by: alpha/rank."""

    def update(self, convention: str = "xW") -> LowRank:
        """The update as an operand of `contract`, shaped as the weight is in that convention.

        Raises ArgumentError for an unknown convention.
        """
        choice(convention, "convention", CONVENTIONS)
        scaled = LowRank(self.b * self.scale, self.a)
        return scaled if convention == "Wx" else scaled.mT


def lora_init(
    key: Any,
    inputs: int,
    outputs: int,
    rank: int,
    *,
    alpha: float | None = None,
    dtype: Any = "float32",
) -> LoRA:
    """Factors of an update that is zero: A uniform in ±1/√inputs, B zero.

    `alpha` is the rank unless given, so that the scale is 1. `key` is a whole number or made by
    `jax.random.key`. The range of A is that of the authors' code (loralib, `kaiming_uniform_` with
    a = √5).

    Raises ArgumentError or ArgumentTypeError for sizes below 1 and a rank that a weight of that
    shape cannot have, DtypeError for an unknown dtype.

    >>> made = lora_init(0, inputs=8, outputs=4, rank=2)
    >>> made.a.shape, made.b.shape, made.scale, trainable_count(made)
    ((2, 8), (4, 2), 1.0, 24)
    """
    shapes = _abstract(inputs, outputs, rank, alpha, dtype)
    bound = shapes.a.shape[1] ** -0.5
    a = jax.random.uniform(random_key(key), shapes.a.shape, shapes.a.dtype, -bound, bound)
    return LoRA(a, jnp.zeros(shapes.b.shape, shapes.b.dtype), shapes.scale)


def _abstract(inputs: int, outputs: int, rank: int, alpha: float | None, dtype: Any) -> LoRA:
    """The shapes of the factors."""
    inputs, outputs, rank = whole(inputs, "inputs"), whole(outputs, "outputs"), whole(rank, "rank")
    if rank > min(inputs, outputs):
        raise ArgumentError(
            f"rank is {rank}; a weight of {inputs}×{outputs} has rank {min(inputs, outputs)} at "
            "most"
        )
    scale = 1.0 if alpha is None else real(alpha, "alpha") / rank
    name = jnp.dtype(dtypes.dtype_name(dtype))
    if not jnp.issubdtype(name, jnp.floating):
        raise ArgumentError(f"dtype is {name}; parameters that are trained are floating-point")
    a, b = (jax.ShapeDtypeStruct(shape, name) for shape in ((rank, inputs), (outputs, rank)))
    return LoRA(a, b, scale)


def lora_apply(x: Any, weight: Any, lora: LoRA, *, convention: str = "xW") -> jax.Array:
    """A layer with its update beside it: x·W + x·(update), x being (… inputs).

    `weight` is (inputs outputs) for "xW", (outputs inputs) for "Wx". The order of the update's
    two products is the planner's: with few rows A is applied first, with many they may be merged.

    Raises ShapeError where x, weight and update do not fit, ArgumentTypeError if `lora` is none.

    >>> made = lora_init(0, inputs=3, outputs=2, rank=1)
    >>> lora_apply([[1.0, 2.0, 3.0]], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], made).tolist()
    [[1.0, 2.0]]
    """
    given, kernel = floating(x, "x"), _fitting(weight, lora, convention)
    if given.ndim == 0 or given.shape[-1] != lora.a.shape[-1]:
        raise ShapeError(
            f"x has shape {given.shape}; its last axis has {lora.a.shape[-1]} inputs here"
        )
    equation = "...i,io->...o" if convention == "xW" else "...i,oi->...o"
    update = contract("...i,ri,or->...o", given, lora.a, lora.b)
    return contract(equation, given, kernel) + lora.scale * update


def lora_merge(weight: Any, lora: LoRA, *, convention: str = "xW") -> jax.Array:
    """The weight with the update added, which costs no more to apply than the weight did.

    Raises as `lora_apply` does.

    >>> made = lora_init(0, inputs=2, outputs=2, rank=1)
    >>> lora_merge([[1.0, 2.0], [3.0, 4.0]], made).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    kernel = _fitting(weight, lora, convention)
    return (kernel + lora.update(convention).dense()).astype(kernel.dtype)


def lora_unmerge(weight: Any, lora: LoRA, *, convention: str = "xW") -> jax.Array:
    """The weight with the update taken off again, equal to the first one up to rounding.

    Raises as `lora_apply` does.

    >>> made = lora_init(0, inputs=2, outputs=2, rank=1)
    >>> lora_unmerge([[1.0, 2.0], [3.0, 4.0]], made).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    kernel = _fitting(weight, lora, convention)
    return (kernel - lora.update(convention).dense()).astype(kernel.dtype)


def _fitting(weight: Any, lora: LoRA, convention: str) -> jax.Array:
    """The weight, checked against the update."""
    if not isinstance(lora, LoRA):
        raise ArgumentTypeError(
            f"lora is a {type(lora).__name__}; it is a LoRA, as lora_init makes it"
        )
    kernel = floating(weight, "weight")
    choice(convention, "convention", CONVENTIONS)
    inputs, outputs = lora.a.shape[-1], lora.b.shape[0]
    wanted = (inputs, outputs) if convention == "xW" else (outputs, inputs)
    if kernel.shape == wanted:
        return kernel
    hint = ""
    if kernel.shape == wanted[::-1]:
        other = next(one for one in CONVENTIONS if one != convention)
        hint = f"; did you mean convention={other!r}?"
    raise ShapeError(
        f"weight has shape {kernel.shape}, and the update {wanted} under {convention!r}{hint}"
    )


def trainable_count(lora: Any) -> int:
    """Numbers that are trained: those of the factors, of one update or of a tree of them.

    Raises ArgumentTypeError if there is no update in it.

    >>> trainable_count({"query": lora_init(0, 8, 8, 2), "value": lora_init(1, 8, 8, 2)})
    64
    """
    leaves = jax.tree.leaves(lora, is_leaf=lambda leaf: isinstance(leaf, LoRA))
    updates = [leaf for leaf in leaves if isinstance(leaf, LoRA)]
    if not updates:
        raise ArgumentTypeError(f"lora is a {type(lora).__name__} without a LoRA in it")
    return sum(math.prod(part.shape) for one in updates for part in (one.a, one.b))


def lora_cost(rows: int, inputs: int, outputs: int, rank: int, *, dtype: Any = "float32") -> Shown:
    """What a layer with an update costs on so many rows: merged, beside it, and merging itself.

    FLOPs, bytes and memory come from the traces of `lora_apply` and `lora_merge`; the gradient is
    that of the factors alone, as in training.

    Raises ArgumentError or ArgumentTypeError as `lora_init` does.

    >>> lora_cost(16, 64, 64, 4).table.column("FLOPs")[:2]
    (131072, 149504)
    """
    rows = whole(rows, "rows")
    shape = _abstract(inputs, outputs, rank, None, dtype)
    name = shape.a.dtype
    x = jax.ShapeDtypeStruct((rows, inputs), name)
    weight = jax.ShapeDtypeStruct((inputs, outputs), name)

    def total(update: LoRA, x: jax.Array, weight: jax.Array) -> jax.Array:
        return lora_apply(x, weight, update).sum()

    counted = {
        "merged": report(contract, "bi,io->bo", x, weight),
        "unmerged": report(lora_apply, x, weight, shape),
        "unmerged, with the gradient": report(jax.value_and_grad(total), shape, x, weight),
        "merging once": report(lora_merge, weight, shape),
    }
    columns = (
        Column("form"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("bytes, unfused", "bytes"),
        Column("peak memory", "bytes"),
    )
    lines = [(form, one.flops, one.cost.bytes, one.peak) for form, one in counted.items()]
    trained = trainable_count(shape)
    table = Table(
        f"LoRA of rank {rank} on {inputs}×{outputs}, {rows} rows, in {name}",
        columns,
        lines,
        facts=[
            Fact("trained", trained, "count"),
            Fact("not trained", inputs * outputs, "count"),
            Fact("share", trained / (inputs * outputs), "number"),
        ],
    )
    return Shown(table)
