"""A small model with random weights, its files, and the installed MiniLM where there is one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from einlab.transformer.config import STORED, EncoderConfig
from einlab.transformer.placing import places

DATA = Path(__file__).parent.parent / "data" / "minilm_embeddings.json"

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "path", "index", "is", "summed"]


@pytest.fixture
def config() -> EncoderConfig:
    return EncoderConfig(
        vocabulary=len(WORDS),
        positions=12,
        types=2,
        width=6,
        heads=2,
        layers=2,
        feed_forward=10,
        norm_eps=1e-3,  # large, so that a test notices where it is added
        padding_id=0,
    )


@pytest.fixture
def fields(config: EncoderConfig) -> dict[str, Any]:
    """What stands in a config.json for `config`."""
    stored = {theirs: getattr(config, ours) for ours, theirs in STORED.items()}
    return {"model_type": "bert", "hidden_act": "gelu", **stored}


@pytest.fixture
def tensors(config: EncoderConfig) -> dict[str, np.ndarray]:
    """Random tensors under the names of a file of weights."""
    random = np.random.default_rng(20261121)
    return {
        name: random.normal(size=place.shape).astype(np.float32)
        for name, place in places(config).items()
    }


@pytest.fixture
def write_tensors(tmp_path: Path) -> Callable[[dict[str, np.ndarray]], Path]:
    """Writes tensors to a safetensors file and tells where it is."""
    save = pytest.importorskip("safetensors.numpy", reason="needs the extra 'models'").save_file

    def write(tensors: dict[str, np.ndarray]) -> Path:
        path = tmp_path / "model.safetensors"
        save(tensors, path)
        return path

    return write


@pytest.fixture
def folder(
    tmp_path: Path,
    fields: dict[str, Any],
    tensors: dict[str, np.ndarray],
    write_tensors: Callable[[dict[str, np.ndarray]], Path],
) -> Path:
    """The three files of a published model."""
    tokenizers = pytest.importorskip("tokenizers", reason="needs the extra 'models'")
    (tmp_path / "config.json").write_text(json.dumps(fields))
    write_tensors(tensors)
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.enable_padding(length=9)  # as published files do; reading one must undo it
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


@pytest.fixture(scope="session")
def reference() -> list[dict[str, Any]]:
    """Twelve sentences with what another framework computed for them."""
    sentences: list[dict[str, Any]] = json.loads(DATA.read_text(encoding="utf-8"))["sentences"]
    return sentences
