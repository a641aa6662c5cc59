"""Reading and writing memory by address, calls by address, and counters that threads share.

What Numba's own language lacks, as LLVM instructions. This module imports Numba (0.25 to 0.7 s), so
it and all that import it are imported only inside the functions that run them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from einlab.native.keeping import folder

__all__ = [
    "address_of",
    "callback",
    "count_up",
    "entry",
    "function_at",
    "helper",
    "invoke",
    "invoke_three",
    "load32",
    "load64",
    "reserve",
    "run_kernel",
    "store32",
    "store64",
]

WORD, HALF = ir.IntType(64), ir.IntType(32)

helper: Any = numba.njit(
    nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy"
)
"""Compile a function that compiled functions alone call."""


def callback(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that C calls, and keep the code on disk if we can."""
    return lambda function: _kept(partial(numba.cfunc, signature, nopython=True), function)


def entry(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that Python calls, without the GIL, and keep it on disk if we can."""
    return lambda function: _kept(partial(numba.njit, signature, nogil=True), function)


KEPT: dict[str, Any] = {}
"""All functions that C or Python call, by name, in the order in which they were compiled."""


def _kept(decorated: Callable[..., Any], function: Callable[..., Any]) -> Any:
    """The compiled function, its code in the folder of this state of the sources."""
    place = folder()
    before = numba.config.CACHE_DIR
    if place is not None:
        numba.config.CACHE_DIR = str(place)
    try:
        compiled = decorated(cache=place is not None)(function)
    finally:
        numba.config.CACHE_DIR = before
    KEPT[function.__name__] = compiled
    return compiled


def address_of(compiled: Any) -> int:
    """Where C calls a function that was made by `entry` or `callback`."""
    if not hasattr(compiled, "overloads"):
        callback: int = compiled.address
        return callback
    (found,) = compiled.overloads.values()
    address: int = found.library.get_pointer_to_function(found.fndesc.llvm_cfunc_wrapper_name)
    return address


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _load(kind: Any, result: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(builder, arguments[0], kind))

    return intrinsic(lambda context, address: (result(types.int64), code))


def _store(kind: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, value = arguments
        if kind is HALF:
            value = builder.trunc(value, HALF)
        builder.store(value, _pointer(builder, address, kind))
        return context.get_dummy_value()

    return intrinsic(lambda context, address, value: (types.void(types.int64, types.int64), code))


def _count_up(context: Any, address: Any, step: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, step = arguments
        return builder.atomic_rmw("add", _pointer(builder, address, WORD), step, "seq_cst")

    return types.int64(types.int64, types.int64), code


def _invoke(context: Any, function: Any, argument: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(WORD, [WORD])
        return builder.call(_pointer(builder, arguments[0], kind), [arguments[1]])

    return types.int64(types.int64, types.int64), code


def _invoke_three(context: Any, function: Any, first: Any, second: Any, third: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(WORD, [WORD, WORD, HALF])
        first, second, third = arguments[1:]
        function = _pointer(builder, arguments[0], kind)
        return builder.call(function, [first, second, builder.trunc(third, HALF)])

    return types.int64(*[types.int64] * 4), code


def _run_seven(context: Any, function: Any, *words: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [WORD] * 7)
        builder.call(_pointer(builder, arguments[0], kind), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 8), code


def _reserve(context: Any, words: Any) -> Any:
    if not isinstance(words, types.IntegerLiteral):
        return None
    count = words.literal_value

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        with builder.goto_entry_block():
            room = builder.alloca(WORD, count)
        return builder.ptrtoint(room, WORD)

    return types.int64(words), code


def function_at(name: str) -> Any:
    """A function of compiled code that gives the address of the symbol `name`.

    The symbol is looked up when code is loaded, so that code from the disk cache finds it anew.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = builder.module.globals.get(name)
        if found is None:
            found = ir.Function(builder.module, ir.FunctionType(WORD, [WORD]), name)
        return builder.ptrtoint(found, WORD)

    return intrinsic(lambda context: (types.int64(), code))


load64: Any = _load(WORD, types.int64)
"""The 64-bit word at an address."""
load32: Any = _load(HALF, types.int32)
"""The 32-bit word at an address."""
store64: Any = _store(WORD)
"""Write a 64-bit word to an address."""
store32: Any = _store(HALF)
"""Write the lower half of a word to an address."""
count_up: Any = intrinsic(_count_up)
"""Add to the word at an address, as one indivisible change, and give what was there before."""
invoke: Any = intrinsic(_invoke)
"""Call the C function at an address with one word; gives a word."""
invoke_three: Any = intrinsic(_invoke_three)
"""Call the C function at an address with two words and an `int`; gives a word."""
run_kernel: Any = intrinsic(
    lambda context, function, a, b, c, d, e, f, g: _run_seven(
        context, function, a, b, c, d, e, f, g
    )
)
"""Call the C function at an address with seven words; it gives nothing."""
reserve: Any = intrinsic(prefer_literal=True)(_reserve)
"""The address of so many words on the stack, as long as the function runs."""
