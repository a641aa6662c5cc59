"""Tables and trees as JSON, for other programs.

>>> from einlab.table import Column, Table
>>> costs = Table("costs", [Column("FLOPs", "count")], [(20,)])
>>> document(costs)["rows"]
[{'FLOPs': 20}]
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from einlab.search.tree import Tree
from einlab.show.units import unit_of
from einlab.table import Table, Value

__all__ = ["document", "dumps", "render", "render_tree"]

WIDTH = 100
"""A list or a dictionary that is longer takes several lines."""


def render(table: Table) -> str:
    """The table as JSON: raw numbers, and the kind and unit of every column.

    >>> from einlab.table import Column
    >>> print(render(Table("costs", [Column("FLOPs", "quantity", "FLOP")], [(20,)])))
    {
      "title": "costs",
      "columns": [{"name": "FLOPs", "kind": "quantity", "unit": "FLOP"}],
      "rows": [{"FLOPs": 20}]
    }
    """
    return dumps(document(table))


def render_tree(tree: Tree) -> str:
    """The tree as JSON: the contraction, the pairs of arrays, and the path in opt_einsum's form.

    >>> from einlab import plan
    >>> render_tree(plan("ij,jk->ik", (2, 3), (3, 4)).tree).splitlines()[1].strip()
    '"equation": "ij,jk->ik",'
    """
    contraction = tree.contraction
    return dumps(
        {
            "equation": contraction.equation,
            "shapes": contraction.shapes,
            "dtypes": contraction.dtypes,
            "pairs": tree.pairs,
            "path": tree.path,
        }
    )


def document(table: Table) -> dict[str, Any]:
    """The table as plain lists and dictionaries; what is empty is left out.

    >>> from einlab.table import Column
    >>> document(Table("costs", [Column("FLOPs", "count")], [(20,)]))["rows"]
    [{'FLOPs': 20}]
    """
    facts = {
        fact.name: {
            "value": _plain(fact.value),
            "unit": unit_of(fact.kind, fact.unit),
            **({"remark": fact.remark} if fact.remark else {}),
        }
        for fact in table.facts
    }
    names = [column.name for column in table.columns]
    parts: dict[str, Any] = {
        "columns": [
            {"name": column.name, "kind": column.kind, "unit": unit_of(column.kind, column.unit)}
            for column in table.columns
        ],
        "rows": [_record(names, row) for row in table.rows],
        "totals": _record(names, table.totals) if table.totals else {},
        "facts": facts,
        "notes": list(table.notes),
    }
    return {"title": table.title, **{name: part for name, part in parts.items() if part}}


def dumps(value: Any) -> str:
    """A value as JSON text: on one line where it fits, else one entry a line.

    A number that is none becomes null.

    >>> print(dumps({"a": [1, 2], "b": float("nan")}))
    {
      "a": [1, 2],
      "b": null
    }
    """
    return _spread(_plain(value), "", force=True)


def _spread(value: Any, indent: str, force: bool = False) -> str:
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not (isinstance(value, (dict, list)) and value and (force or len(indent + line) > WIDTH)):
        return line
    deeper = f"{indent}  "
    if isinstance(value, dict):
        entries = [f"{json.dumps(name)}: {_spread(part, deeper)}" for name, part in value.items()]
    else:
        entries = [_spread(part, deeper) for part in value]
    inner = ",\n".join(f"{deeper}{entry}" for entry in entries)
    brackets = "{}" if isinstance(value, dict) else "[]"
    return f"{brackets[0]}\n{inner}\n{indent}{brackets[1]}"


def _plain(value: Any) -> Any:
    """`value` in lists and dictionaries, without infinities, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _record(names: list[str], row: Sequence[Value]) -> dict[str, Value]:
    return {name: _plain(value) for name, value in zip(names, row, strict=True)}
