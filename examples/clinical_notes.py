"""Batches of clinical notes through a sentence encoder: budget first, then measured throughput.

    python examples/clinical_notes.py

A demonstration of cost, not of medicine: the notes are made up, and nothing here is a diagnosis.
MiniLM's config gives the budget of a batch (FLOPs, bytes, parameters) before any weight is read;
then batches of 1, 8 and 32 notes run, and FLOP/s and notes a second are measured. Nearest notes are
found by one product of their embeddings. Needs the model's package, and says how to get it.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import jax
import numpy as np

from einlab import contract, report
from einlab.demo.minilm import find_model, missing
from einlab.show.shown import Shown
from einlab.table import Column, Table
from einlab.transformer import budget
from einlab.transformer.sentences import SentenceEncoder, encode_tokens, load
from einlab.transformer.tokens import tokenize

COMPLAINTS = ("chest pain", "shortness of breath", "abdominal pain", "headache", "fever and cough")
FINDINGS = (
    "troponin elevated",
    "oxygen saturation low",
    "rebound tenderness",
    "neurological examination normal",
    "infiltrate on the chest film",
    "blood pressure high",
    "no abnormal finding",
)


def notes(count: int) -> list[str]:
    """Made-up notes, each another pair of complaint and finding as long as there are any."""
    return [
        f"Patient {number + 1} presents with {COMPLAINTS[number % len(COMPLAINTS)]}; "
        f"{FINDINGS[number % len(FINDINGS)]}."
        for number in range(count)
    ]


def throughput(encoder: SentenceEncoder, count: int, rounds: int = 5) -> tuple[float, ...]:
    """Notes, FLOPs, median seconds, notes a second and FLOP/s of one batch."""
    config = encoder.config
    tokens = tokenize(encoder.tokenizer, notes(count), config)

    def embed(weights: object, tokens: object) -> jax.Array:
        return encode_tokens(weights, tokens, config).embeddings  # type: ignore[arg-type]

    counted = report(embed, encoder.weights, tokens)
    program = jax.jit(embed)
    program(encoder.weights, tokens).block_until_ready()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        program(encoder.weights, tokens).block_until_ready()
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times)
    return count, counted.flops, seconds, count / seconds, counted.flops / seconds


def nearest(encoder: SentenceEncoder, count: int) -> list[tuple[str, str, float]]:
    """For the first notes the one that is most like it."""
    tokens = tokenize(encoder.tokenizer, notes(count), encoder.config)
    embeddings = encode_tokens(encoder.weights, tokens, encoder.config).embeddings
    likeness = np.array(contract("bc,sc->bs", embeddings, embeddings))
    np.fill_diagonal(likeness, -1)
    all_notes = notes(count)
    return [
        (all_notes[i], all_notes[int(likeness[i].argmax())], float(likeness[i].max()))
        for i in range(3)
    ]


def main() -> None:
    """Print the budget, then what was measured."""
    if missing():
        sys.exit("\n".join(missing()))
    folder = Path(str(find_model()))
    print(budget(folder / "config.json", batch=32, prompt=32, dtype="float32"))
    encoder = load(folder)
    columns = [
        Column("notes", "count"),
        Column("FLOPs", "quantity", "FLOP"),
        Column("a call", "seconds"),
        Column("notes a second", "number"),
        Column("speed", "quantity", "FLOP/s"),
    ]
    rows = [throughput(encoder, count) for count in (1, 8, 32)]
    print(Shown(Table("a demonstration on made-up notes: batches", columns, rows)))
    for note, like, cosine in nearest(encoder, 32):
        print(f"{cosine:.2f}  {note}\n      {like}")


if __name__ == "__main__":
    main()
