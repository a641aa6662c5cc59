"""Both ways between our models and another framework's, where that framework is installed."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from einlab.transformer import decoder
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.families import model_config_from_json
from einlab.transformer.generating import generate
from einlab.transformer.loading import save_weights
from einlab.transformer.models import init_weights
from einlab.transformer.sampling import Sampling, adjust_logits
from tests.transformer.references import IDS, references

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers", minversion="5.0")

pytestmark = pytest.mark.filterwarnings("ignore")

AT_ONCE = ("gpt2", "llama")
DECODERS = [
    name if name in AT_ONCE else pytest.param(name, marks=pytest.mark.long)
    for name in references()
    if name != "bert"
]


@pytest.mark.parametrize("name", DECODERS)
def test_what_we_write_another_framework_reads_and_continues_alike(
    name: str, tmp_path: Path
) -> None:
    fields = references()[name]["config"]
    config = model_config_from_json(json.dumps(fields))
    assert isinstance(config, DecoderConfig)
    # Larger than first weights, so that every part matters.
    weights = jax.tree.map(
        lambda leaf: leaf * (20 if leaf.std() else 1) + 0.01,
        init_weights(config, jax.random.key(4)),
    )
    save_weights(weights, tmp_path, config, shard_bytes=5000)
    (tmp_path / "config.json").write_text(json.dumps(fields))
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, attn_implementation="eager", experts_implementation="eager"
    ).eval()
    with torch.no_grad():
        expected = model(torch.tensor(IDS)).logits.numpy()
        prompt = torch.tensor(IDS[:, :5])
        continued = model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            max_new_tokens=5,
            eos_token_id=None,
            pad_token_id=0,
        )[:, 5:]
    found = jax.jit(lambda w, i: decoder.apply(w, i, config))(weights, jnp.asarray(IDS))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    ours = generate(weights, IDS[:, :5], config, tokens=5)
    assert ours.ids.tolist() == continued.tolist()


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0.7, top_k=5),
        Sampling(temperature=1.3, top_p=0.8),
        Sampling(min_p=0.1, repetition_penalty=1.4),
        Sampling(temperature=0.9, top_k=9, top_p=0.7, min_p=0.05, repetition_penalty=0.8),
    ],
)
def test_logits_are_adjusted_as_in_another_framework(sampling: Sampling) -> None:
    logits = np.random.default_rng(1).normal(size=(4, 23)).astype(np.float32) * 3
    ids = np.random.default_rng(2).integers(0, 23, (4, 6))
    process = [transformers.RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty)]
    process.append(transformers.TemperatureLogitsWarper(sampling.temperature))
    if sampling.top_k:
        process.append(transformers.TopKLogitsWarper(sampling.top_k))
    if sampling.top_p:
        process.append(transformers.TopPLogitsWarper(sampling.top_p))
    if sampling.min_p:
        process.append(transformers.MinPLogitsWarper(sampling.min_p))
    expected = torch.tensor(logits)
    for each in process:
        expected = each(torch.tensor(ids), expected)
    seen = jnp.zeros((4, 23), bool).at[jnp.arange(4)[:, None], ids].set(True)
    found = adjust_logits(logits, sampling, seen)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5)
