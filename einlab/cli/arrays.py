"""Arrays from and to .npy and .npz files; nothing in a file is ever executed."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from einlab.errors import FileError, listing

__all__ = ["SUFFIXES", "read_arrays", "storable", "write_array"]

SUFFIXES = (".npy", ".npz")
_DAMAGE = (ValueError, OSError, EOFError, KeyError, zlib.error, zipfile.BadZipFile, MemoryError)


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
        return _npz(path, member) if path.suffix == ".npz" else [_npy(path)]
    except FileError:
        raise
    except _DAMAGE as error:
        raise FileError(f"{str(path)!r} cannot be read: {_reason(error)}") from None


def _split(name: str) -> tuple[Path, str]:
    """`file.npz:name` as path and member; other names as they are."""
    head, colon, member = name.rpartition(":")
    return (Path(head), member) if colon and head.endswith(".npz") else (Path(name), "")


def _npy(path: Path) -> NDArray[np.generic]:
    """The array of an .npy file, after a look at whether the file is as long as it says."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version >= (2, 0):
            read = np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
        start, wanted = file.tell(), int(np.prod(shape, dtype=object)) * dtype.itemsize
    found = path.stat().st_size - start
    if not dtype.hasobject and found < wanted:
        raise FileError(
            f"{str(path)!r} is cut short: {dtype} of shape {shape} takes {wanted:,} bytes, and "
            f"{found:,} are there"
        )
    return _checked(np.load(path, allow_pickle=False), str(path))


def _npz(path: Path, member: str) -> list[NDArray[np.generic]]:
    with np.load(path, allow_pickle=False) as archive:
        known = list(archive.files)
        if member and member not in known:
            raise FileError(f"{str(path)!r} holds no array {member!r}; it holds {listing(known)}")
        if not known:
            raise FileError(f"{str(path)!r} holds no array")
        return [
            _checked(archive[name], f"{path}:{name}") for name in ([member] if member else known)
        ]


def _checked(array: object, name: str) -> NDArray[np.generic]:
    if not isinstance(array, np.ndarray):
        raise FileError(f"{name!r} is no array in NumPy's format; write it with numpy.save")
    if array.dtype.kind not in "biufc":
        raise FileError(f"{name!r} holds {array.dtype}, not numbers")
    return array


def _reason(error: BaseException) -> str:
    """What NumPy says, in our words where its own point to something unsafe."""
    if "allow_pickle" in str(error) or "Object arrays" in str(error):
        return "it holds Python objects, which einlab never unpickles; save an array of numbers"
    return str(error).splitlines()[0] if str(error) else type(error).__name__
