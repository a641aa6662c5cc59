"""Files in the safetensors format, one or several with an index: what they hold, and writing them.

Source: https://huggingface.co/docs/safetensors (the format); the index is the file
model.safetensors.index.json that comes with models in several files.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from einlab.errors import FileError, listing
from einlab.extras import require
from einlab.transformer.configfile import short

__all__ = ["Header", "TensorFile", "opened", "written"]

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
LONGEST_INDEX = 2**26  # bytes; the index of 90,000 tensors has 9 MB


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of a tensor before it is read."""

    shape: tuple[int, ...]
    dtype: str
    """In the words of the format, such as "BF16"."""


@dataclass(frozen=True)
class TensorFile:
    """The tensors of an open file, or of several that belong together."""

    headers: Mapping[str, Header]
    read: Callable[[str], np.ndarray]


@contextmanager
def opened(path: str | Path) -> Iterator[TensorFile]:
    """The tensors at `path`: a .safetensors file, an index of several, or a folder with either.

    Raises FileError naming the file that cannot be read, is cut off, or does not hold what the
    index says; MissingPackageError without the safetensors package.
    """
    safetensors = require("safetensors")
    files = _files(Path(path))
    with ExitStack() as stack:
        homes: dict[str, Any] = {}
        headers: dict[str, Header] = {}
        for file, promised in files.items():
            try:
                held = stack.enter_context(safetensors.safe_open(file, framework="numpy"))
                names = list(held.keys())
                for name in names:
                    known = held.get_slice(name)
                    headers[name] = Header(tuple(known.get_shape()), known.get_dtype())
            except (OSError, safetensors.SafetensorError) as error:
                raise FileError(f"cannot read the weights {file}: {error}") from None
            lacking = [name for name in promised if name not in names]
            if lacking:
                raise FileError(
                    f"{file} does not hold {lacking[0]}"
                    f"{f' and {len(lacking) - 1} more tensors' if lacking[1:] else ''}, which the "
                    "index says it does"
                )
            twice = [name for name in names if name in homes]
            if twice:
                raise FileError(f"{file} holds {twice[0]}, which another file holds too")
            homes |= dict.fromkeys(names, held)

        def read(name: str) -> np.ndarray:
            try:
                tensor: np.ndarray = homes[name].get_tensor(name)
            except (OSError, safetensors.SafetensorError) as error:
                raise FileError(f"cannot read the weights {path}: {error}") from None
            return tensor

        yield TensorFile(headers, read)


def written(
    sizes: Mapping[str, int],
    tensor: Callable[[str], np.ndarray],
    path: str | Path,
    shard_bytes: int | None = None,
) -> list[Path]:
    """Writes tensors to a .safetensors file, or to files of up to `shard_bytes` in a folder.

    `sizes` is the bytes of each tensor, by name. Gives the files written; a folder with several
    gets the index too. A tensor larger than `shard_bytes` has a file of its own.

    Raises FileError naming what cannot be written, MissingPackageError without the package.
    """
    save = require("safetensors.numpy").save_file
    path = Path(path)
    shards = _shards(sizes, shard_bytes)
    count = len(shards)
    names = [f"model-{n:05}-of-{count:05}.safetensors" for n in range(1, count + 1)]
    folder = path
    if path.suffix == ".safetensors":
        folder, names = path.parent, [path.name]
    elif count == 1:
        names = [WHOLE]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, shard in zip(names, shards, strict=True):
            # The key that other readers ask for; our arrays have the same bytes as theirs.
            save({name: tensor(name) for name in shard}, folder / file, metadata={"format": "pt"})
        if count > 1:
            homes = {
                name: file for file, shard in zip(names, shards, strict=True) for name in shard
            }
            index = {"metadata": {"total_size": sum(sizes.values())}, "weight_map": homes}
            (folder / INDEX).write_text(json.dumps(index, indent=2), encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot write the weights {path}: {error}") from None
    return [folder / name for name in (*names, *([INDEX] if count > 1 else []))]


def _shards(sizes: Mapping[str, int], most: int | None) -> list[list[str]]:
    """Names of tensors, in groups of at most so many bytes."""
    shards: list[list[str]] = [[]]
    filled = 0
    for name, size in sizes.items():
        if shards[-1] and most is not None and filled + size > most:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += size
    return shards


def _files(path: Path) -> dict[Path, tuple[str, ...]]:
    """The files to open, and the tensors that an index says each holds."""
    if path.is_dir():
        known = [path / name for name in (WHOLE, INDEX) if (path / name).exists()]
        if not known:
            raise FileError(f"{path} holds neither {WHOLE} nor {INDEX}")
        path = known[0]
    if path.suffix != ".json":
        return {path: ()}
    files: dict[Path, tuple[str, ...]] = {}
    for name, home in _index(path).items():
        if not isinstance(home, str) or Path(home).name != home or not home:
            raise FileError(
                f"the index {path} says that {short(name)} is in {short(home)}; expected the name "
                "of a file in its folder"
            )
        file = path.parent / home
        files[file] = (*files.get(file, ()), name)
    missing = [file.name for file in files if not file.exists()]
    if missing:
        more = " …" if missing[8:] else ""
        raise FileError(f"the index {path} names {listing(missing[:8])}{more}: not there")
    return files


def _index(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LONGEST_INDEX:
            raise FileError(f"{path} has more than {LONGEST_INDEX} bytes: no index is that long")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(f"cannot read the index {path}: {error}") from None
    homes = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(homes, dict) or not homes:
        raise FileError(f"the index {path} has no weight_map, which says where each tensor is")
    return homes
