"""JSON files of a stated format and version, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read_fields", "write_fields"]


def write_fields(fields: Mapping[str, Any], path: Path, kind: str, version: int) -> None:
    """Write a file so that a reader finds the old or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            document = {"format": kind, "version": version, **fields}
            json.dump(document, file, indent=1, ensure_ascii=False)
            file.write("\n")
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def read_fields(path: Path, kind: str, version: int) -> dict[str, Any]:
    """What a file holds beside its format and version.

    Raises ValueError if it is no such file, or one of another version.
    """
    fields = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(fields, dict) or fields.get("format") != kind:
        raise ValueError(f"{path} is no file of {kind!r}")
    if fields["version"] != version:
        raise ValueError(f"{path} has version {fields['version']}; this reads version {version}")
    return {name: value for name, value in fields.items() if name not in ("format", "version")}
