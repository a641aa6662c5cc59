"""Plans that were measured to be the fastest, kept on disk and found again by their contraction.

An entry holds for a contraction up to the names of its indices, with its axes in their order, for
one precision, processor, number of usable cores and version of JAX. It is written by a user's own
command alone (`einlab.tune`, or the setting `tune`), so a plan depends on it as it does on a
calibration. An entry that cannot be read, or does not fit, is as good as absent.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from einlab.config import config
from einlab.contraction import Contraction, Term
from einlab.errors import PlanError
from einlab.formfile import read_forms, read_native
from einlab.machinestore import here, host_name, jax_version
from einlab.plans import Plan
from einlab.search.tree import Tree
from einlab.settings import Settings

__all__ = ["is_free", "is_kept", "keep", "remembered"]

VERSION = 3
"""Raised whenever a form of a product runs otherwise than before, or another one is there."""
FOLDER = "tuned"

logger = logging.getLogger("einlab")


def remembered(plan: Plan, settings: Settings) -> Plan:
    """The plan measured to be the fastest for this contraction, if one is kept; else the plan.

    Only where the settings leave the order free and no limit of memory is to be kept.
    """
    if not is_free(settings) or not (config.cache_dir / FOLDER).is_dir():
        return plan
    place = _place(plan)
    try:
        found = _read(json.loads(place.read_text(encoding="utf-8")), plan)
    except FileNotFoundError:
        return plan
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.debug("%s of the tuned plans is passed over: %s", place.name, error)
        return plan
    logger.debug("%.80s: the plan that was measured, %s", plan.eq, place.name)
    return found


def is_kept(plan: Plan) -> bool:
    """Whether the fastest plan for the contraction of a plan is known."""
    return _place(plan).exists()


def keep(plan: Plan) -> None:
    """Keep a plan as the fastest for its contraction.

    Raises OSError if the cache folder cannot be written.
    """
    number = _numbers(plan.contraction)
    body = {
        "pairs": plan.pairs,
        "orders": _translated(plan.orders, number),
        "product_forms": [
            form
            and {
                **asdict(form),
                "looped": _translated(form.looped, number),
                "roles": _translated(asdict(form.roles), number),
            }
            for form in plan.product_forms
        ],
        "native_operands": plan.native_operands,
    }
    folder, place = config.cache_part(FOLDER), _place(plan)
    beside = folder / f".{place.stem}.{os.getpid()}.{threading.get_ident()}.new"
    try:
        beside.write_text(json.dumps(body), encoding="utf-8")
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)


def is_free(settings: Settings) -> bool:
    """Whether another order may run than the one found, for the computer where it is measured."""
    if settings.optimize != "auto" or settings.objective not in (None, "seconds"):
        return False
    if settings.memory_bytes is not None or settings.size_limit is not None:
        return False
    machine = settings.machine
    return settings.budget is None and (machine is None or machine == here(machine.kind))


def _read(data: Any, plan: Plan) -> Plan:
    """The plan that JSON data holds, checked against the contraction.

    Raises PlanError for what is no plan of it, KeyError or TypeError for what is none at all.
    """
    contraction = plan.contraction
    names = {number: index for index, number in _numbers(contraction).items()}
    pairs = tuple((int(left), int(right)) for left, right in data["pairs"])
    orders: tuple[Term, ...] = tuple(map(tuple, _translated(data["orders"], names)))
    tree = Tree(contraction, pairs)
    known = tuple(contraction.sizes)
    made = [{known[index] for index in term} for term in tree.terms[len(contraction.terms) :]]
    if [set(order) for order in orders] != made or orders[-1:] not in ((), (contraction.output,)):
        raise PlanError("its orders are not those of its products")
    forms = [form and _named(form, names) for form in data["product_forms"]]
    return replace(
        plan,
        pairs=pairs,
        orders=orders,
        product_forms=read_forms({"product_forms": forms}, tree, orders),
        native_operands=read_native(data, len(contraction.terms)),
        searched_by="measured",
        trace=(),
    )


def _named(form: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """A stored form over the indices of the contraction."""
    return {
        **form,
        "looped": _translated(form["looped"], names),
        "roles": _translated(form["roles"], names),
    }


def _numbers(contraction: Contraction) -> dict[str, str]:
    """A name for each index that does not depend on its own, by first appearance."""
    return {index: f"i{number}" for number, index in enumerate(contraction.sizes)}


def _translated(data: Any, names: Mapping[str, str]) -> Any:
    """Lists and dictionaries of indices with other names."""
    if isinstance(data, str):
        return names[data]
    if isinstance(data, Mapping):
        return {key: _translated(value, names) for key, value in data.items()}
    return [_translated(value, names) for value in data]


def _place(plan: Plan) -> Path:
    """The file of the contraction of a plan, without making its folder."""
    contraction, number = plan.contraction, _numbers(plan.contraction)
    asked = [
        VERSION,
        _translated(contraction.terms, number),
        _translated(contraction.output, number),
        contraction.shapes,
        contraction.dtypes,
        plan.dtype,
        plan.precision,
        plan.machine.kind if plan.machine else "cpu",
        host_name(),
        jax_version(),
    ]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    return config.cache_dir / FOLDER / f"{key}.json"
