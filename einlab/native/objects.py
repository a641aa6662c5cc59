"""Compiled code as object files, which LLVM alone loads: Numba takes half a second to be imported.

Numba keeps on disk what it compiled. From there the machine code of every function is copied into
one file, once; later processes read that. What the code calls it calls by symbols.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["load", "save"]

logger = logging.getLogger("einlab")

FILE = "objects"
RAISING = ("numba_", "NRT_")
"""How the symbols of Numba's begin with which code raises errors: ours never does. When Numba is
imported later it says where they are."""
UNDEFINED = 0  # the section of a symbol that is elsewhere, in ELF
SYMBOL = struct.Struct("<IBBHQQ")  # name, type, visibility, section, value, size
_engines: list[Any] = []
"""What was loaded stays."""


def save(place: Path) -> None:
    """Copy the machine code of all functions compiled so far into one file of the folder.

    Raises AttributeError, TypeError, ValueError or KeyError if Numba keeps it in another way.
    """
    from einlab.native.compiled import KEPT
    from einlab.native.symbols import NAMES

    listed, code = [], []
    for name, compiled in KEPT.items():
        symbol, address, made = _code_of(compiled)
        published = [known for known, at in NAMES.items() if at == address]
        listed.append((name, symbol, published, len(made)))
        code.append(made)
    head = json.dumps(listed).encode()
    part = place / f"{FILE}.{os.getpid()}"
    part.write_bytes(b"".join((struct.pack("<Q", len(head)), head, *code)))
    part.replace(place / FILE)


def _code_of(compiled: Any) -> tuple[str, int, bytes]:
    """The symbol of a function for C, its address here, and its machine code from Numba's file."""
    if hasattr(compiled, "overloads"):
        (found,) = compiled.overloads.values()
        library, symbol = found.library, found.fndesc.llvm_cfunc_wrapper_name
    else:
        library, symbol = compiled._library, compiled._wrapper_name
    file = compiled._cache._cache_file
    (key,) = file._load_index()
    (_, _, (code, _)), *_ = file.load(key)
    return symbol, library.get_pointer_to_function(symbol), code


def load(place: Path) -> dict[str, int] | None:
    """The addresses of all functions by their names; None if they cannot be loaded so."""
    if sys.platform != "linux" or not (place / FILE).exists():
        return None
    data = (place / FILE).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    at, addresses = 8 + length, {}
    from llvmlite import binding

    from einlab.native.symbols import published

    for name, symbol, names, size in json.loads(data[8:at]):
        code = data[at : at + size]
        at += size
        for needed in _undefined(binding.ObjectFileRef.from_data(code)):
            if binding.address_of_symbol(needed) is not None:
                continue
            address = _address("abort" if needed.startswith(RAISING) else needed)
            if address is None:
                logger.debug("native code is loaded by Numba: there is no symbol %s", needed)
                return None
            binding.add_symbol(needed, address)
        engine = _engine(binding)
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _engines.append(engine)
        addresses[name] = engine.get_function_address(symbol)
        if not addresses[name]:
            logger.debug("native code is loaded by Numba: %s is not in its file", symbol)
            return None
        for other in names:
            published(other, addresses[name])
    return addresses


def _engine(binding: Any) -> Any:
    """What links code, as Numba makes it."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_default_triple()
    static = target.name.startswith("x86")
    machine = target.create_target_machine(
        cpu=binding.get_host_cpu_name(), reloc="static" if static else "default",
        codemodel="jitdefault", jit=True,
    )  # fmt: skip
    return binding.create_mcjit_compiler(binding.parse_assembly(""), machine)


def _undefined(code: Any) -> Iterator[str]:
    """The symbols that an ELF file of 64 bits names and does not define."""
    parts = {part.name(): part.data() for part in code.sections()}
    symbols, names = parts[b".symtab"], parts[b".strtab"]
    for start, _, _, section, _, _ in SYMBOL.iter_unpack(symbols):
        if start and section == UNDEFINED:
            yield names[start : names.index(b"\0", start)].decode()


def _address(name: str) -> int | None:
    """Where a symbol of the C library or of Python is; None if they have none of that name."""
    for library in (ctypes.CDLL(None), ctypes.pythonapi):
        with suppress(ValueError):
            return ctypes.addressof(ctypes.c_char.in_dll(library, name))
    return None
