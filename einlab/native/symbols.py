"""Functions of the C library and of our own by name, for compiled code from the disk cache.

Code that is kept on disk cannot hold addresses: it names symbols, found when it is loaded.
"""

from __future__ import annotations

import ctypes
import sys

from llvmlite import binding

__all__ = ["ADVISE", "ALLOCATE", "FREE", "TASKS", "YIELD", "published"]

ADVISE, ALLOCATE, FREE, TASKS, YIELD = (
    f"einlab_native_{name}" for name in ("advise", "allocate", "free", "tasks", "yield")
)


NAMES: dict[str, int] = {}
"""Address of every function that was published, by its name."""


def published(name: str, address: int) -> None:
    """Let compiled code find the function at `address` by this name."""
    NAMES[name] = address
    binding.add_symbol(name, address)


def _publish() -> None:
    if sys.platform == "win32":
        library, system = ctypes.CDLL("msvcrt"), ctypes.WinDLL("kernel32")
        give_way = system.SwitchToThread
    else:
        library = ctypes.CDLL(None)
        give_way = library.sched_yield
    advise = library.madvise if sys.platform == "linux" else library.malloc  # called on Linux only
    for name, function in (
        (ADVISE, advise),
        (ALLOCATE, library.malloc),
        (FREE, library.free),
        (YIELD, give_way),
    ):
        address = ctypes.cast(function, ctypes.c_void_p).value
        assert address is not None  # functions of a loaded library have addresses
        published(name, address)


_publish()
