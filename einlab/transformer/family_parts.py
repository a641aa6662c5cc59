"""Readers of the parts of a config.json in which decoders differ, each used by several families.

A reader takes the fields and what was read before it, and gives more fields of `DecoderConfig`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from einlab.errors import FileError
from einlab.transformer.configfile import Fields, short
from einlab.transformer.decoder_config import Experts, Latent
from einlab.transformer.rotary_fields import rotary_of

__all__ = ["Reader"]

Found = dict[str, Any]
Reader = Callable[[Fields, Found], Found]

MOST_EXPERTS = 2**16

ACTIVATIONS = {
    "silu": "silu",
    "swish": "silu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "relu": "relu",
}


def equal_heads(fields: Fields, found: Found) -> Found:
    """As many heads of keys as of queries, which share the width evenly."""
    return {"groups": found["heads"], "head_size": _shared_width(fields, found)}


def grouped_heads(fields: Fields, found: Found) -> Found:
    """Heads of keys of their own number, and a head size of its own where it is given."""
    groups = fields.count("num_key_value_heads", None) or found["heads"]
    given = fields.count("head_dim", None)
    return {"groups": groups, "head_size": given or _shared_width(fields, found)}


def _shared_width(fields: Fields, found: Found) -> int:
    size, rest = divmod(found["width"], found["heads"])
    if rest and not fields.missing:
        raise FileError(
            f"the width, {found['width']}, is no multiple of the {found['heads']} heads"
        )
    return size or 1


def rotary(fields: Fields, found: Found) -> Found:
    """Rotary embeddings of a whole head, or of a share of it."""
    absent = 0.5 if found["family"] == "phi" else 1.0  # what the family's format then means
    newer = fields.object("rope_parameters", None)
    if newer is not None:
        absent = newer.number("partial_rotary_factor", absent, most=1.0)
    share = fields.number("partial_rotary_factor", absent, most=1.0)
    return {"rotary": rotary_of(fields, int(found["head_size"] * share), found["positions"])}


def same_context(fields: Fields, found: Found) -> Found:
    """GPT-2 gives its longest sequence twice; a feed-forward width of null is four widths."""
    if fields.count("n_ctx", found["positions"]) != found["positions"] and not fields.missing:
        fields.refuse("n_ctx", f"the same as n_positions, {found['positions']}")
    return {"feed_forward": found["feed_forward"] or 4 * found["width"]}


def activation(fields: Fields, _: Found) -> Found:
    """The function between the layers of the network."""
    return {"activation": fields.one_of("hidden_act", ACTIVATIONS)}


def gpt2_activation(fields: Fields, _: Found) -> Found:
    """GPT-2 has another name for the field."""
    return {"activation": fields.one_of("activation_function", ACTIVATIONS)}


def gemma_activation(fields: Fields, _: Found) -> Found:
    """Gemma's first configs say "gelu" and mean its tanh form, as hidden_activation says now."""
    old = fields.one_of("hidden_act", ACTIVATIONS | {"gelu": "gelu_tanh", None: None}, None)
    new = fields.one_of("hidden_activation", ACTIVATIONS | {None: None}, None)
    return {"activation": new or old or "gelu_tanh"}


def llama_biases(fields: Fields, found: Found) -> Found:
    """Biases of attention and of the network, each all or none."""
    return attention_biases(fields, found) | {"feed_forward_bias": fields.flag("mlp_bias", False)}


def attention_biases(fields: Fields, _: Found) -> Found:
    """Biases of the four products around attention, all or none."""
    bias = fields.flag("attention_bias", False)
    return {"attention_bias": bias, "output_bias": bias}


def qkv_bias(fields: Fields, _: Found) -> Found:
    """Biases of queries, keys and values."""
    return {"attention_bias": fields.flag("qkv_bias", True)}


def rooted_embedding(_: Fields, found: Found) -> Found:
    """Embeddings are multiplied by the root of the width."""
    return {"embedding_scale": math.sqrt(found["width"])}


def gemma2_scores(fields: Fields, _: Found) -> Found:
    """Scores and logits are capped softly; scores have a scale of their own."""
    return {
        "score_size": fields.number("query_pre_attn_scalar"),
        "score_cap": fields.number("attn_logit_softcapping", nullable=True),
        "logit_cap": fields.number("final_logit_softcapping", nullable=True),
    }


def one_window(fields: Fields, found: Found) -> Found:
    """The same window in every layer; null means none."""
    window = fields.count("sliding_window", None)
    return {"windows": (window,) * found["layers"] if window else ()}


def late_windows(fields: Fields, found: Found) -> Found:
    """A window in the layers from max_window_layers on, if windows are used at all."""
    used = fields.flag("use_sliding_window", False)
    window = fields.count("sliding_window", None, least=0) or None
    first = fields.count("max_window_layers", found["layers"], least=0)
    if not used or window is None:
        _types(fields, found, {"full_attention": None})
        return {}
    listed = _types(fields, found, {"full_attention": None, "sliding_attention": window})
    return {"windows": listed or tuple(window if n >= first else None for n in layers_of(found))}


def alternate_windows(fields: Fields, found: Found) -> Found:
    """A window in every other layer, the first among them, unless layer_types says otherwise."""
    window = fields.count("sliding_window")
    listed = _types(fields, found, {"full_attention": None, "sliding_attention": window})
    return {"windows": listed or tuple(None if n % 2 else window for n in layers_of(found))}


def layers_of(found: Found) -> range:
    """The numbers of the layers."""
    return range(found["layers"])


def _types(fields: Fields, found: Found, windows: dict[str, int | None]) -> tuple[Any, ...]:
    """The window of each layer by the list layer_types; () where there is no list."""
    listed = fields.take("layer_types", None)
    if listed is None:
        return ()
    if not isinstance(listed, list) or len(listed) != found["layers"]:
        fields.refuse("layer_types", f"a list of {found['layers']} words")
    for word in listed:
        if not isinstance(word, str) or word not in windows:
            raise FileError(f"layer_types holds {short(word)}; expected {' or '.join(windows)}")
    return tuple(windows[word] for word in listed)


def mixtral_experts(fields: Fields, found: Found) -> Found:
    """All layers have experts as wide as the network they replace."""
    count = fields.count("num_local_experts", most=MOST_EXPERTS)
    chosen = fields.count("num_experts_per_tok", most=MOST_EXPERTS)
    return {"experts": Experts(count=count, chosen=chosen, width=found["feed_forward"])}


def qwen2_experts(fields: Fields, found: Found) -> Found:
    """Experts beside one network that every token goes to, behind a gate."""
    shared = fields.count("shared_expert_intermediate_size")
    return _qwen_experts(fields, found, {"shared": shared, "shared_gate": True})


def qwen3_experts(fields: Fields, found: Found) -> Found:
    """Experts alone."""
    return _qwen_experts(fields, found, {})


def _qwen_experts(fields: Fields, found: Found, extra: dict[str, Any]) -> Found:
    step = fields.count("decoder_sparse_step", 1)
    dense = fields.take("mlp_only_layers", None) or []
    if not isinstance(dense, list) or any(type(n) is not int or n < 0 for n in dense):
        fields.refuse("mlp_only_layers", "a list of numbers of layers")
    experts = Experts(
        count=fields.count(fields.given("num_local_experts", "num_experts"), most=MOST_EXPERTS),
        chosen=fields.count("num_experts_per_tok", most=MOST_EXPERTS),
        width=fields.count("moe_intermediate_size"),
        normalised=fields.flag("norm_topk_prob", False),
        **extra,
    )
    sparse = tuple(n not in dense and (n + 1) % step == 0 for n in layers_of(found))
    return {"experts": experts, "sparse": sparse}


def latent_heads(fields: Fields, found: Found) -> Found:
    """Latent attention: the sizes of its vectors, and rotary embeddings of a part of each head."""
    latent = Latent(
        query_rank=fields.count("q_lora_rank", nullable=True),
        rank=fields.count("kv_lora_rank"),
        plain=fields.count("qk_nope_head_dim"),
        turned=fields.count("qk_rope_head_dim"),
        value=fields.count("v_head_dim"),
    )
    groups = fields.count("num_key_value_heads", found["heads"])
    if groups != found["heads"] and not fields.missing:
        fields.refuse("num_key_value_heads", f"the number of heads, {found['heads']}")
    size = latent.plain + latent.turned
    for name, expected in (("head_dim", latent.turned), ("qk_head_dim", size)):
        if fields.count(name, expected) != expected and not fields.missing:
            fields.refuse(name, str(expected))
    interleaved = fields.flag("rope_interleave", True)
    turned = rotary_of(fields, latent.turned, found["positions"], interleaved=interleaved)
    return {"latent": latent, "groups": found["heads"], "head_size": size, "rotary": turned}


def deepseek_experts(fields: Fields, found: Found) -> Found:
    """Experts in groups, chosen by sigmoid scores with a bias, beside shared ones."""
    fields.fixed({"topk_method": "noaux_tc", "scoring_func": "sigmoid"})
    return _deepseek_experts(
        fields,
        found,
        score="sigmoid",
        normalised=fields.flag("norm_topk_prob"),
        correction=True,
        groups=fields.count("n_group"),
        groups_chosen=fields.count("topk_group"),
    )


def deepseek2_experts(fields: Fields, found: Found) -> Found:
    """Experts chosen by their softmax, from the groups with the best expert or from all."""
    fields.fixed({"scoring_func": "softmax", "norm_topk_prob": False})
    methods = {"greedy": False, "group_limited_greedy": True}
    grouped = fields.one_of("topk_method", methods, "greedy")
    count = {name: fields.count(name, None) or 1 for name in ("n_group", "topk_group")}
    groups = (count["n_group"], count["topk_group"]) if grouped else (1, 1)
    return _deepseek_experts(
        fields,
        found,
        normalised=False,
        groups=groups[0],
        groups_chosen=groups[1],
        group_best=1,
    )


def _deepseek_experts(fields: Fields, found: Found, **choice: Any) -> Found:
    fields.fixed({"moe_layer_freq": 1})
    width = fields.count("moe_intermediate_size")
    experts = Experts(
        count=fields.count("n_routed_experts", most=MOST_EXPERTS),
        chosen=fields.count("num_experts_per_tok", most=MOST_EXPERTS),
        width=width,
        shared=width * (fields.count("n_shared_experts", None) or 0),
        scale=fields.number("routed_scaling_factor"),
        **choice,
    )
    first = fields.count("first_k_dense_replace", least=0)
    return {"experts": experts, "sparse": tuple(n >= first for n in layers_of(found))}
