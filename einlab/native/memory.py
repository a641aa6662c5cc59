"""Numbers and vectors of numbers at raw addresses, for compiled kernels that are bound by memory.

A kernel is written once for float32 and float64: the first argument of most functions here is a
`zero` of the dtype that is meant. Addresses and distances are bytes. Loads and stores need no
alignment, `stream` apart. This module imports Numba: import it late.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding
import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

__all__ = [
    "VECTOR",
    "entry",
    "fence",
    "get",
    "helper",
    "put",
    "size",
    "stream",
    "turn",
    "turn4",
    "turn8",
    "turn_past",
    "vadd",
    "vfill",
    "vget",
    "vmul",
    "vmuladd",
    "vput",
    "vsub",
    "vsum",
]


def _host() -> tuple[int, bool]:
    """Bytes of the host's widest vector registers, and whether it has fused multiply-add."""
    features = llvmlite.binding.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, True
    if features.get("avx"):
        return 32, bool(features.get("fma"))
    return 16, bool(features.get("neon") or features.get("fp-armv8"))


VECTOR, FUSED = _host()
"""Bytes of a vector; whether a product and a sum are one instruction."""

helper: Any = numba.njit(
    nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy"
)
"""Compile a function that compiled functions alone call; nothing in it raises."""


def entry(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for one signature, without the GIL; keep the code on disk if we can."""

    def compiled(function: Callable[..., Any]) -> Any:
        settings: dict[str, Any] = {"nogil": True, "no_cfunc_wrapper": True, "error_model": "numpy"}
        try:
            return numba.njit(signature, cache=True, **settings)(function)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            return numba.njit(signature, **settings)(function)

    return compiled


class _Vector(types.Type):  # type: ignore[misc]
    """As many numbers of a dtype as fill a vector register."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"einlab.Vector({dtype}, {VECTOR})")


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: Any) -> None:
        super().__init__(manager, vector, _vector(vector.dtype))


def _number(dtype: Any) -> Any:
    return ir.DoubleType() if dtype.bitwidth == 64 else ir.FloatType()


def _lanes(dtype: Any) -> int:
    return 8 * VECTOR // int(dtype.bitwidth)


def _vector(dtype: Any) -> Any:
    return ir.VectorType(_number(dtype), _lanes(dtype))


def _at(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _constant(value: Callable[[Any], int]) -> Any:
    def typed(context: Any, zero: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return ir.Constant(ir.IntType(64), value(zero))

        return types.int64(zero), code

    return intrinsic(typed)


def _get(context: Any, zero: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_at(builder, arguments[1], _number(zero)), align=zero.bitwidth // 8)

    return zero(zero, types.int64), code


def _put(context: Any, address: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _at(builder, arguments[0], _number(number))
        builder.store(arguments[1], place, align=number.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(types.int64, number), code


def _vget(context: Any, zero: Any, address: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_at(builder, arguments[1], _vector(zero)), align=zero.bitwidth // 8)

    return _Vector(zero)(zero, types.int64), code


def _vput(context: Any, address: Any, vector: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _at(builder, arguments[0], _vector(vector.dtype))
        builder.store(arguments[1], place, align=vector.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(types.int64, vector), code


def _past_cache(builder: Any, value: Any, place: Any) -> None:
    stored = builder.store(value, place, align=VECTOR)
    one = ir.Constant(ir.IntType(32), 1)
    stored.set_metadata("nontemporal", builder.module.add_metadata([one]))


def _stream(context: Any, address: Any, vector: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _past_cache(builder, arguments[1], _at(builder, arguments[0], _vector(vector.dtype)))
        return context.get_dummy_value()

    return types.void(types.int64, vector), code


def _vfill(context: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = _vector(number)
        first = ir.Constant(ir.IntType(32), 0)
        one = builder.insert_element(ir.Constant(kind, ir.Undefined), arguments[0], first)
        return builder.shuffle_vector(one, one, _mask([0] * kind.count))

    return _Vector(number)(number), code


def _two(operation: str) -> Any:
    def typed(context: Any, x: Any, y: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, operation)(*arguments)

        return x(x, y), code

    return intrinsic(typed)


def _vmuladd(context: Any, x: Any, y: Any, z: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not FUSED:
            return builder.fadd(builder.fmul(arguments[0], arguments[1]), arguments[2])
        kind = _vector(x.dtype)
        name = f"llvm.fma.v{kind.count}f{x.dtype.bitwidth}"
        fused = builder.module.globals.get(name)
        if fused is None:
            fused = ir.Function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return builder.call(fused, arguments)

    return x(x, y, z), code


def _vsum(context: Any, vector: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (value,) = arguments
        count = _lanes(vector.dtype)
        while count > 1:
            count //= 2
            upper = builder.shuffle_vector(value, value, _mask(range(count, 2 * count)))
            lower = builder.shuffle_vector(value, value, _mask(range(count)))
            value = builder.fadd(lower, upper)
        return builder.extract_element(value, ir.Constant(ir.IntType(32), 0))

    return vector.dtype(vector), code


def _mask(places: Sequence[int] | range) -> Any:
    word = ir.IntType(32)
    return ir.Constant(ir.VectorType(word, len(places)), [ir.Constant(word, p) for p in places])


def _turned(builder: Any, rows: list[Any]) -> list[Any]:
    """The transpose of a square of vectors: halves of ever shorter stretches change places."""
    width, stretch = len(rows), len(rows) // 2
    while stretch:
        low = [j if not j & stretch else width + j - stretch for j in range(width)]
        high = [j + stretch if not j & stretch else width + j for j in range(width)]
        for i in range(width):
            if not i & stretch:
                pair = rows[i], rows[i + stretch]
                rows[i] = builder.shuffle_vector(*pair, _mask(low))
                rows[i + stretch] = builder.shuffle_vector(*pair, _mask(high))
        stretch //= 2
    return rows


def _turn(width: int, past: bool) -> Any:
    """A transposition of squares so wide, or of as many rows as a vector has numbers if 0."""

    def typed(context: Any, zero: Any, a: Any, rows: Any, c: Any, columns: Any) -> Any:
        count = width or _lanes(zero)

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, a, rows, c, columns = arguments
            kind, word = ir.VectorType(_number(zero), count), ir.IntType(64)

            def place(base: Any, table: Any, index: int) -> Any:
                entry = builder.add(table, ir.Constant(word, 8 * index))
                offset = builder.load(_at(builder, entry, word))
                return _at(builder, builder.add(base, offset), kind)

            align = zero.bitwidth // 8
            values = [builder.load(place(a, rows, e), align=align) for e in range(count)]
            for f, value in enumerate(_turned(builder, values)):
                if past:
                    _past_cache(builder, value, place(c, columns, f))
                else:
                    builder.store(value, place(c, columns, f), align=align)
            return context.get_dummy_value()

        return types.void(zero, *[types.int64] * 4), code

    return intrinsic(typed)


def _fence(context: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), code


size: Any = _constant(lambda dtype: int(dtype.bitwidth) // 8)
"""Bytes of a number."""
get: Any = intrinsic(_get)
"""The number at an address."""
put: Any = intrinsic(_put)
"""Write a number to an address."""
vget: Any = intrinsic(_vget)
"""The vector at an address."""
vput: Any = intrinsic(_vput)
"""Write a vector to an address."""
stream: Any = intrinsic(_stream)
"""Write a vector past the cache to an address that is a multiple of VECTOR."""
vfill: Any = intrinsic(_vfill)
"""A vector of one number again and again."""
vadd: Any = _two("fadd")
"""x + y."""
vsub: Any = _two("fsub")
"""x - y."""
vmul: Any = _two("fmul")
"""x * y."""
vmuladd: Any = intrinsic(_vmuladd)
"""x * y + z, rounded once where the host can."""
vsum: Any = intrinsic(_vsum)
"""The sum of a vector's numbers, pairwise."""
turn: Any = _turn(0, False)
"""Transpose a square in registers, as wide as a vector has numbers: (zero, a, rows, c, columns).

Row e is read at a + rows[e], column f is written to c + columns[f]; `rows` and `columns` are
addresses of words.
"""
turn8: Any = _turn(8, False)
"""As `turn`, a square of 8 × 8."""
turn4: Any = _turn(4, False)
"""As `turn`, a square of 4 × 4."""
turn_past: Any = _turn(0, True)
"""As `turn`, written past the cache: every c + columns[f] is a multiple of VECTOR."""
fence: Any = intrinsic(_fence)
"""Let no store before it, past the cache or not, be seen after one that follows."""
