"""`EncoderConfig`: the sizes of a BERT encoder, from the config.json that comes with its weights.

Every field of the file is either needed, or must have the one value that this encoder computes, or
says nothing about the computation; anything else is refused by name, never guessed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from einlab.errors import ArgumentError, ArgumentTypeError, EinlabError, FileError
from einlab.transformer.configfile import LARGEST_SIZE, fields_of, misfit, short, text_of

__all__ = ["EncoderConfig", "config_from_json", "read_config"]

STORED = {
    "vocabulary": "vocab_size",
    "positions": "max_position_embeddings",
    "types": "type_vocab_size",
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "layers": "num_hidden_layers",
    "feed_forward": "intermediate_size",
    "norm_eps": "layer_norm_eps",
    "padding_id": "pad_token_id",
}
"""Field of `EncoderConfig` → field of config.json."""

REQUIRED = {"model_type": "bert", "hidden_act": "gelu"}
"""Fields that must be there with this value: what this encoder computes."""

FIXED = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
    "is_encoder_decoder": False,
    "pruned_heads": {},
}
"""Fields that may be absent (the format then means this value) and may have no other value."""

# fmt: off
IDLE = frozenset(
    [
        "_name_or_path", "architectures", "attention_probs_dropout_prob", "bos_token_id",
        "chunk_size_feed_forward", "classifier_dropout", "cls_token_id", "directionality",
        "dtype", "eos_token_id", "finetuning_task", "gradient_checkpointing",
        "hidden_dropout_prob", "id2label", "initializer_range", "label2id", "mask_token_id",
        "output_attentions", "output_hidden_states", "output_past", "pooler_fc_size",
        "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head",
        "pooler_type", "problem_type", "return_dict", "sep_token_id", "tie_word_embeddings",
        "torch_dtype", "torchscript", "transformers_version", "unk_token_id", "use_cache",
    ]
)
# fmt: on
"""Fields of published BERT configs that concern training, other heads or file keeping: no hidden
state depends on them."""


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """The sizes of an encoder of the BERT family (Devlin et al. 2018).

    Raises ArgumentTypeError or ArgumentError, naming the field, for a value that no encoder can
    have, and if the width is no multiple of the number of heads.

    >>> EncoderConfig(vocabulary=99, positions=16, types=2, width=12, heads=3, layers=1,
    ...               feed_forward=24, norm_eps=1e-12, padding_id=0).head_size
    4
    """

    vocabulary: int
    """v, the number of tokens that have an embedding."""
    positions: int
    """The longest sequence, in tokens."""
    types: int
    """Number of segment (token type) embeddings."""
    width: int
    """c, the length of a hidden state."""
    heads: int
    """h, the number of attention heads."""
    layers: int
    """Number of blocks of attention and feed-forward network."""
    feed_forward: int
    """f, the width of the feed-forward network."""
    norm_eps: float
    """Added to the variance in each layer normalisation."""
    padding_id: int
    """The token that fills a batch up; it is masked out."""

    def __post_init__(self) -> None:
        for name in STORED:
            if name == "norm_eps":
                self._check_eps()
            else:
                self._check_count(name, least=0 if name == "padding_id" else 1)
        if self.width % self.heads:
            self._refuse("width", f"a multiple of heads ({STORED['heads']}), which is {self.heads}")
        if self.padding_id >= self.vocabulary:
            self._refuse("padding_id", f"less than the vocabulary, {self.vocabulary}")

    @property
    def head_size(self) -> int:
        """d, the length of a query, key or value of one head.

        >>> EncoderConfig(vocabulary=99, positions=16, types=2, width=12, heads=3, layers=1,
        ...               feed_forward=24, norm_eps=1e-12, padding_id=0).head_size
        4
        """
        return self.width // self.heads

    def _check_count(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int):
            self._refuse(name, "a whole number", ArgumentTypeError)
        if not least <= value <= LARGEST_SIZE:
            self._refuse(name, f"a whole number from {least} to {LARGEST_SIZE}")

    def _check_eps(self) -> None:
        if isinstance(self.norm_eps, bool) or not isinstance(self.norm_eps, int | float):
            self._refuse("norm_eps", "a number", ArgumentTypeError)
        if not (math.isfinite(self.norm_eps) and 0 < self.norm_eps < 1):
            self._refuse("norm_eps", "a number between 0 and 1")

    def _refuse(
        self, name: str, expected: str, error: type[EinlabError] = ArgumentError
    ) -> NoReturn:
        found = short(getattr(self, name))
        raise error(f"{name} ({STORED[name]} in config.json) is {found}; expected {expected}")


def config_from_json(text: str) -> EncoderConfig:
    """The config in the text of a config.json of the BERT family.

    Raises FileError naming the fields that are missing, unknown, ill-typed or out of range, or that
    ask for another computation than this encoder's.

    >>> config_from_json('{"model_type": "gpt2"}')
    Traceback (most recent call last):
    ...
    einlab.errors.FileError: model_type is 'gpt2'; this encoder computes 'bert' only
    """
    fields = fields_of(text)
    for name, value in (REQUIRED | FIXED).items():
        if name in fields and not (type(fields[name]) is type(value) and fields[name] == value):
            found = short(fields[name])
            raise FileError(f"{name} is {found}; this encoder computes {value!r} only")
    needed = [*REQUIRED, *STORED.values()]
    missing = [name for name in needed if name not in fields]
    unknown = [name for name in fields if name not in needed and name not in IDLE | FIXED.keys()]
    if missing or unknown:
        raise FileError(misfit("the fields are not those of a BERT encoder", missing, unknown))
    try:
        return EncoderConfig(**{ours: fields[theirs] for ours, theirs in STORED.items()})
    except EinlabError as error:
        raise FileError(str(error)) from None


def read_config(path: str | Path) -> EncoderConfig:
    """The config in the file at `path`, a config.json of the BERT family.

    Raises FileError naming the file if it cannot be read, and as `config_from_json` does.
    """
    text = text_of(path)
    try:
        return config_from_json(text)
    except FileError as error:
        raise FileError(f"config {path}: {error}") from None
