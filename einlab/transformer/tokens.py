"""Text to token numbers, by the tokenizer.json that comes with a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Int

from einlab.errors import ArgumentTypeError, FileError, ShapeError
from einlab.extras import require
from einlab.transformer.config import EncoderConfig
from einlab.transformer.parameters import Tokens

__all__ = ["read_tokenizer", "tokenize"]


def read_tokenizer(path: str | Path, config: EncoderConfig) -> Any:
    """The `tokenizers.Tokenizer` in the file at `path`; it cuts texts at the config's positions.

    Raises FileError naming the file if it cannot be read, or if it knows a token that the config
    has no embedding for. Raises MissingPackageError without the tokenizers package.
    """
    tokenizers = require("tokenizers")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises bare Exception for every fault of a file
        raise FileError(f"cannot read the tokenizer {path}: {error}") from error
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if not 0 <= largest < config.vocabulary:
        raise FileError(
            f"tokenizer {path} numbers its tokens up to {largest}, the config (vocab_size) has "
            f"{config.vocabulary} embeddings"
        )
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=config.positions)
    return tokenizer


def tokenize(
    tokenizer: Any, texts: Sequence[str], config: EncoderConfig, length: int | None = None
) -> Tokens:
    """The numbers of the tokens of each text, filled up to `length` with the config's padding.

    None means the longest of these texts; give a length to keep one compiled program for many
    batches. Longer texts are cut at the config's positions.

    Raises ArgumentTypeError if `texts` is no sequence of strings or `length` no whole number,
    ShapeError if there is no text, one has more tokens than `length`, or `length` exceeds the
    config's positions, FileError if the tokenizer uses a segment that has no embedding.
    """
    _check_arguments(texts, length)
    encodings = tokenizer.encode_batch(list(texts))
    segment = max((kind for encoding in encodings for kind in encoding.type_ids), default=0)
    if segment >= config.types:
        raise FileError(
            f"the tokenizer puts a token in segment {segment}, the config (type_vocab_size) has "
            f"{config.types} segment embeddings"
        )
    longest = max(1, *(len(encoding.ids) for encoding in encodings))
    length = longest if length is None else length
    if longest > length:
        raise ShapeError(f"a text has {longest} tokens, which is more than the length {length}")
    if length > config.positions:
        raise ShapeError(f"length {length} is more than the {config.positions} positions there are")
    return Tokens(
        _filled([encoding.ids for encoding in encodings], length, config.padding_id),
        _filled([[1] * len(encoding.ids) for encoding in encodings], length, 0),
        _filled([encoding.type_ids for encoding in encodings], length, 0),
    )


def _check_arguments(texts: Any, length: object) -> None:
    sequence = isinstance(texts, Sequence) and not isinstance(texts, str)
    if not (sequence and all(isinstance(text, str) for text in texts)):
        raise ArgumentTypeError(f"texts is {texts!r:.60}; expected a sequence of strings")
    if not texts:
        raise ShapeError("there is no text to encode; give at least one")
    if length is not None and (isinstance(length, bool) or not isinstance(length, int)):
        raise ArgumentTypeError(f"length is {length!r:.60}; expected a whole number or None")


def _filled(rows: Iterable[Sequence[int]], length: int, value: int) -> Int[Array, "b t"]:
    return jnp.array([[*row, *[value] * (length - len(row))] for row in rows], jnp.int32)
