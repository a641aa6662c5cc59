"""What of a JSON document breaks its schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["problems"]


def problems(value: Any, schema: Any, path: str = "document") -> Iterator[str]:
    """What of a value breaks a schema; of JSON Schema the words that ours uses."""
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "null": type(None),
    }
    types |= {"number": (int, float), "boolean": bool}
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(isinstance(value, types[name]) for name in names):
            yield f"{path} is {value!r}"
            return
    if "const" in schema and value != schema["const"]:
        yield f"{path} is {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path} is {value!r}"
    if isinstance(value, (int, float)) and value < schema.get("minimum", value):
        yield f"{path} is {value!r}"
    if isinstance(value, dict):
        yield from (f"{path} lacks {n}" for n in schema.get("required", ()) if n not in value)
        rest = schema.get("additionalProperties", True)
        for name, part in value.items():
            inner = schema.get("properties", {}).get(name, rest)
            if inner is False:
                yield f"{path} has {name}"
            elif isinstance(inner, dict):
                yield from problems(part, inner, f"{path}.{name}")
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from problems(part, schema.get("items", {}), f"{path}[{place}]")
