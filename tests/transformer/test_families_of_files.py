"""Files of weights of all families: written, read back, in several parts, and with faults."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einlab.errors import FileError
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.decoder_parameters import abstract_decoder
from einlab.transformer.families import FAMILIES, model_config_from_json
from einlab.transformer.loading import load_weights, save_weights
from einlab.transformer.naming import NAMES
from einlab.transformer.packing import join, packed_shape, split
from einlab.transformer.placing import leaves, places
from tests.transformer.models import SHRUNK, small
from tests.transformer.references import references, tensors

pytest.importorskip("safetensors", reason="needs the extra 'models'")
from safetensors.numpy import load_file, save_file

SIZES = {"a": 2, "b": 3, "c": 4, "d": 1}


def config_of(name: str) -> Any:
    return model_config_from_json(json.dumps(references()[name]["config"]))


def random_weights(config: DecoderConfig, dtype: Any = np.float32) -> Any:
    random = np.random.default_rng(20261122)
    return jax.tree.map(
        lambda leaf: jnp.asarray(random.normal(size=leaf.shape).astype(dtype)),
        abstract_decoder(config),
    )


def file_of(folder: Path, name: str, **changes: Any) -> tuple[Path, Any]:
    """A file of a reference model with some tensors changed (None: left out), and its config."""
    held = tensors(name) | changes
    path = folder / "model.safetensors"
    save_file({key: array for key, array in held.items() if array is not None}, path)
    return path, config_of(name)


@pytest.mark.parametrize(
    ("form", "axes"),
    [
        ("a·b c", ["a b c"]),
        ("c a·b", ["a b c"]),
        ("c a·b", ["c a b"]),
        ("c a·b+d·b+a", ["a b c", "d b c", "a c"]),
        ("a·b+c", ["a b", "c"]),
        ("a·(b+c) d", ["a b d", "a c d"]),
        ("1 c", ["c"]),
    ],
)
def test_a_form_takes_apart_what_it_puts_together(form: str, axes: list[str]) -> None:
    random = np.random.default_rng(0)
    arrays = [random.normal(size=[SIZES[letter] for letter in each.split()]) for each in axes]
    whole = join(arrays, form, axes, SIZES)
    assert whole.shape == packed_shape(form, SIZES)
    for found, array in zip(split(whole, form, axes, SIZES), arrays, strict=True):
        np.testing.assert_array_equal(found, array)


def test_every_family_has_names() -> None:
    assert set(NAMES) == {"bert", *FAMILIES}


@pytest.mark.parametrize("model", SHRUNK)
def test_every_weight_stands_in_exactly_one_place(model: str) -> None:
    config = small(model)
    shapes = leaves(abstract_decoder(config))
    seen: dict[str, set[tuple[int, ...]]] = {name: set() for name in shapes}
    entries = 0
    for place in places(config).values():
        entries += int(np.prod(place.shape))
        for leaf in place.leaves:
            assert place.index not in seen[leaf]
            seen[leaf].add(place.index)
    assert entries == sum(int(np.prod(leaf.shape)) for leaf in shapes.values())


@pytest.mark.parametrize("name", [name for name in references() if name != "bert"])
def test_names_and_shapes_are_those_of_another_framework(name: str) -> None:
    expected = {key: tuple(shape) for key, shape in references()[name]["tensors"].items()}
    assert {key: place.shape for key, place in places(config_of(name)).items()} == expected


@pytest.mark.parametrize("model", SHRUNK)
def test_what_is_saved_is_loaded(model: str, tmp_path: Path) -> None:
    config = small(model)
    weights = random_weights(config)
    (path,) = save_weights(weights, tmp_path / "own.safetensors", config)
    jax.tree.map(np.testing.assert_array_equal, load_weights(path, config), weights)


@pytest.mark.parametrize("name", ["gpt2", "deepseek_v3", "qwen2_moe"])
def test_what_is_loaded_is_saved_as_it_was(name: str, tmp_path: Path) -> None:
    path, config = file_of(tmp_path, name)
    (again,) = save_weights(load_weights(path, config), tmp_path / "again", config)
    found, expected = load_file(again), tensors(name)
    assert set(found) == set(expected)
    for key, array in expected.items():
        np.testing.assert_array_equal(found[key], array)


@pytest.mark.parametrize("most", [1, 900, 10**9])
def test_files_in_parts_are_one_model(most: int, tmp_path: Path) -> None:
    config = config_of("llama")
    weights = random_weights(config)
    written = save_weights(weights, tmp_path, config, shard_bytes=most)
    parts = [load_file(path) for path in written if path.suffix == ".safetensors"]
    assert sum(map(len, parts)) == len(places(config))
    for part in parts:
        assert len(part) == 1 or sum(array.nbytes for array in part.values()) <= most
    assert (len(parts) == 1) == (most == 10**9)
    for path in (tmp_path, written[-1]):
        jax.tree.map(np.testing.assert_array_equal, load_weights(path, config), weights)


def test_dtypes_are_kept_or_changed(tmp_path: Path) -> None:
    config = config_of("gpt2")
    weights = random_weights(config, ml_dtypes.bfloat16)
    (path,) = save_weights(weights, tmp_path, config)
    assert path.stat().st_size < 2 * sum(leaf.size for leaf in jax.tree.leaves(weights)) + 9000
    kept = load_weights(path, config, dtype=None)
    assert kept.norm.scale.dtype == jnp.bfloat16
    jax.tree.map(np.testing.assert_array_equal, kept, weights)
    wide = load_weights(path, config)
    assert wide.norm.scale.dtype == jnp.float32
    jax.tree.map(np.testing.assert_array_equal, wide, weights)


def test_files_without_a_prefix_and_with_idle_tensors_are_read(tmp_path: Path) -> None:
    config = config_of("gpt2")
    held = {key.removeprefix("transformer."): array for key, array in tensors("gpt2").items()}
    held["h.0.attn.bias"] = np.ones((1, 1, 16, 16), np.float32)
    held["lm_head.weight"] = held["wte.weight"]  # tied, and there all the same
    save_file(held, tmp_path / "model.safetensors")
    found = load_weights(tmp_path, config)
    np.testing.assert_array_equal(found.embedding.word, held["wte.weight"])
    held["lm_head.weight"] = held["wte.weight"] + 1
    save_file(held, tmp_path / "model.safetensors")
    with pytest.raises(FileError, match=r"lm_head\.weight differs from wte\.weight, but the conf"):
        load_weights(tmp_path, config)


def test_layers_for_training_alone_are_passed_over(tmp_path: Path) -> None:
    more = {
        "model.layers.2.eh_proj.weight": np.zeros((12, 24), np.float32),
        "model.layers.2.input_layernorm.weight": np.zeros(12, np.float32),
    }
    path, config = file_of(tmp_path, "deepseek_v3", **more)
    load_weights(path, config)
    path, config = file_of(tmp_path, "deepseek_v3", **dict(list(more.items())[1:]))
    with pytest.raises(FileError, match="says 2 layers, the file holds 3"):
        load_weights(path, config)


def test_all_faults_of_a_file_are_said_at_once(tmp_path: Path) -> None:
    key = "model.layers.{}.self_attn.k_proj.weight"
    held = tensors("llama")
    path, config = file_of(
        tmp_path,
        "llama",
        **{
            "model.norm.weight": None,
            key.format(1): None,
            "model.layers.1.self_attn.k_prj.weight": held[key.format(1)],
            "model.embed_tokens.weight": np.zeros((24, 12), np.float32),
            "lm_head.weight": np.zeros((23, 12), np.int8),
            "score.weight": np.zeros(3, np.float32),
        },
    )
    with pytest.raises(FileError) as caught:
        load_weights(path, config)
    assert str(caught.value).splitlines()[1:] == [
        "    missing: model.norm.weight",
        f"    missing: {key.format(1)}",
        f"    unknown: model.layers.1.self_attn.k_prj.weight; did you mean {key.format(1)!r}?",
        "    unknown: score.weight",
        "    model.embed_tokens.weight has shape (24, 12), the config says (23, 12)",
        "    lm_head.weight has dtype I8, expected one of F32, F16, BF16 and F64",
    ]


def test_weights_of_another_family_are_refused_in_few_lines(tmp_path: Path) -> None:
    path, _ = file_of(tmp_path, "gpt2")
    with pytest.raises(FileError, match="says 2 layers, the file holds 0"):
        load_weights(path, config_of("llama"))
    path, _ = file_of(tmp_path, "qwen3_moe")
    with pytest.raises(FileError) as caught:
        load_weights(path, config_of("llama"))
    assert len(str(caught.value).splitlines()) < 20


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({"weight_map": {"a": "../other.safetensors"}}, "expected the name of a file in its fold"),
        ({"weight_map": {"a": "absent.safetensors"}}, r"names absent\.safetensors: not there"),
        ({"weight_map": {"a": "part.safetensors"}}, r"part\.safetensors does not hold a, which"),
        ({"weight_map": {}}, "has no weight_map"),
        ([], "has no weight_map"),
        ({"weight_map": {"a": 3}}, "says that 'a' is in 3"),
    ],
)
def test_an_index_that_does_not_fit_its_files_is_refused(
    index: Any, said: str, tmp_path: Path
) -> None:
    save_file({"b": np.zeros(2, np.float32)}, tmp_path / "part.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FileError, match=said):
        load_weights(tmp_path, config_of("llama"))


@settings(max_examples=30)
@given(drop=st.sets(st.integers(0, 20), max_size=4), rename=st.sets(st.integers(0, 20), max_size=4))
def test_every_missing_or_renamed_tensor_is_named(
    drop: set[int], rename: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    held = tensors("llama")
    names = sorted(held)
    kept = {name: held[name] for n, name in enumerate(names) if n not in drop | rename}
    kept |= {f"{names[n]}_": held[names[n]] for n in rename - drop}
    folder = tmp_path_factory.mktemp("damaged")
    save_file(kept, folder / "model.safetensors")
    config = config_of("llama")
    if not drop | rename:
        load_weights(folder, config)
        return
    with pytest.raises(FileError) as caught:
        load_weights(folder, config)
    text = str(caught.value)
    for n in drop | rename:
        kind = names[n].split(".", 3)[-1] if ".layers." in names[n] else names[n]
        assert any("missing: " in line and kind in line for line in text.splitlines())
