"""`einlab budget` gives the library's budget, and names what it does not understand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from einlab.transformer import budget
from tests.cli.calling import call
from tests.transformer.models import PUBLISHED, SHRUNK

FIELDS = PUBLISHED["gpt2"][0] | SHRUNK["gpt2"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(FIELDS))
    return path


def test_the_document_is_that_of_the_library(config: Path) -> None:
    done = call("budget", config, "--batch", "2", "--generate", "1", "--prompt", "4", "--json")
    assert done.exit_code == 0, done.stderr
    wanted = budget(FIELDS, batch=2, prompt=4, generate=1).to_json()
    assert json.loads(done.stdout) == json.loads(wanted)


@pytest.mark.parametrize("by", ["part", "product"])
def test_the_table_fits_eighty_columns(config: Path, by: str) -> None:
    done = call("budget", config, "--by", by, "--machine", "H100 SXM", "--train-tokens", "1e9")
    assert done.exit_code == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "attention" in done.stdout
    assert "critical batch" in done.stdout


def test_a_page_holds_parts_and_products_and_asks_for_nothing(config: Path) -> None:
    page = config.with_name("budget.html")
    done = call("budget", config, "--html", page)
    assert done.exit_code == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert text.count("<table") >= 2
    assert "http" not in text.replace("http://www.w3.org/", "")


@pytest.mark.parametrize(
    ("changes", "words", "code", "said"),
    [
        ({"model_type": "gpt5"}, (), 3, "model_type is 'gpt5'; known are"),
        ({"hiden_size": 6}, (), 3, "unknown: hiden_size"),
        ({"n_embd": -1}, (), 3, "n_embd is -1"),
        ({}, ("--machine", "H900"), 2, "unknown machine 'H900'"),
        ({}, ("--recompute", "all"), 2, "recompute is 'all'"),
        ({}, ("--optimiser", "lion"), 2, "optimiser is 'lion'"),
        ({}, ("--train-tokens", "-1"), 2, "train_tokens is -1.0"),
        ({}, ("--batch", "0"), 2, "--batch"),
        ({}, ("--prompt", "10"), 3, "10 tokens is longer than the 9 positions"),
    ],
)
def test_what_is_not_understood_is_named(
    config: Path, changes: dict[str, Any], words: tuple[str, ...], code: int, said: str
) -> None:
    config.write_text(json.dumps(FIELDS | changes))
    done = call("budget", config, *words)
    assert (done.exit_code, said in done.stderr) == (code, True), done.stderr
    assert done.stdout == ""
