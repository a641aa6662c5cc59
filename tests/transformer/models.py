"""Configs of published models as they stand in their config.json, and small ones of each family."""

from __future__ import annotations

import json
from typing import Any

from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.families import model_config_from_json


def llama(
    width: int, wide: int, layers: int, heads: int, groups: int, words: int
) -> dict[str, Any]:
    """The fields of a model of the family llama."""
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": width,
        "intermediate_size": wide,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "vocab_size": words,
        "max_position_embeddings": 8192,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 500000.0,
        "rope_scaling": None,
        "attention_bias": False,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
    }


def gpt2(width: int, layers: int, heads: int, words: int, positions: int) -> dict[str, Any]:
    """The fields of a model of the family gpt2."""
    return {
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_embd": width,
        "n_layer": layers,
        "n_head": heads,
        "n_positions": positions,
        "n_ctx": positions,
        "vocab_size": words,
        "layer_norm_epsilon": 1e-5,
        "attn_pdrop": 0.1,
    }


QWEN = {"use_sliding_window": False, "sliding_window": 32768, "max_window_layers": 21}
LLAMA_3_8B = llama(4096, 14336, 32, 32, 8, 128256)

PUBLISHED: dict[str, tuple[dict[str, Any], int]] = {
    "gpt2": (gpt2(768, 12, 12, 50257, 1024), 124439808),
    "gpt2-xl": (gpt2(1600, 48, 25, 50257, 1024), 1557611200),
    "Llama-2-7b": (llama(4096, 11008, 32, 32, 32, 32000), 6738415616),
    "Llama-3-8B": (LLAMA_3_8B, 8030261248),
    "Llama-3.1-405B": (llama(16384, 53248, 126, 128, 8, 128256), 405853388800),
    "Mistral-7B-v0.1": (
        llama(4096, 14336, 32, 32, 8, 32000) | {"model_type": "mistral", "sliding_window": 4096},
        7241732096,
    ),
    "Mixtral-8x7B-v0.1": (
        llama(4096, 14336, 32, 32, 8, 32000)
        | {
            "model_type": "mixtral",
            "num_local_experts": 8,
            "num_experts_per_tok": 2,
            "sliding_window": None,
        },
        46702792704,
    ),
    "Qwen2-7B": (
        llama(3584, 18944, 28, 28, 4, 152064) | {"model_type": "qwen2", **QWEN},
        7615616512,
    ),
    "Qwen1.5-MoE-A2.7B": (
        llama(2048, 5632, 24, 16, 16, 151936)
        | {
            "model_type": "qwen2_moe",
            **QWEN,
            "num_experts": 60,
            "num_experts_per_tok": 4,
            "moe_intermediate_size": 1408,
            "shared_expert_intermediate_size": 5632,
            "decoder_sparse_step": 1,
            "norm_topk_prob": False,
        },
        14315784192,
    ),
    "Qwen3-8B": (
        llama(4096, 12288, 36, 32, 8, 151936) | {"model_type": "qwen3", **QWEN, "head_dim": 128},
        8190735360,
    ),
    "Qwen3-30B-A3B": (
        llama(2048, 6144, 48, 32, 4, 151936)
        | {
            "model_type": "qwen3_moe",
            **QWEN,
            "head_dim": 128,
            "num_experts": 128,
            "num_experts_per_tok": 8,
            "moe_intermediate_size": 768,
            "norm_topk_prob": True,
            "mlp_only_layers": [],
        },
        30532122624,
    ),
    "gemma-7b": (
        llama(3072, 24576, 28, 16, 16, 256000)
        | {"model_type": "gemma", "head_dim": 256, "hidden_act": "gelu"}
        | {"tie_word_embeddings": True},
        8537680896,
    ),
    "gemma-2-2b": (
        llama(2304, 9216, 26, 8, 4, 256000)
        | {
            "model_type": "gemma2",
            "head_dim": 256,
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_activation": "gelu_pytorch_tanh",
            "query_pre_attn_scalar": 256,
            "sliding_window": 4096,
            "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0,
            "tie_word_embeddings": True,
        },
        2614341888,
    ),
    "phi-2": (
        llama(2560, 10240, 32, 32, 32, 51200)
        | {
            "model_type": "phi",
            "hidden_act": "gelu_new",
            "layer_norm_eps": 1e-5,
            "partial_rotary_factor": 0.4,
            "qk_layernorm": False,
        },
        2779683840,
    ),
    "DeepSeek-V2-Lite": (
        llama(2048, 10944, 27, 16, 16, 102400)
        | {
            "model_type": "deepseek_v2",
            "q_lora_rank": None,
            "kv_lora_rank": 512,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
            "n_routed_experts": 64,
            "n_shared_experts": 2,
            "num_experts_per_tok": 6,
            "moe_intermediate_size": 1408,
            "first_k_dense_replace": 1,
            "moe_layer_freq": 1,
            "n_group": 1,
            "topk_group": 1,
            "topk_method": "greedy",
            "scoring_func": "softmax",
            "norm_topk_prob": False,
            "routed_scaling_factor": 1.0,
            "rope_theta": 10000,
            "rope_scaling": {
                "type": "yarn",
                "factor": 40,
                "original_max_position_embeddings": 4096,
                "beta_fast": 32,
                "beta_slow": 1,
                "mscale": 0.707,
                "mscale_all_dim": 0.707,
            },
        },
        15706484224,
    ),
    "DeepSeek-V3": (
        llama(7168, 18432, 61, 128, 128, 129280)
        | {
            "model_type": "deepseek_v3",
            "q_lora_rank": 1536,
            "kv_lora_rank": 512,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
            "n_routed_experts": 256,
            "n_shared_experts": 1,
            "num_experts_per_tok": 8,
            "moe_intermediate_size": 2048,
            "first_k_dense_replace": 3,
            "moe_layer_freq": 1,
            "n_group": 8,
            "topk_group": 4,
            "topk_method": "noaux_tc",
            "scoring_func": "sigmoid",
            "norm_topk_prob": True,
            "routed_scaling_factor": 2.5,
            "rope_theta": 10000,
            "rope_scaling": {
                "type": "yarn",
                "factor": 40,
                "original_max_position_embeddings": 4096,
                "beta_fast": 32,
                "beta_slow": 1,
                "mscale": 1.0,
                "mscale_all_dim": 1.0,
            },
            "quantization_config": {"quant_method": "fp8"},
        },
        671026419200,
    ),
}
"""Fields of published configs, and how many parameters their makers count."""
del PUBLISHED["phi-2"][0]["rms_norm_eps"], PUBLISHED["phi-2"][0]["attention_bias"]
for model in ("Mistral-7B-v0.1", "Mixtral-8x7B-v0.1", "Qwen2-7B", "Qwen1.5-MoE-A2.7B"):
    del PUBLISHED[model][0]["attention_bias"]

SMALL = {
    "vocab_size": 23,
    "hidden_size": 12,
    "intermediate_size": 10,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
HEAD = {"head_dim": 6}
EXPERTS = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 5}

SHRUNK: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 9, "n_ctx": 9}
    | {"vocab_size": 23},
    "Llama-3-8B": SMALL
    | HEAD
    | {
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8,
        },
    },
    "Mistral-7B-v0.1": SMALL | HEAD | {"sliding_window": 3},
    "Mixtral-8x7B-v0.1": SMALL | HEAD | {"num_local_experts": 4},
    "Qwen2-7B": SMALL
    | HEAD
    | {"use_sliding_window": True, "sliding_window": 2, "max_window_layers": 1},
    "Qwen1.5-MoE-A2.7B": SMALL | HEAD | EXPERTS | {"shared_expert_intermediate_size": 7},
    "Qwen3-8B": SMALL | HEAD,
    "Qwen3-30B-A3B": SMALL | HEAD | EXPERTS | {"decoder_sparse_step": 2},
    "gemma-7b": SMALL | HEAD,
    "gemma-2-2b": SMALL
    | HEAD
    | {
        "num_hidden_layers": 3,
        "sliding_window": 2,
        "attn_logit_softcapping": 1.5,
        "final_logit_softcapping": 2.0,
        "query_pre_attn_scalar": 5,
    },
    "phi-2": SMALL | {"hidden_size": 24, "num_key_value_heads": 4, "partial_rotary_factor": 0.67},
    "DeepSeek-V2-Lite": SMALL
    | {
        "num_key_value_heads": 4,
        "kv_lora_rank": 6,
        "qk_nope_head_dim": 5,
        "qk_rope_head_dim": 4,
        "v_head_dim": 3,
        "n_routed_experts": 8,
        "n_shared_experts": 1,
        "num_experts_per_tok": 3,
        "topk_method": "group_limited_greedy",
        "n_group": 4,
        "topk_group": 2,
        "routed_scaling_factor": 1.5,
        "moe_intermediate_size": 5,
    },
    "DeepSeek-V3": SMALL
    | {
        "num_key_value_heads": 4,
        "q_lora_rank": 7,
        "kv_lora_rank": 6,
        "qk_nope_head_dim": 5,
        "qk_rope_head_dim": 4,
        "v_head_dim": 3,
        "n_routed_experts": 8,
        "num_experts_per_tok": 3,
        "n_group": 4,
        "topk_group": 2,
        "moe_intermediate_size": 5,
        "first_k_dense_replace": 1,
    },
}
"""What makes a published config small, without making two of its lengths equal where it can."""


def published(model: str, **changes: Any) -> DecoderConfig:
    """The config of a published decoder, with some fields changed."""
    found = model_config_from_json(json.dumps(PUBLISHED[model][0] | changes))
    assert isinstance(found, DecoderConfig)
    return found


def small(model: str) -> DecoderConfig:
    """A small config with the parts of a published one."""
    return published(model, **SHRUNK[model])
