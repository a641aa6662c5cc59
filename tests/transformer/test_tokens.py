from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from einlab.errors import ArgumentTypeError, FileError, MissingPackageError, ShapeError
from einlab.transformer.config import EncoderConfig
from einlab.transformer.tokens import read_tokenizer, tokenize


@pytest.fixture
def tokenizer(folder: Path, config: EncoderConfig) -> Any:
    return read_tokenizer(folder / "tokenizer.json", config)


def test_texts_become_numbers_filled_up_to_the_longest(
    tokenizer: Any, config: EncoderConfig
) -> None:
    tokens = tokenize(tokenizer, ["a path", "a banana is summed"], config)
    assert tokens.ids.tolist() == [[2, 4, 5, 3, 0, 0], [2, 4, 1, 7, 8, 3]]
    assert tokens.mask.tolist() == [[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]]
    assert not tokens.types.any()


def test_texts_are_filled_up_to_a_length_on_request(tokenizer: Any, config: EncoderConfig) -> None:
    tokens = tokenize(tokenizer, ["a path"], config, length=8)
    assert tokens.ids.tolist() == [[2, 4, 5, 3, 0, 0, 0, 0]]


def test_a_long_text_is_cut_at_the_positions_of_the_config(
    tokenizer: Any, config: EncoderConfig
) -> None:
    tokens = tokenize(tokenizer, ["a " * 99], config)
    assert tokens.ids.shape == (1, config.positions)
    assert tokens.ids[0, -1] == 3


def test_the_padding_is_the_configs(tokenizer: Any, config: EncoderConfig) -> None:
    tokens = tokenize(tokenizer, ["a"], dataclasses.replace(config, padding_id=6), length=5)
    assert tokens.ids.tolist() == [[2, 4, 3, 6, 6]]


def test_an_empty_text_has_the_two_marks_only(tokenizer: Any, config: EncoderConfig) -> None:
    assert tokenize(tokenizer, [""], config).ids.tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("texts", "length", "error", "said"),
    [
        ("a path", None, ArgumentTypeError, "'a path'; expected a sequence of strings"),
        (["a", 5], None, ArgumentTypeError, "expected a sequence of strings"),
        ([b"a"], None, ArgumentTypeError, "expected a sequence of strings"),
        (7, None, ArgumentTypeError, "texts is 7; expected a sequence of strings"),
        ([], None, ShapeError, "no text"),
        (["a path"], 3, ShapeError, "4 tokens, which is more than the length 3"),
        (["a path"], -1, ShapeError, "more than the length -1"),
        (["a path"], 4.0, ArgumentTypeError, "length is 4.0"),
        (["a path"], True, ArgumentTypeError, "length is True"),
        (["a path"], 13, ShapeError, "length 13 is more than the 12 positions"),
    ],
)
def test_what_is_no_batch_of_texts_is_refused(
    tokenizer: Any, config: EncoderConfig, texts: Any, length: Any, error: type, said: str
) -> None:
    with pytest.raises(error, match=said):
        tokenize(tokenizer, texts, config, length)


def test_a_tokenizer_with_more_tokens_than_embeddings_is_refused(
    folder: Path, config: EncoderConfig
) -> None:
    small = dataclasses.replace(config, vocabulary=8)
    with pytest.raises(FileError, match=r"tokenizer\.json numbers .* up to 8, .* 8 embeddings"):
        read_tokenizer(folder / "tokenizer.json", small)


def test_a_segment_without_an_embedding_is_refused(tokenizer: Any, config: EncoderConfig) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="needs the extra 'models'")
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS]:2 $A:2", special_tokens=[("[CLS]", 2)]
    )
    with pytest.raises(FileError, match=r"segment 2, .* 2 segment embeddings"):
        tokenize(tokenizer, ["a"], config)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"version": "1.0"}'])
def test_a_damaged_tokenizer_is_named(folder: Path, config: EncoderConfig, content: bytes) -> None:
    path = folder / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"cannot read the tokenizer .*tokenizer\.json: "):
        read_tokenizer(path, config)


def test_a_tokenizer_that_is_not_there_is_named(folder: Path, config: EncoderConfig) -> None:
    with pytest.raises(FileError, match=r"absent\.json: No such file"):
        read_tokenizer(folder / "absent.json", config)


def test_without_tokenizers_the_message_says_what_to_install(
    config: EncoderConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(MissingPackageError, match=r"tokenizers.*\n.*einlab\[models\]"):
        read_tokenizer(tmp_path / "tokenizer.json", config)
