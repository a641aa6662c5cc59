"""Plans whose products run in forms drawn at random, among those that they can take."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from einlab.config import config
from einlab.contraction import Term
from einlab.forms import FormKind, ProductForm
from einlab.orders import roles
from einlab.planning import Plan
from einlab.planning import plan as planned


def plan_for_xla(equation: str, *shapes: tuple[int, ...], **options: Any) -> Plan:
    """A plan without native products."""
    config.native = "off"
    try:
        return planned(equation, *shapes, **options)
    finally:
        config.native = None


def with_random_forms(plan: Plan, seed: int) -> Plan:
    """The plan with a random order of every intermediate and a random form of every product.

    The own steps of some operands run natively, whatever the product that takes them.
    """
    draw = random.Random(seed)
    count, sizes = len(plan.contraction.terms), plan.slice_tree.contraction.sizes
    orders = [tuple(draw.sample(order, len(order))) for order in plan.orders[:-1]]
    terms: list[Term] = [*plan.slice_tree.contraction.leaves, *orders, *plan.orders[-1:]]
    forms = tuple(
        draw_form(draw, terms[left], terms[right], terms[count + step], sizes)
        for step, (left, right) in enumerate(plan.pairs)
    )
    native = tuple(operand for operand in range(count) if draw.random() < 0.5)
    return replace(plan, orders=tuple(terms[count:]), product_forms=forms, native_operands=native)


def draw_form(
    draw: random.Random, left: Term, right: Term, result: Term, sizes: Mapping[str, int]
) -> ProductForm:
    """A form that this product can take, each role in any order."""
    swapped = draw.random() < 0.5
    own = roles(*((right, left) if swapped else (left, right)), result)
    mixed = replace(
        own,
        **{
            name: tuple(draw.sample(getattr(own, name), len(getattr(own, name))))
            for name in ("batch", "m", "k", "n")
        },
    )
    kinds: list[FormKind] = ["dot", "unroll", "native", "native"]
    if result:
        kinds += ["loop"] * 2
    if not own.m or not own.n:
        kinds.append("reduce")
    kind = draw.choice(kinds)
    if kind != "loop":
        return ProductForm(kind, swapped, mixed)
    looped = tuple(draw.sample(result, draw.randint(1, min(2, len(result)))))
    blocks = tuple(
        draw.choice(
            [size for size in range(1, sizes[index] + 1) if sizes[index] % size == 0] or [1]
        )
        for index in looped
    )
    return ProductForm(kind, swapped, mixed, looped, blocks)
