"""Our models on weights from safetensors files against what another framework computed for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.transformer import decoder, encoder
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.families import FAMILIES
from einlab.transformer.generating import generate
from einlab.transformer.loading import Model, load_model
from einlab.transformer.parameters import Tokens
from tests.transformer.references import IDS, LENGTHS, PROMPT, references, tensors

DECODERS = [name for name in references() if name != "bert"]
AT_ONCE = ("gpt2", "mistral", "gemma2")
GENERATED = [
    name if name in AT_ONCE else pytest.param(name, marks=pytest.mark.long) for name in DECODERS
]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Reads a model of the data file, by name, from files as their makers publish them."""
    save = pytest.importorskip("safetensors.numpy", reason="needs the extra 'models'").save_file
    loaded: dict[str, Model] = {}

    def read(name: str) -> Model:
        if name not in loaded:
            folder: Path = tmp_path_factory.mktemp(name)
            (folder / "config.json").write_text(json.dumps(references()[name]["config"]))
            save(tensors(name), folder / "model.safetensors")
            loaded[name] = load_model(folder)
        return loaded[name]

    return read


def test_every_family_has_a_reference() -> None:
    found = {model["config"]["model_type"] for model in references().values()}
    assert found == {"bert", *FAMILIES}


@pytest.mark.parametrize("name", DECODERS)
def test_logits_and_hidden_states_are_those_of_another_framework(load: Any, name: str) -> None:
    model, reference = load(name), references()[name]
    config = model.config
    assert isinstance(config, DecoderConfig)

    def both(weights: Any, ids: Any) -> Any:
        return decoder.apply(weights, ids, config), decoder.hidden_states(weights, ids, config)

    logits, states = jax.jit(both)(model.weights, jnp.asarray(IDS))
    expected = np.array(reference["logits"])
    np.testing.assert_allclose(logits, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    assert len(states) == config.layers + 1
    np.testing.assert_allclose(np.linalg.norm(states, axis=-1)[:-1], reference["norms"], rtol=2e-5)


def test_hidden_states_of_an_encoder_are_those_of_another_framework(load: Any) -> None:
    model, reference = load("bert"), references()["bert"]
    mask = np.array(reference["mask"])
    tokens = Tokens(jnp.asarray(IDS), jnp.asarray(mask), jnp.zeros_like(IDS))
    found = np.stack(encoder.apply(model.weights, tokens, model.config))
    expected = np.array(reference["hidden"])
    np.testing.assert_allclose(found[:, mask == 1], expected[:, mask == 1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", GENERATED)
def test_greedy_continuations_are_those_of_another_framework(load: Any, name: str) -> None:
    model, reference = load(name), references()[name]
    assert isinstance(model.config, DecoderConfig)
    whole = IDS[:, :PROMPT].tolist()
    short = [row[:length] for row, length in zip(IDS.tolist(), LENGTHS, strict=True)]
    found = generate(model.weights, [*whole, *short], model.config, tokens=6)
    assert found.ids.tolist() == [*reference["greedy"], *reference["greedy_uneven"]]
    assert found.lengths.tolist() == [6] * 4
