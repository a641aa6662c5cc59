"""Names of the tensors in published files of weights: one table a family.

Each entry is the name in the file, the weights that the tensor holds, and its form (see `packing`).
A weight that a config has no use for has no tensor. Names within a layer and an expert stand once.

Source: the files that their makers publish in the safetensors format, listed on each model's page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

__all__ = ["NAMES", "Names", "Packed"]


@dataclass(frozen=True, slots=True)
class Packed:
    """What a tensor of a file holds."""

    weights: tuple[str, ...]
    """Names of the weights, such as "attention.query"."""
    form: str
    """The order and merging of their axes."""


def _table(entries: Mapping[str, tuple[str, str]]) -> dict[str, Packed]:
    """Entries written as name → (weights with blanks between, form)."""
    return {name: Packed(tuple(held.split()), form) for name, (held, form) in entries.items()}


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one family's tensors."""

    outside: Mapping[str, Packed]
    """Tensors that stand once."""
    layer: str
    """What the names within layer {layer} begin with."""
    inside: Mapping[str, Packed]
    """Tensors of a layer; {expert} stands for the number of an expert."""
    prefix: str
    """What all names but the logits' begin with in some files and not in others."""
    idle: str = r"(.*\.)?rotary_emb\.inv_freq"
    """Tensors that say nothing about what the model computes, as a regular expression."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Endings of older files and what they are called now."""

    def canonical(self, name: str) -> Iterator[str]:
        """What a file's name may stand for."""
        for old, new in self.renamed:
            if name.endswith(old):
                name = name.removesuffix(old) + new
        yield name
        yield self.prefix + name
        yield name.removeprefix(self.prefix)

    def is_idle(self, name: str) -> bool:
        """Whether no result depends on this tensor."""
        return any(re.fullmatch(self.idle, each) for each in self.canonical(name))


def _norm(name: str, ours: str, *, shift: bool = False) -> dict[str, tuple[str, str]]:
    found = {f"{name}.weight": (f"{ours}.scale", "c")}
    return found | ({f"{name}.bias": (f"{ours}.shift", "c")} if shift else {})


HEADS = {
    "self_attn.q_proj.weight": ("attention.query", "h·d c"),
    "self_attn.q_proj.bias": ("attention.query_bias", "h·d"),
    "self_attn.k_proj.weight": ("attention.key", "g·d c"),
    "self_attn.k_proj.bias": ("attention.key_bias", "g·d"),
    "self_attn.v_proj.weight": ("attention.value", "g·e c"),
    "self_attn.v_proj.bias": ("attention.value_bias", "g·e"),
    "self_attn.q_norm.weight": ("attention.query_norm", "d"),
    "self_attn.k_norm.weight": ("attention.key_norm", "d"),
    "self_attn.o_proj.weight": ("attention.output", "c h·e"),
    "self_attn.o_proj.bias": ("attention.output_bias", "c"),
}
LATENT = {
    "self_attn.q_proj.weight": ("attention.query", "h·d c"),
    "self_attn.q_a_proj.weight": ("attention.down_query", "query_rank c"),
    "self_attn.q_a_layernorm.weight": ("attention.down_query_norm", "query_rank"),
    "self_attn.q_b_proj.weight": ("attention.up_query", "h·d query_rank"),
    "self_attn.kv_a_proj_with_mqa.weight": ("attention.down_key_value", "latent c"),
    "self_attn.kv_a_layernorm.weight": ("attention.down_key_value_norm", "rank"),
    "self_attn.kv_b_proj.weight": ("attention.up_key attention.up_value", "h·(plain+e) rank"),
    "self_attn.o_proj.weight": ("attention.output", "c h·e"),
}
GATED = {
    "mlp.gate_proj.weight": ("dense.gate", "f c"),
    "mlp.gate_proj.bias": ("dense.gate_bias", "f"),
    "mlp.up_proj.weight": ("dense.widen", "f c"),
    "mlp.up_proj.bias": ("dense.widen_bias", "f"),
    "mlp.down_proj.weight": ("dense.narrow", "c f"),
    "mlp.down_proj.bias": ("dense.narrow_bias", "c"),
}
TWO_NORMS = _norm("input_layernorm", "attention_norm") | _norm(
    "post_attention_layernorm", "network_norm"
)
FOUR_NORMS = (
    _norm("input_layernorm", "attention_norm")
    | _norm("post_attention_layernorm", "attention_end_norm")
    | _norm("pre_feedforward_layernorm", "network_norm")
    | _norm("post_feedforward_layernorm", "network_end_norm")
)


def _experts(room: str, gate: str, widen: str, narrow: str) -> dict[str, tuple[str, str]]:
    each = f"{room}.experts.{{expert}}"
    return {
        f"{room}.gate.weight": ("sparse.router", "experts c"),
        f"{room}.gate.e_score_correction_bias": ("sparse.correction", "experts"),
        f"{each}.{gate}.weight": ("sparse.gate", "expert_width c"),
        f"{each}.{widen}.weight": ("sparse.widen", "expert_width c"),
        f"{each}.{narrow}.weight": ("sparse.narrow", "c expert_width"),
    }


def _shared(room: str) -> dict[str, tuple[str, str]]:
    return {
        f"{room}.gate_proj.weight": ("sparse.shared_gate", "shared c"),
        f"{room}.up_proj.weight": ("sparse.shared_widen", "shared c"),
        f"{room}.down_proj.weight": ("sparse.shared_narrow", "c shared"),
        f"{room}_gate.weight": ("sparse.shared_share", "1 c"),
    }


PROJECTED = ("gate_proj", "up_proj", "down_proj")


def _like_llama(inside: Mapping[str, tuple[str, str]]) -> Names:
    outside = {
        "model.embed_tokens.weight": ("embedding.word", "v c"),
        "model.norm.weight": ("norm.scale", "c"),
        "lm_head.weight": ("logits", "v c"),
    }
    return Names(
        outside=_table(outside),
        layer="model.layers.{layer}.",
        inside=_table(inside),
        prefix="model.",
    )


GPT2 = Names(
    outside=_table(
        {
            "transformer.wte.weight": ("embedding.word", "v c"),
            "transformer.wpe.weight": ("embedding.position", "positions c"),
            **_norm("transformer.ln_f", "norm", shift=True),
            "lm_head.weight": ("logits", "v c"),
        }
    ),
    layer="transformer.h.{layer}.",
    inside=_table(
        {
            **_norm("ln_1", "attention_norm", shift=True),
            "attn.c_attn.weight": (
                "attention.query attention.key attention.value",
                "c h·d+g·d+g·e",
            ),
            "attn.c_attn.bias": (
                "attention.query_bias attention.key_bias attention.value_bias",
                "h·d+g·d+g·e",
            ),
            "attn.c_proj.weight": ("attention.output", "h·e c"),
            "attn.c_proj.bias": ("attention.output_bias", "c"),
            **_norm("ln_2", "network_norm", shift=True),
            "mlp.c_fc.weight": ("dense.widen", "c f"),
            "mlp.c_fc.bias": ("dense.widen_bias", "f"),
            "mlp.c_proj.weight": ("dense.narrow", "f c"),
            "mlp.c_proj.bias": ("dense.narrow_bias", "c"),
        }
    ),
    prefix="transformer.",
    idle=r"transformer\.h\.\d+\.attn\.(masked_)?bias",  # a triangle of ones, and -10⁴
)

PHI = Names(
    outside=_table(
        {
            "model.embed_tokens.weight": ("embedding.word", "v c"),
            **_norm("model.final_layernorm", "norm", shift=True),
            "lm_head.weight": ("logits", "v c"),
            "lm_head.bias": ("logits_bias", "v"),
        }
    ),
    layer="model.layers.{layer}.",
    inside=_table(
        {
            **_norm("input_layernorm", "attention_norm", shift=True),
            **{name: held for name, held in HEADS.items() if ".o_proj." not in name},
            "self_attn.dense.weight": ("attention.output", "c h·e"),
            "self_attn.dense.bias": ("attention.output_bias", "c"),
            "mlp.fc1.weight": ("dense.widen", "f c"),
            "mlp.fc1.bias": ("dense.widen_bias", "f"),
            "mlp.fc2.weight": ("dense.narrow", "c f"),
            "mlp.fc2.bias": ("dense.narrow_bias", "c"),
        }
    ),
    prefix="model.",
)

BERT = Names(
    outside=_table(
        {
            "embeddings.word_embeddings.weight": ("embeddings.word", "v c"),
            "embeddings.position_embeddings.weight": ("embeddings.position", "positions c"),
            "embeddings.token_type_embeddings.weight": ("embeddings.type", "types c"),
            **_norm("embeddings.LayerNorm", "embeddings.norm", shift=True),
        }
    ),
    layer="encoder.layer.{layer}.",
    inside=_table(
        {
            "attention.self.query.weight": ("query", "h·d c"),
            "attention.self.query.bias": ("query_bias", "h·d"),
            "attention.self.key.weight": ("key", "h·d c"),
            "attention.self.key.bias": ("key_bias", "h·d"),
            "attention.self.value.weight": ("value", "h·d c"),
            "attention.self.value.bias": ("value_bias", "h·d"),
            "attention.output.dense.weight": ("output", "c h·d"),
            "attention.output.dense.bias": ("output_bias", "c"),
            **_norm("attention.output.LayerNorm", "attention_norm", shift=True),
            "intermediate.dense.weight": ("widen", "f c"),
            "intermediate.dense.bias": ("widen_bias", "f"),
            "output.dense.weight": ("narrow", "c f"),
            "output.dense.bias": ("narrow_bias", "c"),
            **_norm("output.LayerNorm", "feed_forward_norm", shift=True),
        }
    ),
    prefix="bert.",
    # 0, 1, 2, …; and the heads of the two tasks that BERT was trained with.
    idle=r"embeddings\.position_ids|pooler\.dense\.(weight|bias)|cls\..*",
    renamed=(("LayerNorm.gamma", "LayerNorm.weight"), ("LayerNorm.beta", "LayerNorm.bias")),
)

LLAMA = _like_llama(TWO_NORMS | HEADS | GATED)
QWEN_EXPERTS = _like_llama(
    TWO_NORMS | HEADS | GATED | _experts("mlp", *PROJECTED) | _shared("mlp.shared_expert")
)
DEEPSEEK = _like_llama(
    TWO_NORMS | LATENT | GATED | _experts("mlp", *PROJECTED) | _shared("mlp.shared_experts")
)

NAMES: Mapping[str, Names] = {
    "bert": BERT,
    "gpt2": GPT2,
    "llama": LLAMA,
    "mistral": LLAMA,
    "mixtral": _like_llama(TWO_NORMS | HEADS | _experts("block_sparse_moe", "w1", "w3", "w2")),
    "qwen2": LLAMA,
    "qwen2_moe": QWEN_EXPERTS,
    "qwen3": LLAMA,
    "qwen3_moe": QWEN_EXPERTS,
    "gemma": LLAMA,
    "gemma2": _like_llama(FOUR_NORMS | HEADS | GATED),
    "phi": PHI,
    "deepseek_v2": DEEPSEEK,
    "deepseek_v3": DEEPSEEK,
}
"""Family → the names of its tensors."""
