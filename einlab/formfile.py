"""The forms of a stored plan's products, read back with every field checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from einlab.contraction import Term
from einlab.errors import PlanError
from einlab.forms import FormKind, ProductForm
from einlab.orders import Roles, roles
from einlab.search.tree import Tree

__all__ = ["read_forms"]

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
    forms = []
    for step, (form, pair) in enumerate(zip(stored, tree.pairs, strict=False)):
        taken = (terms[pair[0]], terms[pair[1]])
        forms.append(None if form is None else _form(form, taken, orders[step], step))
    return tuple(forms)


def _form(stored: Any, taken: tuple[Term, Term], result: Term, step: int) -> ProductForm:
    """One form, checked against the indices of its product."""
    try:
        parts = [tuple(map(_index, stored["roles"][role])) for role in ROLES]
        looped = tuple(map(_index, stored["looped"]))
        form = ProductForm(stored["kind"], stored["swapped"], Roles(*parts), looped)
    except (KeyError, TypeError):
        raise PlanError(f"step {step} of the plan has a form that is none") from None
    if form.kind not in get_args(FormKind) or not isinstance(form.swapped, bool):
        raise PlanError(f"step {step} of the plan has a form of no known kind")
    first, second = reversed(taken) if form.swapped else taken
    own = roles(first, second, result)
    wanted = [sorted(getattr(own, role)) for role in ROLES]
    if [sorted(part) for part in parts] != wanted:
        raise PlanError(f"step {step} of the plan has a form with other indices than its own")
    if not _fits(form, own, result):
        raise PlanError(f"step {step} of the plan cannot run as {form.kind!r}")
    return form


def _fits(form: ProductForm, own: Roles, result: Term) -> bool:
    """Whether the product can run in this form."""
    if form.kind == "reduce":
        return not (own.m and own.n) and not form.looped
    if form.kind != "loop":
        return not form.looped
    return bool(form.looped) and result[: len(form.looped)] == form.looped


def _index(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(name)
    return name
