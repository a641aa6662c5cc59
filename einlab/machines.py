"""The sourced table of devices, machines by name, and files of users' own.

A machine is a value of peak figures: FLOPs a second by dtype, bytes a second to memory, bytes of
memory. The built-in ones stand in `machines.toml` with source and date; users add their own with
`Machine(...)` or in a file of the same form. "here" is this device as `einlab calibrate` found it.
"""

from __future__ import annotations

import difflib
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from einlab import machinestore
from einlab.errors import ArgumentError, ArgumentTypeError, FileError, listing
from einlab.machine import Machine

__all__ = ["HERE", "Machine", "machine_for", "machines", "machines_from", "users_file"]

HERE = "here"
"""The name of the machine that was last calibrated on this computer.

>>> HERE
'here'
"""


def machine_for(machine: Machine | str) -> Machine:
    """The machine of that name, or the machine itself.

    A name is "here", that of a machine in the user's own file, or one of the built-in table; names
    are compared without regard to case, blanks and signs.

    Raises ArgumentError for an unknown name, with the nearest ones, and for "here" where nothing
    was calibrated; FileError for a damaged file of the user's.

    >>> machine_for("h100-sxm").bandwidth
    3350000000000.0
    """
    if isinstance(machine, Machine):
        return machine
    if not isinstance(machine, str):
        raise ArgumentTypeError(f"a machine is a Machine or a name, not {machine!r:.60}")
    if machine.strip().lower() == HERE:
        return _here()
    known = {_plain(one.name): one for one in (*machines(), *_own())}
    found = known.get(_plain(machine))
    if found is None:
        names = {plain: one.name for plain, one in known.items()}
        near = difflib.get_close_matches(_plain(machine), names, n=3)
        hint = (
            f"did you mean {listing(names[n] for n in near)}?"
            if near
            else (f"known are {listing([*names.values(), HERE])}")
        )
        raise ArgumentError(f"unknown machine {machine!r:.60}; {hint}")
    return found


def _here() -> Machine:
    found = machinestore.here()
    if found is None:
        raise ArgumentError(
            "this machine is not calibrated for this version of JAX; run 'einlab calibrate' once"
        )
    return found


def _own() -> tuple[Machine, ...]:
    """The machines of the user's own file, if there is one."""
    path = users_file(sys.platform, os.environ)
    return machines_from(path) if path.is_file() else ()


def users_file(platform: str, environ: Mapping[str, str]) -> Path:
    """The file that may hold a user's own machines, by the custom of a platform.

    Source: XDG Base Directory Specification 0.8; Apple, File System Programming Guide; Microsoft,
    Known Folder IDs (RoamingAppData).

    >>> users_file("linux", {"XDG_CONFIG_HOME": "/c"}).as_posix()
    '/c/einlab/machines.toml'
    """
    if platform == "win32" and environ.get("APPDATA"):
        return Path(environ["APPDATA"]) / "einlab" / "machines.toml"
    given = environ.get("XDG_CONFIG_HOME", "")
    if platform not in ("win32", "darwin") and given.startswith("/"):  # relative ones do not count
        return Path(given) / "einlab" / "machines.toml"
    home = Path(os.path.expanduser("~"))
    folder = home / "Library/Application Support" if platform == "darwin" else home / ".config"
    return folder / "einlab" / "machines.toml"


def _plain(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum() or char == "+")


@lru_cache(maxsize=1)
def machines() -> tuple[Machine, ...]:
    """The built-in table.

    >>> "TPU v5e" in [machine.name for machine in machines()]
    True
    """
    text = resources.files("einlab").joinpath("machines.toml").read_text(encoding="utf-8")
    return _machines(text, "machines.toml")


def machines_from(path: str | Path) -> tuple[Machine, ...]:
    """The machines of a TOML file, in the form of the built-in table.

    Raises FileError if it cannot be read or names what it should not; ArgumentError for a figure
    that cannot be.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder, "mine.toml")
    ...     _ = place.write_text('''
    ... [[machine]]
    ... name = "tiny"
    ... peak = {float32 = 1e12}
    ... bandwidth = 1e11
    ... memory = 8e9
    ... ''')
    ...     machines_from(place)[0].ridge("float32")
    10.0
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read: {error}") from None
    return _machines(text, str(path))


def _machines(text: str, name: str) -> tuple[Machine, ...]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileError(f"{name} is no TOML: {error}") from None
    tables = data.get("machine")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FileError(f"{name} has no [[machine]] tables")
    return tuple(_machine(table, name) for table in tables)


def _machine(table: dict[str, Any], name: str) -> Machine:
    known = [item.name for item in fields(Machine)]
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise FileError(f"{name}: machine {table.get('name', '?')!r} has {key!r}{hint}")
    missing = [key for key in ("name", "peak", "bandwidth", "memory") if key not in table]
    if missing:
        raise FileError(f"{name}: machine {table.get('name', '?')!r} has no {listing(missing)}")
    return Machine(**{**table, "read": str(table.get("read", ""))})
