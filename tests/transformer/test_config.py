from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einlab.errors import ArgumentError, ArgumentTypeError, FileError
from einlab.transformer.config import (
    FIXED,
    IDLE,
    REQUIRED,
    STORED,
    EncoderConfig,
    config_from_json,
    read_config,
)


def stored(config: EncoderConfig) -> dict[str, Any]:
    """What stands in a config.json for `config`."""
    return REQUIRED | {theirs: getattr(config, ours) for ours, theirs in STORED.items()}


def test_a_config_survives_the_way_through_json(
    config: EncoderConfig, fields: dict[str, Any]
) -> None:
    assert config_from_json(json.dumps(fields)) == config


def test_fields_that_say_nothing_about_hidden_states_are_passed_over(
    config: EncoderConfig, fields: dict[str, Any]
) -> None:
    assert config_from_json(json.dumps(fields | dict.fromkeys(IDLE, "x") | FIXED)) == config


def test_each_field_is_either_needed_or_fixed_or_idle() -> None:
    groups = [set(STORED.values()), set(REQUIRED), set(FIXED), set(IDLE)]
    assert sum(map(len, groups)) == len(set().union(*groups))


@pytest.mark.parametrize("name", [*STORED.values(), *REQUIRED])
def test_a_missing_field_is_named(fields: dict[str, Any], name: str) -> None:
    del fields[name]
    with pytest.raises(FileError, match=f"missing: {name}$"):
        config_from_json(json.dumps(fields))


def test_an_unknown_field_is_named(fields: dict[str, Any]) -> None:
    with pytest.raises(FileError, match=r"unknown: hiden_size$"):
        config_from_json(json.dumps(fields | {"hiden_size": 6}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_type", "gpt2"),
        ("model_type", None),
        ("hidden_act", "gelu_new"),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("is_decoder", 0),
        ("pruned_heads", {"1": [2]}),
    ],
)
def test_another_computation_is_refused_by_name(
    fields: dict[str, Any], name: str, value: object
) -> None:
    with pytest.raises(FileError, match=rf"^{name} is {re.escape(repr(value))}; .* computes"):
        config_from_json(json.dumps(fields | {name: value}))


COUNTS = [theirs for ours, theirs in STORED.items() if ours != "norm_eps"]


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", ["6", 6.0, True, None, [6], {"6": 6}])
def test_a_count_that_is_no_whole_number_is_named(
    fields: dict[str, Any], name: str, value: object
) -> None:
    text = re.escape(repr(value))
    with pytest.raises(FileError, match=rf"\({name} in config.json\) is {text}; .* whole number"):
        config_from_json(json.dumps(fields | {name: value}))


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    ("value", "shown"), [(-1, "-1"), (2**31, "2147483648"), (10**50, "a huge")]
)
def test_a_count_out_of_range_is_named(
    fields: dict[str, Any], name: str, value: int, shown: str
) -> None:
    with pytest.raises(FileError, match=rf"\({name} in config.json\) is {shown}"):
        config_from_json(json.dumps(fields | {name: value}))


@pytest.mark.parametrize("value", [0, -1e-12, 1.0, 1e300, "1e-12", None, False])
def test_an_eps_that_is_no_small_number_is_named(fields: dict[str, Any], value: object) -> None:
    with pytest.raises(FileError, match=r"^norm_eps \(layer_norm_eps in config.json\) is"):
        config_from_json(json.dumps(fields | {"layer_norm_eps": value}))


def test_the_width_is_a_multiple_of_the_heads(fields: dict[str, Any]) -> None:
    with pytest.raises(FileError, match=r"hidden_size .* is 6; .*num_attention_heads.* is 4$"):
        config_from_json(json.dumps(fields | {"num_attention_heads": 4}))


def test_padding_is_a_token_of_the_vocabulary(fields: dict[str, Any]) -> None:
    with pytest.raises(FileError, match=r"pad_token_id .* is 9; expected less than .* 9$"):
        config_from_json(json.dumps(fields | {"pad_token_id": 9}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ('{"hidden_size": 6', "no JSON"),
        ("[]", "expected an object"),
        ("6", "holds 6"),
        ("null", "holds None"),
        ('{"hidden_size": NaN}', "NaN"),
        ('{"hidden_size": -Infinity}', "-Infinity"),
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('{"id2label": {"0": 1, "0": 2}}', "'0' is there twice"),
        ("[" * 200_000, "nested too deeply"),
        ('{"hidden_size": ' + "9" * 5000 + "}", "no JSON"),
    ],
)
def test_text_that_is_no_config_is_refused(text: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        config_from_json(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    damage=st.lists(
        st.tuples(st.integers(0, 10**6), st.sampled_from('019"[]{}:,-.e\x00u ')), max_size=4
    )
)
def test_damaged_text_gives_a_config_or_a_file_error(
    fields: dict[str, Any], damage: list[tuple[int, str]]
) -> None:
    text = list(json.dumps(fields))
    for place, char in damage:
        text[place % len(text)] = char
    try:
        found = config_from_json("".join(text))
    except FileError:
        return
    assert config_from_json(json.dumps(stored(found))) == found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "cannot read"),
        (b" " * (2**20 + 1), "more than 1048576"),
        (b"{}", "missing: model_type"),
    ],
)
def test_a_file_that_is_no_config_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(content)
    with pytest.raises(FileError, match=said) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"config\.json.*No such file"):
        read_config(tmp_path / "config.json")
    with pytest.raises(FileError, match="cannot read the config"):
        read_config(tmp_path)


def test_a_record_refuses_what_a_file_may_not_say(config: EncoderConfig) -> None:
    values = {name: getattr(config, name) for name in STORED}
    with pytest.raises(ArgumentTypeError, match=r"layers .* is 2\.0"):
        EncoderConfig(**values | {"layers": 2.0})
    with pytest.raises(ArgumentError, match=r"layers .* is 0"):
        EncoderConfig(**values | {"layers": 0})
