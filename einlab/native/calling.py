"""Programs of the interpreter as calls within XLA's programs on a CPU."""

from __future__ import annotations

import ctypes
import logging
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import jax

from einlab.config import config
from einlab.native.building import build, build_elsewhere
from einlab.native.keeping import is_built
from einlab.native.measures import made_ready
from einlab.native.words import DTYPES, Words

__all__ = ["TARGET", "available", "call", "covers", "leaving_all_to_xla"]

logger = logging.getLogger("einlab")

TARGET = "einlab_native_2"
"""The name under which XLA knows the interpreter; the number is that of its words."""

_lock = threading.Lock()
_here = threading.local()


def covers(dtype: Any) -> bool:
    """Whether the interpreter computes in this dtype."""
    return str(dtype) in DTYPES


def available() -> bool:
    """Whether contractions can run by the interpreter here and now.

    That is so by the setting, the machine and what is installed, once the kernels are compiled:
    where they are not yet, they are compiled in the background; see `einlab.config.native`.
    """
    if config.native == "off" or getattr(_here, "off", False) or not _works():
        return False
    if _registered.cache_info().currsize or config.native == "wait" or is_built():
        return _registered()
    build_elsewhere()
    return False


@contextmanager
def leaving_all_to_xla() -> Iterator[None]:
    """A `with` block in which this thread lowers programs without native code."""
    before = getattr(_here, "off", False)
    _here.off = True
    try:
        yield
    finally:
        _here.off = before


def call(
    words: Words, shapes: Sequence[tuple[int, ...]], *operands: jax.Array, room: int = 0
) -> list[jax.Array]:
    """The results of a program on a CPU, each an array of one of these shapes, row by row.

    All operands have the program's dtype; results that only hold what is computed on the way are
    among them. `room` are the bytes of scratch memory that it may take, 0 if as many as are best.
    It can be traced; it has no derivative and no batching rule of its own.
    """
    words, scratch = made_ready(words, room)
    dtype = DTYPES[words[0]]
    types = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    memory = jax.ShapeDtypeStruct((scratch,), "uint8")
    *results, _ = jax.ffi.ffi_call(TARGET, [*types, memory])(*operands, words=words)
    return results


@lru_cache(maxsize=1)
def _works() -> bool:
    """Whether Numba is installed, on a machine of 64 bits."""
    return struct.calcsize("P") == 8 and find_spec("numba") is not None


@lru_cache(maxsize=1)
def _registered() -> bool:
    """Make the interpreter known to XLA, once; whether that was possible."""
    with _lock:
        try:
            handler = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(build()["handler"])
        except ImportError as error:  # Numba's own machinery does not load here
            logger.debug("contractions run without native code: %s", error)
            return False
        jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(handler), platform="cpu")
        return True
