from __future__ import annotations

import json
import math
from typing import Any

import pytest

from einlab.errors import ArgumentError, ArgumentTypeError, EinlabError, FileError
from einlab.show import text
from einlab.transformer import Budget, budget
from einlab.transformer.budget_file import SCHEMA
from einlab.transformer.counts import adapter_parameters, parameters
from einlab.transformer.decoder import RECOMPUTE
from einlab.transformer.memory import activation_bytes, cache_bytes, state_bytes
from tests.schemas import problems
from tests.transformer.models import PUBLISHED, SHRUNK, published, small

LLAMA = PUBLISHED["Llama-3-8B"][0]
BERT = {
    "model_type": "bert", "hidden_act": "gelu", "vocab_size": 30522, "hidden_size": 768,
    "max_position_embeddings": 512, "type_vocab_size": 2, "num_attention_heads": 12,
    "num_hidden_layers": 2, "intermediate_size": 3072, "layer_norm_eps": 1e-12, "pad_token_id": 0,
}  # fmt: skip


@pytest.mark.parametrize("model", PUBLISHED)
def test_parameters_are_those_that_the_makers_count(model: str) -> None:
    assert parameters(published(model)).total == PUBLISHED[model][1]


def test_a_bert_without_its_pooler_has_the_published_parameters() -> None:
    found = budget(BERT | {"num_hidden_layers": 12}).parameters
    assert found.total == 109482240 - 768 * 769  # bert-base-uncased, less its pooler
    assert found.active == found.total


def test_parameters_of_parts_add_up() -> None:
    found = parameters(published("DeepSeek-V3"))
    assert sum(count for _, count in found.parts) == found.total
    assert found.of("embedding") == found.of("logits") == 129280 * 7168
    assert found.of("shared experts") == 58 * 3 * 7168 * 2048
    assert found.active == found.total - 58 * 248 * 3 * 7168 * 2048


@pytest.mark.parametrize("model", [m for m in SHRUNK if small(m).latent is None])
def test_forward_flops_are_those_of_the_closed_form(model: str) -> None:
    config, length = small(model), 5
    found = budget(config, prompt=length, batch=3, convention="nanogpt").parts("forward")
    tokens = 3 * length
    heads, wide = config.heads + 2 * config.groups, config.head_size
    ways = 3 if config.gated else 2
    dense = sum(not kind.sparse for kind in config.kinds)
    expected = {
        "projections": 2 * tokens * config.layers * config.width * wide * (heads + config.heads),
        "network": 2 * tokens * dense * config.width * config.feed_forward * ways,
        "logits": 2 * tokens * config.width * config.vocabulary,
    }
    if config.experts is not None:
        sparse = config.layers - dense
        chosen = config.experts.chosen * (3 * config.experts.width * config.width + config.width)
        expected["experts"] = 2 * tokens * sparse * chosen
    for part, flops in expected.items():
        assert (found[part].flops if part in found else 0) == flops, part
    seen = sum(min(kind.window or length, length) for kind in config.kinds)
    assert found["attention"].flops == 4 * tokens * seen * config.heads * wide


def test_training_costs_three_forward_passes_of_products() -> None:
    found = budget(small("Llama-3-8B"), prompt=5, batch=2, convention="nanogpt")
    once = budget(small("Llama-3-8B"), prompt=5, batch=2, convention="macs")
    assert found.training.flops == 3 * found.forward.flops == found.model_flops("nanogpt")
    assert 2 * once.training.flops == 3 * 2 * once.forward.flops


def test_recomputing_adds_flops_and_saves_bytes() -> None:
    levels = {level: budget(LLAMA, prompt=512, recompute=level) for level in RECOMPUTE}
    flops = [found.training.flops for found in levels.values()]
    assert flops == sorted(flops)
    kept = levels["none"].activation_bytes
    assert list(kept) == list(RECOMPUTE)
    assert kept["none"] > kept["attention"] > kept["layer"]
    hidden = 32 * 512 * 4096 * 2  # the input of each layer
    assert hidden <= kept["layer"] < 2 * hidden + 512 * 128256 * 8  # and what the loss keeps


def test_activations_grow_with_the_batch_and_leave_weights_out() -> None:
    config = small("Llama-3-8B")
    one, two = (activation_bytes(config, batch, 5) for batch in (1, 2))
    assert two == 2 * one > 0


def test_the_state_of_training_is_sixteen_bytes_a_parameter() -> None:
    assert sum(state_bytes(10).values()) == 160
    found = budget(LLAMA, optimiser="sgd")
    assert found.state_bytes == {"weights": 4 * 8030261248, "gradients": 4 * 8030261248}


def test_devices_divide_more_of_the_state_with_each_stage() -> None:
    found = [sum(state_bytes(7_500_000_000, stage=n, devices=64).values()) / 1e9 for n in range(4)]
    assert found == pytest.approx([120, 31.4, 16.6, 1.9], rel=0.02)  # ZeRO, figure 1
    assert sum(state_bytes(10, "adam-float32", stage=3, devices=4).values()) == 40
    with pytest.raises(ArgumentError, match="stage is 4"):
        state_bytes(1, stage=4)
    with pytest.raises(ArgumentError, match="devices is 0"):
        state_bytes(1, devices=0)


def test_a_cache_holds_windows_and_short_vectors_alone() -> None:
    mistral = published("Mistral-7B-v0.1")
    assert cache_bytes(mistral, 1, 4096) == cache_bytes(mistral, 1, 8192) == 2**29
    assert cache_bytes(published("DeepSeek-V3"), 1, 1) == 61 * (512 + 64) * 2
    found = budget(LLAMA, batch=3, prompt=90, generate=10)
    assert found.cache_bytes == 3 * 100 * 131072
    assert found.cache_bytes_per_token == 131072


def test_latent_attention_is_planned_for_each_phase() -> None:
    """A step meets the cache in its short form: far fewer FLOPs than with keys made from it."""
    found = budget(published("DeepSeek-V3"), prompt=4000, generate=96, convention="nanogpt")
    scores = found.parts("decode")["attention"].flops
    expanded = 4096 * 61 * 2 * 128 * 512 * (128 + 128)
    assert scores < expanded / 50
    assert scores >= 61 * 4096 * 2 * 128 * (512 + 64 + 512)


def test_a_step_reads_weights_and_cache_once() -> None:
    found = budget(LLAMA, batch=8, prompt=1000, generate=24, machine="H100 SXM")
    read = (8030261248 - 128256 * 4096) * 2 + 8 * 1024 * 131072
    assert found.seconds("decode") == pytest.approx(read / 3.35e12)
    assert found.critical_batch == pytest.approx(989.4e12 / 3.35e12, rel=0.01)
    assert found.seconds("training") > found.seconds("prefill") > found.seconds("decode")


def test_a_step_reads_the_experts_that_its_tokens_chose() -> None:
    model = published("Mixtral-8x7B-v0.1")
    one, two, many = (budget(model, batch=batch, prompt=9).read_bytes for batch in (1, 2, 9))
    expert = 32 * 3 * 4096 * 14336 * 2
    assert (two - one, many - one) == (2 * expert, 6 * expert)
    assert one == (parameters(model).active - 32000 * 4096) * 2


def test_twice_the_devices_take_half_the_time() -> None:
    one, two = (budget(LLAMA, prompt=64, machine="H100 SXM", devices=n) for n in (1, 2))
    for phase in ("training", "prefill", "decode"):
        assert one.seconds(phase) == pytest.approx(2 * two.seconds(phase))


def test_utilisation_days_and_petaflop_days_fit_each_other() -> None:
    found = budget(LLAMA, prompt=512, machine="H100 SXM", devices=8, recompute="layer")
    mfu = found.mfu(50_000.0)
    assert 0 < mfu < found.hfu(50_000.0) < 1
    assert found.days(1e12, mfu) == pytest.approx(1e12 / 50_000 / 86_400)
    peak = 8 * 989.4e12
    assert found.petaflop_days(1e12) == pytest.approx(found.days(1e12, 1.0) * peak / 1e15)


def test_the_parts_of_a_phase_add_up_to_its_report() -> None:
    found = budget(small("DeepSeek-V3"), prompt=5, generate=2)
    for phase, report in found.phases.items():
        assert sum(cost.flops for cost in found.parts(phase).values()) == report.flops
        assert not report.unknown


@pytest.mark.parametrize("model", ["gpt2", "gemma-2-2b", "Qwen3-30B-A3B", "DeepSeek-V3"])
def test_a_family_of_each_make_has_a_budget_in_text_and_json(model: str) -> None:
    found = budget(small(model), prompt=5, generate=2, machine="A100 80GB SXM", train_tokens=1e9)
    assert max(map(len, str(found).splitlines())) <= 80
    assert "critical batch" in str(found)
    assert "decode tokens a second at most" in str(found)
    document = json.loads(found.to_json())
    assert document["parameters"]["total"] == found.parameters.total
    assert document["phases"]["training"]["flops"] == found.training.flops
    by_product = found.table("product")
    assert max(map(len, text.render(by_product, width=80).splitlines())) <= 80
    total = sum(cost.flops for _, cost in found.by_product("decode").values())
    assert sum(value or 0 for value in by_product.column("decode")) == total  # type: ignore[misc]


@pytest.mark.parametrize("model", ["gpt2", "Qwen1.5-MoE-A2.7B"])
def test_every_difference_to_the_count_of_xla_is_explained(model: str) -> None:
    found = budget(small(model), prompt=5, generate=2, dtype="float32", recompute="layer")
    for phase, report in found.phases.items():
        named = {difference.name for difference in report.check(compiled=False).to_lowered}
        assert ("loop counted once" in named) or phase == "forward"


def test_an_encoder_has_a_budget_without_generation() -> None:
    found = budget(BERT, batch=2, prompt=16, machine="H100 SXM", convention="nanogpt")
    assert list(found.phases) == ["training", "forward"]
    layer = 12 * 768**2 + 2 * 16 * 768
    assert found.forward.flops == 2 * 2 * 16 * 2 * layer
    assert "cache" not in str(found)
    kept = found.activation_bytes
    assert kept["none"] > kept["attention"] > kept["layer"] >= 2 * 2 * 16 * 768 * 2
    again = budget(BERT, batch=2, prompt=16, recompute="layer")
    assert again.training.flops > budget(BERT, batch=2, prompt=16).training.flops
    with pytest.raises(ArgumentError, match="no phase decode"):
        found.parts("decode")


def test_adapters_are_counted_beside_the_matrices_they_adapt() -> None:
    config = published("Llama-3-8B")
    assert adapter_parameters(config, 8, ["query"]) == 32 * 8 * (4096 + 4096)
    assert adapter_parameters(config, 8, ["value"]) == 32 * 8 * (4096 + 1024)
    assert adapter_parameters(config, 1, ["narrow", "output"]) == 32 * (4096 * 3 + 14336)
    with pytest.raises(ArgumentError, match=r"no layer has a matrix 'up'; there are .*query"):
        adapter_parameters(config, 8, ["up"])
    with pytest.raises(ArgumentError, match="rank is 0"):
        adapter_parameters(config, 0)


@pytest.mark.parametrize(
    ("config", "settings", "error", "said"),
    [
        (LLAMA, {"batch": 0}, ArgumentError, "batch is 0"),
        (LLAMA, {"prompt": 2.0}, ArgumentTypeError, "prompt is 2.0"),
        (LLAMA, {"generate": -1}, ArgumentError, "generate is -1"),
        (LLAMA, {"dtype": "float7"}, EinlabError, "float7"),
        (LLAMA, {"dtype": "int8"}, ArgumentError, "dtype is 'int8'; models are traced in bfloat16"),
        (LLAMA, {"machine": "H900"}, ArgumentError, "unknown machine"),
        (LLAMA, {"optimiser": "lion"}, ArgumentError, "known are adam"),
        (LLAMA, {"recompute": "all"}, ArgumentError, "expected none"),
        (LLAMA, {"convention": "plam"}, ArgumentError, "did you mean 'palm'"),
        (LLAMA, {"tokens_per_second": "x"}, ArgumentTypeError, "tokens_per_second is 'x'"),
        (LLAMA, {"train_tokens": math.inf}, ArgumentError, "train_tokens is inf"),
        (7, {}, ArgumentTypeError, "a config is a path"),
        ({"model_type": {1}}, {}, ArgumentTypeError, "what JSON cannot"),
        ({"model_type": "x"}, {}, FileError, "known are bert"),
        ("nowhere.json", {}, FileError, "cannot read the config nowhere.json"),
    ],
)
def test_what_a_budget_cannot_take_is_named(
    config: Any, settings: dict[str, Any], error: type[EinlabError], said: str
) -> None:
    with pytest.raises(error, match=said):
        budget(config, **settings)


def test_questions_without_an_answer_say_why() -> None:
    found: Budget = budget(small("gpt2"), prompt=3)
    with pytest.raises(ArgumentError, match="no machine is known"):
        found.seconds("prefill")
    with pytest.raises(ArgumentError, match="phase is 'eat'"):
        found.parts("eat")
    with pytest.raises(ArgumentError, match="by is 'row'"):
        found.table("row")
    with pytest.raises(ArgumentError, match="counts the backward pass as it was traced"):
        found.model_flops("einlab")
    with pytest.raises(ArgumentError, match=r"'Apple M1' has no peak for bfloat16; it has float32"):
        budget(small("gpt2"), prompt=3, machine="Apple M1").mfu(1.0)
    vast = LLAMA | {"hidden_size": 2**30, "intermediate_size": 2**30, "head_dim": 128}
    with pytest.raises(ArgumentError, match="no model has so many"):
        parameters(budget(vast).config)


@pytest.mark.parametrize("fields", [LLAMA, BERT, PUBLISHED["DeepSeek-V3"][0]])
@pytest.mark.parametrize("machine", [None, "H100 SXM"])
def test_json_follows_its_schema(fields: dict[str, Any], machine: str | None) -> None:
    found = budget(fields, prompt=64, machine=machine, train_tokens=1e9)
    document = json.loads(found.to_json())
    assert list(problems(document, SCHEMA)) == []
    assert set(document) <= set(SCHEMA["properties"])
