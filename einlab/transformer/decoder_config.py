"""`DecoderConfig`: all in which the families of decoders differ, as one value.

A family is a set of values of these fields; the decoder that is built from them knows no family.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from einlab.attention.angles import Rotary, Scaling
from einlab.errors import ArgumentError, ArgumentTypeError
from einlab.transformer.configfile import LARGEST_SIZE, short

__all__ = [
    "MOST_LAYERS",
    "Activation",
    "DecoderConfig",
    "Experts",
    "Kind",
    "Latent",
    "Rotary",
    "Scaling",
    "Stack",
    "Training",
]

MOST_LAYERS = 10_000
"""Far above any published decoder; a list with an entry for each layer stays small."""

Activation = Literal["gelu", "gelu_tanh", "silu", "relu"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Experts:
    """A mixture of experts in the place of the feed-forward network (Shazeer et al. 2017)."""

    count: int
    chosen: int
    """How many experts a token goes to."""
    width: int
    """f of one expert."""
    shared: int = 0
    """f of the network that every token goes to; 0: there is none."""
    shared_gate: bool = False
    """Whether a sigmoid of the input scales that network's result."""
    score: Literal["softmax", "sigmoid"] = "softmax"
    normalised: bool = True
    """Whether the shares of the chosen experts are scaled to sum to 1."""
    scale: float = 1.0
    """The factor on the shares."""
    correction: bool = False
    """Whether a bias is added to the scores that choose, but not to the shares (DeepSeek-V3)."""
    groups: int = 1
    """Groups of experts; those with the best scores are chosen first."""
    groups_chosen: int = 1
    group_best: int = 2
    """How many scores are summed to rank a group: two in DeepSeek-V3, one in V2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Latent:
    """Multi-head latent attention: keys and values from one short vector (DeepSeek-V2, 2024)."""

    query_rank: int | None
    """Length of the vector that queries are made from; None: from the hidden state itself."""
    rank: int
    """Length of the vector that keys and values are made from, which is what the cache holds."""
    plain: int
    """Entries of a head's query and key that are not turned."""
    turned: int
    """Entries that are turned; the key's are the same for all heads."""
    value: int
    """e, the length of a head's value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What a training step does that no hidden state shows, and no config.json fixes."""

    dropout: float = 0.0
    """The share of entries dropped of the embeddings, of attention's shares, and of what attention
    and network add (Vaswani et al. 2017, section 5.4)."""
    softmax: Literal["float32", "model"] = "float32"
    """Whether attention's softmax is computed in 32 bits, or in the dtype of the model."""
    fused: bool = False
    """Whether norms and activations keep their operands alone for the backward pass, as fused
    kernels do, and compute the rest again."""


@dataclass(frozen=True, slots=True)
class Kind:
    """In what one layer differs from another of the same model."""

    window: int | None
    """How many keys a query sees, its own among them; None: all before it."""
    sparse: bool
    """Whether its feed-forward network is a mixture of experts."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Layers that run one after the other: a pattern of kinds, repeated."""

    pattern: tuple[Kind, ...]
    repeats: int


@dataclass(frozen=True, kw_only=True)
class DecoderConfig:
    """A decoder: sizes, and the choices in which families differ.

    Raises ArgumentTypeError or ArgumentError naming the field for a value that no decoder can have.

    >>> small = DecoderConfig(vocabulary=99, positions=16, width=12, layers=2, heads=4, groups=2,
    ...                       head_size=3, feed_forward=24, norm_eps=1e-5)
    >>> small.stacks
    (Stack(pattern=(Kind(window=None, sparse=False),), repeats=2),)
    >>> small.kinds[0].window is None
    True
    """

    family: str = "decoder"
    vocabulary: int
    """v."""
    positions: int
    """The longest sequence that the model was made for, in tokens."""
    width: int
    """c."""
    layers: int
    heads: int
    """h."""
    groups: int
    """g, heads of keys and values; h must be a multiple."""
    head_size: int
    """d."""
    feed_forward: int
    """f, of layers without experts."""
    norm_eps: float
    norm: Literal["rms", "layer"] = "rms"
    norm_bias: bool = False
    norm_offset: bool = False
    """Whether scales are stored less 1."""
    arrangement: Literal["before", "around", "parallel"] = "before"
    """A norm before attention and network; before and after each; or one before both, side by
    side."""
    activation: Activation = "silu"
    gated: bool = True
    """Whether a second product of the input multiplies the active one (Shazeer 2020)."""
    rotary: Rotary | None = None
    """None: a learned table of positions is added to the embeddings."""
    attention_bias: bool = False
    """Biases of queries, keys and values."""
    output_bias: bool = False
    feed_forward_bias: bool = False
    logits_bias: bool = False
    head_norm: bool = False
    """Whether each head's queries and keys are normalised before they are turned (Qwen3)."""
    tied: bool = False
    """Whether the logits use the table of embeddings."""
    embedding_scale: float = 1.0
    score_size: float | None = None
    """Scores are divided by its root; None: by that of the length of a query."""
    score_cap: float | None = None
    """Scores s become cap·tanh(s/cap) (Gemma 2)."""
    logit_cap: float | None = None
    windows: tuple[int | None, ...] = ()
    """The window of each layer; () means that there is none."""
    experts: Experts | None = None
    sparse: tuple[bool, ...] = ()
    """Which layers have experts; () means all, if there are any."""
    latent: Latent | None = None
    training: Training = Training()

    def __post_init__(self) -> None:
        for name in COUNTS:
            _check_count(name, getattr(self, name), MOST_LAYERS if name == "layers" else None)
        if self.heads % self.groups:
            raise ArgumentError(f"heads is {self.heads}; expected a multiple of {self.groups}")
        if not 0 < self.norm_eps < 1:
            raise ArgumentError(f"norm_eps is {short(self.norm_eps)}; expected one between 0 and 1")
        for name in ("score_size", "score_cap", "logit_cap", "embedding_scale"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ArgumentError(f"{name} is {short(value)}; expected a positive number")
        for name in ("windows", "sparse"):
            listed = getattr(self, name)
            if listed and len(listed) != self.layers:
                raise ArgumentError(f"{name} has {len(listed)} entries for {self.layers} layers")
        if self.activation not in get_args(Activation):
            raise ArgumentError(f"activation is {short(self.activation)}; there is none such")
        self._check_parts()

    def _check_parts(self) -> None:
        for window in self.windows:
            if window is not None:
                _check_count("windows", window)
        if self.rotary is not None:
            most = self.latent.turned if self.latent else self.head_size
            if self.rotary.size % 2 or not 0 < self.rotary.size <= most:
                raise ArgumentError(
                    f"rotary.size is {self.rotary.size}; expected an even number up to {most}"
                )
        if not 0 <= self.training.dropout < 1:
            raise ArgumentError(
                f"dropout is {short(self.training.dropout)}; expected a share from 0 to below 1"
            )
        if self.training.softmax not in ("float32", "model"):
            raise ArgumentError(
                f"softmax is {short(self.training.softmax)}; expected 'float32' or 'model'"
            )
        if self.latent is not None and self.rotary is None:
            raise ArgumentError(
                "latent attention has no key without rotary embeddings: give rotary"
            )
        experts = self.experts
        if experts is None and any(self.sparse):
            raise ArgumentError("sparse names layers with experts, but experts is None")
        if experts is not None:
            for name in ("count", "chosen", "width", "groups", "groups_chosen", "group_best"):
                _check_count(f"experts.{name}", getattr(experts, name))
            if experts.count % experts.groups or experts.groups_chosen > experts.groups:
                raise ArgumentError(
                    f"{experts.count} experts cannot stand in {experts.groups} groups, of which "
                    f"{experts.groups_chosen} are chosen"
                )
            if experts.chosen > experts.count // experts.groups * experts.groups_chosen:
                raise ArgumentError(f"{experts.chosen} experts cannot be chosen among so few")

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kind of each layer."""
        windows = self.windows or (None,) * self.layers
        sparse = self.sparse or (self.experts is not None,) * self.layers
        return tuple(map(Kind, windows, sparse))

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The layers as few stacks: runs of one kind, or one pattern that repeats."""
        kinds = self.kinds
        runs: list[Stack] = []
        for kind in kinds:
            if runs and runs[-1].pattern == (kind,):
                runs[-1] = Stack((kind,), runs[-1].repeats + 1)
            else:
                runs.append(Stack((kind,), 1))
        for length in range(2, min(len(kinds), len(runs) + 1)):
            if all(kinds[place] == kinds[place % length] for place in range(len(kinds))):
                whole, rest = divmod(len(kinds), length)
                tail = (Stack(kinds[:rest], 1),) if rest else ()
                patterned = (Stack(kinds[:length], whole), *tail)
                return min((tuple(runs), patterned), key=_bodies)
        return tuple(runs)


def _bodies(stacks: tuple[Stack, ...]) -> int:
    """How many layers must be traced."""
    return sum(len(stack.pattern) for stack in stacks)


COUNTS = (
    "vocabulary",
    "positions",
    "width",
    "layers",
    "heads",
    "groups",
    "head_size",
    "feed_forward",
)


def _check_count(name: str, value: Any, most: int | None = None) -> None:
    most = most or LARGEST_SIZE
    if isinstance(value, bool) or not isinstance(value, int):
        raise ArgumentTypeError(f"{name} is {short(value)}; expected a whole number")
    if not 1 <= value <= most:
        raise ArgumentError(f"{name} is {short(value)}; expected a whole number from 1 to {most}")
