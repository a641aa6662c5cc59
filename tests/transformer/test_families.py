from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from einlab.attention.angles import frequencies
from einlab.errors import ArgumentError, ArgumentTypeError, EinlabError, FileError
from einlab.transformer.decoder_config import DecoderConfig, Experts, Rotary, Scaling
from einlab.transformer.families import FAMILIES, IDLE, model_config, model_config_from_json
from tests.transformer.models import LLAMA_3_8B, PUBLISHED, SHRUNK, published, small

FIELDS = {model: fields for model, (fields, _) in PUBLISHED.items()}


def test_each_family_has_a_published_and_a_small_model() -> None:
    assert {fields["model_type"] for fields in FIELDS.values()} == set(FAMILIES)
    assert {FIELDS[model]["model_type"] for model in SHRUNK} == set(FAMILIES)


@pytest.mark.parametrize("model", FIELDS)
def test_each_field_of_a_published_config_is_missed_named_or_idle(model: str) -> None:
    whole = model_config_from_json(json.dumps(FIELDS[model]))
    for name in FIELDS[model]:
        fields = {other: value for other, value in FIELDS[model].items() if other != name}
        try:
            found = model_config_from_json(json.dumps(fields))
        except FileError as error:
            assert name in str(error), name  # noqa: PT017
        else:
            assert found == whole or name not in IDLE


@pytest.mark.parametrize("model", FIELDS)
def test_an_unknown_field_is_named(model: str) -> None:
    with pytest.raises(FileError, match=r"the family \w+\n.*unknown: hiden_size$"):
        model_config_from_json(json.dumps(FIELDS[model] | {"hiden_size": 6}))


@pytest.mark.parametrize("model", FIELDS)
def test_idle_fields_say_nothing_about_the_model(model: str) -> None:
    fields = json.dumps(FIELDS[model] | dict.fromkeys(IDLE, "x"))
    assert model_config_from_json(fields) == model_config_from_json(json.dumps(FIELDS[model]))


@given(
    model=st.sampled_from(sorted(FIELDS)),
    place=st.integers(0, 50),
    value=st.sampled_from(
        [None, True, -1, 0, 1.5, 10**40, 2**31, "x", [], {}, [1], {"a": 1}, 1e300, "silu"]
    ),
)
def test_a_hostile_value_gives_a_config_or_an_error_in_words(
    model: str, place: int, value: Any
) -> None:
    fields = dict(FIELDS[model])
    fields[sorted(fields)[place % len(fields)]] = value
    try:
        found = model_config_from_json(json.dumps(fields))
    except FileError:
        return
    assert isinstance(found, DecoderConfig)
    assert sum(len(stack.pattern) for stack in found.stacks) <= 4


@pytest.mark.parametrize(
    ("model", "changes", "said"),
    [
        ("gpt2", {"model_type": "gpt5"}, r"model_type is 'gpt5'; known are bert, gpt2, llama"),
        ("gpt2", {"model_type": None}, "model_type is missing"),
        ("gpt2", {"n_ctx": 7}, "n_ctx is 7; expected the same as n_positions, 1024"),
        ("gpt2", {"n_head": 7}, "768, is no multiple of the 7 heads"),
        ("gpt2", {"scale_attn_weights": False}, "scale_attn_weights is False; expected True"),
        ("gpt2", {"activation_function": "mish"}, "activation_function is 'mish'; .*'silu'"),
        ("gpt2", {"n_layer": 10_001}, "n_layer is 10001; .* to 10000"),
        ("Llama-3-8B", {"num_key_value_heads": 5}, "heads is 32; expected a multiple of 5"),
        ("Llama-3-8B", {"rms_norm_eps": 1.0}, "rms_norm_eps is 1.0; .* up to 0.5"),
        ("Llama-3-8B", {"head_dim": 7}, "rotary.size is 7; expected an even number"),
        ("Llama-3-8B", {"attention_bias": 1}, "attention_bias is 1; expected true or false"),
        ("Llama-3-8B", {"rope_theta": "x"}, "rope_theta is 'x'; expected a number"),
        ("Llama-3-8B", {"rope_scaling": {"type": "longrope"}}, "the kind is 'longrope'"),
        ("Llama-3-8B", {"rope_scaling": {"type": "linear"}}, "rope_scaling: .*missing: factor"),
        ("Llama-3-8B", {"rope_scaling": [1]}, "rope_scaling is .1.; expected an object"),
        ("Qwen3-30B-A3B", {"mlp_only_layers": [-1]}, "mlp_only_layers is .-1.; expected a list"),
        ("Qwen3-30B-A3B", {"num_experts_per_tok": 129}, "129 experts cannot be chosen"),
        ("DeepSeek-V3", {"n_group": 7}, "256 experts cannot stand in 7 groups"),
        ("DeepSeek-V3", {"topk_method": "greedy"}, "topk_method is 'greedy'; expected 'noaux_tc'"),
        ("DeepSeek-V3", {"num_key_value_heads": 64}, "expected the number of heads, 128"),
        ("gemma-2-2b", {"layer_types": ["full_attention"]}, "layer_types .*expected a list of 26"),
        ("gemma-2-2b", {"layer_types": ["x"] * 26}, "layer_types holds 'x'; expected full"),
    ],
)
def test_what_a_family_does_not_compute_is_refused_by_name(
    model: str, changes: dict[str, Any], said: str
) -> None:
    text = json.dumps(FIELDS[model] | changes)
    with pytest.raises(FileError, match=re.compile(said, re.DOTALL)):
        model_config_from_json(text)


def test_absent_fields_mean_what_the_format_says() -> None:
    fields = {name: value for name, value in LLAMA_3_8B.items() if name != "num_key_value_heads"}
    found = model_config_from_json(json.dumps(fields))
    assert isinstance(found, DecoderConfig)
    assert (found.groups, found.head_size, found.tied) == (32, 128, False)
    assert published("gpt2").feed_forward == 3072
    assert published("gpt2").tied
    assert published("gemma-7b").activation == "gelu_tanh"


def test_newer_files_give_rotary_fields_together() -> None:
    older = published("Llama-3-8B")
    fields = {name: value for name, value in LLAMA_3_8B.items() if not name.startswith("rope")}
    fields["rope_parameters"] = {"rope_type": "default", "rope_theta": 500000.0}
    assert model_config_from_json(json.dumps(fields)) == older


def test_windows_follow_the_layers() -> None:
    assert published("Mistral-7B-v0.1").windows == (4096,) * 32
    assert small("gemma-2-2b").windows == (2, None, 2)
    assert small("Qwen2-7B").windows == (None, 2)
    listed = published("gemma-2-2b", layer_types=["full_attention"] * 26)
    assert listed.windows == (None,) * 26


def test_layers_are_traced_as_few_stacks() -> None:
    assert [len(s.pattern) for s in published("gemma-2-2b").stacks] == [2]
    assert [s.repeats for s in published("DeepSeek-V3").stacks] == [3, 58]
    assert [s.repeats for s in published("Llama-3.1-405B").stacks] == [126]
    odd = published("gemma-2-2b", num_hidden_layers=25)
    assert [(len(s.pattern), s.repeats) for s in odd.stacks] == [(2, 12), (1, 1)]


@given(st.lists(st.sampled_from([None, 2, 3]), min_size=1, max_size=12))
def test_stacks_hold_every_layer_in_order(windows: list[int | None]) -> None:
    config = DecoderConfig(
        vocabulary=9, positions=9, width=4, layers=len(windows), heads=2, groups=1, head_size=2,
        feed_forward=4, norm_eps=1e-5, windows=tuple(windows),
    )  # fmt: skip
    kinds = [
        kind for stack in config.stacks for _ in range(stack.repeats) for kind in stack.pattern
    ]
    assert tuple(kinds) == config.kinds


def test_a_file_is_read_and_named(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(LLAMA_3_8B))
    assert model_config(path) == published("Llama-3-8B")
    path.write_text("{}")
    with pytest.raises(FileError, match=r"config .*config.json: model_type is missing"):
        model_config(path)
    with pytest.raises(FileError, match="cannot read the config"):
        model_config(tmp_path)


SIZES: dict[str, Any] = {
    "vocabulary": 9, "positions": 9, "width": 4, "layers": 2, "heads": 2, "groups": 1,
    "head_size": 2, "feed_forward": 4, "norm_eps": 1e-5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"width": 2.0}, ArgumentTypeError, "width is 2.0"),
        ({"layers": 0}, ArgumentError, "layers is 0"),
        ({"norm_eps": 2.0}, ArgumentError, "norm_eps is 2.0"),
        ({"score_cap": -1.0}, ArgumentError, "score_cap is -1.0"),
        ({"windows": (1,)}, ArgumentError, "windows has 1 entries for 2 layers"),
        ({"windows": (1, 0)}, ArgumentError, "windows is 0"),
        ({"activation": "mish"}, ArgumentError, "activation is 'mish'"),
        ({"rotary": Rotary(size=3)}, ArgumentError, "rotary.size is 3"),
        ({"sparse": (True, False)}, ArgumentError, "experts is None"),
        ({"experts": Experts(count=2, chosen=3, width=4)}, ArgumentError, "3 experts cannot"),
    ],
)
def test_a_record_refuses_what_a_file_may_not_say(
    changes: dict[str, Any], error: type[EinlabError], said: str
) -> None:
    with pytest.raises(error, match=said):
        DecoderConfig(**SIZES | changes)


def test_linear_scaling_stretches_every_angle() -> None:
    plain = frequencies(Rotary(size=8))
    scaled = frequencies(Rotary(size=8, scaling=Scaling(kind="linear", factor=4.0)))
    np.testing.assert_allclose(scaled * 4, plain)


def test_yarn_and_llama3_keep_fast_angles_and_stretch_slow_ones() -> None:
    plain = frequencies(Rotary(size=64))
    for kind, low, high in (("yarn", 1.0, 32.0), ("llama3", 1.0, 4.0)):
        scaling = Scaling(kind=kind, factor=8.0, trained=4096, low=low, high=high)  # type: ignore[arg-type]
        ratio = frequencies(Rotary(size=64, scaling=scaling)) / plain
        assert ratio[0] == 1
        assert ratio[-1] == pytest.approx(1 / 8)
        assert (np.diff(ratio) <= 1e-12).all()
