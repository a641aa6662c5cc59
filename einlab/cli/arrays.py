"""Arrays from and to .npy and .npz files; nothing in a file is ever executed."""

from __future__ import annotations

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from einlab.errors import FileError, listing

__all__ = ["SUFFIXES", "read_arrays", "storable", "write_array"]

SUFFIXES = (".npy", ".npz")
_DAMAGE = (  # what the readers of NumPy and zipfile raise on a damaged file
    *(OSError, EOFError, ValueError, TypeError, KeyError, OverflowError, MemoryError, SyntaxError),
    *(RuntimeError, struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)


def read_arrays(names: Iterable[str]) -> list[NDArray[np.generic]]:
    """The arrays of all files, in order; of an .npz all its arrays, or one as `file.npz:name`.

    Raises FileError naming the file if it is missing, damaged, or holds Python objects.
    """
    return [array for name in names for array in _read(name)]


def write_array(path: Path, array: NDArray[np.generic]) -> None:
    """Write an array as .npy, or as `result` in an .npz, by the suffix of `path`'s final name.

    Raises OSError if the system refuses.
    """
    with path.open("wb") as file:
        if ".npz" in path.suffixes:
            np.savez(file, result=array)
        else:
            np.save(file, array, allow_pickle=False)


def storable(array: NDArray[np.generic]) -> tuple[NDArray[np.generic], str]:
    """The array in a dtype that .npy knows, and why it was changed, or "".

    bfloat16 and float8 become float32, which holds each of their values; int4 and its like int8.
    """
    if array.dtype.isbuiltin == 1:
        return array, ""
    wide = np.dtype(np.int8 if "int" in array.dtype.name else np.float32)
    return array.astype(wide), f".npy has no {array.dtype.name}: stored as {wide.name}, exactly"


def _read(name: str) -> list[NDArray[np.generic]]:
    path, member = _split(name)
    if not path.exists():
        raise FileError(f"there is no file {str(path)!r}")
    if path.is_dir():
        raise FileError(f"{str(path)!r} is a folder; give .npy or .npz files")
    if path.suffix not in SUFFIXES:
        raise FileError(f"{str(path)!r} is neither .npy nor .npz; write it with numpy.save")
    try:
        if path.suffix == ".npz":
            return _npz(path, member)
        with path.open("rb") as file:
            return [_array(file, path.stat().st_size, str(path))]
    except FileError:
        raise
    except _DAMAGE as error:
        raise FileError(f"{str(path)!r} cannot be read: {_reason(error)}") from None


def _split(name: str) -> tuple[Path, str]:
    """`file.npz:name` as path and member; other names as they are."""
    head, colon, member = name.rpartition(":")
    return (Path(head), member) if colon and head.endswith(".npz") else (Path(name), "")


def _npz(path: Path, member: str) -> list[NDArray[np.generic]]:
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if member and member not in parts:
            raise FileError(f"{str(path)!r} holds no array {member!r}; it holds {listing(parts)}")
        if not parts:
            raise FileError(f"{str(path)!r} holds no array")
        arrays = []
        for name in [member] if member else parts:
            with archive.open(parts[name]) as file:
                arrays.append(_array(file, parts[name].file_size, f"{path}:{name}"))
        return arrays


def _array(file: IO[bytes], length: int, name: str) -> NDArray[np.generic]:
    """The array in a stream in .npy format, `length` bytes long; no more is read than is there.

    Raises FileError if it is cut short or holds no numbers.
    """
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0
    if version >= (2, 0):
        read = np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise FileError(
            f"{name!r} holds Python objects, which einlab never unpickles; save an array of numbers"
        )
    if dtype.kind not in "biufc":
        raise FileError(f"{name!r} holds {dtype}, not numbers")
    wanted, found = math.prod(shape) * dtype.itemsize, length - file.tell()
    if found < wanted:
        raise FileError(
            f"{name!r} is cut short: {dtype} of shape {shape} takes {wanted:,} bytes, and "
            f"{found:,} are there"
        )
    flat: NDArray[np.generic] = np.frombuffer(file.read(wanted), dtype)
    flat = flat.astype(dtype.newbyteorder("="), copy=False)  # files from other machines
    return flat.reshape(shape, order="F" if fortran else "C")


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
