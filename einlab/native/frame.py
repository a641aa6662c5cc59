"""The call frame that XLA hands to a foreign function, read by its published layout.

Offsets are those of `xla/ffi/api/c_api.h` (API 0.3 of jaxlib 0.10 to 0.5 of jaxlib 0.12; the
interface promises that fields only ever get added at the end), for 64-bit machines.
"""

from __future__ import annotations

from einlab.native.compiled import helper, invoke, load32, load64, reserve, store32, store64

__all__ = [
    "answer_metadata",
    "argument",
    "is_execution",
    "is_metadata",
    "result",
    "result_length",
    "schedule",
    "threads",
    "words_of",
]

EXTENSION, API, CONTEXT, STAGE = 8, 16, 24, 32
ARGUMENTS, RESULTS, ATTRIBUTES = 40 + 32, 80 + 32, 120 + 40
EXECUTE = 3
DATA, RANK, SHAPE = 24, 32, 40  # of a buffer
METADATA = 1  # the kind of an extension


@helper
def is_metadata(frame):  # type: ignore[no-untyped-def]
    """Whether XLA asks for which version of its interface this function was written."""
    extension = load64(frame + EXTENSION)
    return extension != 0 and load32(extension + 8) == METADATA


@helper
def answer_metadata(frame):  # type: ignore[no-untyped-def]
    """Say: the version that asks; nothing is used of it that an older one lacks."""
    metadata, api = load64(load64(frame + EXTENSION) + 24), load64(frame + API)
    store32(metadata + 24, load32(api + 32))
    store32(metadata + 28, load32(api + 36))
    store32(metadata + 32, 0)


@helper
def is_execution(frame):  # type: ignore[no-untyped-def]
    """Whether the arrays are there."""
    return load32(frame + STAGE) == EXECUTE


@helper
def argument(frame, place):  # type: ignore[no-untyped-def]
    """The address of the data of an argument."""
    return load64(load64(load64(frame + ARGUMENTS) + 8 * place) + DATA)


@helper
def result(frame, place):  # type: ignore[no-untyped-def]
    """The address of the data of a result."""
    return load64(load64(load64(frame + RESULTS) + 8 * place) + DATA)


@helper
def result_length(frame, place):  # type: ignore[no-untyped-def]
    """Elements of a result."""
    buffer = load64(load64(frame + RESULTS) + 8 * place)
    shape, length = load64(buffer + SHAPE), 1
    for axis in range(load64(buffer + RANK)):
        length *= load64(shape + 8 * axis)
    return length


@helper
def words_of(frame):  # type: ignore[no-untyped-def]
    """The address of the numbers of the only attribute, an array."""
    return load64(load64(load64(frame + ATTRIBUTES)) + 16)


@helper
def threads(frame):  # type: ignore[no-untyped-def]
    """Threads of XLA's pool; 1 where there is none."""
    count, call = reserve(1), reserve(4)
    store64(count, 1)
    store64(call, 32)
    store64(call + 8, 0)
    store64(call + 16, load64(frame + CONTEXT))
    store64(call + 24, count)
    error = invoke(load64(load64(frame + API) + 144), call)
    if error != 0:
        _forget(frame, error)
        return 1
    return load64(count)


@helper
def schedule(frame, task, data):  # type: ignore[no-untyped-def]
    """Let XLA's pool call the function at `task` with `data`; whether it will."""
    call = reserve(5)
    store64(call, 40)
    store64(call + 8, 0)
    store64(call + 16, load64(frame + CONTEXT))
    store64(call + 24, task)
    store64(call + 32, data)
    error = invoke(load64(load64(frame + API) + 136), call)
    if error != 0:
        _forget(frame, error)
    return error == 0


@helper
def _forget(frame, error):  # type: ignore[no-untyped-def]
    """Give an error back to XLA, which made it."""
    call = reserve(3)
    store64(call, 24)
    store64(call + 8, 0)
    store64(call + 16, error)
    invoke(load64(load64(frame + API) + 64), call)
