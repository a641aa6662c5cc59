from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from einlab.errors import FileError, MissingPackageError
from einlab.transformer.config import EncoderConfig
from einlab.transformer.loading import load_weights
from einlab.transformer.parameters import abstract_weights, named_leaves
from einlab.transformer.placing import leaves, places

Tensors = dict[str, np.ndarray]
Write = Callable[[Tensors], Path]

QUERY = "encoder.layer.1.attention.self.query.weight"


def test_every_leaf_is_stored_under_a_name_of_its_own(config: EncoderConfig) -> None:
    held = [leaf for place in places(config).values() for leaf in place.leaves]
    assert sorted(held) == sorted(named_leaves(abstract_weights(config)))
    assert len(held) == 5 + 16 * config.layers


def test_what_is_written_is_read_back_with_heads_apart(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    weights = load_weights(write_tensors(tensors), config)
    found = leaves(weights)
    for name, place in places(config).items():
        leaf = np.asarray(found[place.leaves[0]])
        np.testing.assert_array_equal(leaf.reshape(place.shape), tensors[name])
    np.testing.assert_array_equal(weights.layers[1].query[1], tensors[QUERY][3:])
    output = tensors["encoder.layer.0.attention.output.dense.weight"]
    np.testing.assert_array_equal(weights.layers[0].output[:, 1], output[:, 3:])


def test_tensors_that_no_hidden_state_depends_on_are_passed_over(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    more = {
        "embeddings.position_ids": np.arange(12)[None],
        "pooler.dense.weight": np.zeros((6, 6)),
        "pooler.dense.bias": np.zeros(6),
        "cls.predictions.bias": np.zeros(9),
    }
    load_weights(write_tensors(tensors | more), config)


def test_half_precision_is_widened(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    half = {name: tensor.astype(np.float16) for name, tensor in tensors.items()}
    word = load_weights(write_tensors(half), config).embeddings.word
    assert word.dtype == np.float32
    np.testing.assert_array_equal(word, half["embeddings.word_embeddings.weight"])


@pytest.mark.parametrize("name", [QUERY, "embeddings.LayerNorm.bias"])
def test_a_missing_tensor_is_named(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write, name: str
) -> None:
    del tensors[name]
    with pytest.raises(FileError, match=rf"model\.safetensors.*\n    missing: {name}$"):
        load_weights(write_tensors(tensors), config)


def test_an_unknown_tensor_is_named(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    tensors["qa_outputs.bias"] = np.zeros(9, np.float32)
    with pytest.raises(FileError, match=r"\n    unknown: qa_outputs\.bias$"):
        load_weights(write_tensors(tensors), config)


def test_a_renamed_tensor_is_missing_and_unknown(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    tensors[QUERY + ".renamed"] = tensors.pop(QUERY)
    with pytest.raises(
        FileError, match=rf"missing: {QUERY}\n    unknown: {QUERY}.renamed; did you"
    ):
        load_weights(write_tensors(tensors), config)


def test_tensors_of_all_layers_take_one_line(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    other = {name.replace("self.key", "cross.key"): tensor for name, tensor in tensors.items()}
    with pytest.raises(FileError) as caught:
        load_weights(write_tensors(other), config)
    lines = str(caught.value).splitlines()[1:]
    both, name = "{} and 1 more up to {}", "encoder.layer.{}.attention.self.key.{}"
    missing = [
        both.format(name.format(0, kind), name.format(1, kind)) for kind in ("weight", "bias")
    ]
    assert sorted(lines[:2]) == sorted(f"    missing: {line}" for line in missing)
    assert len(lines) == 4
    for line in lines[2:]:
        kind = line.split(" and ")[0].rsplit(".", 1)[-1]
        assert line.endswith(f"did you mean {name.format(0, kind)!r}?")


def test_a_wrong_shape_is_shown_beside_the_right_one(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    tensors["encoder.layer.0.intermediate.dense.weight"] = np.zeros((6, 10), np.float32)
    with pytest.raises(
        FileError, match=r"layer\.0\.intermediate\.dense\.weight has shape \(6, 10\), .* \(10, 6\)"
    ):
        load_weights(write_tensors(tensors), config)


def test_weights_that_are_no_floats_are_refused(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write
) -> None:
    tensors[QUERY] = tensors[QUERY].astype(np.int8)
    with pytest.raises(
        FileError, match=f"{QUERY} has dtype I8, expected one of F32, F16, BF16 and F64"
    ):
        load_weights(write_tensors(tensors), config)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write, value: float
) -> None:
    tensors[QUERY][2, 3] = value
    with pytest.raises(FileError, match=f"{QUERY} holds NaN or infinity"):
        load_weights(write_tensors(tensors), config)


@pytest.mark.parametrize("layers", [1, 3, 2**31 - 1])
def test_another_number_of_layers_is_refused_at_once(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write, layers: int
) -> None:
    path = write_tensors(tensors)
    with pytest.raises(FileError, match=f"says {layers} layers, the file holds 2$"):
        load_weights(path, dataclasses.replace(config, layers=layers))


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_file_that_is_cut_off_is_refused(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write, kept: int
) -> None:
    path = write_tensors(tensors)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileError, match=r"cannot read the weights .*model\.safetensors: "):
        load_weights(path, config)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    damage=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=3)
)
def test_a_damaged_header_gives_the_right_shapes_or_a_file_error(
    config: EncoderConfig, tensors: Tensors, write_tensors: Write, damage: list[tuple[int, int]]
) -> None:
    path = write_tensors(tensors)
    content = bytearray(path.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    for place, value in damage:
        content[place % header] = value
    path.write_bytes(content)
    try:
        weights = load_weights(path, config)
    except FileError:
        return
    found = {name: leaf.shape for name, leaf in named_leaves(weights).items()}
    shapes = named_leaves(abstract_weights(config))
    assert found == {name: leaf.shape for name, leaf in shapes.items()}


@pytest.mark.parametrize(
    "content", [b"\xff" * 64, b"PK\x03\x04" * 16, (2**63).to_bytes(8, "little") + b"{}"]
)
def test_a_file_of_another_kind_is_refused(
    config: EncoderConfig, tmp_path: Path, content: bytes
) -> None:
    pytest.importorskip("safetensors", reason="needs the extra 'models'")
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(FileError, match="cannot read the weights"):
        load_weights(path, config)


def test_a_file_that_is_not_there_is_named(config: EncoderConfig, tmp_path: Path) -> None:
    pytest.importorskip("safetensors", reason="needs the extra 'models'")
    with pytest.raises(FileError, match=r"absent\.safetensors: No such file"):
        load_weights(tmp_path / "absent.safetensors", config)
    with pytest.raises(FileError, match=r"holds neither model\.safetensors nor"):
        load_weights(tmp_path, config)


def test_without_safetensors_the_message_says_what_to_install(
    config: EncoderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "safetensors", None)
    with pytest.raises(MissingPackageError, match=r"safetensors.*\n.*einlab\[models\]"):
        load_weights(tmp_path / "model.safetensors", config)


def test_shapes_of_minilm_are_those_of_its_file() -> None:
    minilm = EncoderConfig(
        vocabulary=30522, positions=512, types=2, width=384, heads=12, layers=6,
        feed_forward=1536, norm_eps=1e-12, padding_id=0,
    )  # fmt: skip
    shapes = {name: place.shape for name, place in places(minilm).items()}
    assert shapes["encoder.layer.5.attention.output.dense.weight"] == (384, 384)
    assert shapes["encoder.layer.5.output.dense.weight"] == (384, 1536)
    assert shapes["embeddings.word_embeddings.weight"] == (30522, 384)
