"""A budget as JSON, for other programs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from einlab import show
from einlab.transformer.budget_table import measured

if TYPE_CHECKING:
    from einlab.transformer.budgets import Budget

__all__ = ["SCHEMA", "budget_json"]

VERSION = 1

_COUNT = {"type": "integer", "minimum": 0}
_RATE = {"type": "number", "minimum": 0}
_COST = {
    "type": "object",
    "required": ["flops", "macs", "transcendentals", "bytes_read", "bytes_written", "bytes_sent"],
    "additionalProperties": _COUNT,
}
_PHASE = {
    "type": "object",
    "required": ["flops", "ideal_bytes", "peak_bytes", "intensity", "parts", "products"],
    "properties": {
        "flops": _COUNT,
        "ideal_bytes": _COUNT,
        "peak_bytes": _COUNT,
        "intensity": _RATE,
        "seconds": _RATE,
        "parts": {"type": "object", "additionalProperties": _COST},
        "products": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "required": ["count", "flops"],
                "additionalProperties": _COUNT,
            },
        },
    },
    "additionalProperties": False,
}
_BYTES = {"type": "object", "additionalProperties": _COUNT}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "einlab budget",
    "type": "object",
    "required": ["format", "version", "model", "config", "parameters", "bytes", "phases"],
    "properties": {
        "format": {"const": "einlab budget"},
        "version": {"const": VERSION},
        "model": {"type": "string"},
        "config": {"type": "object"},
        "batch": _COUNT,
        "prompt": _COUNT,
        "generate": _COUNT,
        "dtype": {"type": "string"},
        "convention": {"type": "string"},
        "recompute": {"type": "string"},
        "machine": {"type": ["string", "null"]},
        "devices": _COUNT,
        "parameters": {
            "type": "object",
            "required": ["total", "active", "parts"],
            "properties": {"total": _COUNT, "active": _COUNT, "parts": {"type": "object"}},
            "additionalProperties": False,
        },
        "bytes": {
            "type": "object",
            "required": ["weights", "state", "activations", "cache"],
            "properties": {
                "weights": _COUNT,
                "state": {"type": "object", "additionalProperties": _RATE},
                "activations": _BYTES,
                "cache": _COUNT,
            },
            "additionalProperties": False,
        },
        "phases": {"type": "object", "additionalProperties": _PHASE},
        "measured": {"type": "object"},
        "critical_batch": _RATE,
    },
    "additionalProperties": False,
}
"""The form of `to_json`, as JSON Schema; times stand where a machine was given."""


def budget_json(budget: Budget) -> str:
    """All numbers of a budget, in the form of `SCHEMA`."""
    phases: dict[str, Any] = {}
    for phase, report in budget.phases.items():
        parts = {name: dataclasses.asdict(cost) for name, cost in budget.parts(phase).items()}
        products = {
            name: {"count": count, "flops": cost.flops}
            for name, (count, cost) in budget.by_product(phase).items()
        }
        phases[phase] = {
            "flops": report.flops,
            "ideal_bytes": report.ideal_bytes,
            "peak_bytes": report.peak,
            "intensity": report.intensity,
            "parts": parts,
            "products": products,
        }
        if budget.machine is not None:
            phases[phase]["seconds"] = budget.seconds(phase)
    counted = budget.parameters
    document = {
        "format": "einlab budget",
        "version": VERSION,
        "model": budget.config_name,
        "config": dataclasses.asdict(budget.config),
        "batch": budget.batch,
        "prompt": budget.prompt,
        "generate": budget.generate,
        "dtype": budget.dtype,
        "convention": budget.convention.name,
        "recompute": budget.recompute,
        "machine": None if budget.machine is None else budget.machine.name,
        "devices": budget.devices,
        "parameters": {
            "total": counted.total,
            "active": counted.active,
            "parts": dict(counted.parts),
        },
        "bytes": {
            "weights": budget.weight_bytes,
            "state": budget.state_bytes,
            "activations": budget.activation_bytes,
            "cache": budget.cache_bytes,
        },
        "phases": phases,
    }
    document["measured"] = {fact.name: fact.value for fact in measured(budget)}
    if budget.machine is not None and budget.cache_bytes:
        document["critical_batch"] = budget.critical_batch
    return show.json.dumps(document)
