"""A layer's products cost in the page what their plans and the traced model say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einlab import plan
from einlab.transformer import budget
from tests.docs.node import evaluate

LLAMA = {
    "model_type": "llama",
    "vocab_size": 64,
    "max_position_embeddings": 64,
    "hidden_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "intermediate_size": 80,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}
GPT2 = {
    "model_type": "gpt2",
    "vocab_size": 64,
    "n_positions": 64,
    "n_embd": 48,
    "n_layer": 1,
    "n_head": 6,
    "layer_norm_epsilon": 1e-5,
    "activation_function": "gelu_new",
}


def random_models(count: int) -> list[tuple[int, dict[str, Any]]]:
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        tokens, width, groups, shared, size, feed = random.integers(2, 200, 6).tolist()
        heads = groups * (shared % 5 + 1)
        gated = bool(random.integers(2))
        model = {"width": width, "heads": heads, "groups": groups, "size": size}
        found.append((tokens, {**model, "feed": feed, "gated": gated}))
    return found


def test_each_product_costs_what_its_plan_costs():
    cases = random_models(500)
    found = evaluate("widgets/share.js", "einlabShare.products", cases)
    for (t, model), products in zip(cases, found, strict=True):
        c, h, g, d, f, gated = model.values()
        x, q, k = (t, c), (t, g, h // g, d), (t, g, d)
        into = plan("tc,hdc->thd", x, (h, d, c)).flops + 2 * plan("tc,gdc->tgd", x, (g, d, c)).flops
        up = plan("tc,fc->tf", x, (f, c)).flops
        assert products == {
            "queries, keys, values": into,
            "scores": plan("tgjd,sgd->gjts", q, k).flops,
            "weighted values": plan("gjts,sge->tgje", (g, h // g, t, t), k).flops,
            "output": plan("thd,chd->tc", (t, h, d), (c, h, d)).flops,
            "gate and up" if gated else "up": 2 * up if gated else up,
            "down": plan("tf,cf->tc", (t, f), (c, f)).flops,
        }


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (LLAMA, {"width": 48, "heads": 6, "groups": 2, "size": 8, "feed": 80, "gated": True}),
        (GPT2, {"width": 48, "heads": 6, "groups": 6, "size": 8, "feed": 192, "gated": False}),
    ],
    ids=["gated", "plain"],
)
def test_a_layer_costs_what_the_traced_model_says(config, model):
    for tokens in (2, 17):
        (found,) = evaluate("widgets/share.js", "einlabShare.products", [[tokens, model]])
        traced = budget(config, prompt=tokens).by_product("forward")
        wanted = {"projections": 0, "attention": 0, "network": 0}
        for name, (_, cost) in traced.items():
            part = name.partition(":")[0]
            if part in wanted:
                wanted[part] += cost.flops
        told = list(found.values())
        assert told[0] + told[3] == wanted["projections"]
        assert told[1] + told[2] == wanted["attention"]
        assert told[4] + told[5] == wanted["network"]


def test_half_is_the_first_number_of_tokens_at_which_pairs_take_half():
    models = [model for _, model in random_models(500)]
    halves = evaluate("widgets/share.js", "einlabShare.half", [[model] for model in models])
    for less in (0, 1):
        cases = [
            [tokens - less, model]
            for tokens, model in zip(halves, models, strict=True)
            if tokens > less
        ]
        for products in evaluate("widgets/share.js", "einlabShare.products", cases):
            pairs = products["scores"] + products["weighted values"]
            assert (2 * pairs >= sum(products.values())) == (less == 0)
