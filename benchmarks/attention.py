"""Attention beside JAX's: `python -m benchmarks.attention grid`, `… steps` and `… long`.

`grid` times `attend` with "auto" on every point of batch × tokens × heads × groups × window × dtype
that fits into memory. Attention is causal, of a sequence to itself; one token is a step of
decoding, one query of each sequence against 4,096 keys, of which the window leaves the last.
Both are given the same mask, in the cheapest form that each takes. `steps` times one token over a
cache of keys and values, written and attended to. `long` holds blockwise attention of 8,192 tokens
against the plain form and JAX's, memory as XLA states it. Calls are of compiled programs and
interleaved; what is printed are medians.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import product
from typing import Any

import click

from benchmarks.machine import available_bytes, describe
from benchmarks.results import geometric_mean

__all__ = ["Point", "grid", "long"]

SIZE = 64
"""Entries of a head."""
CACHED = 4096
"""Keys of a step of decoding."""
WINDOW = 256
"""Keys that a query sees, its own among them."""


@dataclass(frozen=True)
class Point:
    """One point of the grid."""

    batch: int
    tokens: int
    heads: int
    groups: int
    window: bool
    dtype: str

    @property
    def keys(self) -> int:
        """How many there are for each query."""
        return CACHED if self.tokens == 1 else self.tokens

    @property
    def need(self) -> int:
        """Bytes that the plain form holds at once: scores and their exponentials in float32."""
        return 2 * 4 * self.batch * self.heads * self.tokens * self.keys

    def __str__(self) -> str:
        window = f", window {WINDOW}" if self.window else ""
        return f"b={self.batch} t={self.tokens} h={self.heads} g={self.groups} {self.dtype}{window}"


def points() -> Iterator[Point]:
    """The whole grid."""
    for values in product(
        (1, 128, 1024, 4096), (1, 8), (8, 32), (1, 4), (False, True), ("float32", "bfloat16")
    ):
        tokens, batch, *rest = values
        yield Point(batch, tokens, *rest)  # type: ignore[arg-type]


def _operands(point: Point) -> tuple[Any, Any, Any]:
    import jax

    q, k, v = jax.random.split(jax.random.key(0), 3)
    few = (point.batch, point.keys, point.groups, SIZE)
    return (
        jax.random.normal(q, (point.batch, point.tokens, point.heads, SIZE), point.dtype),
        jax.random.normal(k, few, point.dtype),
        jax.random.normal(v, few, point.dtype),
    )


def _calls(point: Point) -> dict[str, Callable[..., Any]]:
    """The same attention by JAX's function and by ours."""
    import jax
    import jax.numpy as jnp

    from einlab.attention import Mask, attend

    theirs: Callable[..., Any] = jax.nn.dot_product_attention
    if point.tokens > 1:
        window = (WINDOW - 1, 0) if point.window else None
        theirs = partial(theirs, is_causal=True, local_window_size=window)
    elif point.window:
        theirs = partial(theirs, mask=(jnp.arange(CACHED) >= CACHED - WINDOW)[None, None, None])
    mask = Mask(causal=True, window=(WINDOW - 1, 0) if point.window else None)
    return {"jax": jax.jit(theirs), "einlab": jax.jit(partial(attend, mask=mask))}


def _interleaved(calls: Mapping[str, Callable[[], Any]], seconds: float) -> dict[str, list[float]]:
    """Seconds of each call, taken in turn for so long, 3 times at least and 200 at most.

    Each must have been called before.
    """
    import jax

    taken: dict[str, list[float]] = {name: [] for name in calls}
    begun, turn = time.perf_counter(), 0
    while turn < 3 or (turn < 200 and time.perf_counter() - begun < seconds):
        names = list(calls) if turn % 2 else list(calls)[::-1]
        for name in names:
            start = time.perf_counter()
            jax.block_until_ready(calls[name]())
            taken[name].append(time.perf_counter() - start)
        turn += 1
    return taken


@click.group()
def main() -> None:
    """Attention beside its peers."""


@main.command()
@click.option("--tokens", type=int, multiple=True, help="Only points of so many tokens.")
@click.option("--batch", type=int, multiple=True, help="Only points of this batch.")
@click.option("--dtype", multiple=True, help="Only points of this dtype.")
@click.option("--seconds", type=float, default=1.0, help="Seconds for each point.")
@click.option(
    "--out",
    type=click.Path(),
    help="A file of lines of JSON to add to; points it has "
    "are not measured again, and the means are of all of it.",
)
def grid(
    tokens: tuple[int, ...],
    batch: tuple[int, ...],
    dtype: tuple[str, ...],
    seconds: float,
    out: str | None,
) -> None:
    """What "auto" takes beside JAX's function, over the grid."""
    import jax
    import numpy as np

    click.echo(describe_line())
    memory = available_bytes() or math.inf
    known = _results(out)
    for point in points():
        if point in known:
            continue
        chosen = (tokens, point.tokens), (batch, point.batch), (dtype, point.dtype)
        if any(given and value not in given for given, value in chosen):
            continue
        if point.need * 1.3 > memory:
            click.echo(f"{point}: left out, JAX's form needs {point.need / 2**30:.0f} GiB")
            continue
        operands = _operands(point)
        calls = {name: partial(call, *operands) for name, call in _calls(point).items()}
        results = [np.asarray(call(), np.float32) for call in calls.values()]
        difference = float(np.abs(results[0] - results[1]).max())
        taken = {k: statistics.median(v) for k, v in _interleaved(calls, seconds).items()}
        known[point] = taken["jax"] / taken["einlab"]
        click.echo(
            f"{point}: jax {taken['jax'] * 1e3:.3f} ms, einlab {taken['einlab'] * 1e3:.3f} ms, "
            f"{known[point]:.2f} times as fast, difference {difference:.1e}"
        )
        if out:
            with open(out, "a", encoding="utf-8") as file:
                line = asdict(point) | taken | {"difference": difference}
                file.write(json.dumps(line) + "\n")
        jax.clear_caches()
    if known:
        ratios = sorted(known.items(), key=lambda item: item[1])
        click.echo(
            f"{len(ratios)} points: geometric mean {geometric_mean([r for _, r in ratios]):.2f}"
        )
        for point, ratio in ratios[:5]:
            click.echo(f"among the worst: {ratio:.2f} at {point}")


def _results(path: str | None) -> dict[Point, float]:
    """How many times as fast each point of a file of results was."""
    if path is None or not os.path.exists(path):
        return {}
    names = [each.name for each in fields(Point)]
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in map(json.loads, file):
            found[Point(*(line[name] for name in names))] = line["jax"] / line["einlab"]
    return found


@main.command()
@click.option("--tokens", type=int, default=8192)
@click.option("--heads", type=int, default=2)
@click.option("--causal/--full", default=False)
@click.option("--backward", is_flag=True, help="The gradient by q, k and v too.")
def long(tokens: int, heads: int, causal: bool, backward: bool) -> None:
    """Blockwise attention of a long sequence: its time and memory beside the plain form's."""
    import jax
    import jax.numpy as jnp

    from einlab.attention import Mask, attend

    click.echo(describe_line())
    operands = [
        jax.random.normal(key, (1, tokens, heads, SIZE))
        for key in jax.random.split(jax.random.key(0), 3)
    ]
    calls: dict[str, Callable[[], Any]] = {}
    for name in ("plain", "blockwise", "jax"):
        function: Any = partial(attend, mask=Mask(causal=causal), implementation=name)
        if backward:
            function = jax.grad(partial(_total, function), (0, 1, 2))
        compiled = jax.jit(function).lower(*operands).compile()
        calls[name] = partial(compiled, *operands)
        jax.block_until_ready(calls[name]())
        memory: Any = compiled.memory_analysis()
        click.echo(f"{name}: temporaries of {memory.temp_size_in_bytes / 2**20:.1f} MiB")
    for name, taken in _interleaved(calls, 5.0).items():
        click.echo(f"{name}: {statistics.median(taken) * 1e3:.1f} ms")
    if not backward:
        same = jnp.abs(calls["plain"]() - calls["blockwise"]()).max()
        click.echo(f"largest difference of blockwise and plain: {float(same):.1e}")


@main.command()
@click.option("--batch", type=int, default=8)
@click.option("--heads", type=int, default=32)
@click.option("--groups", type=int, default=4)
@click.option("--dtype", default="float32")
def steps(batch: int, heads: int, groups: int, dtype: str) -> None:
    """A step of decoding over a cache: ours, the same with places before heads, and JAX's."""
    import jax
    import jax.numpy as jnp

    from einlab.attention import Mask, append, attend, decode, init_cache

    click.echo(describe_line())
    names = jax.random.split(jax.random.key(0), 5)
    sizes = (heads, 1), (groups, 1), (groups, 1), (groups, CACHED - 512), (groups, CACHED - 512)
    q, k, v, keys, values = (
        jax.random.normal(name, (batch, length, each, SIZE), dtype)
        for name, (each, length) in zip(names, sizes, strict=True)
    )
    rows = jnp.arange(batch)[:, None]

    def ours(cache: Any) -> Any:
        mixed, cache = decode(q, k, v, cache)
        return cache, mixed

    def tokens_first(function: Callable[..., Any], state: Any) -> Any:
        keys, values, lengths = state
        keys = keys.at[rows, lengths[:, None]].set(k)
        values = values.at[rows, lengths[:, None]].set(v)
        return (keys, values, lengths + 1), function(q, keys, values, lengths + 1)

    def masked(q: Any, keys: Any, values: Any, lengths: Any) -> Any:
        return attend(q, keys, values, mask=Mask(key_lengths=lengths))

    def theirs(q: Any, keys: Any, values: Any, lengths: Any) -> Any:
        return jax.nn.dot_product_attention(q, keys, values, key_value_seq_lengths=lengths)

    def filled() -> Any:
        return append(init_cache(batch, CACHED, groups, SIZE, dtype=dtype), keys, values)

    def apart() -> Any:
        return filled().keys, filled().values, filled().lengths

    calls = {
        "einlab": _stepping(ours, filled()),
        "tokens before heads": _stepping(partial(tokens_first, masked), apart()),
        "jax": _stepping(partial(tokens_first, theirs), apart()),
    }
    results = [jax.block_until_ready(call()) for call in calls.values()]
    for name, taken in _interleaved(calls, 5.0).items():
        click.echo(f"{name}: {statistics.median(taken) * 1e3:.3f} ms a step")
    click.echo(f"largest difference: {max(float(abs(x - results[0]).max()) for x in results):.1e}")


def _stepping(step: Callable[[Any], Any], state: Any) -> Callable[[], Any]:
    """Steps, one after the other, of a function that takes what the last one left."""
    import jax

    compiled, held = jax.jit(step, donate_argnums=0), [state]

    def call() -> Any:
        held[0], mixed = compiled(held[0])
        return mixed

    return call


def _total(function: Callable[..., Any], *operands: Any) -> Any:
    return (function(*operands) ** 2).sum()


def describe_line() -> str:
    """What was measured on, in one line."""
    found = describe("system")
    return ", ".join(f"{name} {found[name]}" for name in ("cpu", "cores", "jax") if name in found)


if __name__ == "__main__":
    main()
