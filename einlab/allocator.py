"""The allocator of this process: told to keep freed memory, and to give it back.

XLA on a CPU takes fresh memory for every large result, and glibc hands it back to the system when
it is freed: the next result pays a page fault for each 4 KiB. Told to keep it, glibc does not; a
jitted `x * 1.0001` on 64 MiB then takes 4 to 5 ms instead of 22 to 27 (2 cores, x86-64). The price:
freed memory stays with the process, and threads that allocate much wait for each other, because
there is one arena. Without one arena it has no effect, and XLA's threads keep the arena that they
began with, so it must be said before the first computation.
Source: mallopt(3), glibc 2.36; malloc/malloc.h for the numbers of the parameters.
"""

from __future__ import annotations

import ctypes
import os
import sys

from einlab.errors import ArgumentError

__all__ = ["has_begun", "is_glibc", "keep_memory", "release_memory"]

KEPT = {
    "M_MMAP_MAX": (-4, 0),  # large pieces come from the heap, not from maps of their own
    "M_TRIM_THRESHOLD": (-1, 2**31 - 1),  # bytes free at the top of the heap that are kept
    "M_TOP_PAD": (-2, 2**28),  # bytes taken beyond what is asked for
    "M_ARENA_MAX": (-8, 1),
}
"""Number and value of each parameter of `mallopt`."""


class _Symbol(ctypes.Structure):
    """Dl_info of dlfcn.h."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


def is_glibc() -> bool:
    """Whether `malloc` of this process is glibc's own: not musl's, jemalloc's or tcmalloc's."""
    if not sys.platform.startswith("linux"):
        return False
    process = ctypes.CDLL(None)
    if not hasattr(process, "gnu_get_libc_version") or not hasattr(process, "dladdr"):
        return False
    found = _Symbol()
    address = ctypes.cast(process.malloc, ctypes.c_void_p)
    if not process.dladdr(address, ctypes.byref(found)) or not found.file:
        return False
    library: bytes = os.path.basename(found.file)
    return library.startswith((b"libc.so", b"libc-2"))


def has_begun() -> bool:
    """Whether JAX has started a device, and with it the threads that compute."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    started = getattr(bridge, "backends_are_initialized", None)
    return bool(started is not None and started())


def keep_memory() -> bool:
    """Keep freed memory in this process from now on; False where malloc is not glibc's.

    Raises ArgumentError if JAX has begun to compute, or if glibc refuses.
    """
    if not is_glibc():
        return False
    if has_begun():
        raise ArgumentError(
            'host_memory = "keep" comes too late: JAX has begun to compute, and its threads stay '
            "with the memory they have; set it, or EINLAB_HOST_MEMORY=keep, before the first array"
        )
    mallopt = ctypes.CDLL(None).mallopt
    refused = [name for name, (number, value) in KEPT.items() if mallopt(number, value) != 1]
    if refused:
        raise ArgumentError(f"host_memory cannot be kept: glibc refuses {', '.join(refused)}")
    return True


def release_memory() -> bool:
    """Give freed memory back to the system; whether there was any, and a way to give it."""
    return is_glibc() and bool(ctypes.CDLL(None).malloc_trim(0))
