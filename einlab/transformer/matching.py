"""Which tensor of a file is which weight, and what is wrong with a file that does not fit."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from einlab.errors import FileError, listing, message
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.families import ModelConfig
from einlab.transformer.naming import Names
from einlab.transformer.placing import Place, names_of, places
from einlab.transformer.tensorfiles import Header, TensorFile

__all__ = ["grouped", "matched"]

FLOATS = ("F32", "F16", "BF16", "F64")
TIED = "lm_head.weight"
PREDICTION = re.compile(r"model\.layers\.(\d{1,9})\.eh_proj\.weight")
"""A tensor of DeepSeek's layers for training alone, which stand behind the model's own."""


NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")

LONGEST = 120  # characters of a name that a message shows


def matched(file: TensorFile, config: ModelConfig) -> dict[str, Place]:
    """For each tensor of a file that is needed where it belongs; all are there and fit."""
    names = names_of(config)
    idle = _idle_layers(file, config)
    held = [
        name
        for name in file.headers
        if not names.is_idle(name) and not any(name.startswith(front) for front in idle)
    ]
    _check_layers(held, names, config)
    wanted = places(config)
    found: dict[str, str] = {}
    unknown = []
    for name in held:
        ours = next((each for each in names.canonical(name) if each in wanted), None)
        if ours is None or ours in found:
            unknown.append(name)
        else:
            found[ours] = name
    if isinstance(config, DecoderConfig) and config.tied and TIED in unknown:
        unknown.remove(TIED)
        _check_tied(file, found, wanted)
    missing = [name for name in wanted if name not in found]
    tensors = {stored: wanted[ours] for ours, stored in found.items()}
    faults = [
        *(f"missing: {line}" for line in grouped(missing)),
        *_strangers(unknown, missing),
        *_misfits(file.headers, tensors),
    ]
    if faults:
        raise FileError(message("the tensors are not those of this config", details=faults))
    return tensors


def _idle_layers(file: TensorFile, config: ModelConfig) -> list[str]:
    """What the names of layers begin with that serve training alone."""
    numbers = [int(found[1]) for name in file.headers if (found := PREDICTION.fullmatch(name))]
    return [f"model.layers.{number}." for number in numbers if number >= config.layers]


def _check_layers(held: Iterable[str], names: Names, config: ModelConfig) -> None:
    """First of all, so that a config of 10⁹ layers costs nothing.

    Raises FileError if the file has another number of layers than the config.
    """
    pattern = re.compile(re.escape(names.layer).replace(r"\{layer\}", r"(\d{1,9})"))
    numbers = {
        found[1]
        for name in held
        for each in names.canonical(name)
        if (found := pattern.match(each))
    }
    if len(numbers) != config.layers:
        raise FileError(f"the config says {config.layers} layers, the file holds {len(numbers)}")


def _check_tied(file: TensorFile, found: dict[str, str], wanted: dict[str, Place]) -> None:
    """Logits that the config ties to the embeddings may stand in a file if they are the same."""
    word = next(name for name, place in wanted.items() if place.leaves == ("embedding.word",))
    if word in found and not np.array_equal(file.read(TIED), file.read(found[word])):
        raise FileError(
            f"{TIED} differs from {found[word]}, but the config ties them (tie_word_embeddings)"
        )


def _strangers(unknown: list[str], missing: list[str]) -> Iterator[str]:
    """A line for each kind of tensor that is not asked for, with the nearest missing one."""
    kinds = {_kind(name): name for name in reversed(missing)}
    for line in grouped(unknown):
        name = line.split(" ", 1)[0]
        near = difflib.get_close_matches(_kind(name), list(kinds), n=1, cutoff=0.8)
        hint = f"; did you mean {_alike(name, near[0])!r}?" if near else ""
        yield f"unknown: {line}{hint}"


def _misfits(headers: Mapping[str, Header], tensors: dict[str, Place]) -> Iterator[str]:
    """A line for each kind of tensor of another shape, or of a dtype that is no float."""
    shapes: dict[str, list[str]] = {}
    dtypes: dict[str, list[str]] = {}
    for name, place in tensors.items():
        header = headers[name]
        if header.shape != place.shape:
            said = f"has shape {header.shape}, the config says {place.shape}"
            shapes.setdefault(said, []).append(name)
        if header.dtype not in FLOATS:
            said = f"has dtype {header.dtype}, expected one of {listing(FLOATS)}"
            dtypes.setdefault(said, []).append(name)
    for kinds in (shapes, dtypes):
        for said, names in kinds.items():
            yield from (f"{line} {said}" for line in grouped(names))


def _kind(name: str) -> str:
    """A name with its numbers left out, so that all layers' tensors are of one kind."""
    return NUMBER.sub("*", name)


def _alike(name: str, kind: str) -> str:
    """A kind of tensors with the numbers of a name."""
    numbers = iter(NUMBER.findall(name))
    return re.sub(r"\*", lambda _: next(numbers, "*"), kind)


def grouped(names: Iterable[str]) -> list[str]:
    """Names, those that differ by numbers alone in one line that says how many there are.

    >>> grouped(["norm.scale", "layers.0.key", "layers.1.key", "layers.2.key"])
    ['norm.scale', 'layers.0.key and 2 more up to layers.2.key']
    """
    kinds: dict[str, list[str]] = {}
    for name in names:
        cut = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
        kinds.setdefault(_kind(name), []).append(cut)
    return [
        each[0] if len(each) == 1 else f"{each[0]} and {len(each) - 1} more up to {each[-1]}"
        for each in kinds.values()
    ]
