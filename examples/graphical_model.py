"""The partition function of a graphical model, and its marginals as one gradient.

    python examples/graphical_model.py [FOLDER]

A Potts model on a grid: a variable of three states at each site, a factor for each bond, a field at
each site. The partition function Z is the sum over all 3^(sites) states of a product of factors,
which is one contraction. The marginal of every site comes from one gradient, ∂ log Z / ∂ log field.
On a strip that is small enough both are compared with the sum over all states.
"""

from __future__ import annotations

import itertools
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from einlab import Plan, contract, contract_path, report

STATES = 3
Bonds = list[tuple[int, int]]


def grid(rows: int, columns: int) -> Bonds:
    """The bonds of a grid of sites numbered by rows."""
    site = np.arange(rows * columns).reshape(rows, columns)
    across = zip(site[:, :-1].flat, site[:, 1:].flat, strict=True)
    down = zip(site[:-1].flat, site[1:].flat, strict=True)
    return [(int(i), int(j)) for i, j in (*across, *down)]


def operands(fields: Any, coupling: Any, bonds: Bonds) -> list[Any]:
    """Fields and bonds as `contract` takes them, interleaved; nothing is left over at the end."""
    factor = jnp.exp(coupling * jnp.eye(STATES))
    sites = [part for site in range(len(fields)) for part in (jnp.exp(fields[site]), [site])]
    return [*sites, *(part for i, j in bonds for part in (factor, [i, j])), []]


def log_z(fields: Any, coupling: Any, *, bonds: Bonds, plan: Plan) -> jax.Array:
    """The logarithm of the partition function; fields (site, state) are log weights."""
    return jnp.log(contract(plan, *operands(fields, coupling, bonds)[:-1:2]))


def by_enumeration(fields: np.ndarray, coupling: float, bonds: Bonds) -> tuple[float, np.ndarray]:
    """Log of Z and the marginals from the sum over all states."""
    total, marginals = 0.0, np.zeros(fields.shape)
    for states in itertools.product(range(STATES), repeat=len(fields)):
        energy = sum(float(fields[site, state]) for site, state in enumerate(states))
        energy += coupling * sum(states[i] == states[j] for i, j in bonds)
        weight = np.exp(energy)
        total += weight
        marginals[range(len(fields)), states] += weight
    return float(np.log(total)), marginals / total


def solve(rows: int, columns: int, coupling: float = 0.4) -> tuple[Plan, Any, Any, np.ndarray]:
    """The plan of Z, log Z, the marginals, and the fields they are of."""
    bonds = grid(rows, columns)
    fields = np.random.default_rng(0).normal(size=(rows * columns, STATES)).astype(np.float32) / 3
    plan = contract_path(*operands(fields, coupling, bonds))[1]
    value, marginals = jax.jit(jax.value_and_grad(partial(log_z, bonds=bonds, plan=plan)))(
        fields, coupling
    )
    return plan, value, marginals, fields


def main(folder: Path | None = None) -> None:
    """Check a small strip against the sum over all states, then solve a grid far beyond that."""
    plan, value, marginals, fields = solve(2, 4)
    exact, expected = by_enumeration(fields, 0.4, grid(2, 4))
    error = float(abs(np.asarray(marginals) - expected).max())
    print(
        f"2×4: log Z {float(value):.5f}, by enumeration {exact:.5f}; marginals within {error:.0e}"
    )
    if abs(float(value) - exact) > 1e-4 or error > 1e-4:
        raise SystemExit("contraction and enumeration disagree")
    rows, columns = 6, 7
    plan, value, marginals, fields = solve(rows, columns)
    print(f"{rows}×{columns}: a sum of 3^{rows * columns} states; log Z = {float(value):.4f}")
    print(plan)
    bonds = grid(rows, columns)
    counted = report(jax.grad(partial(log_z, bonds=bonds, plan=plan)), fields, 0.4)
    print(counted)
    print(f"all {rows * columns} marginals cost {counted.flops / plan.flops:.2f} times Z itself")
    if folder is not None:
        (folder / "grid.svg").write_text(plan.svg("network"), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
