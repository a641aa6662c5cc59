"""A report as records, JSON and CSV, for other programs."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from einlab.trace.rows import Row

if TYPE_CHECKING:
    from einlab.trace.reporting import Report

__all__ = ["SCHEMA", "csv_text", "document", "records"]

VERSION = 1

_COUNT = {"type": "integer", "minimum": 0}
_MAYBE = {"type": ["integer", "null"], "minimum": 0}
_ROW = {
    "type": "object",
    "required": ["scope", "operation", "kind", "equation", "dtype", "pass", "runs", "flops"],
    "properties": {
        "scope": {"type": "string"},
        "operation": {"type": "string"},
        "kind": {"type": "string"},
        "equation": {"type": "string"},
        "contraction": {"type": "string"},
        "dtype": {"type": "string"},
        "pass": {"enum": ["forward", "backward", "recomputed"]},
        "runs": _COUNT,
        "runs_known": {"type": "boolean"},
        "flops": _MAYBE,
        "macs": _MAYBE,
        "transcendentals": _MAYBE,
        "bytes_read": _COUNT,
        "bytes_written": _COUNT,
        "bytes_sent": _COUNT,
        "ideal_bytes": _COUNT,
        "reason": {"type": "string"},
        "seconds": {"type": ["number", "null"]},
        "bound": {"type": ["string", "null"]},
    },
    "additionalProperties": False,
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "einlab report",
    "type": "object",
    "required": ["format", "version", "name", "convention", "totals", "rows", "unknown"],
    "properties": {
        "format": {"const": "einlab report"},
        "version": {"const": VERSION},
        "name": {"type": "string"},
        "convention": {"type": "string"},
        "machine": {"type": ["string", "null"]},
        "totals": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "rows": {"type": "array", "items": _ROW},
        "branches": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["scope", "flops"],
                "properties": {
                    "scope": {"type": "string"},
                    "flops": {"type": "array", "items": _COUNT},
                },
                "additionalProperties": False,
            },
        },
        "unknown": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["operation", "scope", "reason", "runs", "bytes"],
                "properties": {
                    "operation": {"type": "string"},
                    "scope": {"type": "string"},
                    "reason": {"type": "string"},
                    "runs": _COUNT,
                    "bytes": _COUNT,
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
"""The form of `to_json`, as JSON Schema; flops is null where it is not known."""


def records(report: Report) -> list[dict[str, Any]]:
    """One dictionary a row that runs, with raw numbers."""
    return [
        {
            **_record(row),
            "seconds": found and found.seconds * row.count,
            "bound": found and found.bound,
        }
        for row, found in zip(report.rows, report.predictions, strict=True)
        if row.taken
    ]


def _record(row: Row) -> dict[str, Any]:
    known, cost = row.kind != "unknown", row.cost
    return {
        "scope": "/".join(row.scope),
        "operation": row.name,
        "kind": row.kind,
        "equation": row.equation,
        "contraction": row.contraction,
        "dtype": row.dtype,
        "pass": row.phase,
        "runs": row.count,
        "runs_known": not row.unbounded,
        "flops": cost.flops if known else None,
        "macs": cost.macs if known else None,
        "transcendentals": cost.transcendentals if known else None,
        "bytes_read": cost.bytes_read,
        "bytes_written": cost.bytes_written,
        "bytes_sent": cost.bytes_sent,
        "ideal_bytes": row.ideal_read + row.ideal_written,
        "reason": row.reason,
    }


def document(report: Report) -> dict[str, Any]:
    """The report in the form of `SCHEMA`."""
    return {
        "format": "einlab report",
        "version": VERSION,
        "name": report.name,
        "convention": report.convention.name,
        "machine": report.machine.name if report.machine else None,
        "totals": {
            "flops": report.flops,
            "macs": report.macs,
            "transcendentals": report.transcendentals,
            "bytes": report.bytes,
            "ideal_bytes": report.ideal_bytes,
            "intensity": report.intensity,
            "peak": report.peak,
            "arguments": report.arguments,
            "results": report.results,
            "least_flops": report.least.flops,
            "seconds": report.seconds,
        },
        "rows": records(report),
        "branches": [
            {"scope": "/".join(fork.scope), "flops": [cost.flops for cost in fork.branches]}
            for fork in report.forks
        ],
        "unknown": [
            {
                "operation": item.name,
                "scope": "/".join(item.scope),
                "reason": item.reason,
                "runs": item.count,
                "bytes": item.bytes,
            }
            for item in report.unknown
        ],
    }


def csv_text(report: Report) -> str:
    """The records with a line of headings."""
    out = io.StringIO()
    names = [*_ROW["properties"]]  # type: ignore[misc]
    writer = csv.DictWriter(out, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records(report))
    return out.getvalue()
