"""einlab: what an einsum costs, in which order it should run, and running it at that speed."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from einlab.config import config as config
    from einlab.contracting import contract as contract
    from einlab.contraction import Contraction as Contraction
    from einlab.cost import Cost as Cost
    from einlab.expressions import contract_expression as contract_expression
    from einlab.joint import JointPlan as JointPlan
    from einlab.joint import plan_many as plan_many
    from einlab.machines import Machine as Machine
    from einlab.many import contract_many as contract_many
    from einlab.measuring import measure as measure
    from einlab.pathsearch import PathSearch as PathSearch
    from einlab.planning import Plan as Plan
    from einlab.planning import contract_path as contract_path
    from einlab.planning import plan as plan
    from einlab.search.budget import Trials as Trials
    from einlab.search.tree import Tree as Tree
    from einlab.table import Table as Table
    from einlab.trace.reporting import Report as Report
    from einlab.trace.reporting import report as report
    from einlab.tuning import Tuned as Tuned
    from einlab.tuning import tune as tune

_HOMES = {
    "Contraction": "einlab.contraction",
    "Cost": "einlab.cost",
    "JointPlan": "einlab.joint",
    "Machine": "einlab.machines",
    "PathSearch": "einlab.pathsearch",
    "Plan": "einlab.planning",
    "Report": "einlab.trace.reporting",
    "Table": "einlab.table",
    "Tree": "einlab.search.tree",
    "Trials": "einlab.search.budget",
    "Tuned": "einlab.tuning",
    "contract": "einlab.contracting",
    "contract_expression": "einlab.expressions",
    "contract_many": "einlab.many",
    "contract_path": "einlab.planning",
    "measure": "einlab.measuring",
    "plan": "einlab.planning",
    "plan_many": "einlab.joint",
    "report": "einlab.trace.reporting",
    "tune": "einlab.tuning",
}

__all__ = [
    "Contraction",
    "Cost",
    "JointPlan",
    "Machine",
    "PathSearch",
    "Plan",
    "Report",
    "Table",
    "Tree",
    "Trials",
    "Tuned",
    "contract",
    "contract_expression",
    "contract_many",
    "contract_path",
    "measure",
    "plan",
    "plan_many",
    "report",
    "tune",
]


def __getattr__(name: str) -> object:
    """Public names are imported when they are first asked for, so that planning needs no JAX."""
    if name == "config":
        return importlib.import_module("einlab.config")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'einlab' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


if "EINLAB_HOST_MEMORY" in os.environ:  # takes effect only before JAX's first array
    importlib.import_module("einlab.config")
