"""The JSON documents that commands and values write, each with its form as JSON Schema.

Readers may rely on the names and types here; what a later version adds comes with a new "version"
where a document has one.
"""

from __future__ import annotations

from typing import Any, get_args

from einlab.errors import ArgumentError, listing
from einlab.planfile import FORMAT, VERSION
from einlab.table import Kind
from einlab.trace import reportfile
from einlab.transformer import budget_file

__all__ = ["BY_COMMAND", "SCHEMAS", "schema_of"]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_COUNT = {"type": "integer", "minimum": 0}
_COUNTS = {"type": "array", "items": _COUNT}
_RATE = {"type": ["number", "null"], "minimum": 0}
_RATES = {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}}
_CELL = {"type": ["string", "number", "boolean", "null"]}
_ROW = {"type": "object", "additionalProperties": _CELL}

_COLUMN = {
    "type": "object",
    "required": ["name", "kind", "unit"],
    "properties": {"name": _TEXT, "kind": {"enum": list(get_args(Kind))}, "unit": _TEXT},
    "additionalProperties": False,
}
_FACT = {
    "type": "object",
    "required": ["value", "unit"],
    "properties": {"value": _CELL, "unit": _TEXT, "remark": _TEXT},
    "additionalProperties": False,
}
_TABLE: dict[str, Any] = {
    "title": "einlab table",
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": _TEXT,
        "columns": {"type": "array", "items": _COLUMN},
        "rows": {"type": "array", "items": _ROW},
        "totals": _ROW,
        "facts": {"type": "object", "additionalProperties": _FACT},
        "notes": _TEXTS,
    },
    "additionalProperties": False,
}
_MACHINE: dict[str, Any] = {
    "title": "einlab machine",
    "type": "object",
    "required": ["name", "peak", "bandwidth", "memory"],
    "properties": {
        "name": _TEXT,
        "peak": _RATES,
        "bandwidth": {"type": "number", "minimum": 0},
        "memory": {"type": "number", "minimum": 0},
        "cache": _RATE,
        "link": _RATE,
        "launch": {"type": "number", "minimum": 0},
        "kind": {"enum": ["cpu", "gpu", "tpu"]},
        "source": _TEXT,
        "read": _TEXT,
        "measured": {"type": "object", "additionalProperties": _RATES},
        "residuals": {"type": "object", "additionalProperties": _TEXT},
    },
    "additionalProperties": False,
}
_PLAN: dict[str, Any] = {
    "title": "einlab plan",
    "type": "object",
    "required": ["format", "version", "equation", "terms", "output", "shapes", "dtypes", "pairs"],
    "properties": {
        "format": {"const": FORMAT},
        "version": {"const": VERSION},
        "equation": _TEXT,
        "terms": {"type": "array", "items": _TEXTS},
        "output": _TEXTS,
        "shapes": {"type": "array", "items": _COUNTS},
        "dtypes": _TEXTS,
        "pairs": {"type": "array", "items": _COUNTS},
        "orders": {"type": "array", "items": _TEXTS},
        "dtype": _TEXT,
        "sliced": _TEXTS,
        "product_forms": {"type": "array", "items": {"type": ["object", "null"]}},
        "native_operands": {"type": "array", "items": {"type": "integer"}},
        "precision": {"type": ["string", "array", "null"], "items": _TEXT},
        "objective": _TEXT,
        "machine": {**_MACHINE, "type": ["object", "null"]},
        "compile_budget": {"type": "number", "minimum": 0},
        "searched_by": _TEXT,
        "trace": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number"}},
        },
        "report": _TABLE,
    },
}
_NOISE = {
    "type": "object",
    "required": ["floor", "noisy"],
    "properties": {"floor": {"type": "number", "minimum": 0}, "noisy": _TEXTS},
    "additionalProperties": False,
}
_CALIBRATION: dict[str, Any] = {
    "title": "einlab calibration",
    "type": "object",
    "required": ["machines", "noise"],
    "properties": {
        "machines": {"type": "object", "additionalProperties": _MACHINE},
        "noise": {"type": "object", "additionalProperties": _NOISE},
    },
    "additionalProperties": False,
}
_DEMO: dict[str, Any] = {
    "title": "einlab demo",
    "type": "object",
    "required": ["grouping"],
    "properties": {
        "grouping": _TABLE,
        "pairs": _TABLE,
        "contractions": _TABLE,
        "missing": _TEXTS,
    },
    "additionalProperties": False,
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "plan": {"$schema": _DIALECT, **_PLAN},
    "report": reportfile.SCHEMA,
    "budget": budget_file.SCHEMA,
    "table": {"$schema": _DIALECT, **_TABLE},
    "machine": {"$schema": _DIALECT, **_MACHINE},
    "calibration": {"$schema": _DIALECT, **_CALIBRATION},
    "demo": {"$schema": _DIALECT, **_DEMO},
}
"""Name of a document → its form.

>>> SCHEMAS["plan"]["properties"]["format"]
{'const': 'einlab.plan'}
"""

BY_COMMAND = {
    "plan": "plan",
    "run": "table",
    "report": "report",
    "budget": "budget",
    "calibrate": "calibration",
    "roofline": "table",
    "compare": "table",
    "demo": "demo",
    "drill": "table",
    "cache": "table",
    "doctor": "table",
}
"""Name of a command → the document that it prints with `--json`.

>>> BY_COMMAND["roofline"]
'table'
"""


def schema_of(command: str) -> dict[str, Any]:
    """The form of what a command prints with `--json`.

    Raises ArgumentError for a command that there is not.

    >>> schema_of("drill")["title"]
    'einlab table'
    """
    if command not in BY_COMMAND:
        raise ArgumentError(f"there is no command {command!r:.40}; there are {listing(BY_COMMAND)}")
    return SCHEMAS[BY_COMMAND[command]]
