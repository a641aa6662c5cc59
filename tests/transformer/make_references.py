"""Computes tests/data/decoder_references.json: `python -m tests.transformer.make_references`.

Needs transformers and torch. Models are as small as they can be with all their parts at work.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.transformer import models
from tests.transformer.models import EXPERTS, HEAD
from tests.transformer.references import IDS, LENGTHS, PATH, PROMPT, tensor

SMALL = models.SMALL | {"max_position_embeddings": 32, "bos_token_id": 0, "eos_token_id": 1}
LATENT = {
    "num_key_value_heads": 4,
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
}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 100.0,
    "factor": 4.0,
    "original_max_position_embeddings": 8,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 1.0,
    "mscale_all_dim": 0.5,
}
GPT2 = {"vocab_size": 23, "n_embd": 12, "n_layer": 2, "n_head": 3, "n_positions": 16}

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("GPT2", GPT2 | {"bos_token_id": 0, "eos_token_id": 1}),
    "llama": ("Llama", SMALL | HEAD | {"rope_parameters": LLAMA3}),
    "llama-biases": (
        "Llama",
        SMALL | {"attention_bias": True, "mlp_bias": True, "hidden_size": 16}
        | {"tie_word_embeddings": True},
    ),
    "mistral": ("Mistral", SMALL | HEAD | {"sliding_window": 3}),
    "mixtral": ("Mixtral", SMALL | HEAD | {"num_local_experts": 4}),
    "qwen2": (
        "Qwen2",
        SMALL | {"hidden_size": 16, "use_sliding_window": True, "sliding_window": 2}
        | {"max_window_layers": 1},
    ),
    "qwen2_moe": (
        "Qwen2Moe",
        SMALL | {"hidden_size": 16, "shared_expert_intermediate_size": 7} | EXPERTS,
    ),
    "qwen3": ("Qwen3", SMALL | HEAD),
    "qwen3_moe": ("Qwen3Moe", SMALL | HEAD | EXPERTS | {"norm_topk_prob": True}),
    "gemma": ("Gemma", SMALL | HEAD),
    "gemma2": (
        "Gemma2",
        SMALL | HEAD | {"num_hidden_layers": 3, "sliding_window": 2, "query_pre_attn_scalar": 5}
        | {"attn_logit_softcapping": 1.5, "final_logit_softcapping": 2.0},
    ),
    "phi": ("Phi", SMALL | {"hidden_size": 32, "num_key_value_heads": 4}),
    "deepseek_v2": (
        "DeepseekV2",
        SMALL | LATENT | {"q_lora_rank": None, "topk_method": "group_limited_greedy"}
        | {"n_shared_experts": 1, "routed_scaling_factor": 1.5},
    ),
    "deepseek_v3": ("DeepseekV3", SMALL | LATENT | {"q_lora_rank": 7, "rope_parameters": YARN}),
    "bert": (
        "Bert",
        {"vocab_size": 23, "hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3}
        | {"intermediate_size": 10, "max_position_embeddings": 16},
    ),
}  # fmt: skip


def main() -> None:
    """Compute all models and write the file."""
    torch.manual_seed(0)
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}"
    document = {
        "source": f"{versions}, in float64 with eager attention; tests/transformer/"
        "make_references.py computes this file",
        "models": {name: _computed(*model) for name, model in MODELS.items()},
    }
    text = json.dumps(document, separators=(",", ":"))
    PATH.write_text(text.replace('},"', '},\n"') + "\n", encoding="utf-8")


def _computed(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Config, shapes of the tensors, and results of one model."""
    config = getattr(transformers, f"{kind}Config")(**settings, attn_implementation="eager")
    names = {"GPT2": "GPT2LMHeadModel", "Bert": "BertModel"}
    cls = getattr(transformers, names.get(kind, f"{kind}ForCausalLM"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        cls(config).save_pretrained(folder)
        with safe_open(file, "numpy") as held:
            shapes = {name: list(held.get_slice(name).get_shape()) for name in sorted(held.keys())}
        made = {name: tensor(name, tuple(shape)) for name, shape in shapes.items()}
        save_file(made, file, metadata={"format": "pt"})
        plain = {"attn_implementation": "eager", "experts_implementation": "eager"}
        model = cls.from_pretrained(folder, **plain).double().eval()
        fields = json.loads((Path(folder) / "config.json").read_text())
    with torch.no_grad():
        results = _encoded(model) if kind == "Bert" else _decoded(model)
    return {"config": fields, "tensors": shapes, **results}


def _encoded(model: Any) -> dict[str, Any]:
    """The hidden states of two sequences, the second of which is filled up."""
    mask = np.arange(IDS.shape[1]) < np.array([[7], [4]])
    found = model(torch.tensor(IDS), torch.tensor(mask), output_hidden_states=True)
    return {"mask": mask.astype(int).tolist(), "hidden": _numbers(torch.stack(found.hidden_states))}


def _decoded(model: Any) -> dict[str, Any]:
    """Logits, the norms of hidden states, and greedy continuations."""
    found = model(torch.tensor(IDS), output_hidden_states=True)
    settings = {"do_sample": False, "max_new_tokens": 6, "eos_token_id": None, "pad_token_id": 0}

    def greedy(prompt: Any) -> Any:
        ids = torch.tensor(prompt)[None]
        return model.generate(ids, attention_mask=torch.ones_like(ids), **settings)[
            0, len(prompt) :
        ]

    return {
        "logits": _numbers(found.logits),
        "norms": _numbers(torch.stack(found.hidden_states[:-1]).norm(dim=-1)),
        "greedy": [greedy(row[:PROMPT]).tolist() for row in IDS],
        "greedy_uneven": [greedy(row[:n]).tolist() for row, n in zip(IDS, LENGTHS, strict=True)],
    }


def _numbers(array: Any) -> Any:
    """Nested lists of numbers with seven digits."""
    text = json.dumps(array.tolist())
    return json.loads(text, parse_float=lambda digits: float(f"{float(digits):.7g}"))


if __name__ == "__main__":
    main()
