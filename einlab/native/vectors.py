"""Raw memory and vectors for kernels: loads, stores and arithmetic as LLVM's own instructions.

Memory is named by addresses (int64). What is read or computed there is told by `like`, any value
of the type wanted: `load(address, np.float32(0))` reads a float32. So one kernel serves every type,
and Numba compiles it once for each. A vector holds `lanes(like)` elements, as many as the widest
register of this processor; code for other processors is never mixed up with it, because Numba's
cache asks for the same processor and the same features.

Imports Numba: import it late.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.core.registry import cpu_target
from numba.extending import intrinsic, register_model

__all__ = [
    "Vector",
    "add",
    "ask",
    "fma",
    "item",
    "lanes",
    "load",
    "masked_load",
    "masked_store",
    "multiply",
    "splat",
    "store",
    "stream",
    "subtract",
    "total",
    "vector_load",
    "vector_store",
]

INT32 = ir.IntType(32)


def _features() -> frozenset[str]:
    """What LLVM may use on this processor; Numba's cache asks for the same."""
    named = cpu_target.target_context.codegen().magic_tuple()[2].split(",")
    return frozenset(name[1:] for name in named if name.startswith("+"))


FEATURES = _features()
WIDTH = 64 if "avx512f" in FEATURES else 32 if {"avx2", "fma"} <= FEATURES else 16
"""Bytes of a vector register of this processor."""
REGISTERS = 32 if FEATURES & {"avx512f", "neon"} else 16
"""Vector registers of this processor."""


class Vector(types.Type):  # type: ignore[misc]
    """The Numba type of a vector register: `count` elements of `dtype`."""

    def __init__(self, dtype: Any, count: int) -> None:
        """Name the type; Numba takes types of equal names for the same."""
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Vector({dtype}, {count})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    """A vector is held as LLVM's own vector."""

    def __init__(self, manager: Any, kind: Vector) -> None:
        """Take the element's LLVM type and the number of lanes from the Numba type."""
        element = manager.lookup(kind.dtype).get_value_type()
        super().__init__(manager, kind, ir.VectorType(element, kind.count))


def size(kind: Any) -> int:
    """Bytes of an element of a Numba type."""
    return int(types.unliteral(kind).bitwidth) // 8


def vector(kind: Any) -> Vector:
    """The vector of this processor whose elements are of a Numba type."""
    return Vector(types.unliteral(kind), WIDTH // size(kind))


def pointer(builder: Any, address: Any, pointee: Any) -> Any:
    """An address as a pointer to a value of an LLVM type."""
    return builder.inttoptr(address, pointee.as_pointer())


def width(element: Any) -> int:
    """Bytes of an LLVM floating type."""
    return 4 if isinstance(element, ir.FloatType) else 8


def read(builder: Any, address: Any, kind: Any) -> Any:
    """Read an LLVM scalar or vector that lies anywhere."""
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    return builder.load(pointer(builder, address, kind), align=width(element))


def write(builder: Any, address: Any, value: Any) -> Any:
    """Write an LLVM scalar or vector to anywhere."""
    kind = value.type
    element = kind.element if isinstance(kind, ir.VectorType) else kind
    return builder.store(value, pointer(builder, address, kind), align=width(element))


def write_past(builder: Any, address: Any, value: Any) -> None:
    """Write a vector past the caches; the address is a multiple of the vector's bytes."""
    whole = width(value.type.element) * value.type.count
    made = builder.store(value, pointer(builder, address, value.type), align=whole)
    made.set_metadata("nontemporal", builder.module.add_metadata([INT32(1)]))


def spread(builder: Any, value: Any, count: int) -> Any:
    """A vector whose lanes all hold one value."""
    kind = ir.VectorType(value.type, count)
    nothing = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(nothing, value, INT32(0))
    return builder.shuffle_vector(
        first, nothing, ir.Constant(ir.VectorType(INT32, count), [0] * count)
    )


def between(builder: Any, first: Any, stop: Any, count: int) -> Any:
    """The mask of the lanes from `first` to before `stop` (both int64)."""
    lane = ir.Constant(ir.VectorType(INT32, count), list(range(count)))
    low = spread(builder, builder.trunc(first, INT32), count)
    high = spread(builder, builder.trunc(stop, INT32), count)
    return builder.and_(builder.icmp_signed(">=", lane, low), builder.icmp_signed("<", lane, high))


def _declared(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    found = builder.module.globals.get(name)
    if found is None:
        found = ir.Function(builder.module, ir.FunctionType(result, arguments), name)
    return found


def _suffix(kind: Any) -> str:
    return f"v{kind.count}f{8 * width(kind.element)}"


def masked_read(builder: Any, address: Any, mask: Any, kind: Any) -> Any:
    """Read the lanes in the mask, each from its own place behind an address; the others are 0."""
    where = pointer(builder, address, kind)
    name = f"llvm.masked.load.{_suffix(kind)}.p0"
    function = _declared(builder, name, kind, [where.type, INT32, mask.type, kind])
    zeros = ir.Constant(kind, [0.0] * kind.count)
    return builder.call(function, [where, INT32(width(kind.element)), mask, zeros])


def masked_write(builder: Any, address: Any, value: Any, mask: Any) -> None:
    """Write the lanes in the mask, each to its own place behind an address."""
    kind = value.type
    where = pointer(builder, address, kind)
    name = f"llvm.masked.store.{_suffix(kind)}.p0"
    function = _declared(builder, name, ir.VoidType(), [kind, where.type, INT32, mask.type])
    builder.call(function, [value, where, INT32(width(kind.element)), mask])


def fetch_ahead(builder: Any, address: Any) -> None:
    """Ask for the cache line at an address, which need not be there."""
    where = pointer(builder, address, ir.IntType(8))
    function = _declared(builder, "llvm.prefetch.p0", ir.VoidType(), [where.type, *[INT32] * 3])
    builder.call(function, [where, INT32(0), INT32(3), INT32(1)])


def multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """x·y + z lane by lane; in one instruction where the processor has one."""
    if not FEATURES & {"fma", "neon"}:
        return builder.fadd(builder.fmul(x, y), z)
    return builder.call(
        _declared(builder, f"llvm.fma.{_suffix(x.type)}", x.type, [x.type] * 3), [x, y, z]
    )


def reduced(builder: Any, value: Any) -> Any:
    """The sum over the lanes of a vector."""
    count = value.type.count
    nothing = ir.Constant(value.type, ir.Undefined)
    while count > 1:
        count //= 2
        places = [*range(count, 2 * count), *[0] * (value.type.count - count)]
        upper = builder.shuffle_vector(
            value, nothing, ir.Constant(ir.VectorType(INT32, value.type.count), places)
        )
        value = builder.fadd(value, upper)
    return builder.extract_element(value, INT32(0))


def _lanes(context: Any, like: Any) -> Any:
    count = vector(like).count
    return types.int64(like), lambda context, builder, signature, arguments: ir.IntType(64)(count)


def _item(context: Any, like: Any) -> Any:
    count = size(like)
    return types.int64(like), lambda context, builder, signature, arguments: ir.IntType(64)(count)


def _load(context: Any, address: Any, like: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        return read(builder, arguments[0], kind)

    kind = types.unliteral(like)
    return kind(types.int64, kind), code


def _store(context: Any, address: Any, value: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write(builder, *arguments)
        return context.get_dummy_value()

    return types.void(types.int64, types.unliteral(value)), code


def _vector_load(context: Any, address: Any, like: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        return read(builder, arguments[0], kind)

    return vector(like)(types.int64, types.unliteral(like)), code


def _ask(context: Any, address: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        fetch_ahead(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), code


def _stream(context: Any, address: Any, value: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write_past(builder, *arguments)
        return context.get_dummy_value()

    return types.void(types.int64, value), code


def _masked_load(context: Any, address: Any, first: Any, stop: Any, like: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, first, stop, _ = arguments
        kind = context.get_value_type(signature.return_type)
        return masked_read(builder, address, between(builder, first, stop, kind.count), kind)

    return vector(like)(types.int64, types.int64, types.int64, types.unliteral(like)), code


def _masked_store(context: Any, address: Any, value: Any, first: Any, stop: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, value, first, stop = arguments
        masked_write(builder, address, value, between(builder, first, stop, value.type.count))
        return context.get_dummy_value()

    return types.void(types.int64, value, types.int64, types.int64), code


def _splat(context: Any, value: Any) -> Any:
    kind = vector(value)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return spread(builder, arguments[0], kind.count)

    return kind(types.unliteral(value)), code


def _total(context: Any, value: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return reduced(builder, arguments[0])

    return value.dtype(value), code


def _fma(context: Any, x: Any, y: Any, z: Any) -> Any:

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return multiply_add(builder, *arguments)

    return x(x, y, z), code


def _binary(operation: str) -> Any:

    def typed(context: Any, x: Any, y: Any) -> Any:

        def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, operation)(*arguments)

        return x(x, y), code

    return intrinsic(typed)


lanes: Any = intrinsic(_lanes)
"""Elements of a vector of the type of `like`."""
item: Any = intrinsic(_item)
"""Bytes of an element of the type of `like`."""
load: Any = intrinsic(_load)
"""load(address, like): the number at an address, of the type of `like`."""
store: Any = intrinsic(_store)
"""store(address, value): write a number."""
vector_load: Any = intrinsic(_vector_load)
"""vector_load(address, like): the vector at an address, aligned as its elements are."""
vector_store: Any = intrinsic(_store)
"""vector_store(address, vector): write a vector, aligned as its elements are."""
stream: Any = intrinsic(_stream)
"""stream(address, vector): write past the caches; the address is a multiple of its bytes."""
ask: Any = intrinsic(_ask)
"""ask(address): let the cache line at an address, which need not be there, be fetched."""
masked_load: Any = intrinsic(_masked_load)
"""masked_load(address, first, stop, like): read lanes first to stop, each from its own place behind
the address; nothing else is touched, and the other lanes are 0."""
masked_store: Any = intrinsic(_masked_store)
"""masked_store(address, vector, first, stop): write lanes first to stop, each to its own place
behind the address."""
splat: Any = intrinsic(_splat)
"""splat(value): a vector of equal lanes."""
total: Any = intrinsic(_total)
"""total(vector): the sum over the lanes."""
fma: Any = intrinsic(_fma)
"""fma(x, y, z): x·y + z lane by lane."""
add: Any = _binary("fadd")
"""add(x, y): x + y lane by lane."""
subtract: Any = _binary("fsub")
"""subtract(x, y): x - y lane by lane."""
multiply: Any = _binary("fmul")
"""multiply(x, y): x·y lane by lane."""
