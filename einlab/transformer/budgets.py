"""`budget` and `Budget`: what a transformer costs to train and to run, from its config alone.

Every count comes from a report on the model that `decoder.py` or `encoder.py` builds from the
config: a budget is a report. Nothing is allocated, and nothing is computed but shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from einlab import show
from einlab.conventions import Convention, convention_for
from einlab.cost import Cost
from einlab.dtypes import dtype_name, itemsize
from einlab.errors import ArgumentError, ArgumentTypeError, listing
from einlab.machines import Machine, machine_for
from einlab.table import Table
from einlab.trace.reporting import Report
from einlab.transformer import budget_file, budget_table, memory, programs, throughput
from einlab.transformer.config import EncoderConfig
from einlab.transformer.configfile import LARGEST_SIZE
from einlab.transformer.counts import Parameters, parameters
from einlab.transformer.decoder import RECOMPUTE, Recompute
from einlab.transformer.decoder_config import DecoderConfig
from einlab.transformer.families import ModelConfig, config_of
from einlab.transformer.parts import by_part, by_product, products

__all__ = ["Budget", "budget"]


@dataclass(frozen=True)
class Budget:
    """What a model costs; all numbers are worked out when they are first asked for.

    >>> small = budget({"model_type": "gpt2", "vocab_size": 99, "n_positions": 16, "n_embd": 12,
    ...                 "n_layer": 2, "n_head": 4, "layer_norm_epsilon": 1e-5,
    ...                 "activation_function": "gelu_new"}, batch=2)
    >>> small.tokens, small.cache_bytes, list(small.phases)
    (32, 3072, ['training', 'prefill', 'decode'])
    """

    config: ModelConfig
    batch: int
    prompt: int
    """Tokens of a sequence in training and prefill."""
    generate: int
    """Tokens generated after the prompt."""
    dtype: str
    machine: Machine | None
    devices: int
    recompute: Recompute
    optimiser: str
    convention: Convention
    tokens_per_second: float | None = None
    """What all devices together were measured to train."""
    train_tokens: float | None = None
    """Tokens of a whole training."""

    # What is traced.

    @cached_property
    def forward(self) -> Report:
        """The forward pass over the prompt, with all its logits (an encoder's hidden states)."""
        found = programs.forward_report(self.config, self.batch, self.prompt, self.dtype)
        return self._under(found)

    @cached_property
    def training(self) -> Report:
        """The gradient of the loss over the prompt, with what `recompute` runs again."""
        return self._under(
            programs.training_report(
                self.config, self.batch, self.prompt, self.dtype, self.recompute
            )
        )

    @cached_property
    def prefill(self) -> Report:
        """Reading the prompt into a cache, and the logits after its last token."""
        config = self._decoder("prefill")
        return self._under(
            programs.prefill_report(config, self.batch, self.prompt, self.length, self.dtype)
        )

    @cached_property
    def decode(self) -> Report:
        """One step: a token more for each sequence, with a cache for the longest sequence."""
        config = self._decoder("decode")
        return self._under(programs.decode_report(config, self.batch, self.length, self.dtype))

    @property
    def phases(self) -> dict[str, Report]:
        """The reports by name."""
        if isinstance(self.config, EncoderConfig):
            return {"training": self.training, "forward": self.forward}
        return {"training": self.training, "prefill": self.prefill, "decode": self.decode}

    @property
    def config_name(self) -> str:
        """The family of the model, as the budget's title names it."""
        return self.config.family if isinstance(self.config, DecoderConfig) else "bert"

    @property
    def length(self) -> int:
        """Tokens of the longest sequence: prompt and generated ones."""
        return self.prompt + self.generate

    # Sizes.

    @cached_property
    def parameters(self) -> Parameters:
        """Exact numbers of parameters."""
        return parameters(self.config)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the weights in the budget's dtype."""
        return self.parameters.total * itemsize(self.dtype)

    @cached_property
    def state_bytes(self) -> dict[str, float]:
        """Bytes of weights, gradients and the optimiser's state in training, undivided."""
        return memory.state_bytes(self.parameters.total, self.optimiser)

    @cached_property
    def activation_bytes(self) -> dict[str, int]:
        """Bytes kept for the backward pass, by how much of the forward one is recomputed."""
        return {
            level: memory.activation_bytes(self.config, self.batch, self.prompt, self.dtype, level)
            for level in RECOMPUTE
        }

    @cached_property
    def cache_bytes(self) -> int:
        """Bytes of the cache for all sequences at their longest; an encoder has none."""
        if isinstance(self.config, EncoderConfig):
            return 0
        return memory.cache_bytes(self.config, self.batch, self.length, self.dtype)

    @property
    def cache_bytes_per_token(self) -> float:
        """Bytes of the cache for one token, as a mean over the longest sequence."""
        return self.cache_bytes / (self.batch * self.length)

    # FLOPs.

    def parts(self, phase: str) -> dict[str, Cost]:
        """The cost of each part of the model in a phase, in the order in which they run.

        Raises ArgumentError for a phase that is none of `phases`, or "forward".
        """
        return by_part(self._phase(phase).rows)

    def by_product(self, phase: str) -> dict[str, tuple[int, Cost]]:
        """How often each product of a phase runs, and what it costs all told; keys name it."""
        return by_product(self._phase(phase).rows)

    def model_flops(
        self,
        convention: Convention | str = "palm",
        *,
        attention_again: float = 0.0,
        rest_again: float = 0.0,
        **changes: Any,
    ) -> int:
        """FLOPs of a training step by a convention whose backward pass is a multiple.

        The forward pass is traced. `attention_again` and `rest_again` say how often the products of
        attention and those of the rest of the layers run once more.

        Raises ArgumentError for an unknown convention, or one that counts the backward pass.
        """
        found = convention_for(convention, **changes)
        if isinstance(found.backward, str):
            raise ArgumentError(
                f"the convention {found.name} counts the backward pass as it was traced; "
                "read budget.training.under(...).flops"
            )
        forward = replace(self.forward, convention=found)
        parts = by_part(forward.rows)
        attention = parts["attention"].flops if "attention" in parts else 0
        outside = sum(parts[name].flops for name in OUTSIDE if name in parts)
        rest = forward.flops - attention - outside
        again = attention_again * attention + rest_again * rest
        return round(forward.flops * (1 + found.backward) + again)

    @property
    def tokens(self) -> int:
        """Tokens of a training step."""
        return self.batch * self.prompt

    # Rates and times.

    def mfu(self, tokens_per_second: float, convention: Convention | str = "palm") -> float:
        """The share of the machine's peak at which model FLOPs run, at a measured throughput.

        Raises ArgumentError without a machine, or for a throughput that is not positive.
        """
        return self._share(self.model_flops(convention), tokens_per_second)

    def hfu(self, tokens_per_second: float) -> float:
        """The share of the peak at which all products of the traced step run, recomputed ones too.

        Raises as `mfu` does.
        """
        return self._share(products(self.training.traced), tokens_per_second)

    def _share(self, flops: float, tokens_per_second: float) -> float:
        rate = flops / self.tokens * tokens_per_second
        return throughput.utilisation(rate, 1.0, self._device(), self.dtype, self.devices)

    def days(
        self, tokens: float, utilisation: float, convention: Convention | str = "palm"
    ) -> float:
        """Days of training on so many tokens at a share of the peak (an MFU).

        Raises ArgumentError without a machine, or for a share that is not positive.
        """
        flops = self.model_flops(convention) / self.tokens * tokens
        return throughput.days(
            flops, self._device(), utilisation, dtype=self.dtype, devices=self.devices
        )

    def petaflop_days(self, tokens: float, convention: Convention | str = "palm") -> float:
        """Model FLOPs of training on so many tokens, in days of 10¹⁵ a second."""
        flops = self.model_flops(convention) / self.tokens * tokens
        return throughput.petaflop_days(flops)

    def seconds(self, phase: str) -> float:
        """The least seconds of a phase on the machine: products at its peak, bytes moved once.

        A decode step reads cache and weights (`throughput.decode_seconds`).

        Raises ArgumentError without a machine, or for an unknown phase.
        """
        machine, found = self._device(), self._phase(phase)
        if phase == "decode":
            attention = by_part(found.traced).get("attention", Cost()).flops
            return throughput.decode_seconds(
                self.read_bytes,
                self.cache_bytes,
                machine,
                self.dtype,
                flops=products(found.traced) - attention,
                devices=self.devices,
            )
        flops = products(found.traced)
        return throughput.phase_seconds(flops, found.ideal_bytes, machine, self.dtype, self.devices)

    @cached_property
    def product_bytes(self) -> int:
        """Bytes of all weights that a decode step multiplies by: all but tables looked up."""
        tables = ["positions"]
        if not (isinstance(self.config, DecoderConfig) and self.config.tied):
            tables.append("embedding")
        looked_up = sum(self.parameters.of(name) for name in tables)
        return (self.parameters.total - looked_up) * itemsize(self.dtype)

    @property
    def read_bytes(self) -> int:
        """Bytes of weights that a decode step reads at most: of the experts those chosen."""
        config = self.config
        if not isinstance(config, DecoderConfig) or config.experts is None:
            return self.product_bytes
        count, chosen = config.experts.count, self.batch * config.experts.chosen
        one = self.parameters.of("experts") // count * itemsize(self.dtype)
        return self.product_bytes - max(count - chosen, 0) * one

    @cached_property
    def critical_batch(self) -> float:
        """The sequences from which on a decode step's products with weights are bound by compute.

        Raises ArgumentError without a machine.
        """
        found = self.decode
        attention = by_part(found.traced).get("attention", Cost()).flops
        flops = (products(found.traced) - attention) / self.batch
        return throughput.critical_batch(
            self._device(), self.dtype, flops=flops, weights=self.product_bytes
        )

    # Output.

    def table(self, by: str = "part") -> Table:
        """The budget as a table of FLOPs, by "part" of the model or by "product".

        Raises ArgumentError for another word.
        """
        return budget_table.budget_table(self, by)

    def to_json(self) -> str:
        """All numbers of the budget as JSON."""
        return budget_file.budget_json(self)

    def to_html(self) -> str:
        """The budget by part and by product as one HTML page, which asks for nothing elsewhere."""
        return show.html.page([self.table("part"), self.table("product")])

    def __str__(self) -> str:
        return budget_table.budget_text(self)

    def _repr_html_(self) -> str:
        return show.html.fragment(self.table())

    def _under(self, found: Report) -> Report:
        found = replace(found, convention=self.convention)
        return found if self.machine is None else found.on(self.machine)

    def _phase(self, phase: str) -> Report:
        known = ("training", "forward", "prefill", "decode")
        if phase not in known:
            raise ArgumentError(f"phase is {phase!r:.40}; expected {listing(known)}")
        found: Report = getattr(self, phase)
        return found

    def _decoder(self, phase: str) -> DecoderConfig:
        if isinstance(self.config, EncoderConfig):
            raise ArgumentError(f"an encoder of the family bert has no phase {phase}")
        return self.config

    def _device(self) -> Machine:
        if self.machine is None:
            raise ArgumentError('no machine is known; give budget(..., machine="H100 SXM")')
        return self.machine


DTYPES = ("bfloat16", "float16", "float32")
"""What a model computes in; weights stored in fewer bits are turned to one of these."""

OUTSIDE = ("embedding", "logits", "loss")
"""Parts that stand outside the layers: they are not run again."""


def budget(
    config: ModelConfig | Mapping[str, Any] | str | Path,
    *,
    batch: int = 1,
    prompt: int | None = None,
    generate: int = 0,
    dtype: str = "bfloat16",
    machine: Machine | str | None = None,
    devices: int = 1,
    recompute: Recompute = "none",
    optimiser: str = "adam",
    convention: Convention | str = "einlab",
    tokens_per_second: float | None = None,
    train_tokens: float | None = None,
) -> Budget:
    """What the transformer of a config costs to train and to run.

    `config` is a path of a config.json, its fields as a dictionary, or a config read before.
    `prompt` defaults to the longest sequence that the config names, at most 2,048 tokens.

    Raises FileError for a config that is not understood, naming what; ArgumentError or
    ArgumentTypeError for another value that cannot be.

    >>> fields = {"model_type": "gpt2", "vocab_size": 50257, "n_positions": 1024, "n_embd": 768,
    ...           "n_layer": 12, "n_head": 12, "layer_norm_epsilon": 1e-5,
    ...           "activation_function": "gelu_new"}
    >>> budget(fields).parameters.total
    124439808
    """
    found = config_of(config)
    longest = min(found.positions, 2048)
    prompt = longest if prompt is None else prompt
    counts = {"batch": batch, "prompt": prompt, "generate": generate, "devices": devices}
    for name, value in counts.items():
        least = 0 if name == "generate" else 1
        if isinstance(value, bool) or not isinstance(value, int):
            raise ArgumentTypeError(f"{name} is {value!r:.40}; expected a whole number")
        if not least <= value <= LARGEST_SIZE:
            raise ArgumentError(f"{name} is {value}; expected {least} to {LARGEST_SIZE}")
    if recompute not in RECOMPUTE:
        raise ArgumentError(f"recompute is {recompute!r:.40}; expected {listing(RECOMPUTE)}")
    if dtype_name(dtype) not in DTYPES:
        raise ArgumentError(f"dtype is {dtype!r:.40}; models are traced in {listing(DTYPES)}")
    memory.state_bytes(1, optimiser)
    return Budget(
        config=found,
        batch=batch,
        prompt=prompt,
        generate=generate,
        dtype=dtype_name(dtype),
        machine=None if machine is None else machine_for(machine),
        devices=devices,
        recompute=recompute,
        optimiser=optimiser,
        convention=convention_for(convention),
        tokens_per_second=throughput.positive("tokens_per_second", tokens_per_second),
        train_tokens=throughput.positive("train_tokens", train_tokens),
    )
