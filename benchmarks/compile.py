"""What the first call of a contraction of many small tensors costs: `python -m benchmarks.compile`.

A tree of tensors (cotengra's `tree_equation`, sizes 2 and 3) is contracted in fresh processes, each
with JAX started and no cache of plans or programs; every way in turn, as often as `--runs` says.
Peers are given the order that einlab finds, without the time that finding it takes. *Cold* is the
first call with all that it brings about, *hot* the median of calls after it, the caches warm; under
`jit`, *cold* is tracing, lowering and compiling.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import click

from benchmarks.machine import MEMORY_SETTINGS, describe

__all__ = ["WAYS", "measure"]

Numbers = dict[str, float]
Call = Callable[[], Any]

WARM_SECONDS = 1.5
"""Calls between the first and those that count, in seconds."""
SLOW = ("jit of the path", "gradient, jit of the path")
"""Ways that take minutes for thousands of tensors."""
MOST_SLOW = 2000


class Problem:
    """A tree of tensors, on the device, entries such that the result is near 1 in size."""

    def __init__(self, tensors: int, seed: int) -> None:
        import cotengra
        import jax
        import jax.numpy as jnp
        import numpy as np

        inputs, output, shapes, _ = cotengra.utils.tree_equation(tensors, seed=seed)
        self.equation = cotengra.utils.inputs_output_to_eq(inputs, output)
        self.shapes = [tuple(shape) for shape in shapes]
        draw = np.random.default_rng(seed)
        self.host = [draw.uniform(0.2, 1.4, shape).astype(np.float32) / 2 for shape in shapes]
        self.operands = [jnp.asarray(x) for x in self.host]
        jax.block_until_ready(self.operands)

    def path(self) -> Any:
        """The order that einlab finds."""
        import einlab

        return einlab.plan(self.equation, *self.shapes).path


def timed(call: Call) -> float:
    """Seconds of one call, its result waited for."""
    import jax

    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


def cold_and_hot(call: Call) -> Numbers:
    """The first call, and the median of later ones."""
    cold = timed(call)
    end = time.perf_counter() + WARM_SECONDS
    while time.perf_counter() < end:
        timed(call)
    return {"cold": cold, "hot": statistics.median(timed(call) for _ in range(21))}


def lowered_and_hot(function: Any, operands: Any) -> Numbers:
    """Tracing, lowering and compiling, then the median of calls."""
    import jax

    jitted = jax.jit(function)
    start = time.perf_counter()
    jitted.lower(*operands).compile()
    cold = time.perf_counter() - start
    return {**cold_and_hot(lambda: jitted(*operands)), "cold": cold}


def ours(problem: Problem) -> Numbers:
    """`contract`, called as it is."""
    import einlab

    found = cold_and_hot(lambda: einlab.contract(problem.equation, *problem.operands))
    start = time.perf_counter()
    plan = einlab.planning.make_plan.__wrapped__(
        einlab.plan(problem.equation, *problem.shapes).contraction,
        einlab.settings.settings_from({}),
    )
    return {**found, "planning": time.perf_counter() - start, "estimate": plan.compile_estimate}


def packed(problem: Problem) -> Numbers:
    """An expression of which every second operand is a constant; few of them fold."""
    import einlab

    count = len(problem.operands)
    constants = [place for place in range(count) if place % 2]
    given = [x if place % 2 else problem.shapes[place] for place, x in enumerate(problem.operands)]
    variables = problem.operands[::2]
    start = time.perf_counter()
    expression = einlab.contract_expression(problem.equation, *given, constants=constants)
    made = time.perf_counter() - start
    found = cold_and_hot(lambda: expression(*variables))
    return {**found, "cold": made + found["cold"]}


def gradient(problem: Problem) -> Numbers:
    """The gradient in all operands, called eagerly."""
    import jax

    import einlab

    function = jax.grad(
        lambda *operands: einlab.contract(problem.equation, *operands),
        argnums=tuple(range(len(problem.operands))),
    )
    return cold_and_hot(lambda: function(*problem.operands))


def inside_jit(problem: Problem) -> Numbers:
    """`contract` inside an outer `jit`."""
    import einlab

    return lowered_and_hot(
        lambda *operands: einlab.contract(problem.equation, *operands), problem.operands
    )


def whole(problem: Problem) -> Numbers:
    """`jit` of opt_einsum's contraction by JAX in the same order."""
    import opt_einsum

    path = problem.path()
    return lowered_and_hot(
        lambda *operands: opt_einsum.contract(
            problem.equation, *operands, optimize=path, backend="jax"
        ),
        problem.operands,
    )


def whole_gradient(problem: Problem) -> Numbers:
    """`jit` of the gradient of the same."""
    import jax
    import opt_einsum

    path = problem.path()
    function = jax.grad(
        lambda *operands: opt_einsum.contract(
            problem.equation, *operands, optimize=path, backend="jax"
        ),
        argnums=tuple(range(len(problem.operands))),
    )
    return lowered_and_hot(function, problem.operands)


def on_numpy(problem: Problem) -> Numbers:
    """opt_einsum on NumPy."""
    import opt_einsum

    path = problem.path()
    return cold_and_hot(lambda: opt_einsum.contract(problem.equation, *problem.host, optimize=path))


def eager(problem: Problem) -> Numbers:
    """opt_einsum on JAX's arrays, every step an eager call."""
    import opt_einsum

    path = problem.path()
    return cold_and_hot(
        lambda: opt_einsum.contract(
            problem.equation, *problem.operands, optimize=path, backend="jax"
        )
    )


WAYS: dict[str, Callable[[Problem], Numbers]] = {
    "contract": ours,
    "expression, half constants": packed,
    "gradient": gradient,
    "contract in jit": inside_jit,
    "jit of the path": whole,
    "gradient, jit of the path": whole_gradient,
    "opt_einsum on NumPy": on_numpy,
    "opt_einsum on JAX, eager": eager,
}


def measure(way: str, tensors: int, seed: int, memory: str = "system") -> Numbers:
    """The numbers of a way, from a fresh process with that setting of memory."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.compile", "--inside", way,
             "--tensors", str(tensors), "--seed", str(seed)],
            env={**os.environ, **MEMORY_SETTINGS[memory], "EINLAB_CACHE_DIR": folder},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise click.ClickException(f"{way}: {done.stderr[-2000:]}")
    numbers: Numbers = json.loads(done.stdout.splitlines()[-1])
    return numbers


@click.command()
@click.option("--tensors", type=click.IntRange(2), default=1000, show_default=True)
@click.option("--runs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--way", "chosen", type=click.Choice(list(WAYS)), multiple=True)
@click.option(
    "--memory", type=click.Choice(list(MEMORY_SETTINGS)), default="system", show_default=True,
    help="What every process does with memory that is freed.",
)  # fmt: skip
@click.option("--inside", type=click.Choice(list(WAYS)), hidden=True)
def main(
    tensors: int, runs: int, seed: int, chosen: tuple[str, ...], memory: str, inside: str | None
) -> None:
    """Time first and later calls of a contraction of many small tensors."""
    if inside:
        click.echo(json.dumps(WAYS[inside](Problem(tensors, seed))))
        return
    ways = chosen or tuple(way for way in WAYS if tensors <= MOST_SLOW or way not in SLOW)
    machine = describe(memory)
    found: dict[str, list[Numbers]] = {way: [] for way in ways}
    for _ in range(runs):
        for way in ways:
            found[way].append(measure(way, tensors, seed, memory))
    click.echo(
        f"{machine['cpu']}, {machine['cores']} cores, python {machine['python']}; a tree of "
        f"{tensors} tensors, seed {seed}, memory {memory}, medians of {runs} fresh processes"
    )
    for way, numbers in found.items():
        medians = {name: statistics.median(one[name] for one in numbers) for name in numbers[0]}
        rest = "".join(
            f"  {name} {value:.2f} s" for name, value in medians.items()
            if name not in ("cold", "hot")
        )  # fmt: skip
        click.echo(
            f"{way:28} cold {medians['cold']:8.2f} s  hot {medians['hot'] * 1e3:9.2f} ms{rest}"
        )


if __name__ == "__main__":
    main()
