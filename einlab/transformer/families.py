"""The table of family differences: from a config.json of Hugging Face to a `DecoderConfig`.

`FAMILIES` says of each family what its models have in common; the readers beside it take what
differs between models of a family from the fields of the file. Every field is needed, or has the
value that the format gives it where it is absent, or must have one value, or says nothing about the
computation (`IDLE`); anything else is refused by name.

Sources: the papers named at each family, and the configs that were published with their weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from einlab.errors import ArgumentTypeError, EinlabError, FileError, listing
from einlab.transformer import family_parts as parts
from einlab.transformer.config import EncoderConfig, config_from_json
from einlab.transformer.configfile import (
    ABSENT,
    LARGEST_SIZE,
    Fields,
    fields_of,
    short,
    text_of,
)
from einlab.transformer.decoder_config import MOST_LAYERS, DecoderConfig

__all__ = [
    "FAMILIES",
    "Family",
    "ModelConfig",
    "config_of",
    "model_config",
    "model_config_from_json",
]

ModelConfig = DecoderConfig | EncoderConfig

# fmt: off
IDLE = frozenset(
    [
        "_attn_implementation_autoset", "_name_or_path", "architectures", "attention_dropout",
        "attn_pdrop", "auto_map", "aux_loss_alpha", "bos_token_id", "cache_implementation",
        "classifier_dropout", "decoder_start_token_id", "dtype", "embd_pdrop", "eos_token_id",
        "ep_size", "finetuning_task", "gradient_checkpointing", "hidden_dropout", "id2label",
        "initializer_range", "label2id", "max_length", "num_nextn_predict_layers",
        "output_attentions", "output_hidden_states", "output_router_logits", "pad_token_id",
        "problem_type", "quantization_config", "resid_pdrop", "return_dict",
        "router_aux_loss_coef", "router_jitter_noise", "seq_aux", "summary_activation",
        "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
        "task_specific_params", "tokenizer_class", "torch_dtype", "torchscript",
        "transformers_version", "unk_token_id", "use_cache",
    ]
)
# fmt: on
"""Fields that concern training, files, tokenizers or other heads. `quantization_config` says how
weights are stored in a file, `num_nextn_predict_layers` is of a head for training: the decoder
counts neither."""

PLAIN = {
    "vocabulary": "vocab_size",
    "positions": "max_position_embeddings",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "feed_forward": "intermediate_size",
}
GPT2 = {
    "vocabulary": "vocab_size",
    "positions": "n_positions",
    "width": "n_embd",
    "layers": "n_layer",
    "heads": "n_head",
    "feed_forward": "n_inner",
}

OPTIONAL = ("n_inner",)
"""Sizes that the format lets be absent or null."""

ALWAYS = {"is_encoder_decoder": False, "add_cross_attention": False, "pruned_heads": {}}


@dataclass(frozen=True, kw_only=True)
class Family:
    """What the models of a family have in common, and what to read for the rest."""

    source: str
    names: Mapping[str, str] = field(default_factory=lambda: PLAIN)
    """Field of `DecoderConfig` → field of config.json, for the sizes."""
    eps: str = "rms_norm_eps"
    tied: bool = False
    """What an absent tie_word_embeddings means."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `DecoderConfig` that are the same for all its models."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Fields of config.json that may have no other value."""
    readers: tuple[parts.Reader, ...] = ()
    """What reads the other fields, each after those before it."""


LAYER_NORM = {"norm": "layer", "norm_bias": True}
ALL_BIASES = {"attention_bias": True, "output_bias": True, "feed_forward_bias": True}
LLAMA = (parts.grouped_heads, parts.rotary, parts.activation)

FAMILIES: Mapping[str, Family] = {
    "gpt2": Family(
        source="Radford et al. 2019",
        names=GPT2,
        eps="layer_norm_epsilon",
        tied=True,
        facts={**LAYER_NORM, **ALL_BIASES, "gated": False},
        fixed={
            "scale_attn_weights": True,
            "scale_attn_by_inverse_layer_idx": False,
            "reorder_and_upcast_attn": False,
        },
        readers=(parts.equal_heads, parts.same_context, parts.gpt2_activation),
    ),
    "llama": Family(
        source="Touvron et al. 2023; Llama team 2024 (arXiv:2407.21783)",
        fixed={"pretraining_tp": 1},
        readers=(*LLAMA, parts.llama_biases),
    ),
    "mistral": Family(
        source="Jiang et al. 2023 (arXiv:2310.06825)", readers=(*LLAMA, parts.one_window)
    ),
    "mixtral": Family(
        source="Jiang et al. 2024 (arXiv:2401.04088)",
        readers=(*LLAMA, parts.one_window, parts.mixtral_experts),
    ),
    "qwen2": Family(
        source="Qwen team 2024 (arXiv:2407.10671)",
        facts={"attention_bias": True},
        readers=(*LLAMA, parts.late_windows),
    ),
    "qwen2_moe": Family(
        source="Qwen team 2024 (arXiv:2407.10671)",
        readers=(*LLAMA, parts.qkv_bias, parts.late_windows, parts.qwen2_experts),
    ),
    "qwen3": Family(
        source="Qwen team 2025 (arXiv:2505.09388)",
        facts={"head_norm": True},
        readers=(*LLAMA, parts.attention_biases, parts.late_windows),
    ),
    "qwen3_moe": Family(
        source="Qwen team 2025 (arXiv:2505.09388)",
        facts={"head_norm": True},
        readers=(*LLAMA, parts.attention_biases, parts.late_windows, parts.qwen3_experts),
    ),
    "gemma": Family(
        source="Gemma team 2024 (arXiv:2403.08295)",
        tied=True,
        facts={"norm_offset": True},
        fixed={"use_bidirectional_attention": False},
        readers=(
            parts.grouped_heads,
            parts.rotary,
            parts.gemma_activation,
            parts.attention_biases,
            parts.rooted_embedding,
        ),
    ),
    "gemma2": Family(
        source="Gemma team 2024 (arXiv:2408.00118)",
        tied=True,
        facts={"norm_offset": True, "arrangement": "around"},
        fixed={"use_bidirectional_attention": False},
        readers=(
            parts.grouped_heads,
            parts.rotary,
            parts.gemma_activation,
            parts.attention_biases,
            parts.rooted_embedding,
            parts.gemma2_scores,
            parts.alternate_windows,
        ),
    ),
    "phi": Family(
        source="Gunasekar et al. 2023; Li et al. 2023 (arXiv:2309.05463)",
        eps="layer_norm_eps",
        facts={
            **LAYER_NORM,
            **ALL_BIASES,
            "gated": False,
            "arrangement": "parallel",
            "logits_bias": True,
        },
        fixed={"qk_layernorm": False},
        readers=(parts.grouped_heads, parts.rotary, parts.activation),
    ),
    "deepseek_v2": Family(
        source="DeepSeek-AI 2024 (arXiv:2405.04434)",
        fixed={"attention_bias": False, "mlp_bias": False, "pretraining_tp": 1},
        readers=(parts.latent_heads, parts.activation, parts.deepseek2_experts),
    ),
    "deepseek_v3": Family(
        source="DeepSeek-AI 2024 (arXiv:2412.19437)",
        fixed={"attention_bias": False, "pretraining_tp": 1},
        readers=(parts.latent_heads, parts.activation, parts.deepseek_experts),
    ),
}


def model_config_from_json(text: str) -> ModelConfig:
    """The config in the text of a config.json, of any family in `FAMILIES` or BERT's.

    Raises FileError naming the family or the fields that were not understood, are missing,
    ill-typed or out of range, or ask for another computation.

    >>> model_config_from_json('{"model_type": "gpt5"}')
    Traceback (most recent call last):
    ...
    einlab.errors.FileError: model_type is 'gpt5'; known are bert, gpt2, llama, mistral, mixtral,
    qwen2, qwen2_moe, qwen3, qwen3_moe, gemma, gemma2, phi, deepseek_v2 and deepseek_v3
    """
    values = fields_of(text)
    if values.get("model_type") == "bert":
        return config_from_json(text)
    return _decoder(Fields(values))


def model_config(path: str | Path) -> ModelConfig:
    """The config in the file at `path`, a config.json of a known family.

    Raises FileError naming the file if it cannot be read, and as `model_config_from_json` does.

    >>> import json, tempfile
    >>> fields = {"model_type": "gpt2", "vocab_size": 99, "n_positions": 16, "n_embd": 12,
    ...           "n_layer": 2, "n_head": 4, "layer_norm_epsilon": 1e-5,
    ...           "activation_function": "gelu_new"}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder, "config.json")
    ...     _ = place.write_text(json.dumps(fields))
    ...     print(model_config(place).head_size)
    3
    """
    text = text_of(path)
    try:
        return model_config_from_json(text)
    except FileError as error:
        raise FileError(f"config {path}: {error}") from None


def config_of(config: ModelConfig | Mapping[str, Any] | str | Path) -> ModelConfig:
    """A config from a path of a config.json, from its fields as a dictionary, or as it is.

    Raises what `model_config` raises, and ArgumentTypeError for anything else.
    """
    if isinstance(config, (DecoderConfig, EncoderConfig)):
        return config
    if isinstance(config, Mapping):
        try:
            return model_config_from_json(json.dumps(dict(config)))
        except TypeError as error:
            raise ArgumentTypeError(f"the config holds what JSON cannot: {error}") from None
    if isinstance(config, (str, Path)):
        return model_config(config)
    raise ArgumentTypeError(f"a config is a path, a dictionary or a config, not {config!r:.60}")


def _decoder(fields: Fields) -> DecoderConfig:
    name = fields.take("model_type", None)
    if not isinstance(name, str) or name not in FAMILIES:
        found = "missing" if name is None else short(name)
        raise FileError(f"model_type is {found}; known are {listing(['bert', *FAMILIES])}")
    family = FAMILIES[name]
    found_values: dict[str, Any] = {"family": name, **family.facts}
    for ours, theirs in family.names.items():
        most = MOST_LAYERS if ours == "layers" else LARGEST_SIZE
        default = None if theirs in OPTIONAL else ABSENT
        found_values[ours] = fields.count(theirs, default, most=most)
    found_values["norm_eps"] = fields.number(family.eps, most=0.5)
    found_values["tied"] = fields.flag("tie_word_embeddings", family.tied)
    fields.fixed({**ALWAYS, **family.fixed})
    for reader in family.readers:
        found_values |= reader(fields, found_values)
    fields.finish(f"a decoder of the family {name}", IDLE)
    try:
        return DecoderConfig(**found_values)
    except EinlabError as error:
        raise FileError(f"the fields do not fit each other: {error}") from None
