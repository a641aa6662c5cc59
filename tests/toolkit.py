"""What each room of the toolkit hands to the tests that go over every public name of all rooms.

A room (`einlab.lowrank`, say) has its own `tests/lowrank/cases.py` with three dictionaries, each
keyed by public name: `CASES` (a call of it whose report is checked), `SILENT` (why a name has no
cost to report), `BAD` (calls that it refuses).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from einlab.errors import EinlabError

__all__ = ["ROOMS", "Bad", "Case", "cases_of", "room"]

ROOMS = ("attention", "embedding", "layers", "linalg", "lowrank", "matmul", "transformer")
"""The rooms of the toolkit, by name."""


@dataclass(frozen=True)
class Case:
    """A call of a public function on small operands, whose report must agree with XLA."""

    function: Callable[..., Any]
    """The public function itself, or a partial of it that fixes what is no array."""
    arguments: tuple[Any, ...]
    own: Callable[[], int] | None = None
    """FLOPs of this call as the room itself states them, where it states any."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Operations that nobody can count here, each with the reason."""


@dataclass(frozen=True)
class Bad:
    """A call that must be refused: with which error, in which words."""

    call: Callable[[], object]
    error: type[EinlabError]
    says: tuple[str, ...]


def room(name: str) -> ModuleType:
    """The module of a room."""
    return importlib.import_module(f"einlab.{name}")


def cases_of(name: str) -> ModuleType:
    """The cases of a room: `CASES`, `SILENT` and `BAD`."""
    return importlib.import_module(f"tests.{name}.cases")
