"""The literature's counting conventions, as a value with named presets.

Papers disagree on what a FLOP count holds: whether a causal mask halves attention, whether the
backward pass is counted or taken as twice the forward one, whether embeddings, logits or
element-wise operations belong to it. A `Convention` says each of these; it changes counts of
arithmetic, never of bytes.

Parts of a model are told by the name scopes around them: `embedding`, `logits`, `softmax`, and for
the two products of attention the scope that `attention_scope` makes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any, Literal, Protocol

from einlab.cost import COMPLEX_MACS, Cost
from einlab.errors import ArgumentError, ArgumentTypeError, listing

__all__ = ["PRESETS", "Convention", "attended", "attention_scope", "convention_for"]

EMBEDDING, LOGITS, SOFTMAX = "embedding", "logits", "softmax"
"""Scopes by which a convention knows parts of a model."""

PRODUCTS = ("contraction", "product", "convolution", "kernel")
COUNTED_ALWAYS = (*PRODUCTS, "linalg", "fft")
"""Kinds of operations that count even where element-wise ones do not."""


class Countable(Protocol):
    """What a convention looks at in a row of a report."""

    @property
    def scope(self) -> tuple[str, ...]: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def phase(self) -> str: ...
    @property
    def each(self) -> Cost: ...
    @property
    def count(self) -> int: ...
    @property
    def once(self) -> int: ...
    @property
    def xla(self) -> tuple[int, int] | None: ...
    @property
    def dense(self) -> int: ...
    @property
    def is_complex(self) -> bool: ...
    @property
    def operands(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def results(self) -> tuple[tuple[int, ...], ...]: ...
    @property
    def steps(self) -> tuple[Any, ...]: ...


@dataclass(frozen=True, slots=True)
class Convention:
    """What a count of FLOPs holds.

    Raises ArgumentError for a value that a field cannot have.

    >>> Convention("mine", backward=2.0, causal="half").causal
    'half'
    """

    name: str
    unit: Literal["FLOP", "MAC"] = "FLOP"
    """MAC counts a multiplication and its addition as one."""
    elementwise: Literal[0, 1, "xla"] = 1
    """0 leaves out all but products, convolutions and linear algebra; 1 counts arithmetic; "xla"
    counts what XLA counts for the program as lowered."""
    causal: Literal["full", "half", "exact"] = "full"
    """How much of masked attention counts: all of it, half, or the pairs that the mask leaves."""
    backward: Literal["counted"] | float = "counted"
    """The backward pass as it was traced, or as a multiple of the forward one."""
    recomputed: bool = True
    """Whether what remat runs again counts."""
    taps: Literal["valid", "dense"] = "valid"
    """Whether a convolution counts taps that fall on padding or holes."""
    embeddings: Literal["in", "out", "dense"] = "in"
    """"dense" counts a look-up as the product of a one-hot matrix with the table."""
    logits: bool = True
    attention: bool = True
    """Whether the two products of attention count."""
    softmax: int | None = None
    """FLOPs for each exponential in a scope named softmax; None: like any other operation."""
    loops: Literal["all", "once"] = "all"
    complex: Literal["real", "one"] = "real"
    """"one" counts a complex product like a real one, as XLA does."""
    source: str = ""

    def __post_init__(self) -> None:
        allowed = {
            "unit": ("FLOP", "MAC"),
            "elementwise": (0, 1, "xla"),
            "causal": ("full", "half", "exact"),
            "taps": ("valid", "dense"),
            "embeddings": ("in", "out", "dense"),
            "loops": ("all", "once"),
            "complex": ("real", "one"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ArgumentError(
                    f"a convention's {name} is {getattr(self, name)!r:.40}; it is one of "
                    f"{listing(map(repr, values))}"
                )
        factor = self.backward
        number = isinstance(factor, (int, float)) and not isinstance(factor, bool)
        if factor != "counted" and not (number and 0 <= float(factor) < 100):
            raise ArgumentError(
                f"a convention's backward is {factor!r:.40}; it is 'counted' or a multiple of the "
                "forward pass such as 2.0"
            )

    def weighed(self, rows: Sequence[Countable]) -> list[tuple[Cost, int]]:
        """What one execution of each row counts, and how many executions count.

        >>> from einlab.trace.reporting import report
        >>> import jax.numpy as jnp
        >>> rows = report(jnp.dot, jnp.ones((10, 10)), jnp.ones((10, 10))).traced
        >>> PRESETS["macs"].weighed(rows)[0][0].flops
        1000
        """
        trained = any(row.phase == "backward" for row in rows)
        return [self._weighed(row, trained) for row in rows]

    def _weighed(self, row: Countable, trained: bool) -> tuple[Cost, int]:
        share = self._share(row)
        if self.backward != "counted" and trained:
            if row.phase == "backward":
                share = Fraction(0)
            elif row.phase == "forward":
                share *= 1 + Fraction(self.backward).limit_denominator(1000)
        if row.phase == "recomputed" and not self.recomputed:
            share = Fraction(0)
        flops, macs, functions = self._counts(row)
        if self.unit == "MAC":
            flops = macs
        cost = replace(
            row.each,
            flops=round(flops * share),
            macs=round(macs * share),
            transcendentals=round(functions * share),
        )
        return cost, row.once if self.loops == "once" else row.count

    def _share(self, row: Countable) -> Fraction:
        """How much of a row counts by where it stands."""
        for part in row.scope:
            if part == EMBEDDING and self.embeddings == "out":
                return Fraction(0)
            if part == LOGITS and not self.logits:
                return Fraction(0)
            pairs = _pairs(part)
            if pairs is not None and row.kind in PRODUCTS:
                return _fraction(pairs, self.causal) if self.attention else Fraction(0)
        return Fraction(1)

    def _counts(self, row: Countable) -> tuple[int, int, int]:
        """FLOPs, MACs and transcendentals of one execution, before its place is looked at."""
        each = row.each
        if self.embeddings == "dense" and EMBEDDING in row.scope and row.kind == "gather":
            macs = _one_hot(row)
            return 2 * macs, macs, 0
        if self.softmax is not None and SOFTMAX in row.scope and row.name == "exp":
            entries = each.transcendentals
            return self.softmax * entries, 0, entries
        if self.elementwise == "xla" and row.xla is not None:
            return row.xla[0], each.macs, row.xla[1]
        if row.kind not in COUNTED_ALWAYS and self.elementwise == 0:
            return 0, 0, 0
        flops, macs = each.flops, each.macs
        if self.elementwise == 0 and row.kind == "contraction":
            flops = sum(s.each.flops * s.count for s in row.steps if s.kind == "product")
            flops //= max(row.count, 1)
        if self.taps == "dense" and row.dense:
            flops, macs = row.dense, row.dense // 2
        if self.complex == "one" and row.is_complex and row.kind in ("product", "contraction"):
            flops, macs = flops // COMPLEX_MACS, macs // COMPLEX_MACS
        return flops, macs, each.transcendentals


@dataclass(frozen=True, slots=True)
class Pairs:
    """Which pairs of a query and a key attention looks at."""

    queries: int
    keys: int
    causal: bool
    window: int | None


_PAIRS = re.compile(r"attend\[t=(\d+),s=(\d+)(,causal)?(?:,window=(\d+))?\]")


def attention_scope(
    queries: int, keys: int, *, causal: bool = False, window: int | None = None
) -> str:
    """The name of the scope for the two products of attention: which pairs count is read from it.

    The last query meets the last key; a window counts the query's own position.

    >>> attention_scope(4096, 8192, causal=True, window=1024)
    'attend[t=4096,s=8192,causal,window=1024]'
    """
    extra = (",causal" if causal else "") + (f",window={window}" if window else "")
    return f"attend[t={queries},s={keys}{extra}]"


def attended(queries: int, keys: int, *, causal: bool = False, window: int | None = None) -> int:
    """Pairs of a query and a key that a mask leaves.

    >>> attended(4, 4, causal=True), attended(4, 4, causal=True, window=2), attended(1, 9)
    (10, 7, 9)
    """
    if not causal:
        return queries * min(keys, window or keys)
    widest = min(window or keys, keys)
    first = keys - queries + 1  # keys that the first query may see
    growing = range(max(first, 0), min(keys, widest) + 1)
    total = (growing[0] + growing[-1]) * len(growing) // 2 if len(growing) else 0
    return total + (keys - max(widest, first - 1)) * widest


def _pairs(scope: str) -> Pairs | None:
    found = _PAIRS.fullmatch(scope)
    if found is None:
        return None
    queries, keys, causal, window = found.groups()
    return Pairs(int(queries), int(keys), causal is not None, int(window) if window else None)


def _fraction(pairs: Pairs, mode: str) -> Fraction:
    """The share of all pairs that counts."""
    every = pairs.queries * pairs.keys
    if not every:
        return Fraction(1)
    if mode == "exact":
        left = attended(pairs.queries, pairs.keys, causal=pairs.causal, window=pairs.window)
        return Fraction(left, every)
    seen = Fraction(min(pairs.window or pairs.keys, pairs.keys), pairs.keys)
    if mode == "half" and pairs.causal and seen == 1:
        return Fraction(1, 2)
    return seen


def _one_hot(row: Countable) -> int:
    """Multiply-adds of a one-hot matrix with the table that a look-up reads."""
    entries = 1
    for size in row.results[0]:
        entries *= size
    return entries * row.operands[0][0]


MATRICES = Convention(
    "matrices", elementwise=0, backward=2.0, recomputed=False, source="products alone, forward × 3"
)
PRESETS = {
    "einlab": Convention("einlab", source="everything that runs, as traced"),
    "macs": Convention("macs", unit="MAC", elementwise=0, source="products, in multiply-adds"),
    "palm": replace(
        MATRICES,
        name="palm",
        embeddings="out",
        source="Chowdhery et al. 2022, appendix B: 6N + 12·L·H·Q·T a token",
    ),
    "nanogpt": replace(
        MATRICES,
        name="nanogpt",
        embeddings="out",
        source="Karpathy 2022, nanoGPT, transformer_sizing.ipynb: after PaLM",
    ),
    "kaplan": replace(
        MATRICES,
        name="kaplan",
        embeddings="out",
        logits=False,
        attention=False,
        source="Kaplan et al. 2020: 6N a token, N without embeddings",
    ),
    "chinchilla": replace(
        MATRICES,
        name="chinchilla",
        embeddings="dense",
        softmax=3,
        source="Hoffmann et al. 2022, appendix F",
    ),
    "megatron": replace(
        MATRICES,
        name="megatron",
        embeddings="out",
        source="Korthikanti et al. 2022, eq. 7: model FLOPs",
    ),
    "megatron-hardware": replace(
        MATRICES,
        name="megatron-hardware",
        embeddings="out",
        recomputed=True,
        source="Korthikanti et al. 2022, eq. 8: with what is recomputed",
    ),
    "maxtext": replace(
        MATRICES,
        name="maxtext",
        embeddings="out",
        causal="half",
        source="MaxText, maxtext_utils.py, causal attention since pull request 1988",
    ),
    "flash-attention": replace(
        MATRICES,
        name="flash-attention",
        embeddings="out",
        causal="half",
        backward=2.5,
        source="Dao 2023, FlashAttention-2, section 4.1",
    ),
    "xla": Convention(
        "xla",
        elementwise="xla",
        loops="once",
        complex="one",
        source="XLA's HloCostAnalysis of the program as lowered",
    ),
}
"""The named conventions of the literature.

>>> list(PRESETS)[:2]
['einlab', 'macs']
"""


def convention_for(convention: Convention | str, **changes: object) -> Convention:
    """The preset of that name, or the convention itself, with some of its fields changed.

    Raises ArgumentError for an unknown preset or field, or a value that a field cannot have.

    >>> convention_for("palm", causal="exact").causal
    'exact'
    """
    if isinstance(convention, str):
        if convention not in PRESETS:
            raise ArgumentError(_unknown("convention", convention, list(PRESETS)))
        convention = PRESETS[convention]
    if not isinstance(convention, Convention):
        raise ArgumentTypeError(f"a convention is a Convention or a name, not {convention!r:.60}")
    known = [item.name for item in fields(Convention)]
    for name in changes:
        if name not in known:
            raise ArgumentError(_unknown("field of a convention", name, known))
    changed: dict[str, Any] = dict(changes)
    return replace(convention, **changed) if changes else convention


def _unknown(what: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {listing(known)}"
    return f"unknown {what} {name!r:.60}; {hint}"
