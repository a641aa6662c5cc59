"""What the first call of a contraction of many small tensors costs: `python -m benchmarks.compile`.

A tree of tensors (cotengra's `tree_equation`, sizes 2 and 3) is contracted in fresh processes, each
with JAX started and no cache of plans or programs; every way in turn, as often as `--runs` says.
Peers are given the order that einlab finds, without the time that finding it takes. *Cold* is the
first call with all that it brings about, *hot* the median of calls after it, the caches warm; under
`jit`, *cold* is tracing, lowering and compiling.

`--network` takes another kind: two chains joined site by site (the overlap of matrix-product
states), whose parts repeat, or a lattice, in any dtype. `--forms` contracts it without native code,
in every form, whatever the compile budget.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from benchmarks.machine import MEMORY_SETTINGS, describe

__all__ = ["WAYS", "measure"]

Numbers = dict[str, float]
Call = Callable[[], Any]
Network = tuple[str, list[tuple[int, ...]]]
"""An equation and the shapes of its operands."""

WARM_SECONDS = 1.5
"""Calls between the first and those that count, in seconds."""
SLOW = ("jit of the path", "gradient, jit of the path")
"""Ways that take minutes for thousands of tensors."""
MOST_SLOW = 2000
COUNTS = ("chosen", "calls", "programs")
"""Numbers that are no seconds; of `chosen`, 1 says that this is the form that einlab takes."""


class Problem:
    """A network of tensors, on the device, entries such that the result is near 1 in size."""

    def __init__(self, tensors: int, seed: int, kind: str = "tree", dtype: str = "float32") -> None:
        import jax
        import jax.numpy as jnp
        import numpy as np

        self.equation, self.shapes = NETWORKS[kind](tensors, seed)
        self.dtype = dtype
        draw = np.random.default_rng(seed)
        self.host = []
        for shape in self.shapes:
            entries = draw.uniform(0.2, 1.4, shape) / 2
            if np.issubdtype(dtype, np.complexfloating):
                entries = entries * np.exp(2j * np.pi * draw.uniform(size=shape))
            self.host.append(entries.astype(dtype))
        self.operands = [jnp.asarray(x) for x in self.host]
        jax.block_until_ready(self.operands)

    def path(self) -> Any:
        """The order that einlab finds."""
        import einlab

        return einlab.plan(self.equation, *self.shapes).path


def tree(tensors: int, seed: int) -> Network:
    """A tree, sizes 2 and 3."""
    import cotengra

    inputs, output, shapes, _ = cotengra.utils.tree_equation(tensors, seed=seed)
    equation = cotengra.utils.inputs_output_to_eq(inputs, output)
    return equation, [tuple(shape) for shape in shapes]


def chains(tensors: int, seed: int) -> Network:
    """Two chains joined site by site, bonds of 16, joined by 2."""
    sites = tensors // 2
    bonds = [[("bond", chain, site) for site in range(sites - 1)] for chain in range(2)]
    terms = [
        [("site", 0, site), *own[max(site - 1, 0) : site + 1]]
        for own in bonds for site in range(sites)
    ]  # fmt: skip
    return _written(terms, {"site": 2, "bond": 16})


def lattice(tensors: int, seed: int) -> Network:
    """A strip six tensors wide, bonds of 3."""
    wide, long = 6, tensors // 6
    terms = []
    for row, column in itertools.product(range(long), range(wide)):
        right = [("right", row, at) for at in (column - 1, column) if 0 <= at < wide - 1]
        down = [("down", at, column) for at in (row - 1, row) if 0 <= at < long - 1]
        terms.append([*right, *down])
    return _written(terms, {"right": 3, "down": 3})


def _written(terms: list[list[tuple[str, int, int]]], sizes: dict[str, int]) -> Network:
    """An equation without output, indices named anew, and its shapes."""
    names = {
        index: chr(0x4E00 + n) for n, index in enumerate(dict.fromkeys(itertools.chain(*terms)))
    }
    equation = ",".join("".join(names[index] for index in term) for term in terms) + "->"
    return equation, [tuple(sizes[kind] for kind, *_ in term) for term in terms]


NETWORKS: dict[str, Callable[[int, int], Network]] = {
    "tree": tree,
    "chains": chains,
    "lattice": lattice,
}


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


def in_form(form: str, problem: Problem) -> Numbers:
    """Without native code, in one form: first and later calls, the estimate, how many calls."""
    import jax

    import einlab
    from einlab.compiling import compilations
    from einlab.execute.lowering import run_plan
    from einlab.execute.several import run_in_portions
    from einlab.execute.taped import run_taped_now
    from einlab.portions import portions

    einlab.config.native = "off"
    plan = einlab.plan(problem.equation, *problem.shapes, dtype=problem.dtype)
    steps, operands = plan.steps, problem.operands
    (compilation,) = (c for c in compilations(steps, plan.compile_budget) if c.form == form)
    most = compilation.most
    jitted = jax.jit(run_plan, static_argnums=0)
    runs: dict[str, Call] = {
        "program": lambda: jitted(plan, *operands),
        "tape": lambda: run_taped_now(plan, *operands),
        "several": lambda: run_in_portions(plan, most, *operands),
        "kernels": lambda: run_in_portions(plan, most, *operands),
    }
    cut = portions(steps, most)
    programs = {portion.form for portion in cut}
    found = cold_and_hot(runs[form])
    calls = {"calls": len(cut), "programs": len(programs)} if form in ("several", "kernels") else {}
    chosen = float(plan.compilation.form == form)
    return {**found, "estimate": compilation.seconds, "chosen": chosen, **calls}


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
FORMS: dict[str, Callable[[Problem], Numbers]] = {
    f"as {form}": partial(in_form, form) for form in ("program", "several", "tape", "kernels")
}


def measure(
    way: str,
    tensors: int,
    seed: int,
    memory: str = "system",
    network: str = "tree",
    dtype: str = "float32",
) -> Numbers:
    """The numbers of a way, from a fresh process with that setting of memory."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.compile", "--inside", way,
             "--tensors", str(tensors), "--seed", str(seed), "--network", network,
             "--dtype", dtype],
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
@click.option("--way", "chosen", type=click.Choice([*WAYS, *FORMS]), multiple=True)
@click.option("--forms", is_flag=True, help="The forms of einlab without native code.")
@click.option("--network", type=click.Choice(list(NETWORKS)), default="tree", show_default=True)
@click.option("--dtype", default="float32", show_default=True)
@click.option(
    "--memory", type=click.Choice(list(MEMORY_SETTINGS)), default="system", show_default=True,
    help="What every process does with memory that is freed.",
)  # fmt: skip
@click.option("--inside", type=click.Choice([*WAYS, *FORMS]), hidden=True)
def main(
    tensors: int,
    runs: int,
    seed: int,
    chosen: tuple[str, ...],
    forms: bool,
    network: str,
    dtype: str,
    memory: str,
    inside: str | None,
) -> None:
    """Time first and later calls of a contraction of many small tensors."""
    if inside:
        problem = Problem(tensors, seed, network, dtype)
        click.echo(json.dumps({**WAYS, **FORMS}[inside](problem)))
        return
    usual = tuple(way for way in WAYS if tensors <= MOST_SLOW or way not in SLOW)
    ways = chosen or (tuple(FORMS) if forms else usual)
    machine = describe(memory)
    found: dict[str, list[Numbers]] = {way: [] for way in ways}
    for _ in range(runs):
        for way in ways:
            found[way].append(measure(way, tensors, seed, memory, network, dtype))
    click.echo(
        f"{machine['cpu']}, {machine['cores']} cores, python {machine['python']}; {network} of "
        f"{tensors} tensors, {dtype}, seed {seed}, memory {memory}, "
        f"medians of {runs} fresh processes"
    )
    for way, numbers in found.items():
        medians = {name: statistics.median(one[name] for one in numbers) for name in numbers[0]}
        rest = "".join(
            f"  {name} {value:.0f}" if name in COUNTS else f"  {name} {value:.2f} s"
            for name, value in medians.items() if name not in ("cold", "hot")
        )  # fmt: skip
        click.echo(
            f"{way:28} cold {medians['cold']:8.2f} s  hot {medians['hot'] * 1e3:9.2f} ms{rest}"
        )


if __name__ == "__main__":
    main()
