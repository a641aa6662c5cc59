"""Settings of the process: assigned on `config`, or taken from the environment.

    import einlab
    einlab.config.cache_dir = "/scratch/einlab"
    einlab.config.host_memory = "keep"

An assignment wins over the environment, which wins over the default. Every assignment raises the
`generation` and runs the functions given to `on_change`, so that whoever keeps something made under
the old settings can drop it. The environment is read when a setting is asked for; only
`EINLAB_HOST_MEMORY` takes effect when einlab is imported, because it must before the first array.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from einlab import allocator
from einlab.errors import ArgumentError, ArgumentTypeError, listing

__all__ = ["CACHE_TAG", "VARIABLES", "Config", "config", "default_cache_dir", "unknown_variables"]

VARIABLES = {
    "cache_dir": "EINLAB_CACHE_DIR",
    "host_memory": "EINLAB_HOST_MEMORY",
    "native": "EINLAB_NATIVE",
    "tune": "EINLAB_TUNE",
}
"""Name of each setting → the environment variable that gives it.

>>> VARIABLES["cache_dir"]
'EINLAB_CACHE_DIR'
"""

HOST_MEMORY = ("system", "keep")
NATIVE = ("auto", "wait", "off")

CACHE_TAG = """Signature: 8a477f597d28d172789f06886806bc55
# This folder was made by einlab and can be deleted at any time; see `einlab cache --help`.
"""
"""Text of the file CACHEDIR.TAG, which keeps backups away (bford.info/cachedir, version 0.6).

>>> CACHE_TAG.splitlines()[0]
'Signature: 8a477f597d28d172789f06886806bc55'
"""


class Config:
    """The settings of this process; there is one, `einlab.config.config`.

    Raises ArgumentError for a setting that does not exist or a value that it cannot have.

    >>> Config().cache_dri = "/tmp"
    Traceback (most recent call last):
        ...
    einlab.errors.ArgumentError: there is no setting 'cache_dri'; did you mean 'cache_dir'?
    """

    __slots__ = ("_assigned", "_generation", "_listeners")

    _assigned: dict[str, Any]
    _generation: int
    _listeners: list[Callable[[], object]]

    def __init__(self) -> None:
        object.__setattr__(self, "_assigned", {})
        object.__setattr__(self, "_generation", 0)
        object.__setattr__(self, "_listeners", [])

    def __setattr__(self, name: str, value: object) -> None:
        if name not in VARIABLES:
            raise ArgumentError(_unknown(name))
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return (
            f"Config(cache_dir={str(self.cache_dir)!r}, host_memory={self.host_memory!r}, "
            f"native={self.native!r}, tune={self.tune!r})"
        )

    @property
    def cache_dir(self) -> Path:
        """The folder for what einlab keeps between processes; asking for it does not create it.

        Assign a path, or None to return to `EINLAB_CACHE_DIR` and the platform's own folder.

        >>> with config.using(cache_dir="/scratch/einlab"):
        ...     config.cache_dir.name
        'einlab'
        """
        assigned: Path | None = self._assigned.get("cache_dir")
        given = os.environ.get(VARIABLES["cache_dir"])
        if assigned is not None:
            return assigned
        if given:
            return _folder(given, VARIABLES["cache_dir"])
        return default_cache_dir(sys.platform, os.environ)

    @cache_dir.setter
    def cache_dir(self, value: str | os.PathLike[str] | None) -> None:
        if value is None:
            self._assigned.pop("cache_dir", None)
        else:
            self._assigned["cache_dir"] = _folder(value, "cache_dir")
        self._changed()

    @property
    def host_memory(self) -> str:
        """What becomes of memory that JAX frees on a CPU: "system" (as glibc does) or "keep".

        Kept memory makes large results several times faster, because they need no fresh pages. It
        stays with the process until `release_memory`, and threads that allocate much wait for each
        other. Set it before the first array; where malloc is not glibc's it does nothing. "keep"
        is for the rest of the process.

        Raises ArgumentError if JAX has begun to compute.

        >>> config.host_memory in ("system", "keep")
        True
        """
        return str(self._assigned.get("host_memory") or _host_memory(_given_host_memory()))

    @host_memory.setter
    def host_memory(self, value: str) -> None:
        if _host_memory(value) == self._assigned.get("host_memory", "system"):
            return
        if value == "system":
            raise ArgumentError(
                'host_memory is "keep" for the rest of the process; release_memory() gives back '
                "what is free now"
            )
        allocator.keep_memory()
        self._assigned["host_memory"] = value
        self._changed()

    @property
    def native(self) -> str:
        """Whether products may run by einlab's own code on CPUs: "auto", "wait" or "off".

        That code is compiled once on a computer, which takes half a minute. With "auto" this
        happens in a process of its own when the code is first wanted, and XLA computes until it is
        there; "wait" waits for it. "off" leaves all to XLA.

        >>> config.native in ("auto", "wait", "off")
        True
        """
        assigned: str | None = self._assigned.get("native")
        return assigned or _native(os.environ.get(VARIABLES["native"]) or "auto")

    @native.setter
    def native(self, value: str | None) -> None:
        if value is None:
            self._assigned.pop("native", None)
        else:
            self._assigned["native"] = _native(value)
        self._changed()

    @property
    def tune(self) -> bool:
        """Whether `contract` measures the plans that promise most when it meets a contraction.

        The first call of each then takes seconds, once on a computer: see `einlab.tune`.

        >>> config.tune in (True, False)
        True
        """
        assigned: bool | None = self._assigned.get("tune")
        if assigned is not None:
            return assigned
        given = os.environ.get(VARIABLES["tune"]) or "0"
        if given not in ("0", "1"):
            raise ArgumentError(f"{VARIABLES['tune']} is 0 or 1, not {given!r:.60}")
        return given == "1"

    @tune.setter
    def tune(self, value: bool | None) -> None:
        if value is not None and not isinstance(value, bool):
            raise ArgumentTypeError(f"tune is True or False, not {value!r:.60}")
        if value is None:
            self._assigned.pop("tune", None)
        else:
            self._assigned["tune"] = value
        self._changed()

    def release_memory(self) -> bool:
        """Give memory that is free but kept back to the system; whether there was any.

        Does nothing where malloc is not glibc's.

        >>> config.release_memory() in (True, False)
        True
        """
        return allocator.release_memory()

    def changed(self) -> None:
        """Tell everyone who keeps something made under earlier settings that they are others now.

        Assigning a setting does it; so does whoever stores a calibration.

        >>> before = config.generation
        >>> config.changed()
        >>> config.generation - before
        1
        """
        self._changed()

    def _changed(self) -> None:
        object.__setattr__(self, "_generation", self._generation + 1)
        for listener in self._listeners:
            listener()

    @property
    def generation(self) -> int:
        """How often a setting was assigned."""
        return self._generation

    def on_change(self, listener: Callable[[], object]) -> None:
        """Call `listener` after every assignment from now on.

        >>> mine, told = Config(), []
        >>> mine.on_change(lambda: told.append("again"))
        >>> mine.changed()
        >>> told
        ['again']
        """
        self._listeners.append(listener)

    @contextmanager
    def using(self, *, cache_dir: str | os.PathLike[str] | None) -> Iterator[None]:
        """The settings changed for the duration of a `with` block.

        >>> with config.using(cache_dir="/scratch/einlab"):
        ...     config.cache_dir.as_posix()
        '/scratch/einlab'
        """
        before = self._assigned.get("cache_dir")
        self.cache_dir = cache_dir
        try:
            yield
        finally:
            self.cache_dir = before

    def cache_part(self, name: str) -> Path:
        """The subfolder `name` of the cache folder, created and tagged as ours if need be.

        Raises OSError if it cannot be created.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, config.using(cache_dir=folder):
        ...     sorted(file.name for file in config.cache_part("plans").iterdir())
        ['CACHEDIR.TAG']
        """
        folder = self.cache_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        tag = folder / "CACHEDIR.TAG"
        if not tag.exists():
            tag.write_text(CACHE_TAG, encoding="ascii")
        return folder


def default_cache_dir(platform: str, environ: Mapping[str, str]) -> Path:
    """The folder for caches by the custom of a platform (`sys.platform`).

    Source: XDG Base Directory Specification 0.8; Apple, File System Programming Guide; Microsoft,
    Known Folder IDs (LocalAppData).

    Raises ArgumentError if there is no home folder to put it in.

    >>> default_cache_dir("linux", {"XDG_CACHE_HOME": "/c"}).as_posix()
    '/c/einlab'
    """
    if platform == "win32" and environ.get("LOCALAPPDATA"):
        return Path(environ["LOCALAPPDATA"]) / "einlab" / "Cache"
    given = environ.get("XDG_CACHE_HOME", "")
    if platform not in ("win32", "darwin") and given.startswith("/"):  # relative ones do not count
        return Path(given) / "einlab"
    try:
        home = Path.home()
    except RuntimeError:
        raise ArgumentError(
            "there is no home folder for the cache; set EINLAB_CACHE_DIR to a folder"
        ) from None
    if platform == "darwin":
        return home / "Library" / "Caches" / "einlab"
    if platform == "win32":
        return home / "AppData" / "Local" / "einlab" / "Cache"
    return home / ".cache" / "einlab"


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that look like settings of einlab and are none, each with the likely one or "".

    >>> unknown_variables({"EINLAB_CACHEDIR": "/c", "HOME": "/root"})
    {'EINLAB_CACHEDIR': 'EINLAB_CACHE_DIR'}
    """
    known = set(VARIABLES.values())
    strange = [name for name in environ if name.startswith("EINLAB_") and name not in known]
    return {
        name: (difflib.get_close_matches(name, known, 1, 0.75) or [""])[0]
        for name in sorted(strange)
        if name != "EINLAB_TEST_DEVICE"  # the test suite's own
    }


def _folder(value: object, name: str) -> Path:
    """An absolute path that is a folder, or nothing yet."""
    if not isinstance(value, (str, os.PathLike)):
        raise ArgumentTypeError(f"{name} is a path, not {value!r:.60}")
    text = os.fspath(value)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ArgumentError(f"{name} is {text!r:.60}, which is no path")
    try:
        path = Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ArgumentError(f"{name} is {text!r}: {error}") from None
    if path.exists() and not path.is_dir():
        raise ArgumentError(f"{name} is {text!r}, which is a file; give a folder")
    return path


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, VARIABLES, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {listing(VARIABLES)}"
    return f"there is no setting {name!r}; {hint}"


def _given_host_memory() -> str:
    return os.environ.get(VARIABLES["host_memory"]) or "system"


def _host_memory(value: object) -> str:
    if not isinstance(value, str):
        raise ArgumentTypeError(f"host_memory is 'system' or 'keep', not {value!r:.60}")
    if value not in HOST_MEMORY:
        close = difflib.get_close_matches(value, HOST_MEMORY, 1)
        hint = f"did you mean {close[0]!r}?" if close else "there are 'system' and 'keep'"
        raise ArgumentError(f"there is no host_memory {value!r:.60}; {hint}")
    return value


def _native(value: object) -> str:
    if not isinstance(value, str):
        raise ArgumentTypeError(f"native is 'auto', 'wait' or 'off', not {value!r:.60}")
    if value not in NATIVE:
        raise ArgumentError(f"there is no native {value!r:.60}; there are 'auto', 'wait' and 'off'")
    return value


class _Module(ModuleType):
    """This module: `einlab.config` is at once the module and the settings."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self.__dict__["config"], name)

    def __setattr__(self, name: str, value: object) -> None:
        if name.startswith("_") or name in self.__dict__:
            super().__setattr__(name, value)
        else:
            setattr(self.__dict__["config"], name, value)


config = Config()
"""The settings of this process.

>>> config.host_memory in ("system", "keep")
True
"""
config.host_memory = _given_host_memory()
sys.modules[__name__].__class__ = _Module
