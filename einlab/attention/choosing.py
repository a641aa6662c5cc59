"""Which implementation suits an attention: predicted seconds and memory of each, side by side.

Seconds are those of the step model: two products, the passes of the softmax over the scores, and
the permutations that blocks ask for. Its constants are those of `einlab calibrate`, where the
device was calibrated; a CPU that was not has those of `UNCALIBRATED`, a GPU those of the sourced
table of machines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from einlab import machinestore
from einlab.attention.blocks import Reach, Spans, spans
from einlab.attention.dispatching import why_not
from einlab.attention.masks import reach
from einlab.attention.problem import Problem, wide
from einlab.dtypes import itemsize
from einlab.errors import ArgumentError
from einlab.execute.executable import device_memory, device_of
from einlab.machine import Machine
from einlab.machines import machine_for
from einlab.stepmodel import Constants, StepModel, permute_seconds, product_seconds

__all__ = ["IMPLEMENTATIONS", "Choice", "candidates", "choice_for"]

IMPLEMENTATIONS = ("plain", "sequential", "blockwise", "jax", "cudnn", "pallas")
"""What `attend` can be told to take.

>>> import jax.numpy as jnp
>>> from einlab.attention import attend
>>> x = jnp.ones((1, 2, 1, 4))
>>> attend(x, x, x, implementation=IMPLEMENTATIONS[0]).shape
(1, 2, 1, 4)
"""

ROWS = (128, 256, 512)
"""Rows of scores (queries times the heads that share keys) of a block that are tried."""

KEYS = (1024, 8192)
"""The most keys that a block looks at in one piece, as tried."""

UNCALIBRATED = Constants(
    itemsize=4.0,
    rate=1.5e11,
    half_m=4.0,
    half_k=4.0,
    half_n=8.0,
    matrix=1e-6,
    vector_bandwidth=1.2e10,
    bandwidth=1.0e10,
    cache=2.0**24,
    cache_bandwidth=4e10,
    launch=3e-6,
    permute_bandwidth=3e10,
    iteration=4e-6,
    allocation=2e-10,
    allocation_from=2.0**24,
)
"""A core of a server CPU in float32: `benchmarks.attention` on an AMD EPYC, read 2026-11-22."""

OWN = ("plain", "sequential", "blockwise")
"""Those that compute every attention."""

PASSES = 3.0
"""How often the softmax goes over the scores beside the products: largest, exponential, sum."""

MORE_PASSES = {"plain": (0.0, 1.0), "sequential": (0.0, 1.0), "jax": (1.0, 0.0)}
"""Passes beside those, in float32 and in narrower dtypes: `benchmarks.attention`, 2026-11-22."""

NARROW_RATE = 1.2
"""By which JAX's function multiplies faster in 16 bits: it does not widen them; the same source."""

KERNEL_RATE = {"cudnn": 1.0, "pallas": 0.5}
"""Shares of the peak by which kernels are predicted: not measured here, but in this order."""

EXPONENTIAL = {"cpu": 4e-10, "gpu": 0.0, "tpu": 0.0}
"""Seconds of an exponential that memory does not hide; `benchmarks.attention`, read 2026-11-22."""

MEMORY_SHARE = 0.5
"""Of a device's memory, what one attention may take."""


@dataclass(frozen=True)
class Choice:
    """One way to compute an attention, and what it is predicted to take.

    >>> print(Choice("plain", seconds=0.002, memory=2**20, machine="a laptop"))
    plain: 2 ms and 1 MiB predicted on a laptop
    """

    implementation: str
    seconds: float
    """Predicted for one call, forward."""
    memory: int
    """Bytes beside operands and result, predicted."""
    size: int | None = None
    """Of blockwise attention: the queries of a block."""
    keys: int | None = None
    """Of blockwise attention: the most keys that a block looks at in one piece."""
    machine: str = ""
    """Whose constants were used."""

    def __str__(self) -> str:
        blocks = f" in blocks of {self.size} queries × {self.keys} keys" if self.size else ""
        return (
            f"{self.implementation}{blocks}: {self.seconds * 1e3:.3g} ms and "
            f"{self.memory / 2**20:.3g} MiB predicted on {self.machine}"
        )


@dataclass(frozen=True)
class _Model:
    """The constants of a device for products of a dtype and for scores."""

    name: str
    kind: str
    products: Constants
    scores: Constants
    memory: int
    """Bytes that the device has."""
    is_narrow: bool
    """Whether operands are narrower than scores."""


def choice_for(one: Problem, implementation: str = "auto") -> Choice:
    """The way to compute an attention: the fastest predicted one whose memory there is.

    If none fits, that of the least memory. "blockwise" alone chooses its blocks.

    Raises ArgumentError for an implementation that does not define this attention.
    """
    found = candidates(one, implementation)
    if not found:
        raise ArgumentError(f"implementation is {implementation!r}: {why_not(one, implementation)}")
    limit = MEMORY_SHARE * _model(one).memory
    fitting = [each for each in found if each.memory <= limit]
    if not fitting:
        return min(found, key=lambda each: each.memory)
    return min(fitting, key=lambda each: each.seconds)


def candidates(one: Problem, implementation: str = "auto") -> tuple[Choice, ...]:
    """Every way that is thought of, blocks of each size among them.

    cuDNN's kernels are taken wherever they define the attention asked for; Pallas' is a candidate
    on TPUs.
    """
    model = _model(one)
    if implementation == "auto":
        kernels = model.kind == "gpu" and why_not(one, "cudnn") is None
        names = ("cudnn",) if kernels else ("plain", "sequential", "blockwise", "jax", "pallas")
    else:
        names = (implementation,)
    possible = tuple(name for name in names if name in OWN or why_not(one, name) is None)
    _, t, s, *_ = one.sizes
    return _candidates(_Form(one.sizes, reach(one.mask, t, s), one.by_head), model, possible)


class _Form(NamedTuple):
    """All that predicted seconds depend on, beside the machine."""

    sizes: tuple[int, int, int, int, int, int, int]
    """b, t, s, h, g, d, e."""
    reach: Reach
    by_head: bool
    """Whether keys and values lie head by head, as products read them."""


@lru_cache(maxsize=1024)
def _candidates(form: _Form, model: _Model, names: tuple[str, ...]) -> tuple[Choice, ...]:
    found: list[Choice] = []
    for name in names:
        found.extend(
            _blockwise(form, model) if name == "blockwise" else [_whole(form, model, name)]
        )
    return tuple(found)


def _whole(form: _Form, model: _Model, name: str) -> Choice:
    """All scores at once."""
    b, t, s, h, g, d, e = map(float, form.sizes)
    c = model.products
    if name in KERNEL_RATE:
        seconds = 2.0 * b * h * t * s * (d + e) / (c.rate * KERNEL_RATE[name]) + c.launch
        copied = 0.0 if name == "cudnn" else b * s * h * (d + e)
        seconds += permute_seconds(c, copied, d) if copied else 0.0
        return Choice(name, seconds, int(copied * c.itemsize), machine=model.name)
    narrow = model.is_narrow
    at_once, times = (1.0, b) if name == "sequential" else (b, 1.0)
    rows, entries = h / g * t, at_once * h * t * s
    fresh = c._replace(allocation=0.0)
    products = product_seconds(fresh, at_once * g, rows, d, s)
    products += product_seconds(fresh, at_once * g, rows, s, e)
    copies = float(narrow or not form.by_head)
    if name == "jax":
        copies = 1.0 if g == 1 else 2.0
        products /= NARROW_RATE if narrow else 1.0
    copied = copies * at_once * s * g * (d + e)
    rest = _softmax(model, entries, MORE_PASSES[name][narrow]) + _passed(model.scores, copied)
    seconds = times * (rest + (times > 1) * c.iteration) + _fetched(form, c, times * products)
    memory = (2 * entries + copied) * model.scores.itemsize
    return Choice(name, seconds + _pages(c, memory), int(memory), machine=model.name)


def _blockwise(form: _Form, model: _Model) -> list[Choice]:
    _, t, s, h, g, *_ = form.sizes
    sizes = dict.fromkeys(min(max(rows * g // h, 1), t) for rows in ROWS)
    most = dict.fromkeys(min(keys, s) for keys in KEYS)
    return [
        _blocks(form, model, spans(t, s, size, form.reach), keys) for size in sizes for keys in most
    ]


def _blocks(form: _Form, model: _Model, blocks: Spans, keys: int) -> Choice:
    """Blocks of one size: what all of them take, one after the other."""
    b, t, s, h, g, d, e = map(float, form.sizes)
    c, w = model.products, model.scores
    fresh = c._replace(allocation=0.0)
    rows = h / g * blocks.size
    products = rest = 0.0
    for group in blocks.groups:
        count, pieces = len(group.starts), math.ceil(group.width / keys)
        width = group.width / pieces
        each = product_seconds(fresh, 1.0, rows, d, width)
        products += count * pieces * (each + product_seconds(fresh, 1.0, rows, width, e))
        more = _softmax(model, rows * width) + (pieces > 1) * _passed(w, rows * e)
        rest += count * (pieces * (more + c.iteration) + c.iteration)
    seconds = b * g * rest + _fetched(form, c, b * g * products)
    moved = b * t * h * (d + e), 0.0 if form.by_head else b * s * g * (d + e)
    seconds += sum(permute_seconds(fresh, entries, d) for entries in moved)
    widest = min(keys, max(group.width for group in blocks.groups))
    memory = 2 * rows * widest * w.itemsize + sum(moved) * c.itemsize
    seconds += _pages(c, memory)
    return Choice("blockwise", seconds, int(memory), blocks.size, keys, model.name)


def _fetched(form: _Form, c: Constants, products: float) -> float:
    """Seconds of products in parts, each of which fits the cache though keys and values may not."""
    b, _, s, _, g, d, e = map(float, form.sizes)
    return max(products, _passed(c, b * s * g * (d + e)))


def _softmax(model: _Model, entries: float, more: float = 0.0) -> float:
    """Seconds of the softmax of that many scores."""
    return (PASSES + more) * _passed(model.scores, entries) + EXPONENTIAL[model.kind] * entries


def _passed(c: Constants, entries: float) -> float:
    """Seconds of going over that many entries once."""
    moved = entries * c.itemsize
    beyond = max(0.0, moved - c.cache)
    return (moved - beyond) / c.cache_bandwidth + beyond / c.bandwidth


def _pages(c: Constants, memory: float) -> float:
    """Seconds in which the system hands out memory, once for each call."""
    return memory * c.allocation if memory >= c.allocation_from else 0.0


def _model(one: Problem) -> _Model:
    """The constants of the device that the operands are on, or would be by default."""
    operands = one.q, one.k, one.v
    device = device_of(operands)
    here = machinestore.here()
    kind = device.device_kind
    return _model_for(device.platform, kind, str(one.q.dtype), here, device_memory(operands))


@lru_cache(maxsize=64)
def _model_for(platform: str, kind: str, dtype: str, here: Machine | None, memory: int) -> _Model:
    """As `_model`, kept for the next call."""
    scores = str(wide(dtype))
    narrow = scores != dtype
    if here is not None and here.kind == platform and scores in here.measured:
        known = dtype if dtype in here.measured else scores
        products = StepModel.from_machine(here, known).constants
        return _Model(here.name, here.kind, products, _constants(here, scores), memory, narrow)
    if platform in ("gpu", "tpu", "cuda", "rocm"):
        try:
            machine = machine_for(kind)
        except ArgumentError:
            machine = machine_for("H100 SXM")
        return _Model(
            machine.name,
            machine.kind,
            _constants(machine, dtype),
            _constants(machine, scores),
            memory,
            narrow,
        )
    products = UNCALIBRATED._replace(itemsize=float(itemsize(dtype)))
    return _Model("an uncalibrated CPU", "cpu", products, UNCALIBRATED, memory, narrow)


def _constants(machine: Machine, dtype: str) -> Constants:
    return StepModel.from_machine(machine, dtype).constants
