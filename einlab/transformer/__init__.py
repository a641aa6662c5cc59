"""Transformers from a config.json: encoders, decoders, their weights, and what they cost.

>>> from einlab import transformer
>>> transformer.family_table().table.column("family")[0]
'bert'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from einlab.transformer.budgets import Budget, budget
    from einlab.transformer.config import EncoderConfig
    from einlab.transformer.decoder import Cache, decode, empty_cache, loss, prefill
    from einlab.transformer.decoder import apply as logits
    from einlab.transformer.decoder_config import DecoderConfig
    from einlab.transformer.families import model_config
    from einlab.transformer.familytable import family_table
    from einlab.transformer.generating import Generated, generate
    from einlab.transformer.inspecting import (
        hidden_states,
        layer_similarities,
        layer_table,
        sequence_similarities,
        state_norms,
        token_similarities,
    )
    from einlab.transformer.loading import Model, load_model, load_weights, save_weights
    from einlab.transformer.models import init_weights
    from einlab.transformer.parameters import Tokens
    from einlab.transformer.sampling import GREEDY, Sampling, adjust_logits, next_token
    from einlab.transformer.sentences import SentenceEncoder, encode
    from einlab.transformer.sentences import load as load_sentence_encoder

__all__ = [
    "GREEDY",
    "Budget",
    "Cache",
    "DecoderConfig",
    "EncoderConfig",
    "Generated",
    "Model",
    "Sampling",
    "SentenceEncoder",
    "Tokens",
    "adjust_logits",
    "budget",
    "decode",
    "empty_cache",
    "encode",
    "family_table",
    "generate",
    "hidden_states",
    "init_weights",
    "layer_similarities",
    "layer_table",
    "load_model",
    "load_sentence_encoder",
    "load_weights",
    "logits",
    "loss",
    "model_config",
    "next_token",
    "prefill",
    "save_weights",
    "sequence_similarities",
    "state_norms",
    "token_similarities",
]

_HOMES = {
    "GREEDY": "sampling",
    "Budget": "budgets",
    "Cache": "decoder",
    "DecoderConfig": "decoder_config",
    "EncoderConfig": "config",
    "Generated": "generating",
    "Model": "loading",
    "Sampling": "sampling",
    "SentenceEncoder": "sentences",
    "Tokens": "parameters",
    "adjust_logits": "sampling",
    "budget": "budgets",
    "decode": "decoder",
    "empty_cache": "decoder",
    "encode": "sentences",
    "family_table": "familytable",
    "generate": "generating",
    "hidden_states": "inspecting",
    "init_weights": "models",
    "layer_similarities": "inspecting",
    "layer_table": "inspecting",
    "load_model": "loading",
    "load_sentence_encoder": "sentences",
    "load_weights": "loading",
    "logits": "decoder",
    "loss": "decoder",
    "model_config": "families",
    "next_token": "sampling",
    "prefill": "decoder",
    "save_weights": "loading",
    "sequence_similarities": "inspecting",
    "state_norms": "inspecting",
    "token_similarities": "inspecting",
}
_OTHER_NAMES = {"logits": "apply", "load_sentence_encoder": "load"}
"""What those are called in their modules whose public name says more."""


def __getattr__(name: str) -> object:
    """Public names are imported when they are first asked for, so that reading a config is fast."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'einlab.transformer' has no attribute {name!r}")
    module = importlib.import_module(f"einlab.transformer.{home}")
    value = getattr(module, _OTHER_NAMES.get(name, name))
    globals()[name] = value
    return value
