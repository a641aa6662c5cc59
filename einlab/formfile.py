"""The forms of a stored plan's steps, read back with every field checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from einlab.contraction import Term
from einlab.errors import PlanError
from einlab.forms import FormKind, ProductForm
from einlab.orders import Roles, roles
from einlab.search.tree import Tree

__all__ = ["read_forms", "read_native"]

ROLES = ("batch", "m", "k", "n")


def read_forms(
    data: Mapping[str, Any], tree: Tree, orders: tuple[Term, ...]
) -> tuple[ProductForm | None, ...]:
    """The form of each product of a stored plan; plans of version 1 have none.

    Raises PlanError for a form that is none, or does not fit the product's indices.
    """
    stored = data.get("product_forms", [])
    if not isinstance(stored, list) or len(stored) not in (0, len(orders)):
        raise PlanError("the plan has not one form for each of its products, nor none at all")
    terms = (*tree.contraction.leaves, *orders)
    forms, sizes = [], tree.contraction.sizes
    for step, (form, pair) in enumerate(zip(stored, tree.pairs, strict=False)):
        taken = (terms[pair[0]], terms[pair[1]])
        read = None if form is None else _form(form, taken, orders[step], step, sizes)
        forms.append(read)
    return tuple(forms)


def read_native(data: Mapping[str, Any], count: int) -> tuple[int, ...]:
    """The operands whose own steps run natively; plans before version 5 have none.

    Raises PlanError for anything but numbers of operands, each once.
    """
    stored = data.get("native_operands", [])
    fits = isinstance(stored, list) and all(type(one) is int and 0 <= one < count for one in stored)
    if not fits or len(set(stored)) < len(stored):
        raise PlanError("the plan's 'native_operands' are not numbers of its operands, each once")
    return tuple(stored)


def _form(
    stored: Any,
    taken: tuple[Term, Term],
    result: Term,
    step: int,
    sizes: Mapping[str, int],
) -> ProductForm:
    """One form, checked against the indices of its product."""
    try:
        parts = [tuple(map(_index, stored["roles"][role])) for role in ROLES]
        looped = tuple(map(_index, stored["looped"]))
        blocks = tuple(map(_size, stored.get("blocks", ())))
        form = ProductForm(stored["kind"], stored["swapped"], Roles(*parts), looped, blocks)
    except (KeyError, TypeError, AttributeError):
        raise PlanError(f"step {step} of the plan has a form that is none") from None
    if form.kind not in get_args(FormKind) or not isinstance(form.swapped, bool):
        raise PlanError(f"step {step} of the plan has a form of no known kind")
    first, second = reversed(taken) if form.swapped else taken
    own = roles(first, second, result)
    wanted = [sorted(getattr(own, role)) for role in ROLES]
    if [sorted(part) for part in parts] != wanted:
        raise PlanError(f"step {step} of the plan has a form with other indices than its own")
    if not _fits(form, own, result, sizes):
        raise PlanError(f"step {step} of the plan cannot run as {form.kind!r}")
    return form


def _fits(form: ProductForm, own: Roles, result: Term, sizes: Mapping[str, int]) -> bool:
    """Whether the product can run in this form."""
    if form.kind == "reduce":
        return not (own.m and own.n) and not form.looped and not form.blocks
    if form.kind != "loop":
        return not form.looped and not form.blocks
    looped = form.looped
    if not looped or len(set(looped)) < len(looped) or not set(looped) <= set(result):
        return False
    if not form.blocks:
        return True
    return len(form.blocks) == len(looped) and all(
        size > 0 and sizes[index] % size == 0
        for index, size in zip(looped, form.blocks, strict=True)
    )


def _index(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(name)
    return name


def _size(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(value)
    return value
