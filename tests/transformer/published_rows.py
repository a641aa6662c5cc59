"""How each row of the published costs is reached, through public functions alone.

Rows with an architecture go through a config and a convention; rows that give only parameters,
tokens, bytes or seconds go through the functions that a budget is made of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp

from einlab.conventions import Convention, convention_for
from einlab.machines import Machine
from einlab.planning import plan
from einlab.trace.reporting import report
from einlab.transformer import throughput
from einlab.transformer.budgets import Budget, budget
from einlab.transformer.counts import adapter_parameters, parameters
from einlab.transformer.decoder_config import DecoderConfig, Training
from einlab.transformer.memory import cache_bytes, checkpoint_bytes, state_bytes
from einlab.transformer.throughput import training_flops, utilisation
from tests.transformer.models import gpt2, llama, published

A100, H100, TPU_V4 = "A100 80GB SXM", "H100 SXM", "TPU v4"
BOOK = Machine(
    "TPU v5e", {"bfloat16": 1.97e14, "int8": 3.94e14}, bandwidth=8.2e11, memory=16e9, link=4.5e10
)
"""The figures that the book rounds to; where a row has another bandwidth it says so."""
SLOWER = replace(BOOK, bandwidth=8.1e11)

Fields = dict[str, Any]


@lru_cache
def gpt(width: int, layers: int, heads: int, length: int, words: int = 50257) -> Budget:
    return budget(gpt2(width, layers, heads, words, length), batch=1, prompt=length)


def of(fields: Fields, **settings: Any) -> Budget:
    return budget(fields, **settings)


def attention_a_token(fields: Fields, length: int) -> float:
    """Forward FLOPs of attention's two products, full, for one token."""
    found = of(fields, batch=1, prompt=length, convention="palm")
    return found.parts("forward")["attention"].flops / length


# nanoGPT and Chinchilla


def a_product(name: str) -> int:
    """FLOPs of one run of a product of GPT-2's forward pass."""
    count, cost = gpt(768, 12, 12, 1024).by_product("forward")[name]
    return cost.flops // count


def queries_keys_values() -> int:
    names = ("btc,hdc->bthd", "bsc,gdc->bsgd", "bsc,gec->bsge")
    return sum(a_product(f"projections: {name}") for name in names)


def a_block() -> int:
    found = gpt(768, 12, 12, 1024).forward.under("nanogpt", logits=False)
    return found.flops // 12


def nanogpt_mfu() -> float:
    flops = gpt(768, 12, 12, 1024).model_flops("nanogpt")
    return 100 * utilisation(100 * flops, 0.755, A100)


def without_biases() -> int:
    config = replace(
        published("gpt2"),
        norm_bias=False,
        attention_bias=False,
        output_bias=False,
        feed_forward_bias=False,
    )
    return parameters(config).total


def without_positions() -> int:
    found = parameters(published("gpt2"))
    return found.total - found.of("positions")


def chinchilla(layers: int, width: int, heads: int) -> int:
    found = gpt(width, layers, heads, 2048, 32000)
    return found.model_flops("chinchilla", embeddings="out", logits=False)


# PaLM


def palm(parameters: float, layers: int, heads: int, tokens: float = 1.0, **again: float) -> float:
    fields = llama(heads * 256, 4 * heads * 256, layers, heads, heads, 256000)
    attention = attention_a_token(fields, 2048)
    return training_flops(parameters, tokens, attention=attention, **again)


PALM_8B, PALM_62B, PALM_540B = (8.63e9, 32, 16), (6.25e10, 64, 32), (5.4035e11, 118, 48)


# Megatron

MEGATRON = {
    "22b": (6144, 48, 64, 4, 8, 1.1),
    "175b": (12288, 96, 96, 64, 64, 13.75),
    "530b": (20480, 105, 128, 280, 280, 37.83),
}
"""Width, layers, heads, sequences, devices, seconds."""


def megatron(model: str, attention_again: float) -> float:
    """Utilisation in per cent; equation 8 takes the attention term twice, three forward passes."""
    width, layers, heads, sequences, devices, seconds = MEGATRON[model]
    flops = gpt(width, layers, heads, 2048, 51200).model_flops(
        "megatron", attention_again=attention_again
    )
    return 100 * utilisation(sequences * flops, seconds, A100, devices=devices)


def selective_overhead() -> float:
    found = gpt(20480, 105, 128, 2048, 51200)
    once, again = (found.model_flops("megatron", attention_again=times) for times in (0.0, 3.0))
    return 100 * (again / once - 1)


def megatron_days() -> float:
    found = gpt(20480, 105, 128, 2048, 51200)
    flops = found.model_flops("megatron", attention_again=1.0, rest_again=1.0) / found.tokens
    return throughput.days(flops * 300e9, flops_per_second=171e12, devices=560)


# Others who measured


def maxtext() -> float:
    convention: Convention = convention_for("maxtext", causal="full")
    fields = llama(4096, 11008, 32, 32, 32, 32000)
    found = of(fields, batch=4, prompt=8192, convention=convention)
    return found.parts("training")["attention"].flops / 1e12


FOUNDRY: dict[str, tuple[int, int, int, int, float, str]] = {
    "7b": (32, 4096, 6658859008, 2048, 10643, H100),
    "7b-64k": (32, 4096, 6918905856, 65536, 1956, H100),
    "13b": (40, 5120, 12853954560, 2048, 5080, H100),
    "30b": (48, 7168, 29975214080, 2048, 2115, H100),
    "70b": (80, 8192, 64862437376, 2048, 1007, H100),
    "1b": (24, 2048, 1315950592, 2048, 45455, H100),
    "3b": (32, 2560, 2651837440, 2048, 22525, H100),
    "125m-a100": (12, 768, 125311488, 2048, 142830, A100),
    "7b-a100": (32, 4096, 6658859008, 2048, 3679, A100),
}
"""Layers, width, parameters, length, tokens a second of one device, device."""


def foundry(model: str, again: float = 0.0) -> float:
    layers, width, weights, length, rate, machine = FOUNDRY[model]
    attention = attention_a_token(gpt2(width, layers, 1, 50368, length), length)
    flops = training_flops(
        weights, rate, attention=attention, attention_again=again, rest_again=again
    )
    return 100 * utilisation(flops, 1.0, machine)


def bert_large(**settings: Any) -> Budget:
    fields = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "vocab_size": 30522,
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "hidden_size": 1024,
        "num_attention_heads": 16,
        "num_hidden_layers": 1,
        "intermediate_size": 4096,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }
    return of(fields, batch=80, prompt=128, **settings)


def bert_linear() -> float:
    _, cost = bert_large().by_product("forward")["projections: btc,hdc->bthd"]
    return cost.macs / 1e9


def bert_layer() -> float:
    return bert_large(convention=convention_for("macs", attention=False)).forward.flops / 1e9


def query_product(what: str) -> float:
    found = plan("tc,dc->td", (2048, 4096), (4096, 4096), dtype="float16").cost
    return found.flops if what == "ops" else found.intensity


def convolution(taps: str) -> int:
    def convolve(image: Any, kernel: Any) -> Any:
        return jax.lax.conv_general_dilated(
            image, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    image = jax.ShapeDtypeStruct((1, 4, 4, 1), jnp.float32)
    kernel = jax.ShapeDtypeStruct((2, 2, 1, 2), jnp.float32)
    return report(convolve, image, kernel).under("einlab", taps=taps).flops


# Memory


def selective_saving() -> float:
    """How much less the backward pass needs in per cent if attention is computed again.

    As in the paper the model is trained with dropout and a softmax in 16 bits, and functions keep
    no more than their operands.
    """
    config = of(gpt2(12288, 96, 96, 50257, 2048)).config
    assert isinstance(config, DecoderConfig)
    training = Training(dropout=0.1, softmax="model", fused=True)
    found = budget(replace(config, training=training), batch=1, prompt=2048).activation_bytes
    return 100 * (1 - found["attention"] / found["none"])


def llama3_checkpoints() -> int:
    config = of(llama(8192, 28672, 80, 64, 8, 128256)).config
    return checkpoint_bytes(config, 4_000_000, per_layer=4)


def cache(layers: int, heads: int, length: int, dtype: str = "float16", size: int = 128) -> int:
    fields = llama(heads * size, 8, layers, heads, heads, 8)
    return cache_bytes(of(fields, prompt=1).config, 1, length, dtype)  # type: ignore[arg-type]


def mebibytes(layers: int) -> float:
    return cache(layers, 8, 2048) / 2**20


def step_ms(batch: int, cached: float = 6.7e9) -> float:
    """LLaMA-2-13B on eight chips by the book's rounded 26 GB of weights and bytes a sequence."""
    return 1e3 * throughput.decode_seconds(26e9, batch * cached, BOOK, devices=8)


def quiz_ms() -> float:
    flops = training_flops(30e9, 256, backward=0.0)
    seconds = throughput.decode_seconds(30e9, 256 * 819e6, SLOWER, flops=flops, devices=16)
    return 1e3 * seconds


def crossing() -> float:
    """Tokens at which attention's FLOPs reach those of its projections; they grow by one more T."""
    found = of(llama(4096, 16384, 1, 32, 32, 8), prompt=2048, convention="palm").parts("training")
    return 2048 * found["projections"].flops / found["attention"].flops


def attention_share() -> float:
    found = of(llama(4096, 16384, 1, 32, 32, 8), prompt=4096, convention="palm").parts("training")
    return found["attention"].flops / (found["projections"].flops + found["network"].flops)


def llama3_70b_without_norms() -> int:
    found = of(llama(8192, 28672, 80, 64, 8, 128256)).parameters
    return found.total - found.of("norms")


def total(fields: Fields) -> int:
    return of(fields).parameters.total


MIXTRAL = published("Mixtral-8x7B-v0.1", max_position_embeddings=32768)
TIED = {"tie_word_embeddings": True}
BATCHES = (1, 8, 16, 32, 64, 240)

ROWS: dict[str, Callable[[], float]] = {
    "param.gpt2": lambda: parameters(published("gpt2")).total,
    "param.nanogpt-nobias": without_biases,
    "param.nanogpt-noembed": without_positions,
    "param.llama-3-8b": lambda: total(llama(4096, 14336, 32, 32, 8, 128256)),
    "param.llama-3-70b": lambda: total(llama(8192, 28672, 80, 64, 8, 128256)),
    "param.mistral-7b-v0.3": lambda: (
        parameters(published("Mistral-7B-v0.1", vocab_size=32768, sliding_window=None)).total
    ),
    "param.llama-3.2-1b": lambda: total(llama(2048, 8192, 16, 32, 8, 128256) | TIED),
    "param.mixtral-8x7b.total": lambda: parameters(MIXTRAL).total,
    "param.mixtral-8x7b.active": lambda: parameters(MIXTRAL).active,
    "param.gpt3": lambda: gpt(12288, 96, 96, 2048).parameters.total,
    "flops.nanogpt.kqv": queries_keys_values,
    "flops.nanogpt.scores": lambda: a_product("attention: btgjd,bsgd->bgjts"),
    "flops.nanogpt.block": a_block,
    "flops.nanogpt.dense": lambda: a_product("logits: btc,vc->btv"),
    "mfu.nanogpt": nanogpt_mfu,
    "flops.chinchilla-73m": lambda: chinchilla(10, 640, 10),
    "flops.chinchilla-552m": lambda: chinchilla(24, 1280, 10),
    "flops.chinchilla-1143m": lambda: chinchilla(26, 1792, 14),
    "flops.chinchilla-1593m": lambda: chinchilla(28, 2048, 16),
    "flops.chinchilla-6796m": lambda: chinchilla(40, 3584, 28),
    "pfdays.gpt3-175b": lambda: throughput.petaflop_days(training_flops(1.746e11, 300e9)),
    "train.palm-8b": lambda: palm(*PALM_8B, tokens=780e9),
    "pfdays.palm-8b": lambda: throughput.petaflop_days(palm(*PALM_8B, tokens=780e9)),
    "flops.palm-62b": lambda: palm(*PALM_62B),
    "flops.palm-62b.remat": lambda: palm(*PALM_62B, attention_again=1.0),
    "train.palm-62b": lambda: palm(*PALM_62B, tokens=795e9),
    "flops.palm-540b": lambda: palm(*PALM_540B),
    "flops.palm-540b.remat": lambda: palm(*PALM_540B, attention_again=1.0, rest_again=0.75),
    "pfdays.palm-540b": lambda: throughput.petaflop_days(palm(*PALM_540B, tokens=780e9)),
    "zflop.palm8": lambda: training_flops(8e9, 780e9) / 1e21,
    "zflop.chinchilla": lambda: training_flops(70e9, 1.4e12) / 1e21,
    "train.llama3-405b": lambda: training_flops(405e9, 15.6e12),
    "mfu.palm540": lambda: (
        100 * utilisation(palm(*PALM_540B, tokens=238.3e3), 1.0, TPU_V4, devices=6144)
    ),
    "mfu.mtnlg.noattn": lambda: (
        100 * utilisation(training_flops(530e9, 1920 * 2048), 60.1, A100, devices=2240)
    ),
    "mfu.korthikanti-22b": lambda: megatron("22b", 0.0),
    "hfu.korthikanti-22b": lambda: megatron("22b", 3.0),
    "hfu.korthikanti-175b": lambda: megatron("175b", 3.0),
    "mfu.korthikanti-530b": lambda: megatron("530b", 0.0),
    "hfu.korthikanti-530b": lambda: megatron("530b", 3.0),
    "flops.selective-overhead-mtnlg": selective_overhead,
    "days.megatron-ptdp-529.6b-560gpu": megatron_days,
    "maxtext.llama2-7b.attn.full": maxtext,
    "hfu.llmfoundry-7b": lambda: foundry("7b"),
    "hfu.llmfoundry-13b": lambda: foundry("13b", again=1.0),
    "hfu.llmfoundry-30b": lambda: foundry("30b", again=1.0),
    "hfu.llmfoundry-1b": lambda: foundry("1b"),
    "hfu.llmfoundry-125m-a100": lambda: foundry("125m-a100"),
    **{
        f"mfu.llmfoundry-{model}": lambda model=model: foundry(model)  # type: ignore[misc]
        for model in FOUNDRY
        if model != "7b"
    },
    "flops.jaxdocs.multidot.right": lambda: (
        plan("ij,jk,kl->il", (200, 5), (5, 100), (100, 10)).flops
    ),
    "flops.conv.jax17912.xla": lambda: convolution("valid"),
    "flops.conv.jax17912.dense": lambda: convolution("dense"),
    "sb.v5e.ridge": lambda: BOOK.ridge("bfloat16") or 0.0,
    "sb.q1.int8": lambda: throughput.critical_batch(SLOWER, "int8"),
    "sb.q5.h100": lambda: throughput.critical_batch(
        Machine("H100", {"bfloat16": 1e15}, bandwidth=3.35e12, memory=80e9)
    ),
    "sb.tpu.q4": lambda: throughput.critical_rows(SLOWER, 4096, 16384, "int8") or 0,
    "sb.2chip.D": lambda: throughput.critical_split(BOOK, 2),
    "sb.dot.ai": lambda: plan("k,k->", (10**6,), (10**6,), dtype="bfloat16").cost.intensity,
    "sb.tf.q1.kv": lambda: cache(64, 32, 1, "int8"),
    "sb.tf.kv8GiB": lambda: cache(64, 64, 8192, "int8"),
    "sb.tf.q5": crossing,
    "sb.tf.attnfrac": attention_share,
    "sb.l3.total": llama3_70b_without_norms,
    "sb.l3.ckpt": llama3_checkpoints,
    "mem.selective-saving-gpt3": selective_saving,
    "sb.inf.params13b": lambda: cache(40, 40, 8192, "bfloat16"),
    **{f"sb.inf.mha.step.b{b}": lambda b=b: step_ms(b) for b in BATCHES if b != 8},  # type: ignore[misc]
    **{f"sb.inf.mha.tput.b{b}": lambda b=b: 1e3 * b / step_ms(b) for b in BATCHES},  # type: ignore[misc]
    "sb.inf.gqa.step.b1": lambda: step_ms(1, 6.7e9 / 5),
    "sb.inf.gqa.step.b64": lambda: step_ms(64, 6.7e9 / 5),
    "sb.inf.pop.big": quiz_ms,
    "sb.inf.q1": lambda: total(llama(4096, 16384, 64, 32, 8, 32128) | TIED | {"head_dim": 256}),
    "lora.deberta-xxl": lambda: adapter_parameters(gpt(1536, 48, 24, 512).config, 16),
    "lora.llama7b-r8-qv": lambda: adapter_parameters(published("Llama-2-7b"), 8),
    "kv.llama-3.1-8b": lambda: cache(32, 8, 1),
    "kv.llamacpp-mixtral-8x7b": lambda: mebibytes(32),
    "kv.llamacpp-llama3-8b": lambda: mebibytes(32),
    "kv.llamacpp-llama3-70b": lambda: mebibytes(80),
    "kv.llamacpp-qwen1.5-32b": lambda: mebibytes(64),
    "kv.llamacpp-yi-1.5-34b": lambda: mebibytes(60),
    "mem.zero-gpt2xl": lambda: sum(state_bytes(1_500_000_000).values()) / 1e9,
    "llmviewer.prefill.qproj.ops": lambda: query_product("ops"),
    "llmviewer.prefill.qproj.ai": lambda: query_product("ai"),
    "deepspeed.bert-large.linear": bert_linear,
    "deepspeed.bert-large.layer": bert_layer,
}
"""Row → the value that the library gives for it."""
