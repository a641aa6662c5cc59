"""Files are read for numbers alone: damage and pickled objects are told, never run."""

from __future__ import annotations

import contextlib
import io
import pickle
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.cli.arrays import read_arrays, storable
from einlab.errors import FileError


class Trap:
    """An object that leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_are_refused_and_never_run(tmp_path: Path, suffix: str) -> None:
    mark, path = tmp_path / "sprung", tmp_path / f"trap{suffix}"
    array = np.array([Trap(mark)], dtype=object)
    if suffix == ".npy":
        np.save(path, array, allow_pickle=True)
    else:
        np.savez(path, trap=array)
    with pytest.raises(FileError, match="never unpickles"):
        read_arrays([str(path)])
    assert not mark.exists()


def test_a_bare_pickle_under_the_name_of_an_array_is_refused(tmp_path: Path) -> None:
    mark, path = tmp_path / "sprung", tmp_path / "trap.npy"
    path.write_bytes(pickle.dumps(Trap(mark)))
    with pytest.raises(FileError, match=r"trap\.npy"):
        read_arrays([str(path)])
    assert not mark.exists()


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3), np.float32(3), np.ones((0, 4))])
def test_arrays_of_any_rank_and_size_come_back(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "x.npy", array)
    (read,) = read_arrays([str(tmp_path / "x.npy")])
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype


def test_an_array_in_fortran_order_comes_back(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    np.save(tmp_path / "x.npy", array)
    np.testing.assert_array_equal(read_arrays([str(tmp_path / "x.npy")])[0], array)


def test_an_array_in_foreign_byte_order_comes_back_in_ours(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(3, dtype=">i4"))
    (read,) = read_arrays([str(tmp_path / "x.npy")])
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, np.arange(3))


@pytest.mark.parametrize("values", [["a", "b"], np.zeros(2, "M8[s]"), np.zeros(2, [("x", "f4")])])
def test_text_dates_and_records_are_refused(tmp_path: Path, values: object) -> None:
    np.save(tmp_path / "x.npy", np.asarray(values))
    with pytest.raises(FileError, match="not numbers"):
        read_arrays([str(tmp_path / "x.npy")])


def test_a_missing_name_in_an_archive_is_told_with_those_there(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", left=np.ones(2), right=np.ones(2))
    with pytest.raises(FileError, match="'middle'; it holds left and right"):
        read_arrays([f"{tmp_path / 'x.npz'}:middle"])


def test_an_empty_archive_and_one_of_other_files_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz")
    with pytest.raises(FileError, match="holds no array"):
        read_arrays([str(tmp_path / "x.npz")])
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(FileError, match=r"readme\.txt|cannot be read"):
        read_arrays([str(tmp_path / "y.npz")])


def test_a_header_that_promises_more_than_the_file_holds_is_told_with_both(tmp_path: Path) -> None:
    header = io.BytesIO()
    fields = {"descr": "<f8", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_1_0(header, fields)
    (tmp_path / "huge.npy").write_bytes(header.getvalue() + bytes(64))
    with pytest.raises(FileError, match="takes 8,000,000,000,000 bytes, and 64 are there"):
        read_arrays([str(tmp_path / "huge.npy")])


@pytest.mark.parametrize("name", ["there.txt", "folder.npy", "none.npy"])
def test_other_files_folders_and_missing_ones_are_told_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "there.txt").write_text("1 2 3")
    (tmp_path / "folder.npy").mkdir()
    with pytest.raises(FileError, match=name):
        read_arrays([str(tmp_path / name)])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), packed=st.booleans())
def test_a_damaged_file_is_read_or_told_and_nothing_else(
    data: st.DataObject, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = io.BytesIO()
    array = np.arange(10, dtype=np.int16)
    np.savez(file, a=array) if packed else np.save(file, array)
    whole = bytearray(file.getvalue())
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        del whole[place:]
    else:
        whole[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("damage") / ("x.npz" if packed else "x.npy")
    path.write_bytes(bytes(whole))
    with contextlib.suppress(FileError):
        (read,) = read_arrays([str(path)])
        assert read.dtype.kind in "biufc"


@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "int4"])
def test_a_dtype_that_npy_lacks_is_stored_without_losing_a_value(name: str) -> None:
    array = np.arange(7).astype(getattr(ml_dtypes, name))
    stored, remark = storable(array)
    assert stored.dtype.name in remark
    np.testing.assert_array_equal(stored.astype(array.dtype), array)


def test_a_common_dtype_is_stored_as_it_is() -> None:
    for dtype in (np.bool_, np.int8, np.float16, np.complex64):
        stored, remark = storable(np.ones(2, dtype))
        assert (stored.dtype, remark) == (np.dtype(dtype), "")
