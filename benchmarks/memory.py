"""What memory limits cost: `python -m benchmarks.memory`.

For each of some drawn networks the contraction and its gradient in all operands are compiled
without a limit; then under 1/2, 1/8 and 1/32 of the bytes that those programs hold, the contraction
as an eager call, the gradient as `jit(grad(…))`. Reported are
the bytes of each program over its limit, and its time over that without one, the two timed in turn.
A limit is left out, and named with the reason, where no plan keeps it or the only plans that do
need more than `MOST_WORK` times the work.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.machine import MEMORY_SETTINGS, describe
from benchmarks.memory_networks import Network, networks
from einlab import contract, plan
from einlab.contracting import compiled
from einlab.errors import MemoryLimitError
from einlab.execute.programs import program_bytes
from einlab.settings import settings_from

__all__ = ["Outcome", "measure"]

SHARES = (2, 8, 32)
MOST_WORK = 16
MOST_TIME = 1.5  # at 1/8, geometric mean
MOST_GRADIENT = 3.0  # times forward, without a limit
TOLERANCE = 1e-3  # of the largest entry, float32

Program = Callable[..., Any]


@dataclass(frozen=True)
class Outcome:
    """One program under one limit, or why there is none."""

    network: str
    kind: str
    """"forward" or "gradient"."""
    share: int
    held: float = 0.0
    """Bytes over the limit."""
    slower: float = 0.0
    """Time over that without a limit."""
    reason: str = ""


def measure(
    network: Network, name: str, repeats: int, shares: Sequence[int] = SHARES
) -> Iterator[Outcome]:
    """The outcomes of one network; those of share 1 have the time of the gradient over forward."""
    contraction = network.contraction
    generator = np.random.default_rng(0)
    arrays = [
        jnp.asarray(generator.standard_normal(shape, np.float32)) for shape in contraction.shapes
    ]
    free = {kind: _program(kind, contraction.equation, None) for kind in ("forward", "gradient")}
    held = {kind: _bytes(program, arrays) for kind, program in free.items()}
    ratio = _ratio(free["gradient"], free["forward"], arrays, repeats)
    yield Outcome(name, "gradient over forward", 1, 1.0, ratio)
    for kind in free:
        for share in shares:
            yield _limited(network, name, kind, share, held[kind] // share, arrays, free, repeats)


def _limited(
    network: Network,
    name: str,
    kind: str,
    share: int,
    limit: int,
    arrays: list[jax.Array],
    free: dict[str, Program],
    repeats: int,
) -> Outcome:
    equation, shapes = network.contraction.equation, network.contraction.shapes
    try:
        within = limit if kind == "forward" else limit // 2
        work = plan(equation, *shapes, memory_limit=f"{within}B").flops
        if work > MOST_WORK * plan(equation, *shapes).flops:
            return Outcome(name, kind, share, reason=f"more than {MOST_WORK} times the work")
        program = _program(kind, equation, f"{limit}B")
        held = _held(equation, limit, arrays) if kind == "forward" else _bytes(program, arrays)
    except MemoryLimitError as error:
        return Outcome(name, kind, share, reason=str(error).splitlines()[0])
    for got, wanted in zip(
        jax.tree.leaves(program(*arrays)), jax.tree.leaves(free[kind](*arrays)), strict=True
    ):
        worst = float(jnp.abs(got - wanted).max()) / max(float(jnp.abs(wanted).max()), 1e-30)
        if worst > TOLERANCE:
            return Outcome(name, kind, share, reason=f"WRONG by {worst:.1e}")
    slower = _ratio(program, free[kind], arrays, repeats)
    return Outcome(name, kind, share, held / limit, slower)


def _program(kind: str, equation: str, limit: str | None) -> Program:
    def contracted(*operands: jax.Array) -> jax.Array:
        if limit is None:
            return contract(equation, *operands)
        return contract(equation, *operands, memory_limit=limit)

    if kind == "forward":
        return contracted if limit else jax.jit(contracted)
    count = equation.count(",") + 1
    return jax.jit(jax.grad(lambda *x: jnp.sum(contracted(*x)), argnums=tuple(range(count))))


def _held(equation: str, limit: int, arrays: Sequence[jax.Array]) -> int:
    """Bytes of the program that an eager call runs."""
    function: Any = compiled(equation, settings_from({"memory_limit": f"{limit}B"}))
    return int(function.held(*arrays))


def _bytes(program: Any, arrays: Sequence[jax.Array]) -> int:
    held = program_bytes(program.lower(*arrays).compile())
    if held is None:
        raise click.ClickException("this backend does not tell what a program holds")
    return held


def _ratio(first: Program, second: Program, arrays: list[jax.Array], repeats: int) -> float:
    """Median time of the first over that of the second, in turn."""
    seconds: tuple[list[float], list[float]] = [], []
    for repeat in range(repeats + 1):
        for program, found in zip((first, second), seconds, strict=True):
            start = time.perf_counter()
            jax.block_until_ready(program(*arrays))
            if repeat:  # the first call of each warms up
                found.append(time.perf_counter() - start)
    return statistics.median(seconds[0]) / statistics.median(seconds[1])


@click.command()
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--each", type=click.IntRange(1), default=5, show_default=True, help="Per family.")
@click.option("--repeats", type=click.IntRange(1), default=5, show_default=True)
@click.option("--family", help="This family alone.")
@click.option("--unlimited", is_flag=True, help="Without limits: the gradient over forward.")
@click.option("--within", type=float, default=math.inf, help="Most seconds; the rest is named.")
@click.option(
    "--memory", type=click.Choice(list(MEMORY_SETTINGS)), default="system", show_default=True,
    help="What the process does with memory that is freed.",
)  # fmt: skip
@click.pass_context
def main(
    context: click.Context,
    /,
    seed: int,
    each: int,
    repeats: int,
    family: str | None,
    unlimited: bool,
    within: float,
    memory: str,
) -> None:
    """Bytes and times of programs under memory limits; exits 1 where a target is missed."""
    wanted = MEMORY_SETTINGS[memory]
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        # Read when a process starts, so this one starts anew.
        arguments = [sys.executable, "-m", "benchmarks.memory", *sys.argv[1:]]
        os.execve(sys.executable, arguments, {**os.environ, **wanted})
    machine = describe(memory)
    click.echo(
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"python {machine['python']}, jax {machine['jax']}, memory {memory}; "
        f"medians of {repeats} calls"
    )
    start, outcomes, left = time.perf_counter(), [], 0
    for number, network in enumerate(networks(seed, each, family)):
        if time.perf_counter() - start > within:
            left += 1
            continue
        name = f"{network.family} {number % each}"
        for outcome in measure(network, name, repeats, () if unlimited else SHARES):
            outcomes.append(outcome)
            click.echo(_line(outcome))
    if left:
        click.echo(f"{left} networks left out: more than {within:.0f} s")
    context.exit(0 if _summary(outcomes) else 1)


def _line(outcome: Outcome) -> str:
    head = f"{outcome.network:14} {outcome.kind:22} 1/{outcome.share:<3}"
    if outcome.reason:
        return f"{head} left out: {outcome.reason}"
    return f"{head} {outcome.held:5.2f} of the limit, {outcome.slower:6.2f} times the time"


def _summary(outcomes: Sequence[Outcome]) -> bool:
    """Print the means; whether every target is met."""
    met = not any(outcome.reason.startswith("WRONG") for outcome in outcomes)
    kept = [outcome for outcome in outcomes if not outcome.reason]
    groups = sorted({(outcome.kind, outcome.share) for outcome in outcomes})
    for kind, share in groups:
        group = [o for o in kept if (o.kind, o.share) == (kind, share)]
        every = sum((o.kind, o.share) == (kind, share) for o in outcomes)
        if not group:
            click.echo(f"{kind:22} 1/{share:<3} none of {every} feasible")
            continue
        mean = statistics.geometric_mean(o.slower for o in group)
        worst = max(group, key=lambda o: o.slower)
        most = max(o.held for o in group)
        met = met and most <= 1
        met = met and (share != 8 or mean <= MOST_TIME)
        met = met and (share != 1 or mean <= MOST_GRADIENT)
        click.echo(
            f"{kind:22} 1/{share:<3} {len(group)} of {every} networks: at most {most:.3f} of the "
            f"limit; time {mean:.2f} in geometric mean, {worst.slower:.2f} at most "
            f"({worst.network})"
        )
    return met


if __name__ == "__main__":
    main()
