"""Calls of every public name of `einlab.transformer`."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab import transformer
from einlab.errors import (
    ArgumentError,
    ArgumentTypeError,
    DtypeError,
    FileError,
    OperandError,
    ShapeError,
)
from einlab.transformer.decoder_config import Rotary
from tests.toolkit import Bad, Case

CONFIG = transformer.DecoderConfig(
    vocabulary=9, positions=8, width=6, layers=2, heads=2, groups=1, head_size=4, feed_forward=8,
    norm_eps=1e-5, rotary=Rotary(size=4),
)  # fmt: skip
TABLE = transformer.DecoderConfig(
    vocabulary=9, positions=4, width=6, layers=1, heads=2, groups=1, head_size=4, feed_forward=8,
    norm_eps=1e-5,
)  # fmt: skip
WEIGHTS = transformer.init_weights(CONFIG, jax.random.key(0))
IDS = jnp.array([[1, 2, 3, 4], [5, 6, 7, 8]])
STATES = jax.random.normal(jax.random.key(1), (3, 2, 4, 6))
LOGITS = jax.random.normal(jax.random.key(2), (2, 9))
CACHE = transformer.empty_cache(CONFIG, 2, 5)
ANY: Any = "llama"

CASES = {
    "adjust_logits": Case(
        partial(transformer.adjust_logits, sampling=transformer.Sampling(top_k=4, top_p=0.9)),
        (LOGITS,),
    ),
    "decode": Case(partial(transformer.decode, config=CONFIG), (WEIGHTS, IDS[:, 0], CACHE)),
    "generate": Case(partial(transformer.generate, config=CONFIG, tokens=3), (WEIGHTS, IDS)),
    "hidden_states": Case(partial(transformer.hidden_states, config=CONFIG), (WEIGHTS, IDS)),
    "init_weights": Case(partial(transformer.init_weights, CONFIG), (jax.random.key(0),)),
    "layer_similarities": Case(transformer.layer_similarities, (STATES,)),
    "logits": Case(partial(transformer.logits, config=CONFIG), (WEIGHTS, IDS)),
    "loss": Case(partial(transformer.loss, config=CONFIG), (WEIGHTS, IDS, IDS)),
    "next_token": Case(transformer.next_token, (LOGITS,)),
    "prefill": Case(partial(transformer.prefill, config=CONFIG, length=6), (WEIGHTS, IDS)),
    "sequence_similarities": Case(transformer.sequence_similarities, (STATES,)),
    "state_norms": Case(transformer.state_norms, (STATES,)),
    "token_similarities": Case(transformer.token_similarities, (STATES,)),
}

SILENT = {
    "GREEDY": "settings",
    "Budget": "numbers that reports have counted",
    "Cache": "what a decoder keeps of the tokens before",
    "DecoderConfig": "sizes and choices",
    "EncoderConfig": "sizes and choices",
    "Generated": "tokens that generate has chosen",
    "Model": "a config and its weights",
    "Sampling": "settings",
    "SentenceEncoder": "a config, its weights and a tokenizer",
    "Tokens": "numbers of tokens",
    "budget": "makes the reports",
    "empty_cache": "zeros",
    "encode": "reads texts; sentences.encode_tokens computes",
    "family_table": "a table",
    "layer_table": "a table of measured numbers",
    "load_model": "reads files",
    "load_sentence_encoder": "reads files",
    "load_weights": "reads files",
    "model_config": "reads a file",
    "save_weights": "writes files",
}

NO_STATES = Bad(
    lambda: transformer.state_norms(np.ones((2, 3))), ShapeError, ("(2, 3)", "tokens, width")
)
NO_CONFIG = ("config is", "'llama'")

BAD = {
    "adjust_logits": [
        Bad(
            lambda: transformer.adjust_logits(LOGITS[0], transformer.GREEDY), ShapeError, ("(9,)",)
        ),
        Bad(lambda: transformer.adjust_logits(LOGITS, ANY), ArgumentTypeError, ("a Sampling",)),
        Bad(
            lambda: transformer.adjust_logits(LOGITS, transformer.Sampling(repetition_penalty=2)),
            ShapeError,
            ("which tokens were seen",),
        ),
        Bad(lambda: transformer.Sampling(temperature=-1), ArgumentError, ("temperature is -1",)),
        Bad(lambda: transformer.Sampling(top_k=0), ArgumentError, ("top_k is 0",)),
        Bad(lambda: transformer.Sampling(top_p=1.5), ArgumentError, ("top_p is 1.5",)),
        Bad(lambda: transformer.Sampling(top_p=0), ArgumentError, ("keeps no token",)),
        Bad(lambda: transformer.Sampling(min_p=ANY), ArgumentTypeError, ("min_p is a number",)),
        Bad(lambda: transformer.Sampling(repetition_penalty=0), ArgumentError, ("penalty is 0",)),
    ],
    "budget": [
        Bad(lambda: transformer.budget({"model_type": "gpt5"}), FileError, ("'gpt5'", "known are"))
    ],
    "decode": [
        Bad(lambda: transformer.decode(WEIGHTS, IDS, CACHE, CONFIG), ShapeError, ("(2, 4)", "step"))
    ],
    "empty_cache": [
        Bad(lambda: transformer.empty_cache(CONFIG, 0, 4), ArgumentError, ("batch is 0",)),
        Bad(lambda: transformer.empty_cache(CONFIG, 1, 4, "float31"), DtypeError, ("float31",)),
    ],
    "encode": [
        Bad(
            lambda: transformer.encode(
                transformer.SentenceEncoder(ANY, ANY, None), "one text, not a list of them"
            ),
            ArgumentTypeError,
            ("a sequence of strings",),
        )
    ],
    "family_table": [
        Bad(lambda: transformer.family_table("lama"), ArgumentError, ("did you mean 'llama'",))
    ],
    "generate": [
        Bad(
            lambda: transformer.generate(WEIGHTS, IDS, CONFIG, tokens=0),
            ArgumentError,
            ("tokens is 0",),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, [[1, 9]], CONFIG, tokens=2),
            ArgumentError,
            ("a token of the prompts is 9", "between 0 and 8"),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, IDS, CONFIG, tokens=2, lengths=[4, 5]),
            ArgumentError,
            ("a length is 5",),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, IDS, CONFIG, tokens=2, lengths=[4]),
            ShapeError,
            ("lengths have shape (1,)",),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, [1, 2], CONFIG, tokens=2),
            ShapeError,
            ("prompts have shape (2,)",),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, [[1.5]], CONFIG, tokens=2),
            DtypeError,
            ("prompts have dtype float32",),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, [[1], []], CONFIG, tokens=2),
            ShapeError,
            ("prompt 1 is empty",),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, IDS, CONFIG, tokens=2, stop=[9]),
            ArgumentError,
            ("a token in stop is 9",),
        ),
        Bad(
            lambda: transformer.generate(
                WEIGHTS, IDS, CONFIG, tokens=2, sampling=transformer.Sampling()
            ),
            ArgumentTypeError,
            ("key is a key",),
        ),
        Bad(
            lambda: transformer.generate(
                transformer.init_weights(TABLE, jax.random.key(0)), IDS, TABLE, tokens=2
            ),
            ShapeError,
            ("4 positions",),
        ),
        Bad(
            lambda: transformer.generate(WEIGHTS, IDS, ANY, tokens=2), ArgumentTypeError, NO_CONFIG
        ),
    ],
    "hidden_states": [
        Bad(lambda: transformer.hidden_states(WEIGHTS, IDS[0], CONFIG), ShapeError, ("(4,)",)),
        Bad(lambda: transformer.hidden_states(WEIGHTS, IDS, ANY), ArgumentTypeError, NO_CONFIG),
    ],
    "init_weights": [
        Bad(lambda: transformer.init_weights(CONFIG, ANY), ArgumentTypeError, ("key is a key",)),
        Bad(
            lambda: transformer.init_weights(CONFIG, jax.random.key(0), "int8"),
            DtypeError,
            ("dtype is int8",),
        ),
        Bad(lambda: transformer.init_weights(ANY, jax.random.key(0)), ArgumentTypeError, NO_CONFIG),
    ],
    "layer_similarities": [
        Bad(lambda: transformer.layer_similarities(ANY), OperandError, ("states is no array",))
    ],
    "layer_table": [
        Bad(
            lambda: transformer.layer_table(STATES, np.zeros((2, 4))),
            ShapeError,
            ("leaves no token",),
        ),
        Bad(lambda: transformer.layer_table(STATES, [1]), ShapeError, ("the mask has shape (1,)",)),
    ],
    "load_model": [
        Bad(lambda: transformer.load_model("no/folder"), FileError, ("no/folder/config.json",))
    ],
    "load_sentence_encoder": [
        Bad(lambda: transformer.load_sentence_encoder("no/folder"), FileError, ("config.json",))
    ],
    "load_weights": [
        Bad(lambda: transformer.load_weights("no.safetensors", ANY), ArgumentTypeError, NO_CONFIG),
        Bad(lambda: transformer.load_weights("none", CONFIG, "float31"), DtypeError, ("float31",)),
    ],
    "logits": [
        Bad(lambda: transformer.logits(WEIGHTS, IDS[0], CONFIG), ShapeError, ("(4,)",)),
        Bad(lambda: transformer.logits(WEIGHTS, IDS * 1.0, CONFIG), DtypeError, ("whole numbers",)),
        Bad(lambda: transformer.logits(WEIGHTS, IDS, TABLE), ShapeError, ("do not fit",)),
        Bad(lambda: transformer.logits(WEIGHTS, IDS, ANY), ArgumentTypeError, NO_CONFIG),
    ],
    "loss": [
        Bad(lambda: transformer.loss(WEIGHTS, IDS, IDS[0], CONFIG), ShapeError, ("targets have",))
    ],
    "model_config": [
        Bad(lambda: transformer.model_config("none.json"), FileError, ("cannot read", "none.json"))
    ],
    "next_token": [
        Bad(
            lambda: transformer.next_token(LOGITS, transformer.Sampling()),
            ArgumentTypeError,
            ("key is a key",),
        )
    ],
    "prefill": [
        Bad(lambda: transformer.prefill(WEIGHTS, IDS, CONFIG, 3), ShapeError, ("the cache, 3",))
    ],
    "save_weights": [
        Bad(
            lambda: transformer.save_weights(WEIGHTS, "none", TABLE),
            ShapeError,
            ("embedding.position is missing", "the config says"),
        ),
        Bad(
            lambda: transformer.save_weights(WEIGHTS, "w.safetensors", CONFIG, shard_bytes=9),
            ArgumentError,
            ("one file",),
        ),
    ],
    "sequence_similarities": [
        Bad(
            lambda: transformer.sequence_similarities(STATES, np.ones((4, 2))),
            ShapeError,
            ("(4, 2)", "(2, 4)"),
        )
    ],
    "state_norms": [NO_STATES],
    "token_similarities": [
        Bad(lambda: transformer.token_similarities(np.ones((2, 0, 3, 4))), ShapeError, ("none of",))
    ],
}
